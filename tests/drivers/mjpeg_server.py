"""A network camera: a real HTTP server on 127.0.0.1 that sends Motion JPEG, well or badly."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.drivers.tcp_server import TcpServer

HEAD = b"HTTP/1.0 200 OK\r\nServer: test camera\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """The picture as a camera would send it."""
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def part(data: bytes, boundary: bytes = b"frame") -> bytes:
    """One part with a Content-Length."""
    fields = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    return b"--" + boundary + b"\r\n" + fields + data + b"\r\n"


@dataclass
class MjpegServer:
    """Shows ``picture`` again and again to whoever asks, or sends ``script`` once and stays silent or hangs up.

    Whoever asks without a password gets ``challenge`` where there is one; with one, its rightness is not looked at.
    """

    picture: bytes
    head: bytes = HEAD
    script: bytes | None = None
    hang_up: bool = False
    piece: int = 1 << 20
    pause_s: float = 0.01
    challenge: bytes = b""
    tls: ssl.SSLContext | None = None
    asked: list[bytes] = field(default_factory=list)
    port: int = 0
    _server: TcpServer | None = None

    async def start(self) -> None:
        self._server = TcpServer(self._talk, self.tls)
        self.port = await self._server.start(self.port)

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                self.asked.append(await reader.readuntil(b"\r\n\r\n"))
                if self.challenge and b"\r\nAuthorization: " not in self.asked[-1]:
                    await self._send(writer, b"HTTP/1.0 401 Unauthorized\r\n" + self.challenge + b"\r\n\r\n")
                    return
                await self._send(writer, self.head)
                if self.script is not None:
                    await self._send(writer, self.script)
                    if not self.hang_up:
                        await reader.read()
                    return
                while True:
                    await self._send(writer, part(self.picture))
                    await asyncio.sleep(self.pause_s)
        finally:
            if not self.hang_up:
                writer.transport.abort()
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    def is_alone(self) -> bool:
        """Whether everybody who asked has gone."""
        return self._server is None or self._server.is_alone()

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for at in range(0, len(data), self.piece):
            writer.write(data[at : at + self.piece])
            await writer.drain()
            if self.piece < len(data):
                await asyncio.sleep(0)
