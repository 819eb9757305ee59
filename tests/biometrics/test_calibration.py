"""Scores become false match rates: interpolated where measured, cautious beyond."""

from __future__ import annotations

import msgspec
import pytest

from hotspotd.biometrics.calibration import Calibration, fmr_for_fpir, fpir

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


@pytest.mark.parametrize("rate", [1.0, 0.3, 1e-2, 4e-3, 1e-3, 3e-4, 1e-5, 1e-6])
def test_a_threshold_is_the_lowest_score_worth_its_rate(rate: float) -> None:
    score = TABLE.threshold(rate)
    assert TABLE.false_match_rate(score) <= rate
    assert score == TABLE.points[0][0] or TABLE.false_match_rate(score - 1e-6) > rate


def test_no_score_is_worth_less_than_the_floor() -> None:
    assert TABLE.threshold(1e-7) == float("inf")


def test_a_list_finds_somebody_as_often_as_its_comparisons_do() -> None:
    assert fpir(1e-4, 0) == 0
    assert fpir(1e-4, 1) == pytest.approx(1e-4)
    assert fpir(1e-4, 10_000) == pytest.approx(1 - (1 - 1e-4) ** 10_000)
    assert fpir(1e-12, 1_000_000) == pytest.approx(1e-6)
    assert fpir(1.0, 3) == 1.0
    for listed in (1, 40, 1_000_000):
        assert fpir(fmr_for_fpir(3e-3, listed), listed) == pytest.approx(3e-3)
    assert fmr_for_fpir(3e-3, 0) == pytest.approx(3e-3)
