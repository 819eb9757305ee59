"""The device's end of a pseudo-terminal: what an emulator has in the place of a serial plug.

``link`` is a symlink to the port that a driver opens; it is there while the device is plugged in. Used from one
event loop. A pty has no speed, no parity and no modem lines; a driver meets ENOTTY or EINVAL where it asks for them.
"""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections.abc import Callable
from pathlib import Path

# A device does not wait for its host: what a port nobody reads cannot take for this long is lost.
_TAKE_S = 1.0
_CHUNK = 4096
_BAUDS = {getattr(termios, f"B{baud}"): baud for baud in (9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 921_600)}


class PtyPeer:
    """``received`` is called on the event loop with each piece that the host has written."""

    def __init__(self, link: Path, received: Callable[[bytes], None]) -> None:
        self.link = link
        self._received = received
        self._master: int | None = None
        # Held open, so that the port keeps its settings and gives no end of file while no driver has it open.
        self._slave: int | None = None
        self._room: asyncio.Future[bool] | None = None
        # One after the other: what is pulled would else take away the symlink of what was just plugged in.
        self._turn = asyncio.Lock()

    @property
    def plugged(self) -> bool:
        """Whether the port is there."""
        return self._master is not None

    @property
    def baud(self) -> int:
        """The speed to which the host has set the port: a pty keeps it, and passes bytes at any; 0 while unplugged."""
        return _BAUDS.get(termios.tcgetattr(self._slave)[4], 0) if self._slave is not None else 0

    async def plug(self) -> None:
        """Make a new port and the symlink to it; nothing where it is there already."""
        async with self._turn:
            if self._master is not None:
                return
            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            asyncio.get_running_loop().add_reader(self._master, self._readable)
            await asyncio.to_thread(_point, self.link, os.ttyname(self._slave))

    async def unplug(self) -> None:
        """Take the port and the symlink away: a driver that has it open sees the device go."""
        async with self._turn:
            self._hang_up()
            await asyncio.to_thread(self.link.unlink, missing_ok=True)

    def _hang_up(self) -> None:
        master, slave, self._master, self._slave = self._master, self._slave, None, None
        if master is None or slave is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(master)
        loop.remove_writer(master)
        if self._room is not None and not self._room.done():
            self._room.set_result(False)
        os.close(master)
        os.close(slave)

    async def send(self, data: bytes) -> bool:
        """Write ``data``; False when the device is not plugged in, or nobody takes it."""
        view = memoryview(data)
        while view:
            if self._master is None:
                return False
            try:
                view = view[os.write(self._master, view) :]
            except BlockingIOError:
                if not await self._wait_for_room(self._master):
                    return False
        return True

    async def _wait_for_room(self, master: int) -> bool:
        loop = asyncio.get_running_loop()
        room: asyncio.Future[bool] = loop.create_future()
        self._room = room
        loop.add_writer(master, _settle, room)
        try:
            async with asyncio.timeout(_TAKE_S):
                return await room
        except TimeoutError:
            return False
        finally:
            if self._master == master:
                loop.remove_writer(master)

    def _readable(self) -> None:
        if self._master is None:
            return
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._received(data)


def _settle(room: asyncio.Future[bool]) -> None:
    if not room.done():
        room.set_result(True)


def _point(link: Path, target: str) -> None:
    """Make ``link`` a symlink to ``target``, in one step where something stood there before."""
    fresh = link.with_name(link.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
