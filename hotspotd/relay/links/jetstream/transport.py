"""The bytes under a connection: TLS or nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from urllib.parse import ParseResult

import nats.errors
from nats.aio.transport import TcpTransport


class _StreamProtocol(asyncio.StreamReaderProtocol):
    def eof_received(self) -> bool:
        """TLS knows no half of a connection; asyncio complains in the log of a protocol that wants to keep one."""
        super().eof_received()
        return False


class SecureTransport(TcpTransport):
    """Sends nothing in the clear, and ends at once when it is told to: a dead line is not waited for.

    The client's own would go on without TLS when whoever answers doesn't ask for it.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # It has no types.
        self.secure = False
        self._aborted = False

    def __bool__(self) -> bool:
        return True  # The client puts one of its own in the place of what is false.

    # Both ways to connect are timed by the caller: the client's own can lose a cancellation (wait_for of Python 3.11).

    async def connect(
        self,
        uri: ParseResult,
        buffer_size: int,
        connect_timeout: int,  # noqa: ARG002
    ) -> None:
        """Reach the other side."""
        reader, writer = await asyncio.open_connection(uri.hostname, uri.port, limit=buffer_size)
        self._bare_io_reader = self._io_reader = reader
        self._bare_io_writer = self._io_writer = writer

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,
        connect_timeout: int,  # noqa: ARG002
    ) -> None:
        """Speak TLS from here on. ``uri`` is the name that the other side's certificate must have."""
        if self._bare_io_writer is None:
            raise nats.errors.ConnectionClosedError
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(buffer_size, loop)
        protocol = _StreamProtocol(reader, loop=loop)
        host = uri if isinstance(uri, str) else uri.hostname
        transport = await loop.start_tls(self._bare_io_writer.transport, protocol, ssl_context, server_hostname=host)
        if transport is None:
            raise nats.errors.ConnectionClosedError
        self._io_reader, self._io_writer = reader, asyncio.StreamWriter(transport, protocol, reader, loop)
        self.secure = True

    async def readline(self) -> bytes:
        """One line. Raises UnexpectedEOF at the end, which the client would take for a line."""
        line: bytes = await super().readline()  # type: ignore[no-untyped-call]  # It has no types.
        if not line:
            raise nats.errors.UnexpectedEOF
        return line

    def write(self, payload: bytes) -> None:
        self._sending()
        super().write(payload)  # type: ignore[no-untyped-call]  # It has no types.

    def writelines(self, payload: Iterable[bytes]) -> None:
        self._sending()
        if not self._aborted:
            super().writelines(payload)  # type: ignore[no-untyped-call]  # It has no types.

    async def drain(self) -> None:
        if not self._aborted:
            await super().drain()  # type: ignore[no-untyped-call]  # It has no types.

    def close(self) -> None:
        self._aborted = True
        for writer in (self._io_writer, self._bare_io_writer):
            if writer is not None:
                writer.transport.abort()

    async def wait_closed(self) -> None:
        """Nothing is left to wait for."""

    def _sending(self) -> None:
        if not self.secure:
            raise nats.errors.SecureConnRequiredError
