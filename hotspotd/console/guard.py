"""The officers' page: its state, its stream, the detail of an alert, pictures and decisions.

Everything the page shows can be read again at any time from ``/guard/state`` and ``/api/alerts/{id}``; the stream
only says sooner what these would say. Decisions are durable in the records before they are answered.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.clock import Clock
from hotspotd.config import Config
from hotspotd.console import alert_view, chip_view, officer_view, record_view
from hotspotd.console.alert_view import AlertLine, Comparison, Strength, Trouble
from hotspotd.console.controls import Reporting
from hotspotd.console.gate import actor, needs, session_of
from hotspotd.console.pictures import Modalities, Pictures, sample_address
from hotspotd.console.record_view import Fact
from hotspotd.console.streams import Message, Streams
from hotspotd.console.traveller import LaneWatch
from hotspotd.domain.candidate import Hit, Modality
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.rights import Act
from hotspotd.errors import RelayError
from hotspotd.events import AlertChanged, DeskView, DeviceView, EncounterChanged, Event, Events, LaneView, LinkView
from hotspotd.records import Records
from hotspotd.records.model import Alert, AlertKind, Decision, EncounterRow, OutboxItem, StoredEncounter

log = logging.getLogger(__name__)

# A page of more would not be read; the records keep them all.
_ALERTS_SHOWN = 200
_RECENT_SHOWN = 40


class LaneStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One lane: its view and its devices."""

    name: str
    view: LaneView | None
    desk: DeskView | None
    devices: tuple[DeviceView, ...]


class GuardState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of the officers' page but the detail of an alert."""

    build: str
    now: str
    clock_trusted: bool
    lanes: tuple[LaneStatus, ...]
    link: LinkView | None
    alerts: tuple[AlertLine, ...]
    recent: tuple[EncounterRow, ...]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A probe and the reference it was compared with; an address is ``None`` where there is no picture."""

    modality: str
    label: str
    probe: str | None
    reference: str | None
    strength: Strength | None


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


_NO_ACTION = "The bureau has looked: not this person. Nothing is to be done on this record."
_LABELS = {"face": "Face", "portrait": "Chip's picture"}


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


class DecisionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the page posts. ``reason`` is one of alert_view.DISMISSALS and needed to dismiss."""

    decision: Literal["confirm", "dismiss", "escalate", "reopen"]
    reason: str = ""
    note: Annotated[str, Meta(max_length=200)] = ""


class GuardSource:
    """What an officers' page is told."""

    def __init__(self, pages: GuardPages) -> None:
        self._pages = pages

    async def present(self) -> list[Message]:
        """The whole state."""
        return [("state", msgspec.json.encode(await self._pages.state()))]

    async def changed(self, event: Event) -> list[Message]:
        """The part of the state that ``event`` changed."""
        match event:
            case LaneView() | DeskView() | DeviceView() | LinkView():
                return [(str(event.__struct_config__.tag), msgspec.json.encode(event))]
            case EncounterChanged():
                return [("recent", msgspec.json.encode(await self._pages.recent()))]
            case AlertChanged():
                return [("alerts", msgspec.json.encode(await self._pages.alert_lines()))]
            case _:
                return []


class GuardPages:
    """Handlers of the officers' page."""

    def __init__(
        self,
        config: Config,
        events: Events,
        records: Records,
        watch: LaneWatch,
        streams: Streams,
        pictures: Pictures,
        *,
        build: str,
        clock: Clock,
    ) -> None:
        self.reporting: Reporting | None = None
        """How the bureau is told of decisions; ``None``: it is not."""
        self._lanes = tuple(lane.name for lane in config.lanes)
        self._events = events
        self._records = records
        self._watch = watch
        self._streams = streams
        self._pictures = pictures
        self._build = build
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Everything but the page itself."""
        return [
            needs(Act.SEE_ALERTS, "GET", "/guard/state", self.get_state),
            needs(Act.SEE_ALERTS, "GET", "/guard/events", self.get_events),
            needs(Act.SEE_ALERTS, "GET", "/api/alerts/{alert}", self.get_alert),
            needs(Act.DECIDE, "POST", "/api/alerts/{alert}/decision", self.post_decision),
        ]

    # --- state -------------------------------------------------------------------------------------------------

    async def state(self) -> GuardState:
        """Everything the page shows but the detail of an alert."""
        now = self._clock.now()
        present = self._events.present()
        devices = [event for event in present if isinstance(event, DeviceView)]
        desks = {event.lane: event for event in present if isinstance(event, DeskView)}
        link = next((event for event in present if isinstance(event, LinkView)), None)
        return GuardState(
            build=self._build,
            now=now.iso(),
            clock_trusted=now.trusted,
            lanes=tuple(
                LaneStatus(
                    name=name,
                    view=self._watch.view(name),
                    desk=desks.get(name),
                    devices=tuple(device for device in devices if device.lane == name),
                )
                for name in self._lanes
            ),
            link=link,
            alerts=tuple(await self.alert_lines()),
            recent=tuple(await self.recent()),
        )

    async def alert_lines(self) -> list[AlertLine]:
        """Open alerts, the most urgent and then the oldest first."""
        alerts = await self._records.alerts(open_only=True)
        alerts = sorted(alerts, key=lambda alert: (alert.urgency, alert.raised_at))[:_ALERTS_SHOWN]
        return [await self._line(alert) for alert in alerts]

    async def _line(self, alert: Alert) -> AlertLine:
        if alert.kind is not AlertKind.LATE:
            return alert_view.line(alert)
        stored = await self._records.encounter(alert.encounter_id)
        return alert_view.line(alert, stored.encounter.opened_at, stored.released_at)

    async def recent(self) -> list[EncounterRow]:
        """The latest encounters, newest first."""
        return await self._records.recent(_RECENT_SHOWN)

    # --- detail ------------------------------------------------------------------------------------------------

    async def detail(self, alert_id: int) -> AlertDetail:
        """One alert with everything an officer compares. Raises RecordsError (NOT_FOUND)."""
        alert = await self._records.alert(alert_id)
        stored = await self._records.encounter(alert.encounter_id)
        samples = stored.encounter.samples
        year = self._clock.now().at.year
        hits = [await self._hit(hit, stored, year) for hit in alert.hits]
        document = stored.encounter.document
        return AlertDetail(
            line=alert_view.line(alert, stored.encounter.opened_at, stored.released_at),
            hits=tuple(hits),
            troubles=alert_view.troubles(alert, stored.answer),
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
            liveness=alert_view.liveness(stored.encounter.liveness),
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

    async def _hit(self, hit: Hit, stored: StoredEncounter, year: int) -> HitView:
        record = hit.record
        strengths = {candidate: alert_view.strength(candidate, record.notice) for candidate in hit.candidates}
        # The person's face comes first, whether or not it was what matched.
        wanted: list[tuple[Modalities, FingerPosition | None, Strength | None]] = []
        face = next((c for c in hit.candidates if c.modality is Modality.FACE), None)
        wanted.append(("face", None, strengths[face] if face else None))
        wanted += [("finger", c.position, strengths[c]) for c in hit.candidates if c.modality is Modality.FINGER]
        pairs = []
        for modality, position, strength in wanted:
            probe = sample_address(stored, modality, position)
            reference = await self._pictures.reference_address(record.reference, modality, position)
            if probe or reference:
                label = "Face" if modality == "face" else alert_view.finger_name(position)
                pairs.append(Pair(modality=modality, label=label, probe=probe, reference=reference, strength=strength))
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

    # --- handlers ----------------------------------------------------------------------------------------------

    async def get_state(self, request: web.Request) -> web.StreamResponse:
        """The state as JSON."""
        state = await self.state()
        self._records.viewed("alerts.viewed", subject="alerts", actor=actor(request))
        return _json(state)

    async def get_events(self, request: web.Request) -> web.StreamResponse:
        """The state and its changes as server-sent events."""
        self._records.viewed("alerts.viewed", subject="alerts", actor=actor(request), detail="as they change")
        return await self._streams.serve(request, GuardSource(self), session_of(request))

    async def get_alert(self, request: web.Request) -> web.StreamResponse:
        """One alert in detail."""
        alert_id = _number(request, "alert")
        detail = await self.detail(alert_id)
        encounter_id = detail.line.encounter_id
        self._records.viewed("alert.viewed", subject=encounter_id, actor=actor(request), detail=f"alert {alert_id}")
        return _json(detail)

    async def post_decision(self, request: web.Request) -> web.StreamResponse:
        """Decide on an alert, or take the decision back; answers with the alert as it then is."""
        alert_id = _number(request, "alert")
        try:
            wish = msgspec.json.decode(await request.read(), type=DecisionRequest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise web.HTTPBadRequest(text=f"not a decision: {error}") from error
        reason = code = ""
        if wish.decision == "dismiss":
            if wish.reason not in alert_view.DISMISSALS:
                raise web.HTTPBadRequest(text="a dismissal needs one of the reasons")
            reason = code = wish.reason
        if wish.note:
            reason = f"{reason}: {wish.note}" if reason else wish.note
        decision = Decision(wish.decision)
        report = self._report_of(await self._records.alert(alert_id), decision)
        alert = await self._records.decide(alert_id, decision, reason, actor(request), report, code=code)
        if self.reporting is not None and report is not None:
            self.reporting.wake()
        self._events.publish(AlertChanged(alert_id=alert.alert_id, encounter_id=alert.encounter_id, state=alert.state))
        return _json(await self._line(alert))

    def _report_of(self, alert: Alert, decision: Decision) -> OutboxItem | None:
        """What the bureau is told of ``decision``. An officer may decide whether or not it can be told."""
        if self.reporting is None:
            return None
        try:
            return self.reporting.compose(alert, decision, self._clock.now())
        except RelayError as error:
            log.error("the gateway is not told of the decision on alert %d: %s", alert.alert_id, error)
            return None


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _number(request: web.Request, name: str) -> int:
    text = request.match_info[name]
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise web.HTTPNotFound(text="no such alert")
    return int(text)


def _missing_words(sample: Sample) -> str:
    what = "Face" if sample.modality == "face" else alert_view.finger_name(sample.position)
    why = {"XX": "only partly there", "UP": "could not be captured", "SR": "scarred"}
    return f"{what}: {why.get(sample.missing or '', 'missing')}"
