"""The cables to the gateway: TCP forwarders that can be cut and mended, each a link of the kiosk's."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

_CHUNK = 65_536
FIBRE: Final = "fibre"
LTE: Final = "lte"
"""What the links are called in the kiosk's configuration, the preferred one first."""


class Cable:
    """Forwards connections on ``port`` (chosen by the system) to ``target``; cut, it drops and refuses them."""

    def __init__(self) -> None:
        self.port = 0
        self.target = 0
        self._server: asyncio.Server | None = None
        self._whole = True
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        """Lay the cable."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Take the cable away."""
        self.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def cut(self) -> None:
        """Drop everything in flight and refuse what comes."""
        self._whole = False
        for writer in list(self._open):
            writer.transport.abort()

    def mend(self) -> None:
        """Carry connections again."""
        self._whole = True

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole or not self.target:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        except OSError:
            # One end went away; the other hears of it.
            writer.transport.abort()
            far_writer.transport.abort()
        finally:
            self._open -= {writer, far_writer}
            writer.close()
            far_writer.close()


class Cables:
    """Every cable to one gateway. Cut or mended together, or one by one by its name."""

    def __init__(self) -> None:
        self._cables = {name: Cable() for name in (FIBRE, LTE)}
        self._stack = AsyncExitStack()

    def __getitem__(self, name: str) -> Cable:
        """One cable."""
        return self._cables[name]

    async def __aenter__(self) -> Self:
        """Lay them."""
        for cable in self._cables.values():
            await self._stack.enter_async_context(cable)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take them away."""
        await self._stack.aclose()

    @property
    def ports(self) -> dict[str, int]:
        """Where each begins, by its name."""
        return {name: cable.port for name, cable in self._cables.items()}

    def lead_to(self, port: int) -> None:
        """Where they end."""
        for cable in self._cables.values():
            cable.target = port

    def cut(self) -> None:
        """Nothing reaches the gateway."""
        for cable in self._cables.values():
            cable.cut()

    def mend(self) -> None:
        """All is well again."""
        for cable in self._cables.values():
            cable.mend()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
