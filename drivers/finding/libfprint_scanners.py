"""Fingerprint scanners that libfprint drives and that give pictures."""

from __future__ import annotations

from typing import Any

from drivers.finding import Found
from drivers.fingerprint.libfprint import PACKAGES
from drivers.glib_thread import introspected
from drivers.glib_turns import GlibTurns, Turn


async def find() -> list[Found]:
    """The scanners of this machine. Raises DriverError (MISSING_LIBRARY)."""
    fprint = introspected("FPrint", "2.0", PACKAGES)
    turns = GlibTurns("libfprint devices")
    turns.start()
    try:
        found: list[Found] = await turns.run(lambda turn: _listed(fprint, turn))
    finally:
        await turns.close(lambda turn: turn.end())
    return found


def _listed(fprint: Any, turn: Turn) -> None:
    context = fprint.Context.new()
    context.enumerate()
    found, numbers = [], dict[str, int]()
    for device in context.get_devices():
        if device.has_feature(fprint.DeviceFeature.CAPTURE):
            driver = device.get_driver()
            number = numbers[driver] = numbers.get(driver, -1) + 1
            found.append(Found(device.get_name(), f"libfprint:///{driver}" + (f"?number={number}" if number else "")))
    turn.end(found)
