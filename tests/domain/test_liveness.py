"""Several liveness checks are one result, and only what was passed is passed."""

from __future__ import annotations

import pytest

from hotspotd.domain.liveness import Liveness, LivenessCheck, LivenessState

_PASSED, _FAILED, _NOT_DONE = LivenessState.PASSED, LivenessState.FAILED, LivenessState.NOT_DONE


@pytest.mark.parametrize(
    ("states", "together"),
    [
        ((_PASSED,), _PASSED),
        ((_PASSED, _PASSED), _PASSED),
        ((_PASSED, _FAILED), _FAILED),
        ((_PASSED, _NOT_DONE), _NOT_DONE),
        ((_FAILED, _NOT_DONE), _FAILED),
        ((), _NOT_DONE),
    ],
)
def test_only_all_passed_is_passed(states: tuple[LivenessState, ...], together: LivenessState) -> None:
    checks = tuple(LivenessCheck(method="active", state=state, threshold=0.5) for state in states)
    assert Liveness(checks=checks).state is together
