"""The stage: every process of the demonstration and every way to see or touch it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from demonstration.emulated import Emulator, Scene
from demonstration.link import Cable
from demonstration.passports import Passports
from demonstration.processes import Process
from demonstration.watching import OfficerScreen, TravellerScreen
from demonstration.world import DEVICE, LANE, build


class Stage:
    """Everything runs inside ``async with Stage(folder)``."""

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        console_port: int = 0,
        *,
        liveness: str = "active",
        chip: bool = False,
    ) -> None:
        self._folder = folder
        self._say = say
        self._console_port = console_port
        self._liveness = liveness
        self._chip = chip
        self.passports: Passports | None = None
        self._stack = AsyncExitStack()
        self._eyes: list[asyncio.Task[None]] = []
        self.cable = Cable()
        self.url = ""

    async def __aenter__(self) -> Self:
        """Build the world and start every process."""
        try:
            await self._set_up()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, the daemon first."""
        await self._stack.aclose()

    async def _set_up(self) -> None:
        await self._stack.enter_async_context(self.cable)
        self._say("making certificates, lists and pictures")
        self.world = await asyncio.to_thread(
            partial(build, self._folder, self.cable.port, self._console_port, self._liveness, chip=self._chip)
        )
        self.scene = Scene(self.world.camera)
        self.scene.show(self.world.nobody)
        logs = self._folder / "logs"
        logs.mkdir()

        world = self.world
        if self._chip:
            self.passports = await self._stack.enter_async_context(Passports(self._folder, logs))
        gateway = Process(
            "gateway", ["-m", "hotspotd.gateway", "--config", str(world.gateway_config)], logs / "gateway.log"
        )
        scanner = self._emulator("r30x", world.scanner, world.scanner_control)
        reader = self._emulator("mrz_reader", world.reader, world.reader_control)
        self.daemon = Process(
            "hotspotd", ["-m", "hotspotd.app", "--config", str(world.kiosk_config)], logs / "hotspotd.log"
        )
        self._say("starting the gateway, the device emulators and the daemon")
        for process in (gateway, scanner, reader):
            await process.start()
            self._stack.push_async_callback(process.stop)
        ready = await gateway.wait_for_line("ready https://")
        self.cable.target = int(ready.rsplit(":", 1)[1])
        for process in (scanner, reader):
            await process.wait_for_line("ready")
        self.scanner, self.reader = Emulator(world.scanner_control), Emulator(world.reader_control)
        self._bureau = await self._stack.enter_async_context(self._bureau_session())
        self.http = await self._stack.enter_async_context(aiohttp.ClientSession())
        self._stack.push_async_callback(self.daemon.stop)
        self._stack.push_async_callback(self._close_eyes)
        await self.start_daemon()

    def _emulator(self, module: str, device: Path, control: Path) -> Process:
        arguments = ["-m", f"drivers.emulators.{module}", "--device", str(device), "--control", str(control)]
        return Process(module, arguments, self._folder / "logs" / f"{module}.log")

    def _bureau_session(self) -> aiohttp.ClientSession:
        certificates = self.world.certificates
        context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        context.load_cert_chain(certificates / f"{DEVICE}.pem", certificates / f"{DEVICE}.key")
        return aiohttp.ClientSession(
            f"https://127.0.0.1:{self.cable.target}", connector=aiohttp.TCPConnector(ssl=context)
        )

    async def start_daemon(self) -> None:
        """Start the daemon, anew or for the first time, and look at its screens."""
        await self.daemon.start()
        ready = await self.daemon.wait_for_line("ready on http://")
        found = re.search(r"http://\S+", ready)
        self.url = found.group() if found else ""
        await self._close_eyes()
        self.traveller, self.officer = TravellerScreen(), OfficerScreen()
        self._eyes = [
            asyncio.create_task(self.traveller.watch(self.http, f"{self.url}/traveller/{LANE}/events")),
            asyncio.create_task(self.officer.watch(self.http, f"{self.url}/guard/events")),
        ]

    async def _close_eyes(self) -> None:
        for task in self._eyes:
            task.cancel()
        await asyncio.gather(*self._eyes, return_exceptions=True)
        self._eyes = []

    async def kill_daemon(self) -> None:
        """SIGKILL the daemon."""
        await self.daemon.kill()

    async def gateway_status(self) -> dict[str, Any]:
        """What the gateway says it has of this device."""
        async with self._bureau.get("/v1/status") as response:
            response.raise_for_status()
            status: dict[str, Any] = await response.json()
            return status

    async def officer_takes_over(self) -> None:
        """The officer has taken the traveller from the lane."""
        # The console takes orders only from its own pages.
        headers = {"Origin": self.url}
        async with self.http.post(f"{self.url}/api/lanes/{LANE}/next", json={}, headers=headers) as response:
            response.raise_for_status()
