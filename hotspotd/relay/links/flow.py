"""Bytes given to a connection no faster than the line takes them.

What lies in the kernel's and the modem's queues can no longer be overtaken: on a line of 64 kbit/s a full socket
buffer is half a minute in front of whatever is more urgent. So no more is under way at a time than the line carries
in about a second, which the kernel's count of unacknowledged bytes shows (``SIOCOUTQ``, tcp(7)).
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from asyncio import BaseTransport
from collections.abc import Callable
from contextlib import suppress
from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_CONGESTION, TCP_USER_TIMEOUT, socket
from typing import Any

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from hotspotd.relay.links.base import Pace

_PIECE = 2 * 1024
# Two round trips over a satellite at 64 kbit/s are less than this.
_FEWEST = 10 * 1024
_LOOK_EVERY_S = 0.02
_MEASURED_OVER_S = 0.5
_SECONDS_UNDER_WAY = 1.25

# Congestion control that takes a lost packet for a lost packet, where the kernel has it.
_CONTROL = b"bbr"


def tcp_socket(address: tuple[Any, ...], silence_s: float) -> socket:
    """A socket for aiohttp's ``socket_factory``: it breaks after ``silence_s`` without an acknowledgement."""
    family, kind, protocol, *_ = address
    made = socket(family, kind, protocol)
    made.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
    with suppress(OSError):  # Not on every kernel; the link does without.
        made.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, int(silence_s * 1000))
    with suppress(OSError):
        made.setsockopt(IPPROTO_TCP, TCP_CONGESTION, _CONTROL)
    return made


class UnderWay:
    """What is under way on one connection, and what may be."""

    def __init__(self, waiting: Callable[[], int], clock: Callable[[], float]) -> None:
        self._waiting = waiting
        self._clock = clock
        self._sent = 0
        self._mark = (clock(), 0)
        self._allowed = float(_FEWEST)

    def sent(self, size: int) -> None:
        """``size`` bytes more were given to the connection."""
        self._sent += size

    def room(self) -> bool:
        """Whether more may be given to it now."""
        waiting = self._waiting()
        now, taken = self._clock(), self._sent - waiting
        since, before = self._mark
        if now - since >= _MEASURED_OVER_S:
            rate = max(taken - before, 0) / (now - since)
            self._allowed = max(_FEWEST, rate * _SECONDS_UNDER_WAY)
            self._mark = (now, taken)
        return waiting < self._allowed

    def taken(self) -> int:
        """Bytes that the other side has acknowledged."""
        return self._sent - self._waiting()


class PacedBody(Payload):
    """Part of a message as the body of a request, from ``start`` on. ``moved`` is called when bytes have moved."""

    def __init__(self, content: bytes, start: int, pace: Pace, moved: Callable[[bool], None]) -> None:
        super().__init__(content, content_type="application/offset+octet-stream")
        self._content = memoryview(content)[start:]
        self._size = len(self._content)
        self._pace = pace
        self._moved = moved

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """See Payload. It is no text."""
        return bytes(self._content).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """See Payload."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """See Payload. Cancelled with the request."""
        del content_length  # It is the size of what is here.
        under_way = UnderWay(unacknowledged(getattr(writer, "transport", None)), asyncio.get_running_loop().time)
        for start in range(0, len(self._content), _PIECE):
            piece = self._content[start : start + _PIECE]
            self._moved(False)
            await self._pace(len(piece))
            self._moved(True)
            await writer.write(bytes(piece))
            under_way.sent(len(piece))
            before = under_way.taken()
            while not under_way.room():
                await asyncio.sleep(_LOOK_EVERY_S)
                if (now := under_way.taken()) > before:
                    self._moved(True)
                    before = now


def unacknowledged(transport: BaseTransport | None) -> Callable[[], int]:
    """Counts the bytes given to ``transport`` that the other side has not acknowledged; none once it has ended."""
    connection = None if transport is None else transport.get_extra_info("socket")

    def count() -> int:
        if connection is None or connection.fileno() < 0:
            return 0  # It has ended: the next write says so.
        return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0])

    return count
