"""The curve from score to false match rate: never rising, never zero, and refused where it is no curve."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspotd.biometrics.finger import ENGINE, false_match_rate
from hotspotd.biometrics.finger.calibration import load
from hotspotd.errors import BiometricError

SOUND = {
    "engine": ENGINE,
    "scores": [0.0, 1.0, 2.0],
    "log10_fmr": [0.0, -1.0, -3.0],
    "floor": 1e-6,
    "measured_down_to": 1e-3,
    "how": "for this test",
}


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_higher_score_never_has_a_higher_rate(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 < false_match_rate(high) <= false_match_rate(low) <= 1


@pytest.mark.parametrize("score", [math.nan, -math.inf, 0.0])
def test_no_score_is_worth_nothing(score: float) -> None:
    assert false_match_rate(score) == 1.0


def test_no_score_is_certain() -> None:
    assert false_match_rate(math.inf) >= 1e-6


@pytest.mark.parametrize(
    "change",
    [
        {"scores": [0.0, 2.0, 1.0]},
        {"log10_fmr": [0.0, -1.0, -1.0]},
        {"log10_fmr": [0.5, -1.0, -2.0]},
        {"scores": [0.0]},
        {"scores": [], "log10_fmr": []},
        {"floor": 0.0},
        {"floor": "small"},
        {"another": 1},
    ],
)
def test_what_is_no_curve_is_refused(change: dict[str, object]) -> None:
    assert load(json.dumps(SOUND).encode()).engine == ENGINE
    with pytest.raises(BiometricError):
        load(json.dumps(SOUND | change).encode())
