"""The lane's light and barrier, on a relay board that speaks its real protocol."""

from __future__ import annotations

from pathlib import Path

from drivers.emulators.relay_board import RelayBoardEmulator
from hotspotd.events import LaneState
from hotspotd.watchlist import Snapshot
from tests.drivers.benches import until
from tests.lane.harness import lane_on_the_bench, mrz

GREEN, RED, BARRIER = 1, 2, 3


def wired(port: Path) -> str:
    return f"serial://{port}?green={GREEN}&red={RED}&barrier={BARRIER}&open=60"


async def test_a_traveller_who_may_go_gets_the_barrier_opened_and_the_next_one_finds_it_closed(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    operation: dict[str, object] = {"fingers": (), "result_shown_s": 0.5}
    async with RelayBoardEmulator(tmp_path / "ttyRelays") as board:
        signal = wired(tmp_path / "ttyRelays")
        async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=operation, signal=signal) as bench:
            await until(lambda: board.on == {GREEN})
            await bench.reader.present(mrz())
            await until(lambda: board.on == {GREEN, BARRIER})
            await bench.until_state(LaneState.IDLE)
            await until(lambda: board.on == {GREEN})
            assert {RED} in board.history
        await until(lambda: board.on == set())


async def test_a_board_that_comes_back_shows_the_state_of_now_and_opens_for_nobody_who_has_gone(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    async with RelayBoardEmulator(tmp_path / "ttyRelays") as board:
        signal = wired(tmp_path / "ttyRelays")
        async with lane_on_the_bench(
            tmp_path, snapshot=lambda: snapshot, operation={"fingers": ()}, signal=signal
        ) as bench:
            await until(lambda: board.on == {GREEN})
            await board.unplug()
            await bench.reader.present(mrz())
            await bench.until_device("signal", "faulted")
            await bench.until_state(LaneState.IDLE)
            await board.plug()
            await bench.until_device("signal", "ready")
            await until(lambda: board.on == {GREEN})
            assert not any(BARRIER in on for on in board.history)
