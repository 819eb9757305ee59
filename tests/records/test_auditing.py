"""What the records and the daemon write into the audit chain, and what they never do."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from hotspotd.clock import Stamp
from hotspotd.records import Records, audit_file
from hotspotd.records.audit_check import check
from hotspotd.records.audit_file import Entry, Wanted
from hotspotd.records.journal import Journal, RunsWith
from hotspotd.records.model import Decision, Rank
from tests.records.conftest import HandClock
from tests.records.examples import REFER_HIT, encounter, item
from tests.records.test_outbox import row

RUNS_WITH = RunsWith("1.0", "c0", "k0")


def _entries(path: Path, event: str) -> list[Entry]:
    with audit_file.reading(path) as connection:
        assert check(connection, []).finding is None
        return list(audit_file.entries(connection, Wanted(event=event)))


async def entries(path: Path, event: str = "") -> list[Entry]:
    """The entries of ``event``, or all, of a chain that is whole."""
    return await asyncio.to_thread(_entries, path, event)


async def told(path: Path, event: str = "") -> list[tuple[str, str, str]]:
    return [(one.event, one.subject, one.detail) for one in await entries(path, event)]


async def test_views_are_written_soon_each_once_with_how_often(records: Records, tmp_path: Path) -> None:
    for _ in range(3):
        records.viewed("picture.viewed", subject="E1", actor="guard screen", detail="face")
    records.viewed("alert.viewed", subject="E1", actor="guard screen")
    assert await entries(tmp_path / "records.db") == [], "nobody has waited"
    await records.views_written()
    assert await told(tmp_path / "records.db") == [("picture.viewed", "E1", "face x3"), ("alert.viewed", "E1", "")]
    records.viewed("alert.viewed", subject="E2", actor="guard screen")
    await records.close()
    assert len(await entries(tmp_path / "records.db")) == 3, "closing writes what waits"


async def test_more_views_than_can_wait_are_counted(records: Records, tmp_path: Path) -> None:
    for number in range(600):
        records.viewed("alert.viewed", subject=f"E{number}", actor="guard screen")
    await records.views_written()
    written = await told(tmp_path / "records.db")
    assert (len(written), written[-1]) == (513, ("views.not_listed", "pages", "88"))


async def test_views_that_cannot_be_written_wait_and_are_not_lost(
    records: Records, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(tmp_path / "records.db", isolation_level=None)) as connection:
        connection.execute("ALTER TABLE audit RENAME TO away")
        records.viewed("alert.viewed", subject="E1", actor="guard screen")
        await records.views_written()
        assert "1 views are not in the audit chain" in caplog.text
        connection.execute("ALTER TABLE away RENAME TO audit")
    records.viewed("alert.viewed", subject="E1", actor="guard screen")
    await records.views_written()
    assert await told(tmp_path / "records.db") == [("alert.viewed", "E1", "x2")]


async def test_a_start_says_what_it_runs_with_and_what_has_changed(records: Records, tmp_path: Path) -> None:
    for runs_with in (RUNS_WITH, RUNS_WITH, RunsWith("1.1", "c0", "k1")):
        journal = Journal(records, HandClock().clock())
        await journal.started(runs_with)
    await journal.stopped()
    events = [event for event, _, _ in await told(tmp_path / "records.db")]
    start = ["daemon.started", "software.used", "configuration.used", "key.used"]
    assert events == [
        *start,
        *start,
        "daemon.started",
        "software.changed",
        "configuration.used",
        "key.changed",
        "daemon.stopped",
    ]


async def test_another_list_is_said_once(records: Records, tmp_path: Path) -> None:
    journal = Journal(records, HandClock().clock())
    for version in ("one", "one", "two", None, None):
        journal.list_in_force(version)
    await records.views_written()
    assert [one[:2] for one in await told(tmp_path / "records.db")] == [
        ("watchlist.in_force", "one"),
        ("watchlist.in_force", "two"),
        ("watchlist.none", "watchlist"),
    ]


async def test_a_clock_that_is_set_or_loses_its_trust_is_said(records: Records, tmp_path: Path) -> None:
    clock = HandClock()
    steady = 0.0
    journal = Journal(records, clock.clock())
    at = clock.at
    for wall, passed in ((1, 1), (3600, 1), (-20_000 * 86_400, 1), (1, 1), (20_000 * 86_400, 1)):
        before = (Stamp(clock.at, trusted=clock.clock().now().trusted), steady)
        clock.at += timedelta(seconds=wall)
        steady += passed
        journal.clock_went(*before, clock.clock().now(), steady)
    assert clock.at > at
    await records.views_written()
    assert await told(tmp_path / "records.db") == [
        ("clock.set", "clock", "+3599 s"),
        ("clock.untrusted", "clock", "-1728000001 s"),
        ("clock.trusted", "clock", "+1727999999 s"),
    ]


async def test_what_people_and_the_gateway_write_stays_out_of_the_chain(records: Records, tmp_path: Path) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    (alert_id,) = await records.record_verdict(given.encounter_id, REFER_HIT)
    await records.decide(alert_id, Decision.DISMISS, "other_person: Anna Eriksson", "guard screen", code="other_person")
    await records.enqueue(row(2, Rank.DECISION))
    await records.outbox_quarantine("T00002", "gateway: ERIKSSON, ANNA is not understood", "bad_transaction")
    assert await told(tmp_path / "records.db", "alert.dismiss") == [
        ("alert.dismiss", given.encounter_id, f"alert {alert_id} other_person")
    ]
    assert await told(tmp_path / "records.db", "transaction") == [
        ("transaction.quarantined", "T00002", "bad_transaction")
    ]
    with closing(sqlite3.connect(tmp_path / "records.db")) as connection:
        whole = str(connection.execute("SELECT * FROM audit").fetchall()).upper()
    assert not [secret for secret in ("ERIKSSON", "ANNA", "L898902C3", "740812", "1974") if secret in whole]


async def test_notes_are_erased_in_their_time_on_a_trusted_clock_only(
    records: Records, hand_clock: HandClock, tmp_path: Path
) -> None:
    await records.audited("watchlist.lookup", subject="watchlist", note="second line, lane 2")
    hand_clock.move(days=-20_000)
    assert await records.erase_notes() == 0
    hand_clock.move(days=20_000 + 731)
    assert await records.erase_notes() == 1
    lookup, erased = await entries(tmp_path / "records.db")
    assert (lookup.note, erased.event, erased.detail) == ("", "audit.notes_erased", "1")
    assert b"second line" not in (tmp_path / "records.db").read_bytes()


async def test_a_damaged_database_is_the_first_thing_in_the_next_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "records.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with caplog.at_level(logging.CRITICAL):
        records = await Records.open(tmp_path / "records.db")
    await records.close()
    assert await told(tmp_path / "records.db") == [("records.set_aside", "records.db.damaged-1", "")]
