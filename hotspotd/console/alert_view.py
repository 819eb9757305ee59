"""What an officer is shown of an alert, worked out from the records: pure rules, no I/O.

Probability is given in words people use, rounded so that it never promises more than was measured. No word here
is coercive, and nothing says more than "unconfirmed" before a person has looked.
"""

from __future__ import annotations

import math

import msgspec

from hotspotd.console.record_view import heading_of
from hotspotd.domain.candidate import Candidate, Determination, Hit, ListRecord, Modality
from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.gateway_error import remedies
from hotspotd.domain.liveness import Liveness, LivenessDetail, LivenessState
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, ReferReason
from hotspotd.records.model import Alert, AlertKind

# No calibration done on a kiosk's data can tell rates below this apart.
_RAREST = 1e-9

TROUBLES: dict[str, tuple[str, str]] = {
    ReferReason.DOCUMENT_UNREADABLE: ("Document could not be read", "Read the document by hand. Check it is genuine."),
    ReferReason.DOCUMENT_EXPIRED: ("Document has expired", "Check the expiry date and the right to cross."),
    ReferReason.FACE_NOT_CAPTURED: ("Face could not be captured", "Compare the person with the document by eye."),
    ReferReason.FINGER_NOT_CAPTURED: (
        "Fingers could not be captured",
        "Look for injuries. Capture by hand, or record why there is none.",
    ),
    ReferReason.LIVENESS_FAILED: (
        "It may not be a live face that was before the camera",
        "Look at the person: a picture, a screen or a mask? Compare with the document by eye.",
    ),
    ReferReason.LIVENESS_NOT_DONE: (
        "Not checked whether the face is a live one",
        "Compare the person with the document and with the picture taken here by eye.",
    ),
    ReferReason.CHIP_NOT_GENUINE: (
        "The document's chip is not genuine",
        "Examine the document. The reasons stand under the pictures.",
    ),
    ReferReason.CHIP_MISMATCH: (
        "The chip is not that of the printed document",
        "Compare the printed page with the chip's name and picture. Examine the document.",
    ),
    ReferReason.CHIP_NOT_CHECKED: (
        "The document's chip was not checked",
        "Examine the document by hand, or read the chip again at another reader.",
    ),
    ReferReason.PORTRAIT_MISMATCH: (
        "The face is not like enough to the chip's picture",
        "Compare the person with the chip's picture by eye.",
    ),
    ReferReason.PORTRAIT_NOT_COMPARED: (
        "The face was not compared with the chip's picture",
        "Compare the person with the document by eye.",
    ),
    ReferReason.DEVICE_FAULT: (
        "A device of the lane failed",
        "Check the traveller by hand. The lane list names the device.",
    ),
    ReferReason.CHECK_FAILED: ("The check could not be finished", "Check the traveller by hand."),
    ReferReason.INTERRUPTED: ("The check was interrupted", "The kiosk was restarted on the way. Check again."),
    ReferReason.HELP_ASKED: ("Traveller asked for help", "Go to the lane."),
    ReferReason.TAKEN_OVER: (
        "Taken over by an officer after a first check",
        "Look at both checks, this one and the one before it. You decide.",
    ),
    ReferReason.OFFICER_OVERRIDE: (
        "An officer went on without everything",
        "Only what was taken is checked. What an officer did, and why, stands below.",
    ),
    ReferReason.HIT: ("Hit, without a record", "Contact NCB."),
    ReferReason.GATEWAY_HIT: ("Hit at the gateway, without a record", "Contact NCB and name the transaction."),
    ReferReason.GATEWAY_ERROR: ("The gateway did not check the traveller", "Check the traveller another way."),
    ReferReason.PRINTS_REFUSED: (
        "Fingerprints were not usable for the gateway",
        "The gateway has not searched them. Traveller still here: take the fingers at another scanner. Gone: tell NCB.",
    ),
}

DISMISSALS: dict[str, str] = {
    "other_person": "Another person",
    "document_in_order": "Document is in order",
    "record_outdated": "Record is out of date",
    "misread": "Document was misread",
    "bad_capture": "Capture too poor to compare",
    "handled": "Traveller was helped",
    "training": "Test or training",
}


class AlertLine(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as a line of the queue. ``tone`` names the colour: a notice, ``trouble`` or ``quiet``.

    Quiet is what wants no haste, or none that shows: to be handled silently, or found by the bureau to be nobody's.
    ``seen_at`` is when the traveller was in the lane, of a late hit.
    """

    alert_id: int
    encounter_id: str
    kind: AlertKind
    urgency: int
    lane: str
    tone: str
    heading: str
    title: str
    certainty: str
    state: str
    raised_at: str
    more: str = ""
    seen_at: str | None = None
    left_at: str | None = None
    decided_at: str | None = None
    decision_reason: str | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the document beside the same field of the list's record. ``differs`` is ``None`` if unknown."""

    label: str
    document: str
    record: str
    differs: bool | None


class Strength(msgspec.Struct, frozen=True, kw_only=True):
    """How well one candidate matches: in words, and exactly for whoever asks."""

    modality: Modality
    label: str
    words: str
    exact: str


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, and what the officer can do."""

    words: str
    advice: str


_LIVENESS_DETAILS: dict[LivenessDetail, str] = {
    LivenessDetail.LIKE_AN_ATTACK: "looks like a picture of a face",
    LivenessDetail.FLAT: "moved like a picture, not like a head",
    LivenessDetail.WRONG_WAY: "turned the other way",
    LivenessDetail.OTHER_FACE: "another face than on the picture taken here",
    LivenessDetail.NO_FACE: "no face was found",
    LivenessDetail.NO_MOVEMENT: "the head was not turned",
    LivenessDetail.LOST: "the face could not be followed",
    LivenessDetail.NO_MODEL: "the model is missing or cannot be run",
    LivenessDetail.BROKEN_OFF: "broken off",
}
_LIVENESS_STATES = {
    LivenessState.PASSED: "passed",
    LivenessState.FAILED: "not passed",
    LivenessState.NOT_DONE: "not done",
}


def liveness(found: Liveness | None) -> tuple[str, ...]:
    """Each liveness check as a line: ``Live face, head turn: passed (0.62, 0.50 needed)``."""
    lines = []
    for check in found.checks if found else ():
        method = {"active": "head turn", "passive": "model"}[check.method]
        words = f"Live face, {method}: {_LIVENESS_STATES[check.state]}"
        if check.detail is not None:
            words += f", {_LIVENESS_DETAILS[check.detail]}"
        if check.score is not None:
            words += f" ({check.score:.2f}, {check.threshold:.2f} needed)"
        lines.append(words)
    return tuple(lines)


def most_urgent(hits: tuple[Hit, ...]) -> Hit | None:
    """The hit by which an alert is named and coloured."""
    return min(hits, key=lambda hit: hit.urgency, default=None)


def tone_of(hit: Hit) -> str:
    """The colour of a hit: its notice's, unless it is to be shown discreetly or is none any more."""
    return "quiet" if is_quiet(hit) else hit.record.notice.value


def is_quiet(hit: Hit) -> bool:
    """Whether a hit makes no sound and has no urgent colour."""
    return hit.withdrawn or hit.determination is Determination.SILENT


def more_at_the_bureau(alert: Alert) -> str:
    """How many hits the bureau has beside those that it sent."""
    return f"{alert.unsent} more at the bureau" if alert.unsent else ""


def trouble(reason: str) -> Trouble:
    """The words for one reason."""
    words, advice = TROUBLES.get(reason, ("The traveller was referred", "Check the traveller by hand."))
    return Trouble(words=words, advice=advice)


def troubles(alert: Alert, answer: GatewayAnswer | None) -> tuple[Trouble, ...]:
    """What went wrong, apart from hits; of the gateway's errors what each asks for."""
    found: list[Trouble] = []
    for reason in alert.reasons:
        if alert.hits and reason in {ReferReason.HIT, ReferReason.GATEWAY_HIT}:
            continue
        if reason == ReferReason.GATEWAY_ERROR and answer is not None and answer.outcome is GatewayOutcome.ERROR:
            found += [Trouble(words=one.words, advice=one.advice) for one in remedies(answer.faults)]
        else:
            found.append(trouble(reason))
    return tuple(found)


def line(alert: Alert, seen_at: str | None = None, left_at: str | None = None) -> AlertLine:
    """``alert`` as a line of the queue; of a late hit with when the traveller was in the lane, and left it."""
    hit = most_urgent(alert.hits)
    late = alert.kind is AlertKind.LATE
    if hit is not None:
        tone, heading, title = tone_of(hit), heading_of(hit.record), title_of(hit.record)
    else:
        reasons = [trouble(reason) for reason in alert.reasons]
        tone, heading = "trouble", "Needs an officer"
        title = "; ".join(reason.words for reason in reasons) or trouble("").words
    return AlertLine(
        alert_id=alert.alert_id,
        encounter_id=alert.encounter_id,
        kind=alert.kind,
        urgency=alert.urgency,
        lane=alert.lane,
        tone=tone,
        heading=heading,
        title=title,
        certainty=certainty(alert.determination, withdrawn=hit.withdrawn) if hit is not None else "",
        state=alert.state,
        raised_at=alert.raised_at,
        more=more_at_the_bureau(alert),
        seen_at=seen_at if late else None,
        left_at=left_at if late else None,
        decided_at=alert.decided_at,
        decision_reason=alert.decision_reason,
    )


NOT_THIS_PERSON = "the bureau has looked: not this person"
_CERTAINTIES = {
    Determination.CONFIRMED: "confirmed by the owner",
    # Even an automatic confirmation is not yet a person's.
    Determination.AUTO_CONFIRMED: "unconfirmed: agreed by machine only",
    Determination.QUICK_SEARCH: "unconfirmed: quick search",
    Determination.SILENT: "unconfirmed: show nothing to the traveller",
    Determination.UNCONFIRMED: "unconfirmed",
}


def certainty(determination: Determination, *, withdrawn: bool = False) -> str:
    """How sure a hit is (2.094 RDM), and how it is to be handled."""
    return NOT_THIS_PERSON if withdrawn else _CERTAINTIES[determination]


def title_of(record: ListRecord) -> str:
    """What a record is about, in one line: a person or a document."""
    name = ", ".join(part for part in (record.surname, record.given_names) if part)
    if name:
        return name
    if record.document_number:
        issuer = f" ({record.document_issuer})" if record.document_issuer else ""
        return f"Document {record.document_number}{issuer}"
    return record.reference


def odds(rate: float, noun: str) -> str:
    """``rate`` as "1 in 40 000 fingers": at most two digits, rounded towards the more frequent."""
    if not rate > _RAREST:
        return f"fewer than 1 in 1 billion {noun}"
    # The small excess undoes what division takes from a whole number (1 / 1e-4 is 9999.999...).
    number = (1.0 / rate) * (1 + 1e-9)
    if number < 2:
        return f"nearly all {noun}"
    unit = 10.0 ** max(0, math.floor(math.log10(number)) - 1)
    rounded = int(math.floor(number / unit) * unit)
    for size, name in ((1_000_000_000, "billion"), (1_000_000, "million")):
        if rounded >= size:
            return f"1 in {rounded / size:g} {name} {noun}"
    return f"1 in {rounded:,} {noun}".replace(",", "\u00a0")


def strength(candidate: Candidate, notice: Notice | None = None) -> Strength:
    """How well ``candidate`` matches a record of this ``notice``. Exact comparisons say what agrees, not how rare."""
    exact = f"score {candidate.score:.4g}"
    if candidate.fmr is not None:
        exact += f", false match rate {candidate.fmr:.2g}"
    noun = "fingers" if candidate.modality is Modality.FINGER else "people"
    if candidate.fmr is not None and candidate.modality not in {Modality.DOCUMENT, Modality.NAME}:
        words = f"{odds(candidate.fmr, noun)} would match this well"
        if candidate.modality in {Modality.FINGERS, Modality.PERSON} and candidate.detail:
            words = f"{candidate.detail}. {words}"
    elif candidate.modality is Modality.DOCUMENT:
        agrees = f"{candidate.detail or 'document number'} agree"
        words = f"listed as stolen or lost: {agrees.lower()}" if notice is Notice.SLTD else agrees
    elif candidate.modality is Modality.NAME:
        words = candidate.detail or "name and date of birth agree"
    else:
        words = candidate.detail or "listed as a candidate"
    label = {
        Modality.FACE: "Face",
        Modality.FINGER: finger_name(candidate.position),
        Modality.FINGERS: "Fingers together",
        Modality.PERSON: "Face and fingers",
        Modality.DOCUMENT: "Document",
        Modality.NAME: "Name",
    }[candidate.modality]
    return Strength(modality=candidate.modality, label=label, words=words, exact=exact)


def finger_name(position: FingerPosition | None) -> str:
    """The finger as an officer reads it: ``Right index``."""
    if not position:
        return "Finger"
    return position.label.replace("_", " ").capitalize()


def comparisons(document: Document | None, record: ListRecord, year: int) -> list[Comparison]:
    """The document beside the record, field by field. Only what both state can differ."""
    held = (
        {
            "Surname": document.surname,
            "Given names": document.given_names,
            "Date of birth": document.born(year) or "",
            "Nationality": document.nationality,
            "Sex": document.sex,
            "Document": document.number,
            "Issued by": document.issuer,
        }
        if document
        else {}
    )
    listed = {
        "Surname": (record.surname,),
        "Given names": (record.given_names,),
        "Date of birth": (record.birth_date or "", *record.other_birth_dates),
        "Nationality": (record.nationality or "", *record.other_nationalities),
        "Sex": (record.sex or "",),
        "Document": (record.document_number or "",),
        "Issued by": (record.document_issuer or "",),
    }
    return [
        Comparison(
            label=label,
            document=held.get(label, ""),
            record=" / ".join(filter(None, values)),
            differs=_differs(held.get(label, ""), values),
        )
        for label, values in listed.items()
        if any(values) or held.get(label)
    ]


def _differs(ours: str, theirs: tuple[str, ...]) -> bool | None:
    """Whether none of what the record states is what the document states."""

    def plain(text: str) -> str:
        return "".join(text.upper().replace("-", " ").split())

    stated = [plain(text) for text in theirs if text]
    if not ours or not stated:
        return None
    return plain(ours) not in stated
