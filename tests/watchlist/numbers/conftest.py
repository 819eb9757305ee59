"""A key, and a small store of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotspotd.watchlist.numbers import NumbersStore, build
from tests.watchlist.numbers.lists import KEY, numbers


@pytest.fixture
def store(tmp_path: Path) -> NumbersStore:
    """The numbers of ``lists``, built, open and unlocked."""
    folder = tmp_path / "numbers"
    folder.mkdir()
    build(folder, numbers(), KEY)
    store = NumbersStore(folder)
    store.unlock(KEY)
    return store
