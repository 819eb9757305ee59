"""The box's side of the protocol, and the bench on which hotspotd's conformance suite tries the driver."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers import registry
from drivers.base import Device, FingerprintScanner
from drivers.emulators.line import Line
from tests.drivers.benches import Bench, until
from tests.drivers.pictures import striped


class Box:
    """A box that speaks the real protocol on a real socket; ``finger`` lies on its glass."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.finger: NDArray[np.uint8] | None = None
        self._server: asyncio.Server | None = None
        self.hosts: set[asyncio.StreamWriter] = set()

    async def switch_on(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def switch_off(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            for host in list(self.hosts):
                host.transport.abort()
            await asyncio.to_thread(self._path.unlink, missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, host: asyncio.StreamWriter) -> None:
        self.hosts.add(host)
        try:
            while line := await reader.readline():
                host.write(self._answer(line.strip()))
                await host.drain()
        except ConnectionError:
            pass  # Switched off, or the host has gone.
        finally:
            self.hosts.discard(host)
            host.close()

    def _answer(self, question: bytes) -> bytes:
        if question == b"id":
            return b"id Box-1 4711\n"
        if question == b"image" and self.finger is None:
            return b"none\n"
        if question == b"image" and self.finger is not None:
            height, width = self.finger.shape
            return b"image %d %d\n" % (width, height) + self.finger.tobytes()
        return b"error unknown\n"


class BoxBench(Bench):
    """What the suite needs: a peer, a way to show it something numbered, and how to tell what was sensed."""

    def __init__(self, port: Path, channel: Line) -> None:
        super().__init__(port, channel)
        self.box = Box(port)

    async def start(self) -> None:
        await self.box.switch_on()
        # The first time its entry point is looked for on the disk: not on the loop.
        await asyncio.to_thread(self.driver)

    async def stop(self) -> None:
        await self.box.switch_off()

    def driver(self) -> Device:
        return registry.scanner("box", f"box://{self.port}")

    async def present(self, number: int) -> None:
        self.box.finger = striped(number)

    async def sense(self, device: Device) -> int:
        assert isinstance(device, FingerprintScanner)
        image = await device.capture()
        self.box.finger = None
        return next(number for number in range(10) if np.array_equal(image.pixels, striped(number)))

    async def unplug(self) -> None:
        await self.box.switch_off()

    async def plug(self) -> None:
        await self.box.switch_on()

    async def settle(self) -> None:
        await until(lambda: not self.box.hosts)
