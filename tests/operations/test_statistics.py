"""What the gateway is told of each hour: right numbers, once, in time, and nothing about a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hotspotd.clock import Clock
from hotspotd.domain.encounter import Encounter
from hotspotd.domain.verdict import GatewayOutcome, ReferReason, Verdict
from hotspotd.errors import Reason, RecordsError
from hotspotd.events import DeviceState, DeviceView, Events
from hotspotd.operations.statistics import Statistics
from hotspotd.records import Records
from hotspotd.records.model import Kind, Rank
from tests.records.examples import CLEAR, REFER_HIT, REFER_TROUBLE, answer, encounter, item

START = datetime(2026, 11, 22, 12, 10, tzinfo=UTC)


class Kiosk:
    """Records of a kiosk whose clock the test moves, and what it tells."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = START
        self.events = Events()
        self.clock = Clock(wall=lambda: self.at)
        self.woken = 0
        self.limit = 10_000

    async def open(self) -> None:
        self.records = await Records.open(self.path, self.clock, outbox_limit=self.limit)
        self.statistics = Statistics(self.records, self.events, self.clock, "UTO", self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def restart(self) -> None:
        await self.records.close()
        await self.open()

    async def comes(self, number: int, verdict: Verdict = CLEAR, operation: str = "demo") -> Encounter:
        given = replace(encounter(number), operation=operation)
        sent = replace(item(given), created_at=self.clock.now().iso())
        await self.records.record_encounter(given, sent)
        await self.records.record_verdict(given.encounter_id, verdict)
        return given

    async def answered(self, to: Encounter, outcome: GatewayOutcome, after_s: float, tcn: str = "") -> None:
        self.at += timedelta(seconds=after_s)
        await self.records.store_answer(answer(to, outcome, tcn or f"R{to.tcn}"), b"<sre/>")

    async def told(self) -> list[dict[str, Any]]:
        rows = await self.records.outbox_due(1000, [Rank.STATISTICS])
        assert {row.kind for row in rows} <= {Kind.STATISTICS}
        return [msgspec.json.decode(row.payload) for row in rows]


@pytest.fixture
async def kiosk(tmp_path: Path) -> AsyncIterator[Kiosk]:
    made = Kiosk(tmp_path / "records.db")
    await made.open()
    await made.statistics.tell_closed_hours()
    yield made
    await made.records.close()


async def test_an_hour_is_told_in_numbers_by_operation(kiosk: Kiosk) -> None:
    first = await kiosk.comes(1)
    await kiosk.answered(first, GatewayOutcome.NO_HIT, 2.0)
    second = await kiosk.comes(2, REFER_HIT)
    await kiosk.answered(second, GatewayOutcome.HIT, 4.0)
    # Further word of the same hit is no second answer.
    await kiosk.answered(second, GatewayOutcome.HIT, 300.0, "R-again")
    await kiosk.comes(3, REFER_TROUBLE)
    gone = await kiosk.comes(4, operation="ferry")
    await kiosk.records.release(gone.encounter_id)
    await kiosk.answered(gone, GatewayOutcome.HIT, 60.0)
    kiosk.at = START + timedelta(hours=1)
    assert await kiosk.statistics.tell_closed_hours() == 1
    (told,) = await kiosk.told()
    assert told == {
        "hour": "2026-11-22T12:00:00.000Z",
        "operations": [
            {
                "operation": "demo",
                "encounters": 3,
                "clear": 1,
                "referred": 2,
                "reasons": {ReferReason.HIT: 1, ReferReason.FINGER_NOT_CAPTURED: 1},
                "hits": {"local": 1, "gateway": 0, "late": 0},
                "answers": {"hit": 1, "no_hit": 1},
                "answer_in_lane": {"count": 2, "median_s": 2.0, "p95_s": 4.0},
                "answer_later": None,
            },
            {
                "operation": "ferry",
                "encounters": 1,
                "clear": 1,
                "referred": 0,
                "reasons": {},
                "hits": {"local": 0, "gateway": 0, "late": 1},
                "answers": {"hit": 1},
                "answer_in_lane": None,
                "answer_later": {"count": 1, "median_s": 60.0, "p95_s": 60.0},
            },
        ],
        "device_faults": {},
    }
    assert kiosk.woken == 1


async def test_nothing_about_a_person_is_in_it(kiosk: Kiosk) -> None:
    given = await kiosk.comes(1, REFER_HIT)
    await kiosk.answered(given, GatewayOutcome.HIT, 1.0)
    kiosk.at += timedelta(hours=1)
    await kiosk.statistics.tell_closed_hours()
    (row,) = await kiosk.records.outbox_due(9, [Rank.STATISTICS])
    for personal in (b"ERIKSSON", b"ANNA", b"L898902C3", b"DOE", b"2026/1", given.tcn.encode(), given.lane.encode()):
        assert personal not in row.payload
    assert row.encounter_id is None


async def test_an_hour_is_told_when_it_has_settled_once_and_over_restarts(kiosk: Kiosk) -> None:
    await kiosk.comes(1)
    kiosk.at = START.replace(minute=59)
    assert await kiosk.statistics.tell_closed_hours() == 0
    kiosk.at = START.replace(hour=13, minute=4)
    assert await kiosk.statistics.tell_closed_hours() == 0
    kiosk.at = START.replace(hour=13, minute=5)
    assert await kiosk.statistics.tell_closed_hours() == 1
    assert await kiosk.statistics.tell_closed_hours() == 0
    await kiosk.restart()
    assert await kiosk.statistics.tell_closed_hours() == 0
    await kiosk.comes(2)
    # The kiosk was off for a night: the hour in which somebody came is told, those in which nobody did are not.
    kiosk.at += timedelta(hours=9)
    await kiosk.restart()
    assert await kiosk.statistics.tell_closed_hours() == 1
    assert [each["hour"][11:13] for each in await kiosk.told()] == ["12", "13"]


async def test_what_is_a_week_old_is_of_no_use_any_more(kiosk: Kiosk) -> None:
    await kiosk.comes(1)
    kiosk.at += timedelta(hours=1)
    await kiosk.statistics.tell_closed_hours()
    (row,) = await kiosk.records.outbox_due(9, [Rank.STATISTICS])
    assert row.deadline == "2026-11-29T13:00:00.000Z"
    await kiosk.comes(2)
    kiosk.at += timedelta(days=8)
    assert await kiosk.statistics.tell_closed_hours() == 0


async def test_a_clock_that_is_not_set_tells_nothing(kiosk: Kiosk) -> None:
    await kiosk.comes(1)
    kiosk.at = datetime(1970, 1, 1, 13, 30, tzinfo=UTC)
    assert await kiosk.statistics.tell_closed_hours() == 0
    kiosk.at = START + timedelta(hours=1)
    assert await kiosk.statistics.tell_closed_hours() == 1


async def test_a_clock_that_was_ahead_silences_nothing_for_ever(kiosk: Kiosk) -> None:
    kiosk.at = START + timedelta(days=4000)
    await kiosk.statistics.tell_closed_hours()
    kiosk.at = START
    await kiosk.statistics.tell_closed_hours()
    await kiosk.comes(1)
    kiosk.at = START + timedelta(hours=1)
    assert await kiosk.statistics.tell_closed_hours() == 1


async def test_an_hour_that_finds_no_room_is_told_when_there_is_some(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path / "records.db")
    kiosk.limit = 1
    await kiosk.open()
    await kiosk.statistics.tell_closed_hours()
    given = await kiosk.comes(1)
    kiosk.at += timedelta(hours=1)
    with pytest.raises(RecordsError) as caught:
        await kiosk.statistics.tell_closed_hours()
    assert caught.value.reason is Reason.STORAGE_FULL
    await kiosk.answered(given, GatewayOutcome.NO_HIT, 1.0)
    kiosk.limit = 10
    await kiosk.restart()
    assert await kiosk.statistics.tell_closed_hours() == 1
    await kiosk.records.close()


async def test_devices_count_once_for_each_time_they_fail(kiosk: Kiosk) -> None:
    views = (
        ("scanner", DeviceState.FAULTED),
        ("scanner", DeviceState.FAULTED),
        ("camera", DeviceState.ABSENT),
        ("scanner", DeviceState.READY),
        ("scanner", DeviceState.FAULTED),
        ("camera", DeviceState.FAULTED),
    )
    slept = asyncio.Event()

    async def sleep(_: float) -> None:
        slept.set()
        await asyncio.Event().wait()

    statistics = Statistics(kiosk.records, kiosk.events, kiosk.clock, "UTO", lambda: None, sleep)
    running = asyncio.create_task(statistics.run())
    await slept.wait()
    for device, state in views:
        kiosk.events.publish(DeviceView(lane="lane-1", device=device, state=state))
    async with asyncio.timeout(30):
        while (await kiosk.records.counted("2026-11-22T12", "2026-11-22T13")).device_faults.get("lane-1/camera") != 1:
            pass
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    kiosk.at += timedelta(hours=1)
    await kiosk.statistics.tell_closed_hours()
    (told,) = await kiosk.told()
    assert told["device_faults"] == {"lane-1/scanner": 2, "lane-1/camera": 1}
    assert told["operations"] == []
    # Told is told: nothing is kept of it.
    assert (await kiosk.records.counted("2026-11-22T12", "2026-11-22T13")).empty
