"""A keyboard-wedge reader without a kernel's input device: a FIFO that gives real ``struct input_event``.

The requests of linux/input.h, which a FIFO refuses (ENOTTY), are answered as the kernel answers them: one grab at a
time (EBUSY), an empty queue for whoever has just opened the device. Keys are pressed as a reader set for a layout
presses them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path
from typing import Any

import pytest

from drivers.document import mrz_keyboard
from drivers.document.key_layouts import LAYOUTS
from drivers.document.keystrokes import EVENT

EV_SYN, EV_KEY, EV_MSC = 0, 1, 4
SHIFT, CTRL, ALT, CAPS_LOCK, ENTER = 42, 29, 56, 58, 28
_KEYPAD = {"0": 82, "1": 79, "2": 80, "3": 81, "4": 75, "5": 76, "6": 77, "7": 71, "8": 72, "9": 73}


def event(kind: int, code: int, value: int) -> bytes:
    """One input_event."""
    return EVENT.pack(int(time.time()), 0, kind, code, value)


def key(code: int, value: int) -> bytes:
    """A key pressed (1) or released (0) as a USB keyboard reports it: the scan code, the key, the end of the report."""
    return event(EV_MSC, 4, 0x70000 + code) + event(EV_KEY, code, value) + event(EV_SYN, 0, 0)


def tap(code: int, *held: int) -> bytes:
    """A key pressed and released while others are held."""
    down = b"".join(key(one, 1) for one in held)
    up = b"".join(key(one, 0) for one in reversed(held))
    return down + key(code, 1) + key(code, 0) + up


def typed(text: str, layout: str = "us") -> bytes:
    """What a reader set for ``layout`` sends for ``text``; a line end is Enter."""
    plain = {sign: code for code, sign in LAYOUTS[layout].plain.items()}
    shifted = {sign: code for code, sign in LAYOUTS[layout].shifted.items()}
    sent = b""
    for sign in text:
        if sign in "\r\n":
            sent += tap(ENTER)
        elif sign < " ":
            sent += tap(plain[chr(ord(sign) | 0x60)], CTRL)
        else:
            sent += tap(plain[sign]) if sign in plain else tap(shifted[sign], SHIFT)
    return sent


def typed_by_number(text: str) -> bytes:
    """What a reader sends that types each character as Alt and its number on the keypad."""
    return b"".join(
        key(ALT, 1) + b"".join(tap(_KEYPAD[digit]) for digit in f"{ord(sign):04d}") + key(ALT, 0) for sign in text
    )


class WedgeReader:
    """The device at ``path``; ``start`` it before a driver opens it."""

    def __init__(self, path: Path, layout: str = "us") -> None:
        self.path = path
        self.grabbed: set[int] = set()
        self._layout = layout
        self._end: int | None = None
        self._patch = pytest.MonkeyPatch()

    def start(self) -> None:
        """Plug in, and answer the requests for this device."""
        ioctl = fcntl.ioctl

        def answer(descriptor: int, request: int, argument: Any = 0) -> Any:
            try:
                mine = os.path.samestat(os.fstat(descriptor), self.path.stat())
            except FileNotFoundError:
                mine = False
            return self._answer(descriptor, request) if mine else ioctl(descriptor, request, argument)

        self._patch.setattr(mrz_keyboard.fcntl, "ioctl", answer)
        self.plug()

    def stop(self) -> None:
        """Unplug."""
        self.unplug()
        self._patch.undo()

    def plug(self) -> None:
        """Make the device."""
        if self._end is None:
            os.mkfifo(self.path)
            self._end = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def unplug(self) -> None:
        """Take the device away: who has it open reads no more."""
        end, self._end = self._end, None
        if end is not None:
            self.path.unlink()
            os.close(end)

    def send(self, data: bytes) -> None:
        """Give these events to whoever has the device open; nobody, nothing."""
        if self._end is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._end, data)

    def type(self, text: str) -> None:
        """Type this text."""
        self.send(typed(text, self._layout))

    def _answer(self, descriptor: int, request: int) -> Any:
        match request:
            case mrz_keyboard.EVIOCGVERSION:
                return (0x010001).to_bytes(4, "little")
            case mrz_keyboard.EVIOCGNAME_256:
                return b"ACME OCR Reader".ljust(256, b"\0")
            case mrz_keyboard.EVIOCGRAB:
                if any(_same(descriptor, other) for other in self.grabbed if other != descriptor):
                    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
                self.grabbed = {descriptor}
                with contextlib.suppress(BlockingIOError):
                    while os.read(descriptor, 65536):
                        pass
                return 0
            case _:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def _same(one: int, other: int) -> bool:
    """Whether both are open on one device."""
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False  # Closed: its grab has ended.
