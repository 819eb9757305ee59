"""What the desk's page and console show of a hit: pure rules, in the words of the officers' page at the border.

No word is coercive, and nothing says more than "unconfirmed" before a person has looked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import quote

import msgspec

from hotspotd.console import alert_view, record_view
from hotspotd.console.alert_detail import Pair
from hotspotd.console.alert_view import Comparison, Strength
from hotspotd.domain.candidate import Modality
from hotspotd.domain.finger import FingerPosition
from hotspotd.gateway.desk.probes import Probes
from hotspotd.gateway.storage.desk import DeskHit, HitState
from hotspotd.records.model import Decision

_BORDER: Final = {
    Decision.CONFIRM: "found it to be the listed person",
    Decision.DISMISS: "found it to be somebody else",
    Decision.ESCALATE: "asks the bureau",
    Decision.HAND_OVER: "has handed it to second line",
    Decision.REOPEN: "has taken the decision back",
}
_PURPOSES: Final = {
    "AMN": "amnesty",
    "CIT": "citizenship",
    "DEC": "identification of the dead",
    "IMM": "border check",
    "IU": "identity of a person unable to give it",
    "OTH": "other",
    "VIS": "visa",
}
STATES: Final = {
    HitState.WAITING: "unconfirmed",
    HitState.CONFIRMED: "confirmed",
    HitState.REJECTED: "rejected",
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A hit as a line of the list. ``tone`` names the notice's colour, ``best`` the rarest agreement in words."""

    id: int
    tone: str
    heading: str
    title: str
    where: str
    when: str
    escalated: bool
    best: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """One hit with everything an officer compares."""

    line: Line
    state: str
    decided: bool
    owner: str
    reference: str
    tcn: str
    reason: str
    purpose: str
    subject: str
    """What the record lists: a ``person`` or a ``document``."""
    document: bool
    """Whether the transaction's document is still known."""
    cautions: tuple[str, ...]
    instruction: str
    pairs: tuple[Pair, ...]
    bare: tuple[Strength, ...]
    comparisons: tuple[Comparison, ...]
    facts: tuple[record_view.Fact, ...]
    border: str
    pictures: bool
    ruling: str
    ruling_reason: str


def line(hit: DeskHit) -> Line:
    """``hit`` as a line of the list."""
    record = hit.hit.record
    return Line(
        id=hit.id,
        tone=record.notice.value,
        heading=record_view.heading_of(record),
        title=alert_view.title_of(record),
        where=" · ".join(filter(None, (hit.device, hit.lane))),
        when=when(hit.found_at),
        escalated=hit.escalated,
        best=_best(hit),
    )


def opened(
    hit: DeskHit, probes: Probes, references: frozenset[tuple[str, FingerPosition | None]], today: str
) -> Opened:
    """``hit`` in full. ``references`` are the pictures that the list has of the record; ``today`` an ISO 8601 day."""
    record = hit.hit.record
    strengths = [(candidate, alert_view.strength(candidate, record.notice)) for candidate in hit.hit.candidates]
    pairs = tuple(_pairs(hit, probes, references))
    border = _BORDER.get(Decision(hit.border_decision), "") if hit.border_decision else ""
    return Opened(
        line=line(hit),
        state=STATES[hit.state],
        decided=hit.state is not HitState.WAITING,
        owner=record.owner,
        reference=record.reference,
        tcn=hit.tcn,
        reason=record.reason,
        purpose=_PURPOSES.get(probes.purpose, probes.purpose),
        subject="person" if record.surname or record.given_names else "document",
        document=probes.document is not None,
        cautions=record_view.cautions_of(record),
        instruction=record_view.instruction_of(record),
        pairs=pairs,
        # What has no picture of its own, and what has lost it.
        bare=tuple(strength for _, strength in strengths if strength not in [pair.strength for pair in pairs]),
        comparisons=tuple(alert_view.comparisons(probes.document, record, int(today[:4]))),
        facts=record_view.facts_of(record, today),
        border=f"The {hit.border_role or 'officer'} at the border {border}, {when(hit.border_at)}." if border else "",
        pictures=hit.pictures,
        ruling=f"{hit.decided_by}, {when(hit.decided_at)}" if hit.decided_by else "",
        ruling_reason=hit.reason,
    )


def _best(hit: DeskHit) -> str:
    candidates = sorted(hit.hit.candidates, key=lambda one: 0.0 if one.fmr is None else one.fmr)
    if not candidates:
        return "listed without a comparison"
    strength = alert_view.strength(candidates[0], hit.hit.record.notice)
    return f"{strength.label}: {strength.words}"


def _pairs(hit: DeskHit, probes: Probes, references: frozenset[tuple[str, FingerPosition | None]]) -> list[Pair]:
    """The face first, whether or not it was what agreed; then the fingers that agreed, then the others there are."""
    record = hit.hit.record
    strengths = {
        (candidate.modality, candidate.position): alert_view.strength(candidate, record.notice)
        for candidate in hit.hit.candidates
    }
    positions = [one.position for one in hit.hit.candidates if one.modality is Modality.FINGER]
    positions += [
        position for position in probes.fingers if position not in positions and ("finger", position) in references
    ]
    pairs = [_pair(hit, "face", None, probes, references, strengths.get((Modality.FACE, None)))]
    pairs += [
        _pair(hit, "finger", position, probes, references, strengths.get((Modality.FINGER, position)))
        for position in positions
    ]
    return [pair for pair in pairs if pair.probe or pair.reference]


def _pair(
    hit: DeskHit,
    modality: str,
    position: FingerPosition | None,
    probes: Probes,
    references: frozenset[tuple[str, FingerPosition | None]],
    strength: Strength | None,
) -> Pair:
    place = modality if position is None else f"{modality}/{quote(position.label)}"
    return Pair(
        modality=modality,
        label="Face" if modality == "face" else alert_view.finger_name(position),
        probe=f"/hits/{hit.id}/probe/{place}" if probes.picture(modality, position) else None,
        reference=f"/hits/{hit.id}/reference/{place}" if (modality, position) in references else None,
        strength=strength,
    )


def when(time: str) -> str:
    """``22 Nov 2026, 14:03:22 UTC`` of an ISO 8601 time; anything else as it is."""
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return time
    return f"{at.day} {record_view.MONTHS[at.month - 1]} {at.year}, {at:%H:%M:%S} UTC"
