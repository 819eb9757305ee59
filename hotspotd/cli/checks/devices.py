"""The devices of each lane: opened, asked who they are, and closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from drivers import registry
from drivers.base import Device, DriverError, DriverReason
from hotspotd.cli.checks.finding import Finding, State, Subject, without_config
from hotspotd.config import LaneSection

# A scanner at 57600 baud answers a handshake in well under a second; a camera may take a few to start.
_OPEN_LIMIT_S = 10.0


def devices(subject: Subject) -> Iterator[Finding]:
    """Every configured device."""
    if subject.config is None:
        yield without_config("devices")
        return
    for lane in subject.config.lanes:
        yield from asyncio.run(_lane(lane))


async def _lane(lane: LaneSection) -> list[Finding]:
    wanted = (
        ("document", lane.document, registry.reader),
        ("chip", lane.chip, registry.chip_reader),
        ("camera", lane.camera, registry.camera),
        ("scanner", lane.scanner, registry.scanner),
        ("signal", lane.signal, registry.signal),
    )
    findings = []
    for kind, section, make in wanted:
        name = f"{lane.name} {kind}"
        if section is None:
            findings.append(Finding(name, State.NOT_CHECKED, "this lane has none"))
            continue
        try:
            findings.append(await _probe(name, make(section.driver, section.address)))
        except DriverError as error:
            findings.append(_trouble(name, error))
    return findings


async def _probe(name: str, device: Device) -> Finding:
    try:
        async with asyncio.timeout(_OPEN_LIMIT_S):
            info = await device.open()
    except TimeoutError:
        return Finding(
            name, State.FAILS, f"did not answer within {_OPEN_LIMIT_S:.0f} s", "Check its power and its cable."
        )
    except DriverError as error:
        return _trouble(name, error)
    finally:
        await device.close()
    said = " ".join(part for part in (info.model, info.serial) if part)
    return Finding(name, State.WORKS, f"{info.address}: {said}" if said else info.address)


def _trouble(name: str, error: DriverError) -> Finding:
    if error.reason is DriverReason.BUSY:
        return Finding(
            name, State.WARNING, f"in use: {error.what}", "A running daemon holds it; stop the daemon to try it."
        )
    return Finding(name, State.FAILS, error.what, error.advice)
