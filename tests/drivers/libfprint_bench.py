"""libfprint's real library with its own virtual scanner, as a bench of the conformance suite."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from drivers import registry
from drivers.base import Device, DriverError, FingerprintScanner
from drivers.emulators.line import Line
from drivers.emulators.virtual_image import VARIABLE, VirtualFinger
from drivers.fingerprint.libfprint import PACKAGES
from drivers.glib_thread import introspected
from tests.drivers.benches import Bench, until
from tests.drivers.pictures import striped


def need_libfprint() -> None:
    """Skip where Debian's packages are not installed."""
    try:
        introspected("FPrint", "2.0", PACKAGES)
    except DriverError as error:
        pytest.skip(f"{error.what}; {error.advice}")


class LibfprintBench(Bench):
    """``port`` is what the address names; the socket stands where a serial device has its port."""

    reconnects = 10  # Each is a process of its own, which takes 0.5 s.

    def __init__(self, port: Path, channel: Line) -> None:
        super().__init__(Path("/virtual_image"), channel)
        self.socket = port

    async def start(self) -> None:
        need_libfprint()
        self.finger = VirtualFinger(self.socket)
        await self.plug()

    async def stop(self) -> None:
        await self.finger.close()
        os.environ.pop(VARIABLE, None)

    def driver(self) -> Device:
        return registry.scanner("libfprint", f"libfprint://{self.port}")

    async def present(self, number: int) -> None:
        await self.finger.place(striped(number))

    async def sense(self, device: Device) -> int:
        assert isinstance(device, FingerprintScanner)
        image = await device.capture()
        assert (image.dpi, image.levels) == (500, 256)
        return next(number for number in range(10) if np.array_equal(image.pixels, striped(number)))

    async def unplug(self) -> None:
        # Without the variable libfprint makes no such scanner when it is asked again.
        os.environ.pop(VARIABLE, None)
        if self.socket.exists():
            await self.finger.remove()

    async def settle(self) -> None:
        await self.finger.close()
        # asyncio waits in a thread for the end of the process that was apart.
        await until(lambda: not any(thread.name.startswith("waitpid-") for thread in threading.enumerate()))

    async def plug(self) -> None:
        os.environ[VARIABLE] = str(self.socket)
