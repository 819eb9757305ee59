"""The log for the gateway: warnings in batches, bounded, and nothing that an exception quotes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.operations.log_reports import MOST_BYTES, LogReport, LogReports, LogRing
from hotspotd.records import Records
from hotspotd.records.data_key import beside, make_key_file
from hotspotd.records.model import Kind, Rank

log = logging.getLogger("hotspotd.example")


@pytest.fixture
def ring() -> Iterator[LogRing]:
    made = LogRing(most=1000)
    logging.getLogger().addHandler(made)
    yield made
    logging.getLogger().removeHandler(made)


def read(found: tuple[bytes, int] | None) -> LogReport:
    assert found is not None
    assert len(found[0]) <= MOST_BYTES
    return msgspec.json.decode(found[0], type=LogReport)


def texts(report: LogReport) -> list[str]:
    return [line.text for line in report.lines]


def test_warnings_and_worse_are_kept_in_order(ring: LogRing) -> None:
    log.info("not this")
    log.warning("disk %d %% full", 91)
    log.error("scanner gone")
    report = read(ring.next())
    assert texts(report) == ["disk 91 % full", "scanner gone"]
    assert [(line.level, line.logger) for line in report.lines] == [
        ("warning", "hotspotd.example"),
        ("error", "hotspotd.example"),
    ]
    assert report.lines[0].at.endswith("Z")


def test_what_an_exception_quotes_stays_here(ring: LogRing) -> None:
    try:
        int("ERIKSSON")
    except ValueError:
        log.exception("cannot read")
    (text,) = texts(read(ring.next()))
    assert text.startswith("cannot read [ValueError at test_log_reports.py:")
    assert "ERIKSSON" not in text


def test_the_oldest_go_when_there_is_no_room_and_that_is_said(ring: LogRing) -> None:
    for number in range(1200):
        log.warning("line %d", number)
    report = read(ring.next())
    assert report.lost == 200
    assert report.lines[0].text == "line 200"


def test_a_message_is_bounded_and_the_rest_comes_with_the_next(ring: LogRing) -> None:
    for number in range(300):
        log.warning("%d %s", number, "é" * 5000)
    seen: list[str] = []
    while found := ring.next():
        report = read(found)
        assert report.lost == 0
        assert report.lines
        seen += texts(report)
        ring.sent(found[1])
    assert [int(text.split()[0]) for text in seen] == list(range(300))


def test_what_was_not_sent_comes_again(ring: LogRing) -> None:
    log.warning("one")
    ring.next()
    log.warning("two")
    assert texts(read(ring.next())) == ["one", "two"]


async def test_a_batch_is_a_row_of_the_lowest_rank_and_kept_until_it_is_one(ring: LogRing, tmp_path: Path) -> None:
    # That it is made beside the data would be a warning.
    await asyncio.to_thread(make_key_file, beside(tmp_path / "records.db").path)
    records = await Records.open(tmp_path / "records.db", outbox_limit=2)
    woken: list[Any] = []
    reports = LogReports(ring, records, Clock(), "UTO", lambda: woken.append(1))
    assert not await reports.tell()
    log.warning("one")
    assert await reports.tell()
    log.warning("two")
    with pytest.raises(RecordsError) as caught:
        await reports.tell()
    assert caught.value.reason is Reason.STORAGE_FULL
    (row,) = await records.outbox_due(9)
    assert (row.kind, row.rank, bool(row.deadline)) == (Kind.LOG, Rank.LOG, True)
    assert texts(msgspec.json.decode(row.payload, type=LogReport)) == ["one"]
    await records.outbox_receipt(row.tcn, b"{}")
    assert await reports.tell()
    assert len(woken) == 2
    (second,) = await records.outbox_due(9)
    # The refusal itself is a warning: it goes too.
    assert texts(msgspec.json.decode(second.payload, type=LogReport))[0] == "two"
    await records.close()
