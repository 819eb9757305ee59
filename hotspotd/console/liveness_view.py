"""What an officer is shown of the liveness checks: pure rules, no I/O."""

from __future__ import annotations

from hotspotd.domain.liveness import Liveness, LivenessDetail, LivenessState

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


def lines(found: Liveness | None) -> tuple[str, ...]:
    """Each liveness check as a line: ``Live face, head turn: passed (0.62, 0.50 needed)``."""
    told = []
    for check in found.checks if found else ():
        method = {"active": "head turn", "passive": "model"}[check.method]
        words = f"Live face, {method}: {_LIVENESS_STATES[check.state]}"
        if check.detail is not None:
            words += f", {_LIVENESS_DETAILS[check.detail]}"
        if check.score is not None:
            words += f" ({check.score:.2f}, {check.threshold:.2f} needed)"
        told.append(words)
    return tuple(told)
