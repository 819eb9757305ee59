"""What went wrong, in an officer's words, and what can be done about it: pure rules, no I/O."""

from __future__ import annotations

import msgspec

from hotspotd.domain.gateway_error import remedies
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, ReferReason
from hotspotd.records.model import Alert

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


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, and what the officer can do."""

    words: str
    advice: str


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
