"""What is read from pictures: prints give minutiae and a fair quality, anything else is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.finger import FingerProblem, assess, extract
from hotspotd.biometrics.finger.synthetic import Condition, Master, Pattern, impression, master
from hotspotd.biometrics.finger.synthetic.skeleton import crossing_numbers, thin
from hotspotd.errors import BiometricError, Reason

SIZE = (288, 256)


@pytest.fixture(scope="module")
def finger() -> Master:
    return master(5, Pattern.RIGHT_LOOP)


def _text() -> NDArray[np.uint8]:
    page = np.full(SIZE, 255, np.uint8)
    for line in range(12):
        cv2.putText(page, "PASSPORT", (3, 20 + 24 * line), 0, 1.2, (0,), 3)
    return page


NOT_PRINTS = {
    "white": np.full(SIZE, 255, np.uint8),
    "saturated": np.zeros(SIZE, np.uint8),
    "noise": np.random.default_rng(1).integers(0, 256, SIZE).astype(np.uint8),
    "sensor grain": (np.random.default_rng(2).normal(230, 3, SIZE) // 17 * 17).clip(0, 255).astype(np.uint8),
    "gradient": np.tile(np.linspace(0, 255, SIZE[1]), (SIZE[0], 1)).astype(np.uint8),
    "stripes": np.tile(127 + 100 * np.sin(np.arange(SIZE[1]) * 2 * np.pi / 9), (SIZE[0], 1)).astype(np.uint8),
    "checkerboard": (np.indices(SIZE).sum(axis=0) // 16 % 2 * 255).astype(np.uint8),
    "printed text": _text(),
}


@pytest.mark.parametrize("name", NOT_PRINTS)
def test_a_picture_without_a_print_is_no_finger(name: str) -> None:
    with pytest.raises(BiometricError) as refused:
        extract(NOT_PRINTS[name], 500)
    assert refused.value.reason is Reason.NO_FINGER
    quality = assess(NOT_PRINTS[name], 500)
    assert quality.score == 0
    assert quality.problems == (FingerProblem.NO_FINGER,)


@pytest.mark.parametrize(
    ("image", "dpi"),
    [
        (np.zeros((288, 256, 3), np.uint8), 500),
        (np.zeros((288, 256), np.uint16), 500),
        (np.zeros((288, 256), np.uint8), 96),
        (np.zeros((20, 20), np.uint8), 500),
        (np.zeros((0, 0), np.uint8), 500),
        (np.zeros((5000, 300), np.uint8), 500),
    ],
)
def test_what_no_scanner_gives_is_a_bad_image(image: NDArray[np.uint8], dpi: int) -> None:
    for function in (extract, assess):
        with pytest.raises(BiometricError) as refused:
            function(image, dpi)
        assert refused.value.reason is Reason.BAD_IMAGE


def test_a_good_print_gives_minutiae_inside_the_picture(finger: Master) -> None:
    image = impression(finger, np.random.default_rng(1))
    template = extract(image, 500)
    assert 10 <= len(template) <= 90
    assert (template.width, template.height) == (256, 288)
    assert template.quality == assess(image, 500).score > 50
    assert template.encode() == extract(image, 500).encode()


def test_the_same_print_at_another_resolution_gives_the_same_minutiae(finger: Master) -> None:
    image = impression(finger, np.random.default_rng(1))
    fine = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    at_500, at_1000 = extract(image, 500), extract(np.asarray(fine, dtype=np.uint8), 1000)
    gap = np.hypot(at_500.x[:, None] - at_1000.x, at_500.y[:, None] - at_1000.y).min(axis=1)
    assert np.mean(gap < 6) > 0.8


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        (Condition.DRY, FingerProblem.TOO_DRY),
        (Condition.LIGHT, FingerProblem.TOO_LIGHT),
        (Condition.PARTIAL, FingerProblem.TOO_SMALL),
        (Condition.WET, FingerProblem.TOO_WET),
        (Condition.OFF_CENTRE, FingerProblem.OFF_CENTRE),
    ],
)
def test_a_bad_print_is_named_for_what_is_wrong_with_it(
    finger: Master, condition: Condition, problem: FingerProblem
) -> None:
    found = [assess(impression(finger, np.random.default_rng(seed), condition), 500) for seed in range(5)]
    assert sum(problem in quality.problems for quality in found) >= 4


@pytest.mark.parametrize("condition", [Condition.DRY, Condition.LIGHT, Condition.PARTIAL])
def test_a_partial_or_dry_print_scores_under_thirty(finger: Master, condition: Condition) -> None:
    for seed in range(5):
        assert assess(impression(finger, np.random.default_rng(seed), condition), 500).score < 30


def test_thinning_leaves_lines_one_pixel_wide_with_the_same_ends_and_forks() -> None:
    shape = np.zeros((80, 80), np.uint8)
    cv2.line(shape, (10, 40), (40, 40), (1,), 7)
    cv2.line(shape, (40, 40), (65, 15), (1,), 7)
    cv2.line(shape, (40, 40), (65, 65), (1,), 7)
    lines = thin(shape > 0)
    crossings = crossing_numbers(lines)
    assert int((crossings == 1).sum()) == 3
    assert int((crossings == 3).sum()) == 1
    assert not (lines[:-1, :-1] & lines[1:, :-1] & lines[:-1, 1:] & lines[1:, 1:]).any()
    assert cv2.connectedComponents(lines, connectivity=8)[0] == 2


def test_a_finger_that_moved_is_told_to_hold_still(finger: Master) -> None:
    smear = np.zeros((31, 31), np.float32)
    cv2.line(smear, (2, 8), (28, 22), 1.0)
    found = []
    for seed in range(5):
        still = impression(finger, np.random.default_rng(seed), Condition.GOOD)
        moved = cv2.filter2D(still, -1, smear / smear.sum())
        found.append(FingerProblem.MOVED in assess(np.asarray(moved, np.uint8), 500).problems)
        assert FingerProblem.MOVED not in assess(still, 500).problems
    assert sum(found) >= 4
