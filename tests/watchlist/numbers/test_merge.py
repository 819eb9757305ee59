"""Additions and withdrawals make, byte for byte, what building anew would."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.numbers import (
    Kind,
    Listing,
    NumberEntry,
    NumbersStore,
    Status,
    Withdrawal,
    build,
    merge,
    normal_form,
    spool,
)
from hotspotd.watchlist.numbers.rows import INDEX, ROWS
from hotspotd.watchlist.secret import ListKey
from tests.watchlist.numbers.lists import KEY, PASSPORT, numbers

_KINDS = st.sampled_from([Kind.DOCUMENT, Kind.VEHICLE, Kind.FIREARM])
_OWNERS = st.sampled_from(["UTO", "SVN"])


@st.composite
def _entries(draw: st.DrawFn) -> NumberEntry:
    kind = draw(_KINDS)
    issuer = draw(st.sampled_from(["UTO", "HRV"])) if kind.has_issuer else ""
    listing = Listing(kind, issuer, draw(st.sampled_from(Status)), draw(_OWNERS), draw(st.sampled_from("ab")))
    expires = draw(st.sampled_from([None, date(2026, 1, 1), date(2027, 1, 1)]))
    return NumberEntry(str(draw(st.integers(0, 12))), listing, expires)


def _withdrawal(entry: NumberEntry) -> Withdrawal:
    listing = entry.listing
    return Withdrawal(listing.kind, entry.number, listing.issuer, listing.owner)


def _same(one: Withdrawal, entry: NumberEntry) -> bool:
    listing = entry.listing
    return (one.kind, one.issuer, one.owner) == (listing.kind, listing.issuer, listing.owner) and normal_form(
        one.kind, one.number, one.issuer
    ) == normal_form(one.kind, entry.number, one.issuer)


def _bytes(folder: Path) -> tuple[bytes, bytes]:
    return (folder / ROWS).read_bytes(), (folder / INDEX).read_bytes()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(_entries(), max_size=30), st.lists(_entries(), max_size=10), st.lists(_entries(), max_size=10))
def test_a_merged_store_is_what_would_be_built_anew(
    tmp_path_factory: pytest.TempPathFactory,
    listed: list[NumberEntry],
    added: list[NumberEntry],
    taken_back: list[NumberEntry],
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    for name in ("old", "merged", "anew"):
        (folder / name).mkdir()
    withdrawals = [_withdrawal(entry) for entry in taken_back]
    build(folder / "old", listed, KEY)
    merge(NumbersStore(folder / "old"), folder / "merged", added, withdrawals, KEY)
    left = [entry for entry in listed if not any(_same(one, entry) for one in withdrawals)]
    build(folder / "anew", left + added, KEY)
    assert _bytes(folder / "merged") == _bytes(folder / "anew")


def test_what_is_withdrawn_is_gone_from_the_files_and_its_class_with_it(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    build(old, numbers(), KEY)
    revoked = numbers()[3]
    assert merge(NumbersStore(old), new, [], [_withdrawal(revoked)], KEY) == len(numbers()) - 1
    assert revoked.listing not in NumbersStore(new).listings


def test_a_bureau_cannot_take_back_what_another_listed(tmp_path: Path) -> None:
    build(tmp_path, numbers(), KEY)
    new = tmp_path / "new"
    new.mkdir()
    other = Withdrawal(Kind.DOCUMENT, "L898902C3", "UTO", "SVN")
    assert merge(NumbersStore(tmp_path), new, [], [other], KEY) == len(numbers())


def test_a_list_under_another_key_or_damaged_is_not_merged(tmp_path: Path) -> None:
    build(tmp_path, numbers(), KEY)
    new = tmp_path / "new"
    new.mkdir()
    with pytest.raises(WatchlistError) as error:
        merge(NumbersStore(tmp_path), new, [], [], ListKey(bytes(32)))
    assert error.value.reason is Reason.NO_KEY
    data = bytearray((tmp_path / ROWS).read_bytes())
    data[-1] ^= 1
    (tmp_path / ROWS).write_bytes(data)
    with pytest.raises(WatchlistError) as error:
        merge(NumbersStore(tmp_path), new, [NumberEntry("X1", PASSPORT)], [], KEY)
    assert error.value.reason is Reason.DAMAGED


def test_many_partitions_make_the_same_bytes_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [NumberEntry(f"P{number}", PASSPORT) for number in range(3000)]
    for name in ("one", "many", "merged"):
        (tmp_path / name).mkdir()
    build(tmp_path / "one", listed, KEY)
    monkeypatch.setattr(spool, "_ALONE", 0)
    monkeypatch.setattr(spool, "_RUN_ROWS", 100)
    build(tmp_path / "many", listed, KEY)
    old = tmp_path / "old"
    old.mkdir()
    build(old, [*listed[:2900], NumberEntry("GONE", PASSPORT)], KEY)
    gone = _withdrawal(NumberEntry("GONE", PASSPORT))
    merge(NumbersStore(old), tmp_path / "merged", listed[2900:], [gone], KEY)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "many") == _bytes(tmp_path / "merged")
