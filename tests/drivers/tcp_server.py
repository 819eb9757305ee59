"""A server on 127.0.0.1 for the tests' network devices, which leaves no connection behind."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
# A connection that was accepted when the server closed reaches its talk within so many turns of the loop.
_TURNS = 8


class TcpServer:
    """Has one ``talk`` with each that connects; ``stop`` breaks all of them off, those just accepted too."""

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None = None) -> None:
        self._talk = talk
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> int:
        """Listen on ``port``, 0 for a free one; returns which."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port, ssl=self._tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close; does nothing where it is closed."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
            for task in list(self._talks):
                task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await server.wait_closed()

    def is_alone(self) -> bool:
        """Whether everybody who connected has gone."""
        return not self._talks

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)
        # Not the talk's own work: one that is broken off before its first step does nothing at all.
        task.add_done_callback(lambda _: writer.close())
