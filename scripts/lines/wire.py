"""A TCP wire with faults that are ordered: what comes to it goes on to a port of this machine, or is treated badly."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

_CHUNK = 4096
_SLOW_BYTES_PER_S = 2000
_LATEST_RESET = 20_000
# Connections to the gateway that a cut left open; the oldest is closed for a newer one.
_MOST_LEFT_OPEN = 32


class Fault(StrEnum):
    """What is wrong with the wire."""

    NONE = "none"
    CUT = "cut"  # every connection is reset, and each new one
    REFUSE = "refuse"  # nobody listens; connections that are open go on
    STALL = "stall"  # connections stay, nothing moves; it does when the fault is over
    HALF_OPEN = "half_open"  # what the kiosk sends vanishes, for as long as the connection lasts
    DEAF = "deaf"  # what the gateway sends vanishes, for as long as the connection lasts
    SLOW = "slow"
    RESET = "reset"  # connections are reset at a random byte


@dataclass(eq=False, slots=True)
class _Connection:
    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    swallows: bool = False
    deaf: bool = False
    left: int | None = None
    """Bytes until it is reset."""
    leaves_open: bool = False
    """Only the kiosk's side is reset then."""

    def abort(self) -> None:
        self.near.transport.abort()
        self.far.transport.abort()


class Wire:
    """``async with Wire(port, chance) as wire``: from ``wire.port`` to ``port`` of 127.0.0.1."""

    def __init__(self, target: int, chance: random.Random) -> None:
        self.port = 0
        self._target = target
        self._chance = chance
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._fault = Fault.NONE
        self._moving = asyncio.Event()
        self._moving.set()
        self._cut_next: int | None = None
        self._left_open: deque[asyncio.StreamWriter] = deque()
        self.carried = 0
        """Bytes that came from the kiosk's side, whatever became of them."""
        self.connections = 0

    async def __aenter__(self) -> Self:
        """Lay it."""
        await self._listen()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Take it away."""
        await self._close()
        self._abort_all()

    async def order(self, fault: Fault) -> None:
        """From now on ``fault``, and no other."""
        if self._fault is Fault.REFUSE:
            await self._listen()
        self._fault = fault
        if fault is not Fault.STALL:
            self._moving.set()
        match fault:
            case Fault.CUT:
                self._abort_all()
            case Fault.REFUSE:
                await self._close()
            case Fault.STALL:
                self._moving.clear()
            case _:
                for connection in self._open:
                    self._treat(connection)

    def cut_next_after(self, sent: int) -> None:
        """Cut the next connection when ``sent`` of the kiosk's bytes have gone to the gateway, which is not told.

        The gateway has them all, and waits for more on a connection that is left open, as after a cable was pulled.
        """
        self._cut_next = sent

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        # Not waited for: connections that are open go on.
        if self._server is not None:
            self._server.close()

    def _abort_all(self) -> None:
        for connection in self._open:
            connection.abort()
        while self._left_open:
            self._left_open.pop().transport.abort()

    def _treat(self, connection: _Connection) -> None:
        """A fault of single connections, from now on."""
        match self._fault:
            case Fault.HALF_OPEN:
                connection.swallows = True
            case Fault.DEAF:
                connection.deaf = True
            case Fault.RESET:
                connection.left = self._chance.randrange(_LATEST_RESET)
            case _:
                connection.left = None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = None
        self.connections += 1
        try:
            if self._fault is Fault.CUT:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            connection = _Connection(writer, far_writer)
            self._treat(connection)
            if self._cut_next is not None:
                connection.left, connection.leaves_open, self._cut_next = self._cut_next, True, None
            self._open.add(connection)
            there = asyncio.ensure_future(self._pump(reader, far_writer, connection, there=True))
            back = asyncio.ensure_future(self._pump(far_reader, writer, connection, there=False))
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            for way in (there, back):
                way.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        except OSError:
            # The gateway is not there: whoever calls is hung up on.
            return
        finally:
            writer.transport.abort()
            if connection is not None:
                self._let_go(connection)

    def _let_go(self, connection: _Connection) -> None:
        self._open.discard(connection)
        if not connection.leaves_open:
            connection.far.transport.abort()
            return
        self._left_open.append(connection.far)
        if len(self._left_open) > _MOST_LEFT_OPEN:
            self._left_open.popleft().transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection, *, there: bool
    ) -> None:
        while data := await reader.read(_CHUNK):
            if there:
                self.carried += len(data)
            await self._moving.wait()
            if connection.swallows if there else connection.deaf:
                continue
            if self._fault is Fault.SLOW:
                await asyncio.sleep(len(data) / _SLOW_BYTES_PER_S)
            if connection.left is not None and (there or not connection.leaves_open):
                connection.left -= len(data)
                if connection.left < 0:
                    writer.write(data[: connection.left])
                    await writer.drain()
                    return
            writer.write(data)
            await writer.drain()
