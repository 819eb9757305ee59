"""What became of the checks that a live face, and no picture of one, is before the camera (ISO/IEC 30107)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class LivenessState(StrEnum):
    """Result of a check. Only ``passed`` lets a traveller go on; the others refer to an officer."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_DONE = "not_done"


class LivenessDetail(StrEnum):
    """Why a check did not pass."""

    LIKE_AN_ATTACK = "like_an_attack"  # the model's score is below the threshold
    FLAT = "flat"  # what moved, moved like a picture
    WRONG_WAY = "wrong_way"  # a head turned to the side that was not asked for
    OTHER_FACE = "other_face"  # not the face of the portrait
    NO_FACE = "no_face"
    NO_MOVEMENT = "no_movement"
    LOST = "lost"  # the face could not be followed, or jumped
    NO_MODEL = "no_model"  # missing, refused or unable to run
    BROKEN_OFF = "broken_off"  # help was asked for, or a device failed


class LivenessCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One check. ``score`` is 0 to 1, higher is more live; None where there is none. ``engine`` says what judged."""

    method: Literal["passive", "active"]
    state: LivenessState
    threshold: float
    score: float | None = None
    detail: LivenessDetail | None = None
    engine: str = ""


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one encounter."""

    checks: tuple[LivenessCheck, ...]

    @property
    def state(self) -> LivenessState:
        """Failed where one failed, passed where all passed; no checks at all are not done."""
        states = {check.state for check in self.checks}
        if LivenessState.FAILED in states:
            return LivenessState.FAILED
        return LivenessState.PASSED if states == {LivenessState.PASSED} else LivenessState.NOT_DONE
