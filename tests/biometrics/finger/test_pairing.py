"""Paired minutiae for a person to look at: those of one finger fall where the finger does, of two fingers few do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.finger import FingerTemplate, Paired, extract, paired
from hotspotd.biometrics.finger.comparison import examine
from hotspotd.biometrics.finger.synthetic import Condition, impression, master

TURN = np.radians(20.0)
SHIFT = np.array([14.0, -9.0])


def moved(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """``picture`` turned about its middle and shifted, and the (2, 3) map of its places to those in it."""
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -np.degrees(TURN), 1.0)
    matrix[:, 2] += SHIFT
    turned = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=255)
    return np.asarray(turned, np.uint8), matrix


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    return [
        impression(master(300 + seed), np.random.default_rng(seed), Condition.GOOD, size=(400, 400))
        for seed in range(3)
    ]


@pytest.fixture(scope="module")
def templates(pictures: list[NDArray[np.uint8]]) -> list[FingerTemplate]:
    return [extract(picture, 500) for picture in pictures]


def test_pairs_of_a_turned_and_shifted_print_fall_where_it_was_moved_to(
    pictures: list[NDArray[np.uint8]], templates: list[FingerTemplate]
) -> None:
    picture, matrix = moved(pictures[0])
    found = paired(templates[0], extract(picture, 500))
    assert len(found) >= 20
    off = found.probe[:, :2] @ matrix[:, :2].T + matrix[:, 2] - found.reference[:, :2]
    turned = np.angle(np.exp(1j * (found.reference[:, 2] - found.probe[:, 2] - TURN)))
    assert np.mean(np.hypot(*off.T) < 8) > 0.9
    assert np.mean(np.abs(turned) < 0.3) > 0.9


def test_pairs_are_one_to_one_the_closest_first_and_minutiae_of_the_templates(templates: list[FingerTemplate]) -> None:
    again = extract(impression(master(300), np.random.default_rng(9), Condition.GOOD, size=(400, 400)), 500)
    found = paired(templates[0], again)
    assert len(found) >= 12
    assert (np.diff(found.gap) >= 0).all()
    for side, template in ((found.probe, templates[0]), (found.reference, again)):
        places = {(float(x), float(y)) for x, y in zip(template.x, template.y, strict=True)}
        chosen = [(float(x), float(y)) for x, y in side[:, :2]]
        assert len(set(chosen)) == len(chosen)
        assert set(chosen) <= places


def test_different_fingers_have_few_pairs_and_nothing_has_none(templates: list[FingerTemplate]) -> None:
    own = len(paired(templates[0], templates[0]))
    assert own >= 0.9 * len(templates[0])
    for one, other in ((0, 1), (1, 2), (2, 0)):
        assert len(paired(templates[one], templates[other])) < own / 2
    nothing = extract_of_nothing(templates[0])
    assert len(paired(nothing, templates[0])) == len(paired(templates[0], nothing)) == 0


def extract_of_nothing(like: FingerTemplate) -> FingerTemplate:
    empty = np.zeros(0, dtype=np.float32)
    return FingerTemplate(
        empty, empty, empty, empty.astype(np.uint8), empty.astype(np.uint8), like.width, like.height, 0
    )


def test_what_is_drawn_is_what_the_comparison_counts(templates: list[FingerTemplate]) -> None:
    again = extract(impression(master(301), np.random.default_rng(8), Condition.GOOD, size=(400, 400)), 500)
    found: Paired = paired(templates[1], again)
    assert 0.7 < len(found) / examine(templates[1], again).paired <= 1.0
