"""The process apart as its user sees it: started when it is wanted, given one picture at a time, replaced when it ends.

A picture that it dies over or does not answer to in time is refused; the next one gets a new process. Calls block, and
may come from several threads.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import subprocess
import sys
import threading
import time
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.decoder_child import ANSWER, REQUEST
from hotspotd.errors import BiometricError, Reason

log = logging.getLogger(__name__)

LIMIT_S: Final = 15.0
"""A picture of 24 megapixels as JPEG 2000 takes a Raspberry Pi 4 five seconds."""
_MOST_ANSWER: Final = 24_000_000 * 4 * 2
_TYPES: Final = {1: np.uint8, 2: np.uint16}
_COMMAND: Final = (sys.executable, "-m", "hotspotd.biometrics.decoder_child")


Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class _GoneError(Exception):
    """The process ended, or was too slow and was ended."""


class DecoderProcess:
    """At most one process at a time. ``limit_s``: for one picture."""

    def __init__(self, limit_s: float = LIMIT_S, command: tuple[str, ...] = _COMMAND) -> None:
        self._limit_s = limit_s
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it where it does not run, and have it answer: later pictures find it warm.

        Raises BiometricError (NO_RUNTIME) where it cannot run.
        """
        with self._lock:
            process = self._running()
            try:
                _ask(process, b"no picture", 0, time.monotonic() + self._limit_s)
            except _GoneError as error:
                raise BiometricError(
                    Reason.NO_RUNTIME, f"the picture decoder {error} when it was started: {self._end()}", "See above."
                ) from None

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._end()

    def decode(self, data: bytes, mode: int) -> Pixels | None:
        """As ``cv2.imdecode``; None where it cannot be. Raises BiometricError (BAD_IMAGE): crashed, took too long."""
        with self._lock:
            process = self._running()
            try:
                return _ask(process, data, mode, time.monotonic() + self._limit_s)
            except _GoneError as error:
                how = self._end()
                log.error("the picture decoder %s over a picture of %d bytes: %s", error, len(data), how)
                raise BiometricError(
                    Reason.BAD_IMAGE, f"the picture decoder {error} over a picture", "Ask for another picture."
                ) from None

    def _running(self) -> subprocess.Popen[bytes]:
        """The process; a new one where there is none, or the one before has ended between two pictures."""
        if self._process is not None and self._process.poll() is not None:
            log.warning("the picture decoder had ended (%s); it is replaced", self._end())
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603  # Our own module.
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    os.set_blocking(pipe.fileno(), False)
        return self._process

    def _end(self) -> str:
        """End it and say how it ended."""
        process, self._process = self._process, None
        if process is None:
            return "not running"
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        code = process.wait()
        return f"signal {-code}" if code < 0 else f"exit status {code}"


def _ask(process: subprocess.Popen[bytes], data: bytes, mode: int, end: float) -> Pixels | None:
    assert process.stdin is not None  # noqa: S101  # Both are pipes.
    assert process.stdout is not None  # noqa: S101
    _write(process.stdin, REQUEST.pack(len(data), mode), end)
    _write(process.stdin, data, end)
    height, width, channels, size = ANSWER.unpack(_read(process.stdout, ANSWER.size, end))
    if size == 0:
        return None
    length = height * width * max(channels, 1) * size
    if size not in _TYPES or length > _MOST_ANSWER:
        raise _GoneError("answered nonsense")
    numbers = np.frombuffer(_read(process.stdout, length, end), _TYPES[size])
    return numbers.reshape((height, width, channels) if channels else (height, width))


def _write(pipe: IO[bytes], data: bytes, end: float) -> None:
    left = memoryview(data)
    while left:
        _wait(pipe, select.POLLOUT, end)
        try:
            left = left[os.write(pipe.fileno(), left) :]
        except BrokenPipeError:
            raise _GoneError("crashed") from None


def _read(pipe: IO[bytes], length: int, end: float) -> bytearray:
    buffer = bytearray(length)
    place = 0
    view = memoryview(buffer)
    while place < length:
        _wait(pipe, select.POLLIN, end)
        count = os.readv(pipe.fileno(), [view[place:]])
        if count == 0:
            raise _GoneError("crashed")
        place += count
    return buffer


def _wait(pipe: IO[bytes], what: int, end: float) -> None:
    poll = select.poll()
    poll.register(pipe, what)
    if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
        raise _GoneError("took too long")
