"""Several fingers of one person as one false match rate."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.biometrics.finger.calibration import LOWEST_FLOOR
from hotspotd.biometrics.finger.fusion import AS_GIVEN, fuse, other_hand, together
from hotspotd.domain.finger import FingerPosition

INDEX, MIDDLE = FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE
LEFT_INDEX, LEFT_MIDDLE = FingerPosition.LEFT_INDEX, FingerPosition.LEFT_MIDDLE
UNKNOWN = FingerPosition.UNKNOWN

rates = st.floats(LOWEST_FLOOR, 1.0)


@given(rates)
def test_one_finger_is_itself(rate: float) -> None:
    assert together([rate]) == rate
    fused = fuse([INDEX], [INDEX], np.array([[rate]]))
    assert fused is not None
    assert fused.rate == rate


@given(st.lists(rates, min_size=1, max_size=10), st.randoms(use_true_random=False))
def test_the_order_does_not_matter_and_the_floor_holds(given_rates: list[float], random: object) -> None:
    shuffled = list(given_rates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert together(shuffled) == together(given_rates)
    assert LOWEST_FLOOR <= together(given_rates) <= 1.0


@given(st.lists(rates, min_size=1, max_size=10), st.integers(0, 9), rates)
def test_a_better_finger_never_weakens_the_set(given_rates: list[float], which: int, other: float) -> None:
    which %= len(given_rates)
    changed = [*given_rates[:which], other, *given_rates[which + 1 :]]
    low, high = sorted([(given_rates[which], together(given_rates)), (other, together(changed))])
    assert low[1] <= high[1] * (1 + 1e-9)


def test_a_set_of_two_is_what_the_product_of_two_uniform_numbers_is() -> None:
    product = 1e-3 * 2e-2
    assert together([1e-3, 2e-2]) == pytest.approx(product * (1 - math.log(product)))


def test_a_finger_that_does_not_match_weakens_the_set() -> None:
    assert together([1e-4, 1.0]) > 5e-4
    assert together([]) == 1.0


@pytest.mark.parametrize("bad", [0.0, -1.0, 1.1, math.nan])
def test_what_is_no_rate_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        together([bad, 0.5])


@pytest.mark.parametrize(
    ("own", "listed"),
    [
        ([INDEX, MIDDLE], [INDEX, MIDDLE]),
        ([INDEX, LEFT_INDEX], [LEFT_INDEX, INDEX, MIDDLE]),
        ([INDEX, MIDDLE, LEFT_INDEX, LEFT_MIDDLE], [INDEX, MIDDLE, LEFT_INDEX, LEFT_MIDDLE]),
        ([None, INDEX], [UNKNOWN, UNKNOWN, MIDDLE]),
        ([INDEX, INDEX, MIDDLE], [INDEX, INDEX, MIDDLE, MIDDLE]),
        ([INDEX, MIDDLE], [INDEX]),
    ],
)
def test_the_fused_rate_holds_for_fingers_of_other_people(
    own: list[FingerPosition | None], listed: list[FingerPosition | None]
) -> None:
    rng = np.random.default_rng(1)
    fused = [fuse(own, listed, 1.0 - rng.random((len(own), len(listed)))) for _ in range(4_000)]
    found = np.array([one.rate for one in fused if one is not None])
    assert len(found) == 4_000
    for rate in (0.003, 0.01, 0.05):
        # Three standard deviations above what is claimed would be a claim that does not hold.
        assert np.mean(found <= rate) <= rate + 3 * math.sqrt(rate / len(found))


def test_the_exact_combination_spends_all_of_its_rate() -> None:
    rng = np.random.default_rng(2)
    found = np.array([together(row) for row in 1.0 - rng.random((50_000, 3))])
    assert np.mean(found <= 0.01) == pytest.approx(0.01, abs=3 * math.sqrt(0.01 / 50_000))


def table(own: list[FingerPosition], listed: list[FingerPosition], mates: dict[tuple[int, int], float]) -> np.ndarray:
    made = np.ones((len(own), len(listed)))
    for place, rate in mates.items():
        made[place] = rate
    return made


def test_two_weak_fingers_are_found_together_and_not_alone() -> None:
    own = [INDEX, MIDDLE]
    fused = fuse(own, own, table(own, own, {(0, 0): 2.5e-3, (1, 1): 2.5e-3}))
    assert fused is not None
    assert fused.as_given
    assert fused.rate == pytest.approx(together([2.5e-3, 2.5e-3]) / AS_GIVEN)
    assert fused.rate < 1e-4


def test_fingers_in_the_wrong_order_are_found_at_a_price() -> None:
    own = [INDEX, MIDDLE]
    swapped = fuse(own, own, table(own, own, {(0, 1): 2e-4, (1, 0): 2e-4}))
    right = fuse(own, own, table(own, own, {(0, 0): 2e-4, (1, 1): 2e-4}))
    assert swapped is not None
    assert right is not None
    assert not swapped.as_given
    assert [(pair.given, pair.listed) for pair in swapped.pairs] == [(0, 1), (1, 0)]
    assert 10 * right.rate < swapped.rate < 1e-4


def test_the_other_hand_is_thought_of_and_fingers_never_asked_for_are_not() -> None:
    own = [INDEX, MIDDLE]
    hand = fuse(own, [LEFT_INDEX, LEFT_MIDDLE], table(own, own, {(0, 0): 1e-4, (1, 1): 1e-4}))
    assert hand is not None
    assert hand.rate < 1e-5
    assert fuse(own, [FingerPosition.LEFT_THUMB], np.full((2, 1), 1e-6)) is None


def test_a_listed_finger_is_used_once() -> None:
    own = [INDEX, MIDDLE]
    fused = fuse(own, [UNKNOWN], np.array([[1e-4], [1e-4]]))
    assert fused is not None
    assert len(fused.pairs) == 1
    fused = fuse(own, [UNKNOWN, UNKNOWN], np.array([[1e-4, 1.0], [1e-4, 1.0]]))
    assert fused is not None
    assert sorted(pair.listed for pair in fused.pairs) == [0, 1]


def test_several_prints_of_one_finger_are_one_finger_that_had_several_chances() -> None:
    fused = fuse([INDEX, INDEX], [INDEX], np.array([[1e-4], [1e-4]]))
    assert fused is not None
    assert len(fused.pairs) == 1
    assert fused.rate == pytest.approx(2e-4)


def test_a_finger_that_is_not_listed_neither_helps_nor_harms_beyond_the_orders_it_makes_possible() -> None:
    thumb = FingerPosition.RIGHT_THUMB
    rates = table([INDEX, MIDDLE, thumb], [INDEX, MIDDLE], {(0, 0): 1e-3, (1, 1): 1e-3})
    with_thumb = fuse([INDEX, MIDDLE, thumb], [INDEX, MIDDLE], rates)
    without = fuse([INDEX, MIDDLE], [INDEX, MIDDLE], rates[:2])
    assert with_thumb is not None
    assert without is not None
    assert with_thumb.rate == without.rate
    assert len(with_thumb.pairs) == 2


@settings(max_examples=50)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_the_pairing_is_the_best_of_all(own: int, listed: int, seed: int) -> None:
    made = 10.0 ** np.random.default_rng(seed).uniform(-5, 0, (own, listed))
    fused = fuse([None] * own, [UNKNOWN] * listed, made)
    short = made if own <= listed else made.T
    best = min(
        math.prod(short[row, column] for row, column in enumerate(chosen))
        for chosen in permutations(range(short.shape[1]), len(short))
    )
    assert fused is not None
    assert math.prod(pair.rate for pair in fused.pairs) == pytest.approx(best)
    assert fused.rate >= LOWEST_FLOOR


def test_ten_fingers_against_twenty_prints_are_taken_and_more_refused() -> None:
    ten = list(FingerPosition)[1:]
    fused = fuse(ten, [*ten, *[UNKNOWN] * 10], np.full((10, 20), 0.5))
    assert fused is not None
    assert len(fused.pairs) == 10
    with pytest.raises(ValueError, match="fingers"):
        fuse([None] * 11, ten, np.ones((11, 10)))
    with pytest.raises(ValueError, match="rates of"):
        fuse(ten, ten, np.ones((3, 3)))


def test_the_other_hand_of_a_finger() -> None:
    assert other_hand(INDEX) is LEFT_INDEX
    assert other_hand(LEFT_MIDDLE) is MIDDLE
    assert other_hand(UNKNOWN) is UNKNOWN
