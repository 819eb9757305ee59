"""The gateway's errors (INT-I, 2.074 ERM): who has to act on each, and what they can do. Pure rules.

Codes are INT-I's v6.00.01. What a code says is the gateway's; what follows from it is ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Actor(StrEnum):
    """Who acts on an error."""

    OFFICER = "officer"
    TECHNICIAN = "technician"
    BUREAU = "bureau"
    NOBODY = "nobody"


class Action(StrEnum):
    """What is to be done about an error."""

    RECAPTURE = "recapture"  # take the fingers again
    SEND_AGAIN = "send_again"  # after a while
    REPAIR = "repair"  # software or configuration is at fault: the same would be refused again
    CALL_BUREAU = "call_bureau"
    NOTHING = "nothing"


class GatewayFault(msgspec.Struct, frozen=True):
    """One error of a gateway's answer: its code, the mnemonic of the field, and the gateway's own text."""

    code: str
    field: str = ""
    text: str = ""

    @property
    def place(self) -> str:
        """Code and field, for logs: nothing a gateway wrote freely is in it."""
        field = self.field if self.field.isalnum() and len(self.field) <= 10 else ""
        code = self.code if self.code.isascii() and self.code.isdigit() and len(self.code) == 3 else "?"
        return f"{code} {field}".strip()


class Remedy(msgspec.Struct, frozen=True):
    """What follows from an error: who acts, what they do, and both in plain words. ``after_s`` is a pause."""

    actor: Actor
    action: Action
    words: str
    advice: str
    after_s: float | None = None


_PRINTS = (
    "Take the fingers again, or at another scanner; look for injuries. Until then: the document and the face count."
)
_SOFTWARE = Remedy(
    Actor.TECHNICIAN,
    Action.REPAIR,
    "The gateway does not accept how checks are written",
    "Check the traveller another way. Call a technician: no check gets through until this is repaired.",
)
_PICTURES = Remedy(
    Actor.TECHNICIAN,
    Action.REPAIR,
    "The gateway does not accept the pictures of this check",
    "Check the traveller another way. Call a technician: camera, scanner or software is at fault.",
)
UNREADABLE = Remedy(
    Actor.TECHNICIAN,
    Action.REPAIR,
    "The gateway's answer cannot be read",
    "Check the traveller another way. Call a technician; ask the bureau what its answer was.",
)
"""Of an answer without any code."""
_OTHER = Remedy(
    Actor.BUREAU,
    Action.SEND_AGAIN,
    "The gateway could not check, and says no more",
    "Check the traveller again in ten minutes. If it stays so, call the bureau.",
    after_s=600.0,
)

_REMEDIES = {
    "001": Remedy(
        Actor.BUREAU,
        Action.CALL_BUREAU,
        "The bureau has nothing under the number that was asked for",
        "Call the bureau and name the transaction.",
    ),
    "002": Remedy(
        Actor.NOBODY,
        Action.NOTHING,
        "The gateway has this check already",
        "Wait: its answer comes by itself.",
    ),
    "003": Remedy(
        Actor.TECHNICIAN,
        Action.CALL_BUREAU,
        "This kiosk may not ask the gateway for this",
        "Check the traveller another way. Call a technician: the bureau has to give the kiosk leave.",
    ),
    **dict.fromkeys(map(str, range(101, 117)), _SOFTWARE),
    "117": _PICTURES,
    "118": _PICTURES,
    "201": _SOFTWARE,
    "501": Remedy(Actor.OFFICER, Action.RECAPTURE, "The fingerprints are not good enough for the gateway", _PRINTS),
    "502": Remedy(Actor.OFFICER, Action.RECAPTURE, "The gateway lacks fingerprints that it needs", _PRINTS),
    "503": Remedy(Actor.OFFICER, Action.RECAPTURE, "The fingers were taken in another order than was said", _PRINTS),
    "999": _OTHER,
}
# What stops the rest comes first: prints taken again are refused as well where the form is wrong.
_ORDER = (Action.REPAIR, Action.CALL_BUREAU, Action.RECAPTURE, Action.SEND_AGAIN, Action.NOTHING)


def remedy_of(code: str) -> Remedy:
    """What follows from the error ``code``; one that is not known counts as 999."""
    return _REMEDIES.get(code, _OTHER)


def remedies(faults: Iterable[GatewayFault]) -> tuple[Remedy, ...]:
    """What follows from all ``faults`` of one answer, each thing once, the one that decides first."""
    found = dict.fromkeys(remedy_of(fault.code) for fault in faults) or {UNREADABLE: None}
    return tuple(sorted(found, key=lambda remedy: _ORDER.index(remedy.action)))


def asks_for_prints(faults: Iterable[GatewayFault]) -> bool:
    """Whether taking the fingers again is all that is needed."""
    needed = {remedy_of(fault.code).action for fault in faults} - {Action.NOTHING}
    return needed == {Action.RECAPTURE}
