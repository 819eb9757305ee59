"""What an officer does at a lane, the reasons that may be given for it, and how it is written down.

An officer helps and says what cannot be had; the machine still decides about nobody. What is gone on without is
recorded with its reason and refers the traveller.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from hotspotd.domain.finger import FingerPosition, MissingReason


class LaneAct(StrEnum):
    """What an officer may do at a lane."""

    TAKE_OVER = "take_over"
    """The capture stops, the traveller waits for the officer. With nobody in the lane a visit is begun."""
    RETRY_DOCUMENT = "retry_document"
    RETRY_FACE = "retry_face"
    RETRY_FINGERS = "retry_fingers"
    """Takes these anew, then goes on with whatever is left."""
    SKIP_FINGER = "skip_finger"
    """A finger that cannot be had is recorded as missing."""
    WITHOUT_FACE = "without_face"
    TYPE_DOCUMENT = "type_document"
    """The machine readable zone, typed from the document."""
    GO_ON = "go_on"
    """The machine takes what is left."""
    END = "end"
    """What was taken is written down and searched; the lane goes on to the next."""
    NEXT = "next"
    """The traveller was seen to: the lane goes on to the next."""
    CLOSE = "close"
    OPEN = "open"


OVERRIDES: Final = frozenset({LaneAct.SKIP_FINGER, LaneAct.WITHOUT_FACE, LaneAct.TYPE_DOCUMENT, LaneAct.END})
"""What is gone on without, or was not read by the machine: refers the traveller."""

REASONS: Final[Mapping[LaneAct, Mapping[str, str]]] = MappingProxyType(
    {
        LaneAct.SKIP_FINGER: {
            "bandaged": "Bandaged or injured",
            "amputated": "Amputated",
            "scarred": "Scarred",
            "worn": "Ridges too worn, wet or dry",
            "unable": "Cannot be put on the glass",
        },
        LaneAct.WITHOUT_FACE: {
            "covered": "Face stays covered",
            "medical": "Medical reason",
            "not_captured": "Camera cannot take it",
        },
        LaneAct.TYPE_DOCUMENT: {
            "zone_damaged": "Zone is damaged",
            "reader_fault": "Reader does not work",
            "not_read": "Reader does not read it",
        },
        LaneAct.END: {
            "left": "Traveller has left",
            "by_hand": "Checked by hand instead",
            "refused": "Traveller refuses",
            "mistake": "Begun by mistake",
        },
        LaneAct.CLOSE: {
            "break": "Break or end of shift",
            "cleaning": "Cleaning",
            "fault": "Something does not work",
            "needed": "Lane is needed otherwise",
        },
    }
)
"""Codes and words of the reasons; an act that is in here needs one."""

_MISSING = {"scarred": MissingReason.SCAR}


def missing_code(reason: str) -> MissingReason:
    """The AMP code (14.018) of a reason for which a finger was skipped: no picture is sent of it."""
    return _MISSING.get(reason, MissingReason.UNABLE)


class LaneOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What one officer wants done. ``by`` as in the audit chain; ``note`` is for its notes, which are erased in time.

    ``fingers`` are those to be skipped or taken anew (none: all), ``lines`` those of a typed zone.
    """

    act: LaneAct
    by: str
    reason: str = ""
    note: str = ""
    fingers: tuple[FingerPosition, ...] = ()
    lines: tuple[str, ...] = ()


class OfficerAct(msgspec.Struct, frozen=True, kw_only=True):
    """What an officer did in an encounter: stored with it. ``at`` is ISO 8601 UTC."""

    act: LaneAct
    by: str
    at: str
    reason: str = ""
    fingers: tuple[FingerPosition, ...] = ()
