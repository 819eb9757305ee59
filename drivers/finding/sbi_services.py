"""Certified fingerprint scanners whose MOSIP biometric service runs on this computer.

What a service says here is not signed: nothing is believed but that it is there. Whom to trust is for a person to say.
"""

from __future__ import annotations

import asyncio

from drivers.base import DriverError
from drivers.finding import Found
from drivers.fingerprint.sbi_http import ServiceHttp, discovery
from drivers.fingerprint.sbi_messages import FIRST_PORT, LAST_PORT, discovered


async def find() -> list[Found]:
    """The fingerprint scanners of the services on ports 4501 to 4600."""
    http = ServiceHttp()
    http.open()
    turns = asyncio.Semaphore(20)
    try:
        ports = range(FIRST_PORT, LAST_PORT + 1)
        return [found for each in await asyncio.gather(*(_on(http, port, turns) for port in ports)) for found in each]
    finally:
        await http.close()


async def _on(http: ServiceHttp, port: int, turns: asyncio.Semaphore) -> list[Found]:
    try:
        async with turns:
            devices = discovered(await discovery(http, port))
    except DriverError:
        return []  # Nothing listens there, or something else does.
    return [
        Found(f"{device.make} {device.model} {device.serial}".strip(), f"sbi:///{port}?trust=/path/to/anchors.pem")
        for device in devices
        if device.takes_fingers
    ]
