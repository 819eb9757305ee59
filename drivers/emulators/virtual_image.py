"""The finger on libfprint's own virtual scanner: a client of its ``virtual_image`` driver.

libfprint makes that scanner where the environment variable ``FP_VIRTUAL_IMAGE`` names a socket, which is there while
the scanner is open. A message is two native 32-bit integers: width and height, followed by so many grey pixels; or
a negative number and its value: -1 ask for the finger again (FpDeviceRetry), -2 fail (FpDeviceError), -3 whether a
picture lays and lifts the finger by itself, -4 the finger is laid (1) or lifted (0), -5 unplug. Source: libfprint 1.94,
virtual-image.c. Messages wait in the socket until a capture reads them.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VARIABLE = "FP_VIRTUAL_IMAGE"
# A capture under way reads a picture in milliseconds; one that none has read by then lies there in vain.
_READ_S = 1.0
_HEAD = struct.Struct("=ii")
_RETRY, _FAIL, _AUTOMATIC, _FINGER, _REMOVE = -1, -2, -3, -4, -5


class VirtualFinger:
    """One connection to the socket at a time, for one event loop.

    Each picture has a connection of its own, but while ``lay`` holds: on one that stays open, libfprint throws away
    what comes while no capture runs. Raises OSError where no scanner is open.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._held = False
        self._ended = False

    async def place(self, pixels: NDArray[np.uint8]) -> None:
        """Show this (height, width) picture, at most 5000 pixels either way."""
        height, width = pixels.shape
        await self._send(_HEAD.pack(width, height) + pixels.tobytes(), stay=self._held)

    async def lay(self) -> None:
        """A finger is on the glass, from now on until ``lift``: pictures no longer come and go by themselves."""
        self._held = True
        await self._send(_HEAD.pack(_AUTOMATIC, 0) + _HEAD.pack(_FINGER, 1))

    async def lift(self) -> None:
        """The finger has gone; pictures come and go by themselves again."""
        self._held = False
        await self._send(_HEAD.pack(_FINGER, 0) + _HEAD.pack(_AUTOMATIC, 1), stay=False)

    async def retry(self, code: int) -> None:
        """Have the capture end with this FpDeviceRetry."""
        await self._send(_HEAD.pack(_RETRY, code), stay=False)

    async def fail(self, code: int) -> None:
        """Have the capture end with this FpDeviceError."""
        await self._send(_HEAD.pack(_FAIL, code), stay=False)

    async def remove(self) -> None:
        """Pull the plug."""
        await self._send(_HEAD.pack(_REMOVE, 0), stay=False)

    async def close(self) -> None:
        """Let go of the socket."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _send(self, message: bytes, *, stay: bool = True) -> None:
        if self._ended or self._gone():
            await self._let_it_end()
            await self.close()
            self._reader, self._writer = await asyncio.open_unix_connection(self._socket)
            self._ended = False
        writer = self._writer
        if writer is None:
            raise ConnectionResetError
        writer.write(message)
        if not stay:
            writer.write_eof()
            self._ended = True
        await writer.drain()

    async def _let_it_end(self) -> None:
        """Wait, as libfprint has one client at a time, until it has read what the last one sent, and its end."""
        if self._reader is None:
            return
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_READ_S):
                await self._reader.read()

    def _gone(self) -> bool:
        # A scanner closed with something unread resets the connection.
        return self._reader is None or self._reader.at_eof() or self._reader.exception() is not None
