"""Driver of document readers that type the machine readable zone as a keyboard would (keyboard wedge).

Address: ``evdev:///dev/input/by-id/usb-ACME_OCR-event-kbd?layout=us&skip=0``. The device is grabbed: while it is
open, its keys reach nobody else, above all not the kiosk's browser. The kernel's interface is used as it is
(linux/input.h): three requests and one structure, which any file that gives events can stand in for.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.document.key_layouts import LAYOUTS
from drivers.document.keystrokes import EVENT, Typist
from drivers.document.listening import MOST_SKIPPED, ListeningReader
from drivers.worker import Token

# Requests of linux/input.h, as asm-generic/ioctl.h numbers them (x86, ARM, RISC-V).
EVIOCGVERSION = 0x80044501
EVIOCGNAME_256 = 0x81004506
EVIOCGRAB = 0x40044590

_WAIT_MS = 50
_MOST_EVENTS = 256
_NONBLOCK_EMPTY = (errno.EAGAIN, errno.EINTR)


class MrzKeyboardReader(ListeningReader):
    """One reader that is a keyboard to the computer."""

    advice = "check layout= and skip= in the device address"

    def __init__(self, address: DeviceAddress) -> None:
        address.require("evdev", frozenset({"layout", "skip"}))
        super().__init__(address, skip=address.integer("skip", 0, 0, MOST_SKIPPED))
        self._layout = LAYOUTS[address.choice("layout", "us", tuple(LAYOUTS))]
        self._typist = Typist(self._layout)
        self._descriptor: int | None = None

    def _take(self, token: Token) -> DeviceInfo:
        token.check()
        self._typist = Typist(self._layout)
        path = self._address.path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(self._descriptor, EVIOCGVERSION, bytes(4))
            name = fcntl.ioctl(self._descriptor, EVIOCGNAME_256, bytes(256))
            fcntl.ioctl(self._descriptor, EVIOCGRAB, 1)
        except OSError as error:
            raise _refused(path, error) from error
        model = name.split(b"\0")[0].decode("utf-8", "replace").strip()
        return DeviceInfo("mrz-keyboard", str(self._address), model=model or "keyboard")

    def _receive(self) -> bytes:
        path, descriptor = self._address.path, self._descriptor
        if descriptor is None:
            raise DriverError(DriverReason.LOST, f"{path} is not open", "open it first")
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(_WAIT_MS):
            return b""
        try:
            data = os.read(descriptor, EVENT.size * _MOST_EVENTS)
        except OSError as error:
            if error.errno in _NONBLOCK_EMPTY:
                return b""
            raise _lost(path) from error
        if not data:
            raise _lost(path)
        return self._typist.feed(data)

    def _let_go(self) -> None:
        # Closing ends the grab, and cannot fail for a device that only was read from.
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _lost(path: str) -> DriverError:
    return DriverError(DriverReason.LOST, f"the document reader at {path} has gone", f"check the cable of {path}")


def _refused(path: str, error: OSError) -> DriverError:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return DriverError(
                DriverReason.DENIED, f"no permission to use {path}", "add the user to the group that owns it (input)"
            )
        case errno.EBUSY:
            return DriverError(
                DriverReason.BUSY, f"{path} is grabbed by another program", f"find it with: fuser {path}"
            )
        case errno.ENOTTY | errno.EINVAL | errno.EISDIR:
            return DriverError(
                DriverReason.BAD_ADDRESS, f"{path} is not an input device", "name one under /dev/input/by-id/"
            )
        case _:
            return DriverError(DriverReason.ABSENT, f"there is no device at {path}", "plug it in, or correct its path")
