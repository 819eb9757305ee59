"""The devices of each lane: opened, asked who they are, and closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from drivers import registry
from hotspotd.devices.look import Look, Presence, look
from hotspotd.devices.named import named
from hotspotd.upkeep.checks.finding import Finding, State, Subject, without_config


def devices(subject: Subject) -> Iterator[Finding]:
    """Every configured device."""
    if subject.config is None:
        yield without_config("devices")
        return
    there = {device.name: device for device in named(subject.config)}
    for lane in subject.config.lanes:
        for kind in registry.KINDS:
            device = there.get(f"{lane.name}/{kind.section}")
            if device is None:
                yield Finding(f"{lane.name} {kind.section}", State.NOT_CHECKED, "this lane has none")
            else:
                yield _finding(f"{lane.name} {kind.section}", asyncio.run(look(device)))


def _finding(name: str, seen: Look) -> Finding:
    if seen.state is Presence.READY:
        said = " ".join(part for part in (seen.model, seen.serial) if part)
        return Finding(name, State.WORKS, f"{seen.address}: {said}" if said else seen.address)
    if seen.state is Presence.IN_USE:
        return Finding(name, State.WARNING, f"in use: {seen.problem}", seen.advice)
    return Finding(name, State.FAILS, seen.problem, seen.advice)
