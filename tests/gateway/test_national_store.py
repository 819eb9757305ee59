"""The database of national repositories by itself: its version, its limits, and how long a record counts."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.config import RepositorySection
from hotspotd.gateway.intake.store import IntakeStore, Now, Submitter
from hotspotd.relay.national.deltas import GENESIS, Delta, DeltaReceipt, Put, encode_row, mark_of, pack, sign
from hotspotd.watchlist.numbers import Kind, Status

KEY = ec.derive_private_key(0x1234567, ec.SECP256R1())
OFFICE = Submitter("office", b"certificate")
RULE = RepositorySection(name="uto", owner="UTO", devices=("office",), keep_years=4, most_records=3)


def put(place: int, **more: str) -> Put:
    fields = {"id": f"row{place:013d}", "number": f"A{place}", "issuer": "UTO"} | more
    return Put(kind=Kind.DOCUMENT, status=Status.REVOKED, **fields)  # type: ignore[arg-type]


def take(store: IntakeStore, today: date, *rows: Put) -> DeltaReceipt:
    state = store.state("uto")
    chunk = pack(b"".join(map(encode_row, rows)))
    marks = (mark_of(chunk, len(rows)),)
    delta = Delta(repository="uto", sequence=state.sequence + 1, previous=state.digest, chunks=marks)
    signed = sign(delta, KEY)
    now = Now(today, f"{today}T12:00:00Z")
    store.offer(OFFICE, delta, signed, now)
    store.chunk("uto", signed.digest, delta.sequence, 0, chunk)
    receipt, new = store.offer(OFFICE, delta, signed, now)
    assert isinstance(receipt, DeltaReceipt)
    assert new
    return receipt


def ends(path: Path) -> dict[str, str]:
    database = sqlite3.connect(path)
    try:
        return dict(database.execute("SELECT number, ends FROM record").fetchall())
    finally:
        database.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "national.db"


def test_a_record_counts_as_long_as_it_says_or_as_the_rule_does(path: Path) -> None:
    store = IntakeStore.open(path, {"uto": RULE})
    leap = date(2028, 2, 29)
    take(store, leap, put(1), put(2, since="2027-05-01"), put(3, since="2001-01-01", expires="2028-03-01"))
    assert ends(path) == {"A1": "2032-02-29", "A2": "2031-05-01", "A3": "2028-03-01"}
    # Named again later, a record without dates of its own does not count longer.
    take(store, date(2029, 1, 1), put(1, reason="again"))
    assert ends(path)["A1"] == "2032-02-29"
    assert store.purge(date(2028, 3, 1)) == 0
    assert store.purge(date(2028, 3, 2)) == 1
    assert store.state("uto").count == 2
    store.close()


def test_a_leap_day_ends_on_the_28th_where_there_is_none(path: Path) -> None:
    rule = RepositorySection(name="uto", owner="UTO", devices=("office",), keep_years=1)
    store = IntakeStore.open(path, {"uto": rule})
    take(store, date(2028, 2, 29), put(1))
    store.close()
    assert ends(path) == {"A1": "2029-02-28"}


def test_a_full_repository_takes_changes_and_no_additions(path: Path) -> None:
    store = IntakeStore.open(path, {"uto": RULE})
    today = date(2026, 11, 22)
    take(store, today, put(1), put(2), put(3))
    receipt = take(store, today, put(4), put(1, reason="changed"))
    assert (receipt.changed, receipt.count) == (1, 3)
    assert [one.reason for one in receipt.rejected] == ["the repository is full: it may hold 3 records"]
    store.close()


def test_an_id_stands_for_one_record(path: Path) -> None:
    store = IntakeStore.open(path, {"uto": RULE})
    receipt = take(store, date(2026, 11, 22), put(1), put(1, number="B1"))
    assert [one.reason for one in receipt.rejected] == ["id: that of another record"]
    assert list(ends(path)) == ["A1"]
    store.close()


def test_what_was_taken_is_there_when_it_is_opened_again(path: Path) -> None:
    store = IntakeStore.open(path, {"uto": RULE})
    receipt = take(store, date(2026, 11, 22), put(1))
    store.close()
    store = IntakeStore.open(path, {"uto": RULE, "new": RULE})
    assert store.state("uto").digest == receipt.digest
    assert store.state("new").digest == GENESIS
    store.close()


def test_a_database_of_a_later_version_is_refused(path: Path) -> None:
    IntakeStore.open(path, {}).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(RelayError) as caught:
        IntakeStore.open(path, {})
    assert caught.value.reason is Reason.BAD_VALUE
    assert "later version" in caught.value.what
