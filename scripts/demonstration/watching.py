"""The demonstration's eyes: the event streams of the traveller's and the officer's page."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

_AGAIN_S = 0.2


async def stream(session: aiohttp.ClientSession, url: str) -> AsyncIterator[tuple[str, Any]]:
    """Events of a server-sent event stream, connecting again for ever as a browser does."""
    while True:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(url, timeout=aiohttp.ClientTimeout(total=None, sock_read=30)) as response:
                response.raise_for_status()
                name = ""
                async for raw in response.content:
                    line = raw.decode().rstrip("\n")
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        yield name, json.loads(line.removeprefix("data: "))
        await asyncio.sleep(_AGAIN_S)


class Changing:
    """Something that changes and can be waited for."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
        """Wait until ``condition()`` is true and return its value; raises TimeoutError saying ``what`` was awaited."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                while not (value := condition()):
                    await self._changed.wait()
                return value
        except TimeoutError:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}") from None


class TravellerScreen(Changing):
    """What the traveller's page of one lane shows."""

    def __init__(self) -> None:
        super().__init__()
        self.view: dict[str, Any] = {}
        self.version = 0

    async def watch(self, session: aiohttp.ClientSession, url: str) -> None:
        """Follow the page until cancelled."""
        async for name, data in stream(session, url):
            if name == "state" and data != self.view:
                self.view = data
                self.version += 1
                await self._notify()

    async def change_since(self, version: int, timeout_s: float) -> int:
        """Wait until the screen shows something newer than ``version`` and return what number that has."""
        await self.until(lambda: self.version != version, timeout_s, "the screen to change")
        return self.version


class OfficerScreen(Changing):
    """What the officer's page shows."""

    def __init__(self) -> None:
        super().__init__()
        self.encounters: dict[str, dict[str, Any]] = {}
        self.alerts: list[dict[str, Any]] = []
        self.devices: dict[str, dict[str, Any]] = {}
        self.link: dict[str, Any] = {}
        self.device_messages: list[str] = []

    async def watch(self, session: aiohttp.ClientSession, url: str) -> None:
        """Follow the page until cancelled."""
        async for name, data in stream(session, url):
            match name:
                case "state":
                    self._recent(data["recent"])
                    self.alerts = data["alerts"]
                    self.link = data["link"] or {}
                    for lane in data["lanes"]:
                        for device in lane["devices"]:
                            self._device(device)
                case "recent":
                    self._recent(data)
                case "alerts":
                    self.alerts = data
                case "link":
                    self.link = data
                case "device":
                    self._device(data)
                case _:
                    continue
            await self._notify()

    @property
    def active_link(self) -> str:
        """The link that a live check takes; empty where none is up."""
        return str(self.link.get("active", ""))

    def sent(self) -> dict[str, int]:
        """Bytes of messages that went by each link since the daemon started."""
        return {route["name"]: route["sent_bytes"] for route in self.link.get("routes", ())}

    def _recent(self, rows: list[dict[str, Any]]) -> None:
        self.encounters |= {row["encounter_id"]: row for row in rows}

    def _device(self, view: dict[str, Any]) -> None:
        self.devices[view["device"]] = view
        if view["reason"]:
            self.device_messages.append(f"{view['device']}: {view['reason']}. {view['advice']}".strip())

    def newest(self, besides: set[str]) -> dict[str, Any] | None:
        """The newest encounter that is not among ``besides``."""
        fresh = sorted(set(self.encounters) - besides)
        return self.encounters[fresh[-1]] if fresh else None
