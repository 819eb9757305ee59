"""A lane kept without travellers while a technician tries its devices, which nobody opens twice."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers import registry
from hotspotd.biometrics.face import FaceEngine
from hotspotd.devices.named import NamedDevice
from hotspotd.devices.trial import try_open
from hotspotd.devices.trial_result import Patience, Trial
from hotspotd.errors import Reason, UpkeepError
from hotspotd.events import LaneState, Prompt
from hotspotd.lane.hold import HOLD_S, Hold
from hotspotd.workers import Worker
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

Image = NDArray[np.uint8]


def no_faces() -> FaceEngine:
    raise AssertionError("no camera is tried")


async def tried(bench: LaneOnTheBench, kind: registry.Kind, worker: Worker) -> tuple[Trial, Image | None]:
    trials = bench.lane.trials
    device = await trials.device(kind.section)
    return await try_open(
        NamedDevice(f"lane-1/{kind.section}", kind, "driver", "serial:///unused"),
        device,
        worker=worker,
        faces=no_faces,
        patience=Patience(presented_s=10.0, light_s=0.01),
        failed=partial(trials.fault, kind.section, device),
    )


async def test_a_held_lane_takes_no_traveller_and_lets_its_devices_be_tried(tmp_path: Path, print_image: Image) -> None:
    worker = Worker("trial")
    async with lane_on_the_bench(tmp_path, operation={"fingers": ()}) as bench:
        trials = bench.lane.trials
        with pytest.raises(UpkeepError, match="takes travellers"):
            trials.latest_frame()
        with pytest.raises(UpkeepError, match="takes travellers"):
            await trials.device("scanner")
        await trials.hold()
        await bench.until_state(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
        await bench.reader.present(mrz(right=False))
        read, picture = await tried(bench, registry.READER, worker)
        assert (read.ok, read.document, picture) == (False, "TD3", None)
        assert all("KOVAC" not in remark for remark in read.remarks)
        await bench.scanner.place(print_image)
        finger, picture = await tried(bench, registry.SCANNER, worker)
        assert finger.ok
        assert finger.quality is not None
        assert picture is not None
        bench.scanner.lift()
        assert await bench.records.recent(5) == []
        trials.release()
        await bench.until_state(LaneState.IDLE)
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.CHECKING)
    worker.close()


async def test_a_lane_that_serves_a_traveller_is_not_held(tmp_path: Path) -> None:
    async with lane_on_the_bench(tmp_path) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER)
        with pytest.raises(UpkeepError) as refused:
            await bench.lane.trials.hold()
        assert refused.value.reason is Reason.CONFLICT
        assert not bench.lane.trials.held


async def test_a_hold_that_nobody_asks_for_again_ends_by_itself() -> None:
    now = 0.0
    hold = Hold(lambda: now)
    begun = asyncio.create_task(hold.begin())
    await hold.asked.wait()
    now = HOLD_S + 1.0
    await hold.over()
    assert await begun is False
    assert not hold.asked.is_set()
