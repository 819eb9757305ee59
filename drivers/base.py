"""What a device is to the rest of the software: four interfaces, their pictures and their errors.

A driver is made for one address (``drivers.address.DeviceAddress``), opened, used and closed; after any
DriverError it may be closed and opened again. Methods are coroutines that never block the event loop; a driver
over a blocking library does its work in a named thread of its own. Cancelling a call leaves the driver usable.
Nothing here imports hotspotd.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class DriverReason(StrEnum):
    """Why a device could not do what it was asked."""

    BAD_ADDRESS = "bad_address"
    ABSENT = "absent"
    DENIED = "denied"
    BUSY = "busy"
    LOST = "lost"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    PASSWORD = "password"  # noqa: S105  # The name of a reason, not a secret.
    BAD_IMAGE = "bad_image"
    BROKEN_DRIVER = "broken_driver"
    UNSUPPORTED = "unsupported"
    MISSING_LIBRARY = "missing_library"
    UNTRUSTED = "untrusted"


class DriverError(Exception):
    """A device failed: ``reason`` for machines, ``what`` failed, ``advice`` for whoever stands beside it."""

    def __init__(self, reason: DriverReason, what: str, advice: str = "") -> None:
        super().__init__(reason, what, advice)
        self.reason = reason
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what} [{self.reason}]" + (f": {self.advice}" if self.advice else "")


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a device says about itself once it is open."""

    driver: str
    address: str
    model: str = ""
    serial: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """One camera picture: ``pixels`` (height, width, 3) uint8 RGB, ``captured_at`` on the monotonic clock [s].

    ``preview`` is the same instant as a smaller picture of the same shape, where the camera makes one itself: to be
    shown or searched for faces without the work of making ``pixels`` smaller.
    """

    pixels: NDArray[np.uint8]
    captured_at: float
    sequence: int
    preview: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class FingerImage:
    """One print: ``pixels`` (height, width) uint8, ridges dark (0) on light (255); ``dpi`` 250 to 1000.

    ``levels`` is the number of grey levels the sensor gives (16 for the R30x family). ``position`` is the FGP code
    (ANSI/NIST-ITL 1-2011 table 8) where the scanner tells it: 1 to 10 a finger, 13 to 15 a whole slap, 0 not told.
    """

    pixels: NDArray[np.uint8]
    dpi: int
    levels: int = 256
    position: int = 0


@dataclass(frozen=True, slots=True)
class MrzRead:
    """Lines as a reader gave them, upper case, without line ends; not checked in any way."""

    lines: tuple[str, ...]


class SignalState(StrEnum):
    """What a lane light shows."""

    OFF = "off"
    READY = "ready"
    BUSY = "busy"
    GO = "go"
    STOP = "stop"


class Device(ABC):
    """What every device can do."""

    @abstractmethod
    async def open(self) -> DeviceInfo:
        """Take hold of the device and ask it who it is. Raises DriverError."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the device. Never raises for a device that is gone; may be called twice."""


class Camera(Device):
    """A camera that runs while it is open and gives its newest frame."""

    @abstractmethod
    async def newest(self, after: int = -1) -> Frame:
        """The newest frame with ``sequence`` greater than ``after``, waiting for one; never a queue of old ones.

        Raises DriverError (LOST when the camera is gone, TIMEOUT when it has given nothing for its limit).
        """


class FingerprintScanner(Device):
    """A scanner for one finger at a time; one that takes several at once says so in ``slaps``."""

    @property
    def slaps(self) -> frozenset[int]:
        """FGP codes of what it takes at once, known when it is open: 13 right four, 14 left four, 15 both thumbs."""
        return frozenset()

    async def capture_slap(self, slap: int, missing: frozenset[int] = frozenset()) -> tuple[FingerImage, ...]:
        """Wait for the fingers of ``slap`` without those in ``missing`` (both FGP codes) and return what was given.

        Either a picture for each finger that was there, with its ``position``, which may be fewer than were asked for;
        or one picture of the whole, whose ``position`` is ``slap``. Waits and raises as ``capture`` does.
        """
        raise DriverError(
            DriverReason.UNSUPPORTED,
            f"this scanner takes one finger at a time, not slap {slap} without {sorted(missing)}",
        )

    @abstractmethod
    async def capture(self) -> FingerImage:
        """Wait until a finger lies on the glass and return its picture.

        Waits without limit: the caller cancels. Raises DriverError (LOST when unplugged, BAD_IMAGE when the
        picture came torn, PROTOCOL and TIMEOUT as they say).
        """

    @abstractmethod
    async def wait_lifted(self) -> None:
        """Return when no finger lies on the glass. Raises DriverError."""


class DocumentReader(Device):
    """A reader of machine readable zones."""

    @abstractmethod
    async def read(self) -> MrzRead:
        """Wait for the next document and return its lines; without limit: the caller cancels.

        Raises DriverError (LOST when unplugged, PROTOCOL when what came cannot be lines).
        """


class LaneSignal(Device):
    """A light, buzzer or barrier."""

    @abstractmethod
    async def show(self, state: SignalState) -> None:
        """Show ``state``. Raises DriverError."""
