"""Serial ports, by the names that stay: the device's own (by-id), else its socket's (by-path), else /dev/ttyX."""

from __future__ import annotations

import asyncio
from pathlib import Path

from serial.tools import list_ports

from drivers.finding import Found

_DEV = Path("/dev")


async def find() -> list[Found]:
    """The serial ports of this machine."""
    return await asyncio.to_thread(ports, _DEV)


def ports(dev: Path) -> list[Found]:
    """The ports under ``dev``, each once. Raises OSError."""
    told = {str(Path(port.device).resolve()): port.description for port in list_ports.comports()}
    named: dict[str, Path] = {}
    for folder in ("serial/by-id", "serial/by-path"):
        for link in sorted((dev / folder).glob("*")):
            named.setdefault(str(link.resolve()), link)
    for device in told:
        named.setdefault(device, Path(device))
    return [Found(_what(told.get(device, "n/a"), path), f"serial://{path}") for device, path in sorted(named.items())]


def _what(description: str, path: Path) -> str:
    # pyserial says n/a where the device tells nothing of itself.
    return path.name if description == "n/a" else description
