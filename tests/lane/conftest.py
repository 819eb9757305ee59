"""Prints for the lane's tests: drawn once for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger import synthetic
from hotspotd.watchlist import Shelf, Snapshot
from tests.lane.lists import people_list

Image = NDArray[np.uint8]


@pytest.fixture(scope="session")
def two_impressions() -> tuple[Image, Image]:
    """Two good impressions of one finger: what the traveller gives, and what a list holds."""
    master, rng = synthetic.master(11), np.random.default_rng(11)
    good = synthetic.Condition.GOOD
    return synthetic.impression(master, rng, good), synthetic.impression(master, rng, good)


@pytest.fixture(scope="session")
def print_image(two_impressions: tuple[Image, Image]) -> Image:
    """A good print."""
    return two_impressions[0]


@pytest.fixture(scope="session")
def partial_print(print_image: Image) -> Image:
    """The same finger hardly touching the glass."""
    blank = np.full_like(print_image, 255)
    ink = np.argwhere(print_image < 128)
    top, left = ink.min(axis=0)
    part = (slice(top, top + 50), slice(left, left + 60))
    blank[part] = print_image[part]
    return blank


@pytest.fixture(scope="session")
def snapshot(two_impressions: tuple[Image, Image], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A list with one person's finger and one stolen document (STOLEN1)."""
    folder = tmp_path_factory.mktemp("watchlist")
    entries, finger_engine = people_list(two_impressions[1])
    shelf = Shelf(folder)
    shelf.publish(entries, finger_engine=finger_engine, face_engine=None, version="1")
    return shelf.open(finger_engine=finger_engine, face_engine=None)


@pytest.fixture(scope="session")
def nobody_listed(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A list that nobody is on."""
    shelf = Shelf(tmp_path_factory.mktemp("empty-watchlist"))
    shelf.publish([], finger_engine=finger.ENGINE, face_engine=None, version="1")
    return shelf.open(finger_engine=finger.ENGINE, face_engine=None)
