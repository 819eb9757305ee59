"""Drawn fingers: reproducible, within their limits, and about as alike as real ones."""

from __future__ import annotations

import numpy as np
import pytest

from hotspotd.biometrics.finger.synthetic import population
from hotspotd.biometrics.finger.synthetic.population import Minutiae, Wear


@pytest.fixture(scope="module")
def drawn() -> Minutiae:
    return population.fingers(np.random.default_rng(4), 400)


def _valid(of: Minutiae) -> np.ndarray:
    return np.arange(of.x.shape[1]) < of.count[:, None]


def test_the_same_seed_draws_the_same_fingers(drawn: Minutiae) -> None:
    again = population.fingers(np.random.default_rng(4), 400)
    assert np.array_equal(drawn.x, again.x)
    assert np.array_equal(drawn.angle, again.angle)


def test_fingers_have_thirty_to_sixty_minutiae_on_the_picture_and_apart(drawn: Minutiae) -> None:
    valid = _valid(drawn)
    assert drawn.count.min() >= population.FEWEST - 3  # A small print may be full before it has all it should.
    assert drawn.count.max() <= population.MOST
    assert 40 < drawn.count.mean() < 48
    assert (drawn.x[valid] >= 0).all()
    assert (drawn.x[valid] < population.SIZE[0]).all()
    assert (drawn.y[valid] < population.SIZE[1]).all()
    assert ((drawn.angle[valid] >= 0) & (drawn.angle[valid] <= 2 * np.pi)).all()
    x, y = drawn.x[0, : drawn.count[0]], drawn.y[0, : drawn.count[0]]
    gaps = np.hypot(x[:, None] - x, y[:, None] - y) + 99 * np.eye(len(x))
    assert gaps.min() > 8.9


def test_neighbours_lie_along_one_field(drawn: Minutiae) -> None:
    near, far = [], []
    for finger in range(100):
        x, y, angle = (column[finger, : drawn.count[finger]] for column in (drawn.x, drawn.y, drawn.angle))
        gap = np.hypot(x[:, None] - x, y[:, None] - y) + 999 * np.eye(len(x))
        along = np.cos(2 * (angle[:, None] - angle))
        near.append(along[gap < 30].mean())
        far.append(along[(gap > 120) & (gap < 999)].mean())
    assert np.mean(near) > 0.6
    assert np.mean(far) < 0.4


def test_a_mate_knows_where_its_minutiae_came_from(drawn: Minutiae) -> None:
    still = Wear(lost=0, spurious=0, shift=0, twist=0, bend=0, turn=0, overlap=(1, 1))
    mates, source = population.mate(np.random.default_rng(5), drawn, still)
    assert np.array_equal(mates.count, drawn.count)
    for finger in range(20):
        count = mates.count[finger]
        assert np.array_equal(np.sort(source[finger, :count]), np.arange(count))
        moved = mates.x[finger, :count] - drawn.x[finger, source[finger, :count]]
        assert np.ptp(moved) < 60  # One shift for all but those that the picture's edge holds back.


def test_wear_loses_adds_and_covers_as_asked(drawn: Minutiae) -> None:
    mates, source = population.mate(np.random.default_rng(6), drawn, Wear(lost=0.2, spurious=0.3, overlap=(0.5, 0.5)))
    valid = _valid(mates)
    kept, added = (source >= 0)[valid].sum(), (source < 0)[valid].sum()
    assert 0.36 < kept / drawn.count.sum() < 0.46  # Four in five of those on the touching half.
    assert 0.10 < added / drawn.count.sum() < 0.18
