"""What is plugged into this machine, and which driver takes it under which address.

``FINDERS`` names one finder for each bus that a row of ``drivers.registry`` can name, imported when it is asked. A
finder that fails says why, and the others go on. Looking writes nothing to a device; ``ask`` does, where told to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module

from drivers import registry
from drivers.base import DriverError, DriverReason

# A USB stack that hangs is not to keep the other buses from being looked at.
_LIMIT_S = 15.0
# A scanner is looked for at each of its speeds.
_ASK_S = 30.0


@dataclass(frozen=True, slots=True)
class Found:
    """One device: ``what`` it calls itself, and the ``address`` to be written into the configuration."""

    what: str
    address: str


@dataclass(frozen=True, slots=True)
class Search:
    """What was found on one bus; ``problem`` and ``advice`` where it could not be looked at."""

    bus: str
    found: tuple[Found, ...] = ()
    problem: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What opening a found device with one driver gave: ``model`` where it answered, else the ``problem``."""

    row: registry.Row
    model: str = ""
    problem: str = ""


FINDERS: dict[str, str] = {
    "serial": "drivers.finding.serial_ports",
    "v4l2": "drivers.finding.usb_cameras",
    "picamera2": "drivers.finding.pi_cameras",
    "libfprint": "drivers.finding.libfprint_scanners",
    "pcsc": "drivers.finding.card_readers",
    "evdev": "drivers.finding.keyboards",
    "sbi": "drivers.finding.sbi_services",
}


async def search(bus: str) -> Search:
    """Look at one bus of ``FINDERS``. Never raises for what a bus or its library does."""
    try:
        # In a thread: it is imported now, and the bus's library with it.
        find: Callable[[], Awaitable[list[Found]]] = (await asyncio.to_thread(import_module, FINDERS[bus])).find
        async with asyncio.timeout(_LIMIT_S):
            return Search(bus, tuple(await find()))
    except TimeoutError:
        return Search(bus, problem=f"no answer within {_LIMIT_S:.0f} s", advice="unplug its devices one by one")
    except DriverError as error:
        return Search(bus, problem=error.what, advice=error.advice)
    except ImportError as error:
        return Search(bus, problem=f"the Python library {error.name or error} is not installed")
    except OSError as error:
        return Search(bus, problem=f"{error.filename or 'system'}: {error.strerror or error}")
    except RuntimeError as error:  # What libcamera and GLib raise.
        return Search(bus, problem=str(error))


async def ask(bus: str, found: Found) -> list[Answer]:
    """Open ``found`` with each driver of ``bus`` that makes sure of its device. Writes to the device."""
    return [await _answer(row, found) for row in registry.on_bus(bus) if row.answers]


async def _answer(row: registry.Row, found: Found) -> Answer:
    try:
        device = await asyncio.to_thread(registry.device, row.kind, row.name, found.address)
    except DriverError as error:
        return Answer(row, problem=error.what)
    try:
        async with asyncio.timeout(_ASK_S):
            info = await device.open()
    except TimeoutError:
        return Answer(row, problem=f"no answer within {_ASK_S:.0f} s")
    except DriverError as error:
        in_use = " (a running daemon may have it)" if error.reason is DriverReason.BUSY else ""
        return Answer(row, problem=error.what + in_use)
    finally:
        await device.close()
    return Answer(row, model=info.model or row.name)
