"""Driver of a made-up fingerprint scanner in a box of its own, reached over a Unix socket.

Address: ``box:///run/box.sock?dpi=500``. The host asks, the box answers at once, one line each:

    id                 ->  id MODEL SERIAL
    image              ->  none, or: image WIDTH HEIGHT, then WIDTH * HEIGHT bytes, ridges dark
    anything else      ->  error TEXT
"""

from __future__ import annotations

import socket

import numpy as np

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason, FingerImage, FingerprintScanner
from drivers.worker import DeviceWorker, Token

_ASK_EVERY_S = 0.05  # How often it is asked whether a finger is there.
_ANSWER_S = 1.0  # The box answers at once: silence for this long is a failure.
_LONGEST_LINE = 200
_LARGEST_SIDE = 2000


def image_size(answer: str) -> tuple[int, int] | None:
    """(height, width) that ``answer`` to ``image`` announces, ``None`` without a finger. Raises ValueError."""
    match answer.split():
        case ["none"]:
            return None
        case ["image", width, height] if 0 < int(width) <= _LARGEST_SIDE and 0 < int(height) <= _LARGEST_SIDE:
            return int(height), int(width)
    raise ValueError(answer)


class BoxScanner(FingerprintScanner):
    """One box. All that blocks is done in one thread, one job at a time."""

    def __init__(self, address: DeviceAddress) -> None:
        # A wrong address is refused here, before anything is opened.
        address.require("box", frozenset({"dpi"}))
        self._address = address
        self._dpi = address.integer("dpi", 500, 250, 1000)
        self._worker = DeviceWorker(f"box {address.path}")
        self._socket: socket.socket | None = None
        self._unread = b""

    async def open(self) -> DeviceInfo:
        """Connect and ask the box who it is. Raises DriverError (ABSENT, DENIED, LOST, PROTOCOL, TIMEOUT)."""
        await self.close()
        self._worker.start()
        try:
            return await self._worker.run(self._connect)
        except BaseException:
            # Cancelled or failed: nothing is left open.
            await self.close()
            raise

    async def close(self) -> None:
        """Let go; may be called at any time, and twice."""
        await self._worker.close(self._disconnect)

    async def capture(self) -> FingerImage:
        """Wait for a finger and return its picture."""
        return await self._worker.run(self._capture)

    async def wait_lifted(self) -> None:
        """Return when no finger is there."""
        await self._worker.run(self._wait_lifted)

    # What follows runs in the worker's thread.

    def _connect(self, token: Token) -> DeviceInfo:
        token.check()
        self._unread = b""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_ANSWER_S)
        try:
            self._socket.connect(self._address.path)
        except OSError as error:
            denied = isinstance(error, PermissionError)
            reason = DriverReason.DENIED if denied else DriverReason.ABSENT
            advice = "let the daemon write to it" if denied else "switch it on"
            raise DriverError(reason, f"no box can be reached at {self._address.path}", advice) from error
        answer = self._ask("id").split()
        if len(answer) != 3 or answer[0] != "id":
            raise self._nonsense(" ".join(answer))
        return DeviceInfo("box", str(self._address), model=answer[1], serial=answer[2])

    def _disconnect(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _capture(self, token: Token) -> FingerImage:
        while (picture := self._picture()) is None:
            token.pause(_ASK_EVERY_S)  # Leaves here when the caller has gone; between questions nothing is half done.
        return picture

    def _wait_lifted(self, token: Token) -> None:
        while self._picture() is not None:
            token.pause(_ASK_EVERY_S)

    def _picture(self) -> FingerImage | None:
        answer = self._ask("image")
        try:
            size = image_size(answer)
        except ValueError as error:
            raise self._nonsense(answer) from error
        if size is None:
            return None
        pixels = np.frombuffer(self._take(size[0] * size[1]), np.uint8).reshape(size)
        return FingerImage(pixels, self._dpi)

    def _ask(self, question: str) -> str:
        self._exchange(question.encode() + b"\n")
        while b"\n" not in self._unread:
            if len(self._unread) > _LONGEST_LINE:
                raise self._nonsense("a line without an end")
            self._exchange()
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode("ascii", "replace")

    def _take(self, count: int) -> bytes:
        while len(self._unread) < count:
            self._exchange()
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    def _exchange(self, question: bytes = b"") -> None:
        if self._socket is None:
            raise DriverError(DriverReason.LOST, f"{self._address.path} is not open", "open it first")
        try:
            self._socket.sendall(question)
            received = self._socket.recv(65536)
        except TimeoutError as error:
            raise DriverError(DriverReason.TIMEOUT, f"{self._address.path} is silent", "restart it") from error
        except OSError as error:
            raise self._lost() from error
        if not received:
            raise self._lost()
        self._unread += received

    def _lost(self) -> DriverError:
        return DriverError(DriverReason.LOST, f"the box at {self._address.path} has gone", "check its cable")

    def _nonsense(self, answer: str) -> DriverError:
        what = f"{self._address.path} says {answer[:40]!r}"
        return DriverError(DriverReason.PROTOCOL, what, "is something else listening there?")
