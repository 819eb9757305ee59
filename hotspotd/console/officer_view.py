"""What officers did in an encounter, in words for whoever judges it: pure rules, no I/O."""

from __future__ import annotations

from hotspotd.console.alert_view import finger_name
from hotspotd.domain.officer import REASONS, LaneAct, OfficerAct

_WORDS = {
    LaneAct.TAKE_OVER: "taken over",
    LaneAct.RETRY_DOCUMENT: "document taken again",
    LaneAct.RETRY_FACE: "face taken again",
    LaneAct.RETRY_FINGERS: "taken again",
    LaneAct.SKIP_FINGER: "skipped",
    LaneAct.WITHOUT_FACE: "gone on without a face",
    LaneAct.TYPE_DOCUMENT: "document typed by hand",
    LaneAct.GO_ON: "left to the machine again",
    LaneAct.END: "visit ended",
}


def lines(acts: tuple[OfficerAct, ...]) -> tuple[str, ...]:
    """Each act as a line: ``Officer, badge 1042: right index skipped (Bandaged or injured)``."""
    return tuple(_line(one) for one in acts)


def _line(one: OfficerAct) -> str:
    what = _WORDS.get(one.act, one.act.replace("_", " "))
    if one.act in (LaneAct.RETRY_FINGERS, LaneAct.SKIP_FINGER):
        fingers = ", ".join(finger_name(position).lower() for position in one.fingers) or "all fingers"
        what = f"{fingers} {what}"
    why = REASONS.get(one.act, {}).get(one.reason, one.reason)
    return f"Officer, {one.by}: {what}{f' ({why})' if why else ''}"
