"""A certified scanner's service over real sockets, as a bench of the conformance suite."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives import serialization

from drivers import registry
from drivers.base import Device, FingerprintScanner
from drivers.emulators.sbi_device import Glass
from drivers.emulators.sbi_keys import Keys
from drivers.emulators.sbi_service import SbiService
from tests.drivers.benches import Bench, until
from tests.drivers.pictures import striped


@cache
def keys() -> Keys:
    """One set for all tests: making them takes a second."""
    return Keys.make()


def trust(folder: Path, of: Keys | None = None) -> Path:
    """A file of trust anchors in ``folder``."""
    path = folder / "anchors.pem"
    path.write_bytes((of or keys()).root.public_bytes(serialization.Encoding.PEM))
    return path


class SbiBench(Bench):
    """``port`` is what the address names; unplugged by ending the service."""

    async def start(self) -> None:
        self.anchors = await asyncio.to_thread(trust, self.port.parent)
        self.service = SbiService(await asyncio.to_thread(keys))
        await self.service.start()
        self.port = Path(f"/{self.service.port}")

    async def stop(self) -> None:
        await self.service.stop()

    def driver(self) -> Device:
        return registry.scanner("sbi", f"sbi://{self.port}?trust={self.anchors}")

    async def present(self, number: int) -> None:
        self.service.place(Glass({}, any=striped(number)))

    async def sense(self, device: Device) -> int:
        assert isinstance(device, FingerprintScanner)
        image = await device.capture()
        assert (image.dpi, image.levels, image.position) == (500, 256, 2)
        return next(number for number in range(10) if np.array_equal(image.pixels, striped(number)))

    async def unplug(self) -> None:
        await self.service.stop()

    async def plug(self) -> None:
        await self.service.start()

    async def settle(self) -> None:
        await until(self.service.is_alone)
