"""The outbox: ranks, moves from state to state, limits, deadlines, and what a kill leaves of it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Awaitable
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from hotspotd.domain.identifiers import second_tcn
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.audit import first_broken
from hotspotd.records.model import PERISHABLE, Decision, Kind, OutboxItem, OutboxState, Rank
from tests.records.conftest import HandClock
from tests.records.examples import CLEAR, REFER_HIT, answer, encounter, item

_ROOT = Path(__file__).resolve().parents[2]
_KIND_OF = {Rank.DECISION: Kind.DECISION, Rank.STATISTICS: Kind.STATISTICS, Rank.LOG: Kind.LOG}


def row(number: int, rank: Rank = Rank.LOG, *, size: int = 10, deadline: str | None = None) -> OutboxItem:
    return OutboxItem(
        tcn=f"T{number:05d}",
        kind=_KIND_OF.get(rank, Kind.TRANSACTION),
        rank=rank,
        payload=b"x" * size,
        created_at=f"2026-11-22T12:{number // 60:02d}:{number % 60:02d}.000Z",
        deadline=deadline,
    )


async def state(records: Records, tcn: str) -> OutboxState:
    return (await records.outbox_item(tcn)).state


async def refused(attempt: Awaitable[object]) -> Reason:
    with pytest.raises(RecordsError) as caught:
        await attempt
    return caught.value.reason


async def test_what_is_due_comes_by_rank_and_then_by_age(records: Records) -> None:
    for number, rank in ((5, Rank.LOG), (4, Rank.STATISTICS), (3, Rank.BACKLOG), (2, Rank.BACKLOG), (1, Rank.DECISION)):
        await records.enqueue(row(number, rank))
    live = encounter(9)
    await records.record_encounter(live, item(live))
    order = [each.tcn for each in await records.outbox_due(10)]
    assert order == [live.tcn, "T00001", "T00002", "T00003", "T00004", "T00005"]
    only = [each.tcn for each in await records.outbox_due(10, [Rank.LOG, Rank.DECISION])]
    assert only == ["T00001", "T00005"]
    assert [each.tcn for each in await records.outbox_due(2)] == order[:2]
    assert await records.outbox_due(10, []) == []


async def test_a_row_comes_back_as_it_was_added(records: Records) -> None:
    given = row(1, Rank.STATISTICS, deadline="2026-11-23T12:00:00.000Z")
    await records.enqueue(given)
    assert await records.outbox_item(given.tcn) == given


def test_only_what_may_be_lost_has_a_deadline() -> None:
    assert {Kind.STATISTICS, Kind.LOG} == PERISHABLE
    for rank in (Rank.LIVE, Rank.DECISION):
        with pytest.raises(ValueError, match="no deadline"):
            row(1, rank, deadline="2026-11-23T12:00:00.000Z")


async def test_a_row_being_sent_is_not_due_and_still_waits(records: Records) -> None:
    await records.enqueue(row(1))
    assert await records.outbox_sending("T00001", "fibre")
    assert not await records.outbox_sending("T00001", "satellite")
    assert await records.outbox_due(10) == []
    assert (await records.outbox_item("T00001")).link == "fibre"
    assert (await records.queue_state()).waiting == 1
    await records.outbox_failed("T00001", "cut")
    [back] = await records.outbox_due(10)
    assert (back.attempts, back.last_error) == (1, "cut")


async def test_rows_on_their_way_are_taken_back_singly_or_all(records: Records) -> None:
    for number in (1, 2, 3):
        await records.enqueue(row(number))
        await records.outbox_sending(f"T{number:05d}", "fibre")
    assert await records.outbox_requeue("T00002") == 1
    assert [each.tcn for each in await records.outbox_due(10)] == ["T00002"]
    assert await records.outbox_requeue() == 2
    assert len(await records.outbox_due(10)) == 3


async def test_what_gets_no_reply_is_done_with_its_receipt(records: Records) -> None:
    await records.enqueue(row(1, Rank.DECISION))
    await records.outbox_sending("T00001", "fibre")
    await records.outbox_receipt("T00001", b"{}")
    done = await records.outbox_item("T00001")
    assert (done.state, done.payload) == (OutboxState.ANSWERED, b"")
    [listed] = await records.outbox_rows()
    assert listed.size == 10


async def test_a_late_receipt_counts_for_what_was_set_aside(records: Records, hand_clock: HandClock) -> None:
    given = encounter(1)
    await records.record_encounter(given, item(given))
    await records.outbox_quarantine(given.tcn, "given up")
    await records.outbox_receipt(given.tcn, b"{}")
    assert await state(records, given.tcn) is OutboxState.RECEIVED
    await records.enqueue(row(2, deadline="2026-11-22T11:00:00.000Z"))
    assert await records.outbox_expire() == ["T00002"]
    await records.outbox_receipt("T00002", b"{}")
    assert await state(records, "T00002") is OutboxState.ANSWERED


async def test_news_of_a_row_that_has_moved_on_changes_nothing(records: Records) -> None:
    given = encounter(1)
    await records.record_encounter(given, item(given))
    await records.outbox_receipt(given.tcn, b"{}")
    await records.outbox_failed(given.tcn, "too late")
    await records.outbox_quarantine(given.tcn, "too late")
    assert not await records.outbox_sending(given.tcn, "fibre")
    received = await records.outbox_item(given.tcn)
    assert (received.state, received.attempts, received.last_error) == (OutboxState.RECEIVED, 1, "")


async def test_a_person_sends_again_what_was_set_aside(records: Records) -> None:
    given = encounter(1)
    await records.record_encounter(given, item(given))
    await records.outbox_failed(given.tcn, "500")
    await records.outbox_quarantine(given.tcn, "502")
    await records.outbox_retry(given.tcn, "badge 7")
    again = await records.outbox_item(given.tcn)
    assert (again.state, again.attempts, again.last_error, again.rank) == (OutboxState.QUEUED, 0, "", Rank.LIVE)
    assert await refused(records.outbox_retry(given.tcn)) is Reason.CONFLICT
    assert await refused(records.outbox_retry("T99999")) is Reason.NOT_FOUND
    await records.outbox_quarantine(given.tcn, "502")
    await records.release(given.encounter_id)
    await records.outbox_retry(given.tcn)
    assert (await records.outbox_item(given.tcn)).rank is Rank.BACKLOG


async def test_what_has_expired_without_its_payload_cannot_be_sent_again(records: Records) -> None:
    await records.enqueue(row(1, deadline="2026-11-22T11:00:00.000Z"))
    await records.outbox_expire()
    assert await refused(records.outbox_retry("T00001")) is Reason.CONFLICT


async def test_a_deadline_passes_on_a_trusted_clock_only_and_loudly(
    records: Records, hand_clock: HandClock, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    await records.enqueue(row(1, deadline="2026-11-22T12:30:00.000Z"))
    await records.enqueue(row(2, deadline="2026-11-22T12:30:00.000Z"))
    await records.enqueue(row(3))
    await records.outbox_sending("T00002", "fibre")
    assert await records.outbox_expire() == []
    hand_clock.move(days=-20_000)
    assert await records.outbox_expire() == []
    hand_clock.move(days=20_000, hours=1)
    assert await records.outbox_expire() == ["T00001"]
    assert "T00001" in caplog.text
    expired = await records.outbox_item("T00001")
    assert (expired.state, expired.payload) == (OutboxState.EXPIRED, b"")
    assert [await state(records, tcn) for tcn in ("T00002", "T00003")] == [OutboxState.SENDING, OutboxState.QUEUED]
    await records.close()
    with sqlite3.connect(tmp_path / "records.db") as connection:
        events = [each[0] for each in connection.execute("SELECT event FROM audit WHERE subject = 'T00001'")]
    connection.close()
    assert events == ["transaction.expired"]


@pytest.mark.parametrize("leave", ["release", "release_unless_hit", "release_all"])
async def test_what_was_live_is_backlog_when_the_traveller_has_gone(records: Records, leave: str) -> None:
    gone, also = encounter(1), encounter(2)
    for given in (gone, also):
        await records.record_encounter(given, item(given))
        await records.record_verdict(given.encounter_id, CLEAR)
    await records.outbox_sending(gone.tcn, "fibre")
    await (records.release_all() if leave == "release_all" else getattr(records, leave)(gone.encounter_id))
    ranks = [(await records.outbox_item(given.tcn)).rank for given in (gone, also)]
    assert ranks == [Rank.BACKLOG, Rank.BACKLOG if leave == "release_all" else Rank.LIVE]


async def test_one_who_may_not_go_stays_live(records: Records) -> None:
    given = encounter(1)
    await records.record_encounter(given, item(given))
    await records.store_answer(answer(given, GatewayOutcome.HIT), b"")
    assert (await records.release_unless_hit(given.encounter_id)).count == 0
    assert (await records.outbox_item(given.tcn)).rank is Rank.LIVE


async def test_a_decision_and_its_report_are_one_transaction(records: Records) -> None:
    given = encounter(1)
    await records.record_encounter(given, item(given))
    [alert_id] = await records.record_verdict(given.encounter_id, REFER_HIT)
    clashing = row(1, Rank.DECISION)
    await records.enqueue(clashing)
    assert await refused(records.decide(alert_id, Decision.CONFIRM, "", "badge 7", clashing)) is Reason.STORAGE_FAILED
    assert (await records.alert(alert_id)).decided_by is None
    await records.decide(alert_id, Decision.CONFIRM, "", "badge 7", row(2, Rank.DECISION))
    assert [each.tcn for each in await records.outbox_due(9, [Rank.DECISION])] == ["T00001", "T00002"]


async def test_a_decision_stands_though_its_report_finds_no_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = await Records.open(tmp_path / "records.db", outbox_limit=1)
    caplog.clear()
    given = encounter(1)
    await records.record_encounter(given, item(given))
    [alert_id] = await records.record_verdict(given.encounter_id, REFER_HIT)
    decided = await records.decide(alert_id, Decision.ESCALATE, "", "badge 7", row(2, Rank.DECISION))
    assert decided.state == "escalated"
    assert [each.tcn for each in await records.outbox_due(9)] == [given.tcn]
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    entries = await records._db.rows("SELECT * FROM audit ORDER BY seq")
    await records.close()
    assert [entry["event"] for entry in entries][-2:] == ["alert.escalate", "decision.not_reported"]
    assert first_broken([tuple(entry) for entry in entries]) is None


async def test_an_alert_names_the_transaction_that_was_sent_last(records: Records) -> None:
    given = encounter(1)
    await records.record_encounter(given, item(given))
    again = msgspec.structs.replace(given, tcn=second_tcn(given.tcn))
    await records.record_prints_again(given, item(again))
    [alert_id] = await records.record_verdict(given.encounter_id, REFER_HIT)
    # What is told of the encounter besides is no transaction.
    await records.decide(alert_id, Decision.CONFIRM, "", "badge 7", row(2, Rank.DECISION))
    assert (await records.alert(alert_id)).tcn == again.tcn


async def test_a_reply_to_what_is_no_transaction_touches_no_encounter(records: Records) -> None:
    given = encounter(1)
    await records.record_encounter(given, item(given))
    report = OutboxItem(
        tcn="D1",
        encounter_id=given.encounter_id,
        kind=Kind.DECISION,
        rank=Rank.DECISION,
        payload=b"{}",
        created_at=given.opened_at,
    )
    await records.enqueue(report)
    stored = await records.store_answer(GatewayAnswer(outcome=GatewayOutcome.HIT, tcn="R1", tcr="D1"), b"")
    assert stored.encounter_id is None
    assert (await records.encounter(given.encounter_id)).answer is None


async def test_low_ranks_are_refused_earlier_and_loudly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = await Records.open(tmp_path / "records.db", outbox_limit=10)
    caplog.clear()
    taken = []
    for start, rank in ((0, Rank.LOG), (20, Rank.STATISTICS), (40, Rank.DECISION)):
        rows = (records.enqueue(row(number, rank)) for number in range(start, start + 12))
        told = await asyncio.gather(*rows, return_exceptions=True)
        taken.append(told.count(None))
        assert {each.reason for each in told if isinstance(each, RecordsError)} == {Reason.STORAGE_FULL}
    assert taken == [7, 1, 2]
    given = encounter()
    assert await refused(records.record_encounter(given, item(given))) is Reason.STORAGE_FULL
    assert await refused(records.enqueue(row(99))) is Reason.STORAGE_FULL
    warned = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert [message.split()[1] for message in warned] == ["LOG", "STATISTICS", "DECISION", "LIVE"]
    # The limit is of what waits: with the link back there is room again.
    await records.outbox_receipt("T00001", b"{}")
    caplog.set_level(logging.INFO)
    await records.record_encounter(given, item(given))
    assert "LIVE rows are taken into the outbox again" in caplog.text
    await records.close()


async def test_the_outbox_is_limited_by_bytes_too(tmp_path: Path) -> None:
    records = await Records.open(tmp_path / "records.db", outbox_mb=1)
    await records.enqueue(row(1, Rank.DECISION, size=700_000))
    assert await refused(records.enqueue(row(2, Rank.LOG, size=100_000))) is Reason.STORAGE_FULL
    await records.enqueue(row(3, Rank.STATISTICS, size=100_000))
    await records.enqueue(row(4, Rank.DECISION, size=200_000))
    assert await refused(records.enqueue(row(5, Rank.DECISION, size=100_000))) is Reason.STORAGE_FULL
    assert (await records.queue_state()).waiting_bytes == 1_000_000
    await records.close()


async def test_the_limit_holds_for_many_at_once_and_after_ones_that_failed(tmp_path: Path) -> None:
    records = await Records.open(tmp_path / "records.db", outbox_limit=20)
    await records.enqueue(row(0, Rank.DECISION))
    same = [records.enqueue(row(0, Rank.DECISION)) for _ in range(8)]
    more = [records.enqueue(row(number, Rank.DECISION)) for number in range(1, 30)]
    told = await asyncio.gather(*same, *more, return_exceptions=True)
    reasons = [each.reason for each in told if isinstance(each, RecordsError)]
    assert reasons == [Reason.STORAGE_FAILED] * 8 + [Reason.STORAGE_FULL] * 10
    assert len(await records.outbox_due(100)) == 20
    await records.close()


async def test_rows_that_another_process_queued_again_are_counted(tmp_path: Path) -> None:
    records = await Records.open(tmp_path / "records.db", outbox_limit=2)
    await records.enqueue(row(1, Rank.DECISION))
    await records.outbox_quarantine("T00001", "given up")
    await records.enqueue(row(2, Rank.DECISION))
    other = await Records.open(tmp_path / "records.db")
    await other.outbox_retry("T00001")
    await other.close()
    assert await refused(records.enqueue(row(3, Rank.DECISION))) is Reason.STORAGE_FULL
    await records.close()


async def test_the_outbox_at_a_glance(records: Records, hand_clock: HandClock) -> None:
    live = encounter(1)
    await records.record_encounter(live, item(live))
    for number, rank in ((2, Rank.LOG), (3, Rank.LOG), (4, Rank.DECISION), (5, Rank.STATISTICS)):
        await records.enqueue(row(number, rank))
    await records.outbox_sending("T00002", "fibre")
    await records.outbox_quarantine("T00005", "bad")
    hand_clock.move(seconds=1)
    await records.outbox_failed("T00003", "cut")
    await records.outbox_receipt("T00004", b"{}")
    queue = await records.queue_state()
    assert {name: count for name, count in queue.states.items() if count} == {
        OutboxState.QUEUED: 2,
        OutboxState.SENDING: 1,
        OutboxState.QUARANTINED: 1,
        OutboxState.ANSWERED: 1,
    }
    assert {rank: count for rank, count in queue.ranks.items() if count} == {Rank.LIVE: 1, Rank.LOG: 2}
    assert (queue.waiting, queue.waiting_bytes) == (3, len(item(live).payload) + 20)
    assert (queue.oldest, queue.last_error) == (live.opened_at, "cut")


async def test_rows_are_listed_page_by_page_without_their_payload(records: Records) -> None:
    for number in range(5):
        await records.enqueue(row(9 - number, size=number))
    await records.outbox_quarantine("T00008", "bad")
    first = await records.outbox_rows(limit=3)
    assert [(each.tcn, each.size) for each in first] == [("T00009", 0), ("T00008", 1), ("T00007", 2)]
    assert [each.tcn for each in await records.outbox_rows(after=first[-1].tcn)] == ["T00006", "T00005"]
    [aside] = await records.outbox_rows([OutboxState.QUARANTINED, OutboxState.EXPIRED])
    assert (aside.tcn, aside.last_error) == ("T00008", "bad")


async def test_what_is_due_and_what_waits_is_found_by_the_index(tmp_path: Path) -> None:
    records = await Records.open(tmp_path / "records.db")
    seen: list[str] = []
    reads = records._db.rows

    async def explained(query: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        seen.extend(str(each["detail"]) for each in await reads(f"EXPLAIN QUERY PLAN {query}", parameters))
        return await reads(query, parameters)

    records._db.rows = explained  # type: ignore[method-assign]  # Only to see the plan of what is really asked.
    await records.outbox_due(5)
    await records.queue_state()
    await records.unanswered()
    await records.close()
    scans = [step for step in seen if "outbox" in step and "USING" not in step]
    assert scans == [], seen


_OLD_ROWS = """
INSERT INTO encounter (id, tcn, lane, operation, opened_at, recorded_at, clock_trusted, trouble, released_at)
VALUES ('E' || :n, :tcn, 'lane-2', 'demo', '2026-11-22T12:00:00.000Z', '2026-11-22T12:00:01.000Z', 1, x'5b5d', :gone);
"""


async def test_a_database_of_the_fourth_schema_comes_along_with_rows_in_every_state(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    connection = sqlite3.connect(path)
    for file in sorted((resources.files("hotspotd.records") / "schema").iterdir(), key=lambda each: each.name)[:4]:
        connection.executescript(file.read_text(encoding="utf-8"))
    states = ("queued", "received", "answered", "quarantined", "queued")
    for n, was in enumerate(states):
        gone = "2026-11-22T12:05:00.000Z" if n == 4 else None
        connection.execute(_OLD_ROWS.strip().rstrip(";"), {"n": n, "tcn": f"T{n}", "gone": gone})
        connection.execute(
            "INSERT INTO outbox VALUES (?, ?, 'NPS', 1, ?, ?, ?, ?, ?, ?, NULL)",
            (f"T{n}", f"E{n}", b"x" * n, f"2026-11-22T12:00:0{n}.000Z", was, n, "bad" if n == 3 else "", b"receipt"),
        )
    connection.execute("PRAGMA user_version = 4")
    connection.commit()
    connection.close()
    records = await Records.open(path)
    rows = await records.outbox_rows()
    assert [(each.tcn, each.encounter_id, each.state, each.size, each.attempts) for each in rows] == [
        (f"T{n}", f"E{n}", was, n, n) for n, was in enumerate(states)
    ]
    assert {(each.kind, each.lane) for each in rows} == {(Kind.TRANSACTION, "lane-2")}
    assert [each.rank for each in rows] == [Rank.LIVE] * 4 + [Rank.BACKLOG]
    assert (await records.outbox_item("T4")).payload == b"xxxx"
    assert (await records.queue_state()).last_error == "bad"
    await records.enqueue(row(9))  # One that belongs to no encounter.
    await records.outbox_retry("T3")
    stored = await records.store_answer(GatewayAnswer(outcome=GatewayOutcome.NO_HIT, tcn="R1", tcr="T1"), b"")
    assert stored.encounter_id == "E1"
    await records.close()


# Sixteen writers; each line on the pipe is an acknowledgement.
_ENQUEUING = """
import asyncio, os, sys
from pathlib import Path
from hotspotd.records import Records
from tests.records.examples import encounter, item
from tests.records.test_outbox import Rank, row

async def main():
    records = await Records.open(Path(sys.argv[1]), outbox_limit=1_000_000)
    async def writer(own):
        for number in range(own, 1_000_000, 16):
            if number % 4:
                added = row(number, Rank.DECISION, size=5000)
                await records.enqueue(added)
            else:
                added = encounter(number)
                await records.record_encounter(added, item(added))
            os.write(1, f"{added.tcn}\\n".encode())
    await asyncio.gather(*(writer(own) for own in range(16)))

asyncio.run(main())
"""


async def test_a_kill_among_sixteen_writers_loses_nothing_acknowledged_and_leaves_nothing_half(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    acknowledged: set[str] = set()
    for _ in range(3):
        path.unlink(missing_ok=True)
        for side in ("-wal", "-shm"):
            path.with_name(path.name + side).unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _ENQUEUING, str(path), stdout=asyncio.subprocess.PIPE, cwd=_ROOT
        )
        assert process.stdout is not None
        told = [await process.stdout.readline() for _ in range(200)]
        process.kill()
        told += (await process.stdout.read()).splitlines()
        await process.wait()
        acknowledged = {line.decode().strip() for line in told if line.strip()}
        assert await asyncio.to_thread(_whole, path, acknowledged) >= 200


def _whole(path: Path, acknowledged: set[str]) -> int:
    connection = sqlite3.connect(path)
    try:
        stored = {
            str(tcn)
            for (tcn,) in connection.execute(
                "SELECT tcn FROM outbox WHERE length(payload) = size + iif(encounter_id IS NULL, 0, 29)"
            )
        }
        assert acknowledged <= stored
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (len(stored),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        halves = "SELECT count(*) FROM encounter e WHERE (SELECT count(*) FROM outbox o WHERE o.tcn = e.tcn) <> 1"
        assert connection.execute(halves).fetchone() == (0,)
        samples = (
            "SELECT count(*) FROM encounter e WHERE (SELECT count(*) FROM sample s WHERE s.encounter_id = e.id) <> 3"
        )
        assert connection.execute(samples).fetchone() == (0,)
        assert first_broken(connection.execute("SELECT * FROM audit ORDER BY seq").fetchall()) is None
        return len(stored)
    finally:
        connection.close()
