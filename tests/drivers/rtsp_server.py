"""A network camera that speaks RTSP on 127.0.0.1.

RFC 2326 with RTP in the same connection (clause 10.12), and JPEG as RFC 2435 packs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.drivers.mjpeg_server import jpeg
from tests.drivers.tcp_server import TcpServer

_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 26\r\na=framerate:25\r\na=control:track\r\n"
)
_PACKET = 1400


def packets(pixels: NDArray[np.uint8], sequence: int, stamp: int) -> list[bytes]:
    """A grey picture as RTP packets, framed for the connection; its sides are whole multiples of 16."""
    data = jpeg(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR))
    tables, at = b"", 2
    while data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xDB:
            segment = data[at + 4 : at + 2 + length]
            tables += b"".join(segment[start + 1 : start + 65] for start in range(0, len(segment), 65))
        at += 2 + length
    scan = data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") : -2]
    height, width = pixels.shape
    made = []
    for offset in range(0, len(scan), _PACKET):
        piece = scan[offset : offset + _PACKET]
        last = offset + _PACKET >= len(scan)
        header = struct.pack("!BBHII", 0x80, 26 | last << 7, (sequence + len(made)) & 0xFFFF, stamp & 0xFFFFFFFF, 1)
        # Type 1: 4:2:0; Q 255: the quantization tables stand in the first packet.
        header += struct.pack("!IBBBB", offset, 1, 255, width // 8, height // 8)
        if offset == 0:
            header += struct.pack("!BBH", 0, 0, len(tables)) + tables
        made.append(struct.pack("!cBH", b"$", 0, len(header) + len(piece)) + header + piece)
    return made


@dataclass
class RtspServer:
    """Shows ``picture`` again and again to whoever plays it; ``refuse`` is what it answers to everything instead."""

    picture: NDArray[np.uint8]
    refuse: str = ""
    port: int = 0
    _server: TcpServer | None = None

    async def start(self) -> None:
        self._server = TcpServer(self._talk)
        self.port = await self._server.start(self.port)

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()

    def is_alone(self) -> bool:
        """Whether everybody who asked has gone."""
        return self._server is None or self._server.is_alone()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        show: asyncio.Task[None] | None = None
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    asked = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
                    self._answer(writer, asked)
                    if asked.startswith("PLAY ") and not self.refuse and show is None:
                        show = asyncio.create_task(self._show(writer))
        finally:
            if show is not None:
                show.cancel()
                await asyncio.gather(show, return_exceptions=True)
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _answer(self, writer: asyncio.StreamWriter, asked: str) -> None:
        number = next(line.partition(":")[2].strip() for line in asked.split("\r\n") if line.startswith("CSeq"))
        extra, body = "", ""
        match asked.split(maxsplit=1)[0]:
            case "OPTIONS":
                extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            case "DESCRIBE":
                extra, body = "Content-Type: application/sdp\r\n", _SDP
            case "SETUP":
                extra = "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            case "PLAY":
                extra = "Session: 1\r\n"
        if self.refuse:
            extra, body = "", ""
        head = f"RTSP/1.0 {self.refuse or '200 OK'}\r\nCSeq: {number}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())

    async def _show(self, writer: asyncio.StreamWriter) -> None:
        sequence = stamp = 0
        with contextlib.suppress(ConnectionError):
            while True:
                for packet in packets(self.picture, sequence, stamp):
                    writer.write(packet)
                    sequence += 1
                await writer.drain()
                stamp += 3600
                await asyncio.sleep(0.004)  # Faster than the told rate: FFmpeg looks at many pictures before it begins.
