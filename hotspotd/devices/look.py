"""Whether a device is there: opened, asked who it is, and closed."""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum

import msgspec

from drivers.base import DriverError, DriverReason
from hotspotd.devices.named import NamedDevice

# A scanner at 57600 baud answers a handshake in well under a second; a camera may take a few to start, and a
# scanner that is looked for at every speed.
OPEN_LIMIT_S = 20.0


class Presence(StrEnum):
    """How it is with a device that was looked at."""

    READY = "ready"
    IN_USE = "in_use"
    ABSENT = "absent"
    FAULTED = "faulted"


_PRESENCE = {DriverReason.BUSY: Presence.IN_USE, DriverReason.ABSENT: Presence.ABSENT}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen. ``reason``, ``problem`` and ``advice`` are empty where it is ready, else ``open_s`` is None."""

    name: str
    kind: str
    driver: str
    address: str
    state: Presence
    model: str = ""
    serial: str = ""
    open_s: float | None = None
    reason: str = ""
    problem: str = ""
    advice: str = ""


async def look(device: NamedDevice, limit_s: float = OPEN_LIMIT_S) -> Look:
    """Open the device, ask who it is and close it. Never raises for what the device does."""
    seen = Look(
        name=device.name,
        kind=device.kind.section,
        driver=device.driver,
        address=device.shown_address,
        state=Presence.READY,
    )
    try:
        # In a thread: a driver named for the first time is imported.
        driver = await asyncio.to_thread(device.make)
    except DriverError as error:
        return told(seen, error)
    began = time.monotonic()
    try:
        async with asyncio.timeout(limit_s):
            info = await driver.open()
    except TimeoutError:
        return told(seen, silent(device, limit_s))
    except DriverError as error:
        return told(seen, error)
    finally:
        await driver.close()
    return msgspec.structs.replace(
        seen, model=info.model, serial=info.serial, open_s=round(time.monotonic() - began, 3)
    )


def silent(device: NamedDevice, limit_s: float) -> DriverError:
    """The error of a device that was not open in time."""
    return DriverError(
        DriverReason.TIMEOUT,
        f"{device.shown_address} did not answer within {limit_s:.0f} s",
        "check its power and its cable",
    )


def told(seen: Look, error: DriverError) -> Look:
    """``seen`` with what the driver said went wrong."""
    return msgspec.structs.replace(
        seen,
        state=_PRESENCE.get(error.reason, Presence.FAULTED),
        reason=error.reason.value,
        problem=error.what,
        advice="a running daemon holds it: stop the daemon to try it"
        if error.reason is DriverReason.BUSY
        else error.advice,
    )
