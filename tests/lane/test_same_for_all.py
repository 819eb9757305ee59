"""Nothing on the traveller's screen tells a hit from trouble: the same messages, byte for byte, at the same moment."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest

from hotspotd.clock import Clock
from hotspotd.console.traveller import LaneWatch, TravellerSource
from hotspotd.domain.candidate import Hit, ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.domain.officer import LaneAct
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, ReferReason
from hotspotd.events import AlertChanged, DeviceView, EncounterChanged, LaneState, LaneView, Prompt
from hotspotd.lane.waiting import officer_moment
from hotspotd.records.model import AlertKind
from hotspotd.watchlist import Snapshot
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

NO_FINGERS: dict[str, object] = {"fingers": ()}
# Longer than a test waits: what ends it is not the clock.
LONG_HOLD: dict[str, object] = {"fingers": (), "officer_after_s": 30.0}
GATEWAY_HIT = (Hit(record=ListRecord(reference="G/1", notice=Notice.BLUE, owner="XPO"), candidates=()),)


@pytest.mark.parametrize(
    ("passed_s", "wait_s", "moment_s"),
    [
        (0.05, 0.0, 2.0),  # scanner trouble, known at once
        (1.9, 0.0, 2.0),  # a hit in a long list
        (0.05, 8.0, 10.0),
        (0.6, 8.0, 10.0),  # a hit of the list
        (4.0, 8.0, 10.0),  # a hit of the gateway
        (9.9, 8.0, 10.0),
        (10.1, 8.0, 12.0),
        (11.9, 8.0, 12.0),
    ],
)
def test_an_officer_is_announced_at_a_moment_that_tells_nothing(
    passed_s: float, wait_s: float, moment_s: float
) -> None:
    assert officer_moment(passed_s, wait_s, 2.0) == pytest.approx(moment_s)


async def told(bench: LaneOnTheBench) -> list[tuple[str, bytes]]:
    """What the traveller's page is told from the check on, until an officer comes."""
    source = TravellerSource("lane-1", LaneWatch(bench.events), "build")
    messages: list[tuple[str, bytes]] = []
    while True:
        event = await bench.until(lambda e: isinstance(e, (LaneView, EncounterChanged, AlertChanged, DeviceView)))
        lane = event if isinstance(event, LaneView) else None
        if messages or (lane and lane.state is LaneState.CHECKING):
            messages += await source.changed(event)
        if lane and lane.state is LaneState.OFFICER:
            return messages


async def test_a_hit_and_every_trouble_say_the_same_byte_for_byte(tmp_path: Path, snapshot: Snapshot) -> None:
    seen: dict[str, list[tuple[str, bytes]]] = {}
    zones = {"list": mrz(number="STOLEN1"), "expired": mrz(expiry="200101"), "gateway": mrz(number="X7")}
    bench: LaneOnTheBench
    loop = asyncio.get_running_loop()

    class AnswersDuringTheSearch:
        """The list; while it is searched for the third of the travellers, the gateway answers."""

        def __getattr__(self, name: str) -> object:
            if name == "find_document" and len(seen) == 2:
                asyncio.run_coroutine_threadsafe(self.answer(), loop).result(10)
            return getattr(snapshot, name)

        async def answer(self) -> None:
            tcr = (await bench.latest()).tcn
            hit = GatewayAnswer(outcome=GatewayOutcome.HIT, tcn="R1", tcr=tcr, hits=GATEWAY_HIT)
            await bench.records.store_answer(hit, b"")

    async with lane_on_the_bench(tmp_path, snapshot=AnswersDuringTheSearch, operation=NO_FINGERS) as bench:  # type: ignore[arg-type]
        for reason, zone in zones.items():
            await bench.reader.present(zone)
            seen[reason] = await told(bench)
            stored = await bench.records.encounter((await bench.latest()).encounter_id)
            assert stored.verdict is not None
            assert (ReferReason.HIT in stored.verdict.reasons) == (reason == "list")
            await bench.order(LaneAct.NEXT)
            await bench.until_state(LaneState.IDLE)
        kinds = sorted(str(alert.kind) for alert in await bench.records.alerts())
        assert kinds == sorted(map(str, (AlertKind.LOCAL, AlertKind.TROUBLE, AlertKind.GATEWAY)))
    for name, broken in (("unlisted", {}), ("unrecorded", {"outbox_limit": 1})):
        folder = tmp_path / name
        folder.mkdir()
        async with lane_on_the_bench(folder, operation=NO_FINGERS, **broken) as bench:  # type: ignore[arg-type]
            for number in ("X1", "X2") if broken else ("X1",):
                await bench.reader.present(mrz(number=number))
                seen[name] = await told(bench)
                await bench.order(LaneAct.NEXT)
    assert len(seen) == 5
    expected = seen["list"]
    assert [b'"checking"' in data for _, data in expected] == [True, False]
    assert b'"officer"' in expected[1][1]
    assert all(messages == expected for messages in seen.values())


@pytest.mark.parametrize("zone", [mrz(number="STOLEN1"), mrz(expiry="200101")], ids=["hit", "trouble"])
async def test_officers_hear_at_once_what_the_traveller_reads_later_and_help_waits_for_nothing(
    tmp_path: Path, snapshot: Snapshot, zone: tuple[str, str]
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=LONG_HOLD) as bench:
        await bench.reader.present(zone)
        await bench.until(lambda e: isinstance(e, AlertChanged))
        assert len(await bench.records.alerts()) == 1
        (view,) = [event for event in bench.events.present() if isinstance(event, LaneView)]
        assert (view.state, view.prompt) == (LaneState.CHECKING, Prompt.WAIT)
        await bench.lane.ask_help()
        assert (await bench.until_state(LaneState.OFFICER)).help_asked


async def test_help_that_is_asked_for_while_the_gateway_is_waited_for_comes_at_once(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    operation = {**NO_FINGERS, "gateway_wait_s": 60.0}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, link_up=True, operation=operation) as bench:
        await bench.reader.present(mrz())
        await bench.until(lambda e: isinstance(e, EncounterChanged) and e.local is not None)
        await bench.lane.ask_help()
        assert (await bench.until_state(LaneState.OFFICER)).help_asked
        await bench.order(LaneAct.NEXT)
        assert not (await bench.until_state(LaneState.IDLE)).help_asked


async def test_time_can_be_asked_for_so_often_and_not_without_end(tmp_path: Path, snapshot: Snapshot) -> None:
    operation: dict[str, object] = {"more_time": 2, "step_timeout_s": 20.0}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=operation) as bench:
        await bench.lane.more_time()  # Nothing runs yet.
        await bench.reader.present(mrz())
        offered = [(await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)).more_time]
        for _ in range(2):
            await bench.lane.more_time()
            offered.append((await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)).more_time)
        assert offered == [True, True, False]
        await bench.lane.more_time()
        await bench.lane.ask_help()
        # The third time nothing was begun anew, and nothing published.
        assert (await bench.until(lambda e: isinstance(e, LaneView))).state is LaneState.CHECKING  # type: ignore[union-attr]


def _birthday(years: int, *, days_later: int) -> str:
    today = Clock().now().at.date()
    born = date.fromordinal(date(today.year - years, today.month, min(today.day, 28)).toordinal() + days_later)
    return born.strftime("%y%m%d")


@pytest.mark.parametrize(("days_later", "asked"), [(0, True), (7, False)], ids=["twelve", "not yet twelve"])
async def test_fingers_are_asked_of_travellers_from_twelve_on(
    tmp_path: Path, snapshot: Snapshot, days_later: int, asked: bool
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot) as bench:
        await bench.reader.present(mrz(birth_date=_birthday(12, days_later=days_later)))
        view = await bench.until_state(LaneState.FINGER if asked else LaneState.CHECKING)
        assert view.fingers_asked == asked
        if not asked:
            await bench.until_state(LaneState.GO)
            assert (await bench.until_state(LaneState.IDLE)).fingers_asked
