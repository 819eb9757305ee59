"""The stage: every process of the demonstration and every way to see or touch it."""

from __future__ import annotations

import asyncio
import re
import ssl
import sys
from collections.abc import Callable, Container
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from demonstration.bureau import Bureau
from demonstration.emulated import Scene
from demonstration.link import Cables
from demonstration.processes import Process, ProcessError
from demonstration.rigs import READERS, SCANNERS
from demonstration.watching import OfficerScreen, TravellerScreen
from demonstration.world import DEVICE, LANE, build
from hotspotd.access import secrets
from hotspotd.domain.rights import Role

BADGE = "1001"
"""Who is signed in at the demonstration's kiosk."""


class Stage:
    """Everything runs inside ``async with Stage(folder)``."""

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        console_port: int = 0,
        *,
        liveness: str = "active",
        scanner: str = "serial",
        document: str = "serial",
        only: Container[str] | None = None,
    ) -> None:
        """``only``: keys of the travellers who will come; by default all may."""
        self._folder = folder
        self._say = say
        self._console_port = console_port
        self._liveness = liveness
        self._only = only
        self.scanner = SCANNERS[scanner](folder)
        self.document = READERS[document](folder)
        self._stack = AsyncExitStack()
        self._eyes: list[asyncio.Task[None]] = []
        self.cables = Cables()
        self.url = ""
        self.pin = ""
        """Of BADGE, who has every role."""

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
        await self._stack.enter_async_context(self.cables)
        self._say("making certificates, lists and pictures")
        devices = self.document.sections() | self.scanner.sections()
        settings = self.document.settings() + self.scanner.settings()
        self.world = await asyncio.to_thread(
            build, self._folder, self.cables.ports, self._console_port, self._liveness, devices, settings, self._only
        )
        self.scene = Scene(self.world.camera, self._folder / "shown")
        self.scene.show(self.world.nobody)
        logs = self._folder / "logs"
        logs.mkdir()

        world = self.world
        gateway = Process(
            "gateway", ["-m", "hotspotd.gateway", "--config", str(world.gateway_config)], logs / "gateway.log"
        )
        environment = self.document.environment() | self.scanner.environment()
        self.daemon = Process(
            "hotspotd", ["-m", "hotspotd.app", "--config", str(world.kiosk_config)], logs / "hotspotd.log", environment
        )
        self._say("starting the gateway, the devices and the daemon")
        await gateway.start()
        self._stack.push_async_callback(gateway.stop)
        for rig in (self.scanner, self.document):
            await rig.start(self._stack)
        ready = await gateway.wait_for_line("ready https://")
        port = int(ready.rsplit(":", 1)[1])
        self.cables.lead_to(port)
        self._gateway = await self._stack.enter_async_context(self._gateway_session(port))
        desk = await gateway.wait_for_line("desk http://")
        self.bureau = await self._stack.enter_async_context(Bureau(desk.removeprefix("desk ")))
        jar = aiohttp.CookieJar(unsafe=True)  # Cookies of an address without a name.
        self.http = await self._stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        self._stack.push_async_callback(self.daemon.stop)
        self._stack.push_async_callback(self._close_eyes)
        await self.start_daemon()

    def _gateway_session(self, port: int) -> aiohttp.ClientSession:
        certificates = self.world.certificates
        context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        context.load_cert_chain(certificates / f"{DEVICE}.pem", certificates / f"{DEVICE}.key")
        return aiohttp.ClientSession(f"https://127.0.0.1:{port}", connector=aiohttp.TCPConnector(ssl=context))

    async def start_daemon(self) -> None:
        """Start the daemon, anew or for the first time, and look at its screens."""
        await self.daemon.start()
        ready = await self.daemon.wait_for_line("ready on http://")
        found = re.search(r"http://\S+", ready)
        self.url = found.group() if found else ""
        await self._close_eyes()
        await self._sign_in()
        self.traveller, self.officer = TravellerScreen(), OfficerScreen()
        self._eyes = [
            asyncio.create_task(self.traveller.watch(self.http, f"{self.url}/traveller/{LANE}/events")),
            asyncio.create_task(self.officer.watch(self.http, f"{self.url}/guard/events")),
        ]

    async def _sign_in(self) -> None:
        """Sign the officer in, who is added at the first start."""
        if not self.pin:
            self.pin = secrets.new_pin(BADGE)
            code = "import sys; from hotspotd.cli.main import main; sys.exit(main(sys.argv[1:]))"
            roles = [part for role in Role for part in ("--role", role)]
            place = ("--config", str(self.world.kiosk_config))
            adding = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", code, "people", "add", BADGE, *roles, "--secret-stdin", "--by", "demo", *place),
                stdin=asyncio.subprocess.PIPE,
            )
            await adding.communicate(self.pin.encode() + b"\n")
            if adding.returncode:
                raise ProcessError("the officer could not be added: see above")
        wish = {"badge": BADGE, "secret": self.pin}
        async with self.http.post(f"{self.url}/api/session", json=wish, headers={"Origin": self.url}) as response:
            response.raise_for_status()

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
        async with self._gateway.get("/v1/status") as response:
            response.raise_for_status()
            status: dict[str, Any] = await response.json()
            return status

    async def officer_takes_over(self) -> None:
        """The officer has taken the traveller from the lane."""
        # The console takes orders only from its own pages.
        headers = {"Origin": self.url}
        async with self.http.post(f"{self.url}/api/lanes/{LANE}/next", json={}, headers=headers) as response:
            response.raise_for_status()
