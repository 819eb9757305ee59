"""What the machine says of itself: too hot, slowed, worn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hotspotd.upkeep import hardware
from hotspotd.upkeep.checks.finding import Finding, State, Subject

# A Raspberry Pi slows itself from 80 degrees on, and more at 85.
WARM: Final = 75.0
HOT: Final = 85.0


def temperature(_: Subject) -> Iterator[Finding]:
    """The hottest sensor."""
    found = hardware.temperatures()
    if not found:
        yield Finding("temperature", State.NOT_CHECKED, "not known on this machine")
        return
    hottest = max(found, key=lambda one: one.celsius)
    text = f"{hottest.celsius:g} °C ({hottest.sensor})"
    if hottest.celsius >= HOT:
        yield Finding("temperature", State.FAILS, text, "Clean the fan and the vents, take it out of the sun.")
    elif hottest.celsius >= WARM:
        yield Finding("temperature", State.WARNING, text, "Clean the fan and the vents; it slows down from 80 °C on.")
    else:
        yield Finding("temperature", State.WORKS, text)


def throttling(_: Subject) -> Iterator[Finding]:
    """Whether the machine slows itself."""
    found = hardware.throttling()
    if found is None:
        yield Finding("throttling", State.NOT_CHECKED, "not known on this machine")
    elif found.now:
        yield Finding("throttling", State.FAILS, f"now: {', '.join(found.now)}", _advice(found.now))
    elif found.since_start:
        text = f"not now, but since the start: {', '.join(found.since_start)}"
        yield Finding("throttling", State.WARNING, text, _advice(found.since_start))
    else:
        yield Finding("throttling", State.WORKS, "none since the start")


def _advice(found: tuple[str, ...]) -> str:
    if "too little voltage" in found:
        return "Use the maker's power supply and a short cable; take devices off that it feeds."
    return "Give it air: clean the fan and the vents."


def wear(subject: Subject) -> Iterator[Finding]:
    """How much of its life the disk under the records has used, where it tells."""
    if subject.config is None:
        return
    disk = hardware.storage(subject.resolve(subject.config.records.database))
    if not disk.life_used:
        yield Finding("disk wear", State.NOT_CHECKED, f"{disk.device or 'this disk'} does not tell")
    elif disk.life_used in {"80 to 90 %", "90 to 100 %", "over 100 %"} or disk.reserve not in {"", "normal"}:
        text = f"{disk.life_used} of its life is used" + (f", {disk.reserve}" if disk.reserve else "")
        yield Finding("disk wear", State.WARNING, text, "Order another one, and change it before it fails.")
    else:
        yield Finding("disk wear", State.WORKS, f"{disk.life_used} of its life is used")
