"""A technician's test of a chip reader: a document is laid on it and taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers import registry
from drivers.emulators.line import Line
from hotspotd.biometrics.face import FaceEngine
from hotspotd.devices.named import NamedDevice
from hotspotd.devices.trial import try_device
from hotspotd.devices.trial_result import Patience
from hotspotd.workers import Worker
from tests.drivers.chip_bench import ChipBench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[ChipBench]:
    made = ChipBench(tmp_path / "none", Line())
    await made.start()
    yield made
    await made.stop()


async def test_a_chip_that_comes_and_goes_passes(bench: ChipBench) -> None:
    worker = Worker("test-trial")
    device = NamedDevice("lane-1/chip", registry.CHIP_READER, "pcsc", f"pcsc://{bench.port}")
    said: asyncio.Queue[str] = asyncio.Queue()
    trial = asyncio.create_task(
        try_device(device, worker=worker, faces=FaceEngine.open, patience=Patience(20.0), say=said.put_nowait)
    )
    async with asyncio.timeout(30):
        assert "lay a document" in await said.get()
        await bench.present(3)
        assert "take it away" in await said.get()
        await bench.field.lift()
        found, picture = await trial
    assert found.ok, found
    assert found.first_s is not None
    assert picture is None
    worker.close()
