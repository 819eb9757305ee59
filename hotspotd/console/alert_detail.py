"""One alert as an officer judges it: everything that is compared. Can be read at any time, and changes nothing."""

from __future__ import annotations

import msgspec
from aiohttp import web

from hotspotd.clock import Clock
from hotspotd.console import alert_view, chip_view, liveness_view, officer_view, record_view, trouble_words
from hotspotd.console.alert_view import AlertLine, Comparison, Strength
from hotspotd.console.answers import alert_number, as_json
from hotspotd.console.gate import actor, needs
from hotspotd.console.minutiae import minutiae_address
from hotspotd.console.pictures import Modalities, Pictures, sample_address
from hotspotd.console.record_view import Fact
from hotspotd.console.trouble_words import Trouble
from hotspotd.domain.candidate import Hit, Modality
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.rights import Act
from hotspotd.records import Records
from hotspotd.records.model import Alert, StoredEncounter

_NOT_HERE = "Compared at the gateway, which does not tell which minutiae agree"
_NO_ACTION = "The bureau has looked: not this person. Nothing is to be done on this record."
_LABELS = {"face": "Face", "portrait": "Chip's picture"}


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A probe and the reference it was compared with; an address is ``None`` where there is no picture.

    ``minutiae`` is where the paired minutiae of two prints are to be had; where not, ``unpaired`` says why.
    """

    modality: str
    label: str
    probe: str | None
    reference: str | None
    strength: Strength | None
    minutiae: str | None = None
    unpaired: str = ""


class HitView(msgspec.Struct, frozen=True, kw_only=True):
    """One record an alert points at."""

    tone: str
    heading: str
    instruction: str
    certainty: str
    withdrawn: bool
    title: str
    reference: str
    owner: str
    reason: str
    cautions: tuple[str, ...]
    facts: tuple[Fact, ...]
    strengths: tuple[Strength, ...]
    pairs: tuple[Pair, ...]
    comparisons: tuple[Comparison, ...]


class AlertDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as an officer judges it."""

    line: AlertLine
    hits: tuple[HitView, ...]
    troubles: tuple[Trouble, ...]
    document: dict[str, str] | None
    portrait: str | None
    samples: tuple[Pair, ...]
    missing: tuple[str, ...]
    liveness: tuple[str, ...]
    chip: tuple[str, ...]
    officer: tuple[str, ...]
    local: str | None
    local_ms: float | None
    gateway: str | None
    gateway_text: str
    opened_at: str
    clock_trusted: bool
    erased: bool


class AlertDetails:
    """Handlers of one alert's detail."""

    def __init__(
        self,
        records: Records,
        pictures: Pictures,
        clock: Clock,
    ) -> None:
        self._records = records
        self._pictures = pictures
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The detail."""
        return [needs(Act.SEE_ALERTS, "GET", "/api/alerts/{alert}", self.get_alert)]

    async def detail(self, alert_id: int) -> AlertDetail:
        """One alert with everything an officer compares. Raises RecordsError (NOT_FOUND)."""
        alert = await self._records.alert(alert_id)
        stored = await self._records.encounter(alert.encounter_id)
        samples = stored.encounter.samples
        year = self._clock.now().at.year
        hits = [await self._hit(alert, hit, stored, year) for hit in alert.hits]
        document = stored.encounter.document
        return AlertDetail(
            line=alert_view.line(alert, stored.encounter.opened_at, stored.released_at),
            hits=tuple(hits),
            troubles=trouble_words.troubles(alert, stored.answer),
            document={
                "surname": document.surname,
                "given_names": document.given_names,
                "birth_date": document.born(year) or "",
                "nationality": document.nationality,
                "number": document.number,
                "issuer": document.issuer,
                "expires": document.expires(year) or "",
                "failed_checks": ", ".join(document.failed_checks),
                "mrz": "\n".join(document.mrz),
            }
            if document
            else None,
            portrait=sample_address(stored, "face", None),
            samples=tuple(
                Pair(
                    modality=sample.modality,
                    label=_LABELS.get(sample.modality) or alert_view.finger_name(sample.position),
                    probe=sample_address(stored, sample.modality, sample.position),
                    reference=None,
                    strength=None,
                )
                for sample in samples
                if sample.missing is None
            ),
            missing=tuple(_missing_words(sample) for sample in samples if sample.missing is not None),
            liveness=liveness_view.lines(stored.encounter.liveness),
            chip=chip_view.lines(stored.encounter.chip, stored.encounter.portrait),
            officer=officer_view.lines(stored.encounter.officer),
            local=stored.verdict.outcome if stored.verdict else None,
            local_ms=stored.verdict.compute_ms if stored.verdict else None,
            gateway=stored.answer.outcome if stored.answer else None,
            gateway_text=stored.answer.text if stored.answer else "",
            opened_at=stored.encounter.opened_at,
            clock_trusted=stored.encounter.clock_trusted,
            erased=stored.erased_at is not None,
        )

    async def _hit(self, alert: Alert, hit: Hit, stored: StoredEncounter, year: int) -> HitView:
        record = hit.record
        strengths = {candidate: alert_view.strength(candidate, record.notice) for candidate in hit.candidates}
        # The person's face comes first, whether or not it was what matched.
        face = next((c for c in hit.candidates if c.modality is Modality.FACE), None)
        found = [await self._pair(stored, record.reference, "face", None, None, strengths[face] if face else None)]
        for one in hit.candidates:
            if one.modality is Modality.FINGER:
                pair = await self._pair(
                    stored, record.reference, "finger", one.given or one.position, one.position, strengths[one]
                )
                found.append(_with_minutiae(pair, alert, record.reference, one.position))
        pairs = [pair for pair in found if pair.probe or pair.reference]
        return HitView(
            tone=alert_view.tone_of(hit),
            heading=record_view.heading_of(record),
            instruction=_NO_ACTION if hit.withdrawn else record_view.instruction_of(record),
            certainty=alert_view.certainty(hit.determination, withdrawn=hit.withdrawn),
            withdrawn=hit.withdrawn,
            title=alert_view.title_of(record),
            reference=record.reference,
            owner=record.owner,
            reason=record.reason,
            cautions=record_view.cautions_of(record),
            facts=record_view.facts_of(record, self._clock.now().iso()[:10]),
            strengths=tuple(strengths.values()),
            pairs=tuple(pairs),
            comparisons=tuple(alert_view.comparisons(stored.encounter.document, record, year)),
        )

    async def _pair(
        self,
        stored: StoredEncounter,
        reference: str,
        modality: Modalities,
        given: FingerPosition | None,
        listed: FingerPosition | None,
        strength: Strength | None,
    ) -> Pair:
        label = "Face"
        if modality == "finger":
            label = alert_view.finger_name(given)
            if listed and listed != given:
                label += f", on the list as {alert_view.finger_name(listed).lower()}"
        return Pair(
            modality=modality,
            label=label,
            probe=sample_address(stored, modality, given),
            reference=await self._pictures.reference_address(reference, modality, listed),
            strength=strength,
        )

    async def get_alert(self, request: web.Request) -> web.StreamResponse:
        """One alert in detail."""
        alert_id = alert_number(request)
        detail = await self.detail(alert_id)
        encounter_id = detail.line.encounter_id
        self._records.viewed("alert.viewed", subject=encounter_id, actor=actor(request), detail=f"alert {alert_id}")
        return as_json(detail)


def _with_minutiae(pair: Pair, alert: Alert, reference: str, position: FingerPosition | None) -> Pair:
    address = minutiae_address(alert, reference, position)
    if address is None:
        return msgspec.structs.replace(pair, unpaired=_NOT_HERE)
    return msgspec.structs.replace(pair, minutiae=address) if pair.probe and pair.reference else pair


def _missing_words(sample: Sample) -> str:
    what = "Face" if sample.modality == "face" else alert_view.finger_name(sample.position)
    why = {"XX": "only partly there", "UP": "could not be captured", "SR": "scarred"}
    return f"{what}: {why.get(sample.missing or '', 'missing')}"
