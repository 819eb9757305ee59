"""Slaps are cut into their fingers, or refused with the number of fingers seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from hotspotd.biometrics.finger import synthetic
from hotspotd.biometrics.finger.slap import FingerCountError, segment
from hotspotd.biometrics.finger.synthetic.slaps import Placing, drawn_slap
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.errors import BiometricError, Reason

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def prints() -> list[Image]:
    """Four fingers."""
    rng = np.random.default_rng(3)
    masters = [synthetic.master(seed) for seed in (1, 2)]
    return [synthetic.impression(masters[number % 2], rng, size=(440, 340), levels=256) for number in range(4)]


def hand(
    slap: Slap, prints: list[Image], without: frozenset[FingerPosition] = frozenset()
) -> dict[FingerPosition, Image]:
    return {position: prints[number] for number, position in enumerate(slap.fingers) if position not in without}


@pytest.mark.parametrize("slap", list(Slap))
@pytest.mark.parametrize("degrees", [-30, 0, 30])
def test_each_finger_is_found_where_it_lies(slap: Slap, degrees: float, prints: list[Image]) -> None:
    rng = np.random.default_rng(7)
    picture, boxes = drawn_slap(hand(slap, prints), slap, rng, Placing(turn=float(np.radians(degrees))))
    found = segment(picture, 500, slap)
    assert tuple(finger.position for finger in found) == slap.fingers
    for finger in found:
        box = boxes[finger.position]
        assert np.hypot(*np.subtract(finger.centre, box.centre)) < 60
        assert abs(finger.turn - box.turn) < np.radians(20)
        assert abs(finger.size[0] - box.size[0]) < 0.3 * box.size[0]
        # The print and its margin, upright.
        assert finger.pixels.shape[0] > finger.pixels.shape[1] * 0.9


def test_a_right_hands_index_finger_is_left_and_a_left_hands_right() -> None:
    assert Slap.RIGHT_FOUR.fingers[0] is FingerPosition.RIGHT_INDEX
    assert Slap.LEFT_FOUR.fingers[-1] is FingerPosition.LEFT_INDEX
    assert Slap.THUMBS.fingers == (FingerPosition.LEFT_THUMB, FingerPosition.RIGHT_THUMB)
    assert {finger for slap in Slap for finger in slap.fingers} == set(FingerPosition) - {FingerPosition.UNKNOWN}


def test_a_missing_finger_that_is_told_moves_no_other(prints: list[Image]) -> None:
    without = frozenset({FingerPosition.RIGHT_MIDDLE})
    picture, boxes = drawn_slap(
        hand(Slap.RIGHT_FOUR, prints, without), Slap.RIGHT_FOUR, np.random.default_rng(5), Placing()
    )
    found = segment(picture, 500, Slap.RIGHT_FOUR, without)
    assert [finger.position.value for finger in found] == [2, 4, 5]
    assert all(np.hypot(*np.subtract(each.centre, boxes[each.position].centre)) < 60 for each in found)


def test_another_number_of_fingers_gives_none_but_says_so(prints: list[Image]) -> None:
    rng = np.random.default_rng(5)
    picture, _ = drawn_slap(hand(Slap.RIGHT_FOUR, prints), Slap.RIGHT_FOUR, rng, Placing())
    little = frozenset({FingerPosition.RIGHT_LITTLE})
    with pytest.raises(FingerCountError) as caught:
        segment(picture, 500, Slap.RIGHT_FOUR, little)
    assert (caught.value.found, caught.value.expected) == (4, 3)
    picture, _ = drawn_slap(hand(Slap.RIGHT_FOUR, prints, little), Slap.RIGHT_FOUR, rng, Placing())
    with pytest.raises(FingerCountError) as caught:
        segment(picture, 500, Slap.RIGHT_FOUR)
    assert (caught.value.found, caught.value.expected) == (3, 4)
    assert caught.value.reason is Reason.FINGER_COUNT
    assert caught.value.advice


def test_fingers_that_touch_are_parted(prints: list[Image]) -> None:
    picture, boxes = drawn_slap(
        hand(Slap.LEFT_FOUR, prints), Slap.LEFT_FOUR, np.random.default_rng(2), Placing(gap_mm=(-0.4, -0.2), fan=(0, 0))
    )
    found = segment(picture, 500, Slap.LEFT_FOUR)
    assert all(np.hypot(*np.subtract(each.centre, boxes[each.position].centre)) < 80 for each in found)


@pytest.mark.parametrize("shape", [(1, 1), (40, 40), (600, 800)])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_empty_glass_has_no_fingers(shape: tuple[int, int], grey: int) -> None:
    with pytest.raises(FingerCountError) as caught:
        segment(np.full(shape, grey, np.uint8), 500, Slap.RIGHT_FOUR)
    assert caught.value.found == 0


@pytest.mark.parametrize(
    ("picture", "dpi"),
    [
        (np.zeros((4, 4, 3), np.uint8), 500),
        (np.zeros((4, 4), np.float32), 500),
        (np.zeros((0, 4), np.uint8), 500),
        (np.zeros((4, 4), np.uint8), 100),
        (np.zeros((4000, 4000), np.uint8), 500),
    ],
)
def test_what_no_scanner_gives_is_refused(picture: Image, dpi: int) -> None:
    with pytest.raises(BiometricError) as caught:
        segment(picture, dpi, Slap.THUMBS)
    assert caught.value.reason is Reason.BAD_IMAGE


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))), st.sampled_from(list(Slap)))
def test_any_picture_gives_fingers_or_their_number(picture: Image, slap: Slap) -> None:
    try:
        found = len(segment(picture, 250, slap))
    except FingerCountError as error:
        found = error.expected
    assert found == len(slap.fingers)
