"""The driver guide's worked example, installed as pip would, on the bench that it brings along."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from drivers.base import Device
from drivers.emulators.line import Line
from tests.drivers.benches import Bench

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/box-scanner"


@cache
def installed() -> Path:
    """A folder with the example and the metadata that its own pyproject.toml makes; put it on the import path."""
    folder = Path(tempfile.mkdtemp(prefix="box-scanner-"))
    atexit.register(shutil.rmtree, folder)
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    build = f"import setuptools.build_meta as backend; backend.prepare_metadata_for_build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=folder, check=True, capture_output=True, timeout=60)
    return folder


class ExampleBench(Bench):
    """The example's own bench, with the example on the import path while it is used."""

    def __init__(self, port: Path, channel: Line) -> None:
        super().__init__(port, channel)
        self.patch = pytest.MonkeyPatch()

    async def start(self) -> None:
        self.patch.syspath_prepend(str(await asyncio.to_thread(installed)))
        self.own: Bench = (await asyncio.to_thread(import_module, "box_bench")).BoxBench(self.port, self.channel)
        await self.own.start()

    async def stop(self) -> None:
        await self.own.stop()
        self.patch.undo()

    def driver(self) -> Device:
        return self.own.driver()

    async def present(self, number: int) -> None:
        await self.own.present(number)

    async def sense(self, device: Device) -> int:
        return await self.own.sense(device)

    async def unplug(self) -> None:
        await self.own.unplug()

    async def plug(self) -> None:
        await self.own.plug()

    async def settle(self) -> None:
        await self.own.settle()
