"""Scores become false match rates: interpolated where measured, cautious beyond."""

from __future__ import annotations

import msgspec
import pytest

from hotspotd.biometrics.calibration import Calibration

TABLE = Calibration(measured_on="test", impostor_pairs=1000, floor=1e-6, points=((0.0, 1.0), (0.4, 1e-2), (0.6, 1e-3)))


def test_measured_points_are_returned_as_measured() -> None:
    assert TABLE.false_match_rate(0.4) == pytest.approx(1e-2)
    assert TABLE.false_match_rate(0.6) == pytest.approx(1e-3)


def test_between_points_the_logarithm_is_interpolated() -> None:
    assert TABLE.false_match_rate(0.5) == pytest.approx(10**-2.5)


def test_beyond_the_table_the_rate_falls_at_half_the_slope_and_never_below_the_floor() -> None:
    assert TABLE.false_match_rate(0.8) == pytest.approx(10**-3.5)
    assert TABLE.false_match_rate(50.0) == 1e-6


@pytest.mark.parametrize("score", [-5.0, float("nan"), float("inf"), float("-inf")])
def test_what_is_no_usable_score_is_no_match(score: float) -> None:
    assert TABLE.false_match_rate(score) == 1.0


@pytest.mark.parametrize(
    "points",
    [
        [[0.0, 1.0]],
        [[0.0, 1.0], [0.0, 0.5]],
        [[0.0, 0.1], [0.5, 0.2]],
        [[0.0, 0.0], [0.5, 0.2]],
        [[0.0, 1.5], [0.5, 0.2]],
        [[0.0, 1.0], [float("nan"), 0.2]],
    ],
)
def test_a_table_that_does_not_fall_steadily_is_refused(points: list[list[float]]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"measured_on": "x", "impostor_pairs": 1, "floor": 1e-6, "points": points}, Calibration)
