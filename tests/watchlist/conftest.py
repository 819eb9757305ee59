"""The small list of ``examples``, on a shelf and open."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotspotd.biometrics import finger
from hotspotd.domain.document import Document, parse_mrz
from hotspotd.watchlist import Shelf, Snapshot
from tests.watchlist.examples import FACE_ENGINE, MRZ, entries


@pytest.fixture
def document() -> Document:
    """The specimen passport of 9303-4."""
    return parse_mrz(MRZ)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A shelf with one list, current."""
    shelf = Shelf(tmp_path / "watchlist")
    shelf.publish(entries(), finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="one")
    return shelf


@pytest.fixture
def snapshot(shelf: Shelf) -> Snapshot:
    """The list of ``shelf``, open."""
    return shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
