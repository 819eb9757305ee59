"""The page where a screen's browser begins, in a real Chromium started as its unit starts it."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path

import pytest

from tests.console.chromium import CHROMIUM_ARGUMENTS, chromium

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
_PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<script>fetch('/arrived')</script>"


class Failure(Enum):
    """What can come of a try."""

    SILENCE = "nothing is answered"
    REFUSAL = "the connection is broken off"
    CRASH = "the browser's own network service falls over"


class Kiosk:
    """Serves a page, after the first tries have failed in the ways named."""

    def __init__(self, *fails: Failure) -> None:
        self.fails = fails
        self.tries = 0
        self.asked = [asyncio.Event() for _ in fails]
        self.arrived = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
            if path == b"/guard":
                await self._page(reader, writer)
            elif path == b"/arrived":
                self.arrived.set()
            await writer.drain()
        writer.close()

    async def _page(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.tries = self.tries, self.tries + 1
        if number >= len(self.fails):
            writer.write(_PAGE)
            return
        self.asked[number].set()
        if self.fails[number] is Failure.REFUSAL:
            writer.transport.abort()
        else:
            await reader.read()  # Until the browser gives up.


@asynccontextmanager
async def browser(folder: Path, port: int) -> AsyncIterator[None]:
    """The browser of the officers' screen, without a screen, trying again soon."""
    unit = (SYSTEMD / "hotspotd-browser@.service").read_text().replace("\\\n", " ")
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart=")).removeprefix("ExecStart=")
    start = folder / "start.html"
    text = (SYSTEMD / "start.html").read_text()
    assert "again = 15000" in text
    await asyncio.to_thread(start.write_text, text.replace("again = 15000", "again = 1000"))
    places = {
        "/etc/hotspotd-screens/start.html": str(start),
        "/var/lib/hotspotd-screen": str(folder / "home"),
        "/run/hotspotd-screens": str(folder / "run"),
        "${URL}": f"http://127.0.0.1:{port}/guard",
        "%i": "guard",
        "--ozone-platform=wayland": "--headless=new",
    }
    for place, here in places.items():
        assert place in line, f"{place} is not in the unit"
        line = line.replace(place, here)
    _, *arguments = shlex.split(line)
    program = chromium()
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program, *CHROMIUM_ARGUMENTS, *arguments, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def end_network_service(folder: Path) -> None:
    """Kill the process in which the browser under ``folder`` keeps its connections."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # It may have ended by itself.
            words = path.read_text(errors="replace")
            if "network.mojom.NetworkService" in words and str(folder) in words:
                found.append(int(path.parent.name))
    assert len(found) == 1, found
    os.kill(found[0], signal.SIGKILL)


async def opened(folder: Path, *fails: Failure) -> int:
    """How often the browser asked for the page until it came, where the first tries end with ``fails``."""
    kiosk = Kiosk(*fails)
    server = await asyncio.start_server(kiosk.answer, "127.0.0.1", 0)
    async with server, browser(folder, server.sockets[0].getsockname()[1]), asyncio.timeout(90):
        for number, failure in enumerate(fails):
            await kiosk.asked[number].wait()
            if failure is Failure.CRASH:
                await asyncio.to_thread(end_network_service, folder)
        await kiosk.arrived.wait()
    return kiosk.tries


async def test_the_kiosks_page_is_opened_once(tmp_path: Path) -> None:
    assert await opened(tmp_path) == 1


@pytest.mark.parametrize("failure", Failure)
async def test_the_browser_tries_until_the_kiosks_page_is_there(tmp_path: Path, failure: Failure) -> None:
    assert await opened(tmp_path, failure, failure) >= 3
