"""Face and fingers of one person as one false match rate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspotd.biometrics.person import LOWEST_FLOOR, most_likelihood_ratio, together

rates = st.floats(LOWEST_FLOOR, 1.0)


@given(rates)
def test_one_alone_is_itself_and_what_is_missing_says_nothing(rate: float) -> None:
    assert together(rate, None) == rate == together(None, rate)
    assert together(None, None) == 1.0


@given(rates, rates, rates)
def test_a_better_match_never_weakens_the_whole(face: float, fingers: float, other: float) -> None:
    low, high = sorted((face, other))
    assert together(low, fingers) <= together(high, fingers) * (1 + 1e-9)
    assert LOWEST_FLOOR <= together(face, fingers) <= 1


def test_what_does_not_match_speaks_against() -> None:
    assert together(1e-5, 0.7) > 5e-5
    assert together(1e-3, 1e-3) < 2e-5


def test_independent_rates_keep_their_promise_together() -> None:
    """The assumption in use: faces and fingers of others, each as rare as it says, together are as rare as it says."""
    drawn = np.random.default_rng(20261122).random((200_000, 2)) + 1e-12
    fused = np.array([together(float(face), float(fingers)) for face, fingers in np.minimum(drawn, 1.0)])
    for rate in (0.3, 1e-1, 1e-2, 1e-3):
        seen = float((fused <= rate).mean())
        assert seen == pytest.approx(rate, abs=4 * math.sqrt(rate / 200_000))


def test_rates_that_depend_on_each_other_would_not() -> None:
    """Why the floor is never passed: were a like face to come with like fingers, the rate would be claimed too low."""
    drawn = np.random.default_rng(1).random(100_000) + 1e-12
    fused = np.array([together(float(rate), float(rate)) for rate in np.minimum(drawn, 1.0)])
    assert float((fused <= 1e-3).mean()) > 5e-3
    assert together(LOWEST_FLOOR, LOWEST_FLOOR) == LOWEST_FLOOR


def test_the_likelihood_ratio_is_bounded_by_the_rate() -> None:
    assert most_likelihood_ratio(1.0) == most_likelihood_ratio(0.5) == 1.0
    assert most_likelihood_ratio(1e-4) == pytest.approx(1 / (math.e * 1e-4 * math.log(1e4)))
    assert most_likelihood_ratio(1e-4) < 1e4
    ratios = [most_likelihood_ratio(rate) for rate in (1 / math.e, 0.1, 1e-2, 1e-4, 1e-6)]
    assert ratios == sorted(ratios)
    assert ratios[0] == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [0.0, -1.0, 1.1, math.nan])
def test_what_is_no_rate_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        together(bad, 0.5)
    with pytest.raises(ValueError, match="rate"):
        most_likelihood_ratio(bad)
