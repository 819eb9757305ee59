"""The little of an HTTP server that a MOSIP biometric service needs: verbs of its own, one request a connection.

aiohttp's own server refuses verbs that it does not know, so this one is written out, over real sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

HOST = "127.0.0.1"
_LARGEST_HEAD = 16 * 1024
_LARGEST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: ``verb`` and ``path`` as they came."""

    verb: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One body, or with ``parts`` a stream of JPEG pictures; ``sent`` is called once all of the body was taken."""

    status: int = 200
    body: bytes = b""
    parts: AsyncIterator[bytes] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    sent: Callable[[], None] | None = None


Handler = Callable[[Request], Awaitable[Answer]]


class Server:
    """Listens on a port of 127.0.0.1; ``handler`` is cancelled when who asked has gone."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def listens(self) -> bool:
        """Whether it does."""
        return self._server is not None

    def is_alone(self) -> bool:
        """Whether everybody who asked has gone."""
        return not self._talks

    async def start(self, port: int) -> None:
        """Listen. Raises OSError where another does."""
        self._server = await asyncio.start_server(self._talk, HOST, port, limit=_LARGEST_HEAD)

    async def stop(self) -> None:
        """Hang up on everybody."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._talks.add(task)
        try:
            request = await _read(reader)
            answer = None if request is None else await self._answer(request, reader)
            if answer is not None:
                with contextlib.suppress(ConnectionError):
                    await _write(writer, answer)
        finally:
            if task.cancelling():
                writer.transport.abort()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._talks.discard(task)

    async def _answer(self, request: Request, reader: asyncio.StreamReader) -> Answer | None:
        """The handler's answer; ``None``, with the handler cancelled, when who asked has hung up before."""
        work = asyncio.ensure_future(self._handler(request))
        gone = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            for each in (work, gone):
                each.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """What is asked; ``None`` where that is no request: a connection without one is closed."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
        verb, path, _ = lines[0].split(" ")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(fields.get("content-length", "0"))
        body = await reader.readexactly(length) if 0 <= length <= _LARGEST_BODY else None
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        return None
    return None if body is None else Request(verb, path, body)


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    kind = "application/json" if answer.parts is None else "multipart/x-mixed-replace; boundary=--BoundaryString"
    fields = [("Content-Type", kind), ("Cache-Control", "no-store"), ("Connection", "close"), *answer.headers]
    if answer.parts is None:
        fields.append(("Content-Length", str(len(answer.body))))
    head = f"HTTP/1.1 {answer.status} Status\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
    writer.write(head.encode() + b"\r\n" + answer.body)
    await writer.drain()
    if answer.sent is not None:
        answer.sent()
    if answer.parts is not None:
        async for part in answer.parts:
            writer.write(
                f"--BoundaryString\r\nContent-Type: image/jpeg\r\nContent-Length: {len(part)}\r\n\r\n".encode()
            )
            writer.write(part + b"\r\n")
            await writer.drain()
