"""What a device is to the rest of the software: five interfaces, what they give and their errors.

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
    REMOVED = "removed"  # The document was taken away while it was read; the reader is well.


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


@dataclass(frozen=True, slots=True)
class ChipKey:
    """What opens the chip of a travel document: printed on it, and as personal as the document. Never shown.

    ``mrz`` is the MRZ information of ICAO Doc 9303-11, 4.3.2: number, date of birth and date of expiry, each followed
    by its check digit. ``can`` is the card access number printed on some documents, of digits; empty where not known.
    """

    mrz: str = field(repr=False)
    can: str = field(default="", repr=False)


class ChipAccess(StrEnum):
    """How a chip was opened (ICAO Doc 9303-11, 4)."""

    BAC = "bac"
    PACE_MRZ = "pace_mrz"
    PACE_CAN = "pace_can"


class ChipAuthentication(StrEnum):
    """Whether the chip has proved that it holds the private key to the public one in its DG14 (9303-11, 6.2).

    Worth something only where DG14 itself is found genuine, which the driver does not judge.
    """

    DONE = "done"
    ABSENT = "absent"  # DG14 holds no key for it, or there is no DG14
    UNSUPPORTED = "unsupported"  # it holds one of a kind that the driver does not know
    FAILED = "failed"  # the chip does not hold the private key: a copy, or defective


@dataclass(frozen=True, slots=True)
class ChipRead:
    """What was read from a chip, and how; nothing of it is judged.

    ``files`` are the raw files by name: EF.CardAccess, EF.COM, EF.SOD, DG1, DG2, DG14. ``unread`` says of each other
    one that is there why it could not be read. ``protocol`` names the access protocol and the group. ``times`` are
    seconds: access, each file, chip_authentication, all. ``sent`` and ``received`` are bytes on the chip's interface.
    """

    files: Mapping[str, bytes] = field(repr=False)
    access: ChipAccess
    protocol: str
    chip_authentication: ChipAuthentication
    unread: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    sent: int = 0
    received: int = 0


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


class ChipReader(Device):
    """A reader of the chips of travel documents. It reads no printed zone, so it is no DocumentReader."""

    @abstractmethod
    async def read_chip(self, key: ChipKey) -> ChipRead:
        """Wait until a chip lies on the reader, open it with ``key`` and return what it holds.

        Waits for the chip without limit: the caller cancels. Raises DriverError: PASSWORD when ``key`` does not open
        the chip, REMOVED when it was taken away, TIMEOUT, PROTOCOL and UNSUPPORTED about the chip; LOST when the
        reader is unplugged.
        """

    @abstractmethod
    async def wait_placed(self) -> None:
        """Return when a chip lies on the reader. Raises DriverError."""

    @abstractmethod
    async def wait_removed(self) -> None:
        """Return when no chip lies on the reader. Raises DriverError."""


class LaneSignal(Device):
    """A light, buzzer or barrier."""

    @abstractmethod
    async def show(self, state: SignalState) -> None:
        """Show ``state``. Raises DriverError."""
