"""What differs between two stores, put onto the first, makes the second, byte for byte."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, NumbersStore, Status, build
from hotspotd.watchlist.numbers.changes import difference, patched
from hotspotd.watchlist.numbers.rows import INDEX, ROWS
from hotspotd.watchlist.secret import ListKey
from tests.watchlist.numbers.lists import KEY, PASSPORT, numbers


@st.composite
def _entries(draw: st.DrawFn) -> NumberEntry:
    listing = Listing(Kind.FIREARM, "", draw(st.sampled_from(Status)), draw(st.sampled_from(["UTO", "SVN"])))
    return NumberEntry(f"N{draw(st.integers(0, 15))}", listing, draw(st.sampled_from([None, date(2027, 1, 1)])))


def _store(folder: Path, entries: list[NumberEntry], key: ListKey = KEY) -> NumbersStore | None:
    folder.mkdir()
    build(folder, entries, key)
    return NumbersStore(folder) if entries else None


def _opened(folder: Path) -> NumbersStore | None:
    return NumbersStore(folder) if (folder / INDEX).exists() else None


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(st.lists(_entries(), max_size=25), st.lists(_entries(), max_size=25))
def test_a_patched_store_is_the_new_one(before: list[NumberEntry], after: list[NumberEntry]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old, new = _store(folder / "old", before), _store(folder / "new", after)
        difference(old, new, folder / "added", folder / "gone")
        count = patched(old, _opened(folder / "added"), _opened(folder / "gone"), folder / "out")
        if new is None:
            assert count == 0
            return
        assert count == len(new)
        for file in (ROWS, INDEX):
            assert (folder / "out" / file).read_bytes() == (folder / "new" / file).read_bytes()


def test_a_small_change_is_small(tmp_path: Path) -> None:
    many = [NumberEntry(f"P{number:07}", PASSPORT) for number in range(5000)]
    old, new = _store(tmp_path / "old", many), _store(tmp_path / "new", [*many[50:], *numbers()])
    assert difference(old, new, tmp_path / "added", tmp_path / "gone") == (10, 50)
    assert (tmp_path / "added" / ROWS).stat().st_size == 90


def test_stores_of_other_keys_are_refused(tmp_path: Path) -> None:
    old, new = _store(tmp_path / "old", numbers()), _store(tmp_path / "new", numbers(), ListKey(bytes(32)))
    with pytest.raises(WatchlistError) as caught:
        difference(old, new, tmp_path / "added", tmp_path / "gone")
    assert caught.value.reason is Reason.NO_KEY


def test_what_is_not_there_cannot_be_withdrawn(tmp_path: Path) -> None:
    old, new = _store(tmp_path / "old", numbers()), _store(tmp_path / "new", numbers()[1:])
    difference(old, new, tmp_path / "added", tmp_path / "gone")
    with pytest.raises(WatchlistError) as caught:
        patched(new, None, _opened(tmp_path / "gone"), tmp_path / "out")
    assert caught.value.reason is Reason.CONFLICT
