"""Observations of synthetic prints: what they say is true must be true of the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hotspotd.biometrics.finger.synthetic import Pattern, master
from hotspotd.biometrics.finger.synthetic.masters import Master
from hotspotd.biometrics.finger.synthetic.noise import Pool
from hotspotd.biometrics.finger.synthetic.observation import Observation, observe
from hotspotd.biometrics.finger.synthetic.sensors import Sensor
from hotspotd.biometrics.finger.synthetic.skeleton import thin
from hotspotd.biometrics.finger.synthetic.texture import texture
from hotspotd.biometrics.finger.synthetic.tracing import trace
from hotspotd.biometrics.finger.synthetic.truth import Truth, truth_of


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool(3)


@pytest.fixture(scope="module")
def finger() -> tuple[Master, Truth]:
    made = master(12, Pattern.RIGHT_LOOP)
    return made, truth_of(made)


def seen(finger: tuple[Master, Truth], pool: Pool, seed: int, sensor: Sensor = Sensor.OPTICAL) -> Observation:
    return observe(*finger, np.random.default_rng(seed), pool, sensor)


@pytest.mark.parametrize("pattern", list(Pattern))
def test_a_finger_of_each_class_has_as_many_minutiae_as_fingers_have(pattern: Pattern) -> None:
    truth = truth_of(master(5, pattern))
    assert 40 <= len(truth) <= 250
    assert 0 < int(truth.kind.sum()) < len(truth)


def test_the_same_seed_gives_the_same_observation(finger: tuple[Master, Truth], pool: Pool) -> None:
    one, again, other = (seen(finger, pool, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(one.points.x, again.points.x)
    assert (one.image != other.image).any()


@pytest.mark.parametrize("seed", range(8))
def test_minutiae_lie_where_the_ridges_of_the_picture_end_or_fork(
    finger: tuple[Master, Truth], pool: Pool, seed: int
) -> None:
    found = seen(finger, pool, seed)
    theta = cv2.resize(found.theta, found.image.shape[::-1], interpolation=cv2.INTER_NEAREST)
    smooth = cv2.GaussianBlur(found.ridges, (0, 0), 1.0)
    traced = trace(thin(smooth < 0), np.asarray(theta, np.float32))
    inner = [i for i in range(len(found.points)) if 20 < found.points.x[i] < 235 and 20 < found.points.y[i] < 235]
    assert inner
    met = 0
    for i in inner:
        apart = np.hypot(traced.x - found.points.x[i], traced.y - found.points.y[i])
        way = np.cos(traced.angle - found.points.angle[i])
        met += bool(((apart < 7) & (way > 0.7)).any())
    assert met >= 0.8 * len(inner)


@pytest.mark.parametrize("sensor", list(Sensor))
def test_what_is_readable_agrees_with_the_ridges_and_runs_along_theta(
    finger: tuple[Master, Truth], pool: Pool, sensor: Sensor
) -> None:
    shares = []
    for seed in range(6):
        found = seen(finger, pool, seed, sensor)
        assert found.image.dtype == np.uint8
        assert found.readable.shape == found.theta.shape == (32, 32)
        assert found.readable.min() >= 0
        assert found.readable.max() <= 1
        dx, dy = (cv2.Sobel(cv2.GaussianBlur(found.ridges, (0, 0), 1.0), cv2.CV_32F, *way) for way in ((1, 0), (0, 1)))
        cos2 = cv2.GaussianBlur(dy * dy - dx * dx, (0, 0), 6.0)[::8, ::8]
        sin2 = cv2.GaussianBlur(-2 * dx * dy, (0, 0), 6.0)[::8, ::8]
        along = 0.5 * np.arctan2(sin2, cos2)
        shares.append(float(np.mean(np.cos(2 * (along - found.theta))[2:-2, 2:-2])))
    assert np.mean(shares) > 0.9


def test_coarse_sensors_have_sixteen_levels(finger: tuple[Master, Truth], pool: Pool) -> None:
    assert len(np.unique(seen(finger, pool, 1, Sensor.COARSE).image)) <= 16


def test_texture_is_seeded_and_not_flat(pool: Pool) -> None:
    for seed in range(12):
        one, again = (texture(np.random.default_rng(seed), pool, (128, 160)) for _ in range(2))
        np.testing.assert_array_equal(one, again)
        assert one.shape == (128, 160)
        assert one.std() > 3
