"""A device that is not there: said by name, gone on without where the operation allows it, taken up when plugged in."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.hotplug import KERNEL_GROUP, HotplugMonitor
from hotspotd.biometrics.face import FaceEngine
from hotspotd.domain.finger import MissingReason
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import DeviceView, LaneState, LaneView, Prompt
from hotspotd.lane import devices
from hotspotd.lane.arrivals import Arrivals
from hotspotd.watchlist import Snapshot
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

Image = NDArray[np.uint8]


async def _encounter(bench: LaneOnTheBench) -> tuple[list[MissingReason | None], tuple[ReferReason, ...]]:
    stored = await bench.records.encounter((await bench.latest()).encounter_id)
    assert stored.verdict is not None
    return [sample.missing for sample in stored.encounter.samples], stored.verdict.reasons


def _plug_in(link: Path) -> None:
    """Send what the kernel sends when a serial adapter is plugged in."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15) as sender:
            sender.sendto(f"add@/devices/1\0ACTION=add\0SUBSYSTEM=tty\0DEVNAME={link}\0".encode(), (0, KERNEL_GROUP))
    except OSError as error:
        pytest.skip(f"no uevent can be sent on this machine: {error.strerror}")


async def test_what_is_plugged_in_is_opened_at_once_and_not_after_the_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("_FIRST_PAUSE_S", "_LONGEST_PAUSE_S"):
        monkeypatch.setattr(devices, pause, 3600.0)
    arrivals = Arrivals()
    monitor = HotplugMonitor(arrivals.announce)
    if not monitor.start():
        pytest.skip("no uevents on this machine")
    try:
        async with lane_on_the_bench(tmp_path, arrivals=arrivals, scanner_plugged=False) as bench:
            await bench.scanner.plug()
            await asyncio.to_thread(_plug_in, bench.scanner.link)
            await bench.until_device("scanner", "ready")
            # And once more, after it was in use.
            await bench.reader.present(mrz())
            await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
            await bench.scanner.unplug()
            await bench.until_device("scanner", "faulted")
            await bench.scanner.plug()
            await asyncio.to_thread(_plug_in, bench.scanner.link)
            await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
    finally:
        monitor.close()


async def test_what_comes_while_it_is_tried_is_not_missed() -> None:
    arrivals = Arrivals()
    seen = arrivals.count
    arrivals.announce()
    assert await arrivals.pause(3600, seen)
    assert not await arrivals.pause(0.01, arrivals.count)


async def test_a_scanner_known_to_be_away_is_not_waited_for(tmp_path: Path, snapshot: Snapshot) -> None:
    operation = {"device_return_s": 1e-3}
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, operation=operation, scanner_plugged=False
    ) as bench:
        await bench.reader.present(mrz())
        prompts = []

        def at_the_officer(event: object) -> bool:
            prompts.append(event.prompt if isinstance(event, LaneView) else None)
            return isinstance(event, LaneView) and event.state is LaneState.OFFICER

        await bench.until(at_the_officer)
        assert await _encounter(bench) == ([MissingReason.UNABLE], (ReferReason.DEVICE_FAULT,))
        # Not even for a moment: "one moment" stands on the screen only while the check is made.
        assert prompts.count(Prompt.WAIT) == 1


async def test_a_camera_known_to_be_away_is_not_waited_for_and_the_fingers_are_taken(
    tmp_path: Path, snapshot: Snapshot, print_image: Image
) -> None:
    operation = {"device_return_s": 0.5, "face": True}
    engine = await asyncio.to_thread(FaceEngine.open)
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=operation, faces=engine) as bench:
        await bench.until_device("camera", "absent", "faulted")
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(print_image)
        await bench.until_state(LaneState.OFFICER)
        missing, reasons = await _encounter(bench)
        assert missing == [None]
        assert reasons == (ReferReason.HIT, ReferReason.DEVICE_FAULT)


async def test_a_lane_without_a_device_that_the_operation_requires_is_out_of_service(
    tmp_path: Path, snapshot: Snapshot, print_image: Image
) -> None:
    operation = {"required": ("scanner",)}
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, operation=operation, scanner_plugged=False
    ) as bench:
        assert _now(bench).prompt is Prompt.CLOSED
        told = next(e for e in bench.events.present() if isinstance(e, DeviceView) and e.device == "scanner")
        assert (told.state, bool(told.reason), bool(told.advice)) == ("absent", True, True)
        await bench.scanner.plug()
        await bench.until_state(LaneState.IDLE, Prompt.PLACE_DOCUMENT)
        # One that goes while the lane is idle closes it, and the reader is asked again once it is back.
        await bench.scanner.unplug()
        await bench.until_state(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
        await bench.scanner.plug()
        await bench.until_state(LaneState.IDLE, Prompt.PLACE_DOCUMENT)
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(print_image)
        await bench.until_state(LaneState.OFFICER)


def _now(bench: LaneOnTheBench) -> LaneView:
    return next(event for event in bench.events.present() if isinstance(event, LaneView))
