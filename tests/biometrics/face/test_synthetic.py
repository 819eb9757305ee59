"""Drawn faces: found by the detector, the same for a seed, and different from each other."""

from __future__ import annotations

import numpy as np
import pytest

from hotspotd.biometrics.face import synthetic
from hotspotd.biometrics.face.detect import FaceDetector


def test_the_detector_finds_exactly_one_face_and_its_eyes_on_thirty_people() -> None:
    detector = FaceDetector()
    found = [
        detector.detect(synthetic.picture(synthetic.person(seed), np.random.default_rng(seed))) for seed in range(30)
    ]
    assert [seed for seed, boxes in enumerate(found) if len(boxes) != 1] == []
    assert sum(boxes[0].eyes_seen for boxes in found) >= 28


def test_a_seed_gives_the_same_person_and_picture() -> None:
    assert synthetic.person(4) == synthetic.person(4)
    assert synthetic.person(4) != synthetic.person(5)
    one, two = (synthetic.picture(synthetic.person(4), np.random.default_rng(9)) for _ in range(2))
    assert np.array_equal(one, two)


def test_two_pictures_of_one_person_differ() -> None:
    who = synthetic.person(4)
    one, two = (synthetic.picture(who, np.random.default_rng(take)).astype(float) for take in (1, 2))
    assert np.abs(one - two).mean() > 2


@pytest.mark.parametrize("size", [(480, 640), (640, 480), (720, 960)])
def test_pictures_have_the_size_asked_for(size: tuple[int, int]) -> None:
    rgb = synthetic.picture(synthetic.person(1), np.random.default_rng(1), size)
    assert rgb.shape == (size[1], size[0], 3)
    assert rgb.dtype == np.uint8
    assert len(FaceDetector().detect(rgb)) == 1
