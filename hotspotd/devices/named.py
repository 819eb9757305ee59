"""The devices that a configuration names, each under the name by which a technician calls it."""

from __future__ import annotations

from dataclasses import dataclass

from drivers import registry
from drivers.address import DeviceAddress
from drivers.base import Device, DriverError
from hotspotd.config import Config, DriverSection
from hotspotd.devices.zones import document_reader
from hotspotd.errors import ConfigError, Reason


@dataclass(frozen=True, slots=True)
class NamedDevice:
    """One device: ``name`` is ``lane-1/scanner``, or ``driver:address`` for one that no configuration names.

    ``key`` is where it stands in the configuration (``lanes[0].scanner``).
    """

    name: str
    kind: registry.Kind
    driver: str
    address: str
    key: str = ""

    def make(self) -> Device:
        """Its driver, not yet open. Raises DriverError."""
        if self.kind is registry.READER:
            return document_reader(self.driver, self.address)
        return registry.device(self.kind, self.driver, self.address)

    @property
    def shown_address(self) -> str:
        """The address without its secrets."""
        try:
            return str(DeviceAddress.parse(self.address))
        except DriverError:
            return "an address that cannot be read"


def named(config: Config) -> list[NamedDevice]:
    """Every device of every lane."""
    found = []
    for number, lane in enumerate(config.lanes):
        for kind in registry.KINDS:
            section: DriverSection | None = getattr(lane, kind.section)
            if section is not None:
                name, key = f"{lane.name}/{kind.section}", f"lanes[{number}].{kind.section}"
                found.append(NamedDevice(name, kind, section.driver, section.address, key))
    return found


def driver_problems(config: Config) -> list[str]:
    """What is wrong with the driver names and addresses of ``config``; the devices are not opened."""
    problems = []
    for device in named(config):
        try:
            device.make()
        except DriverError as error:
            problems.append(f"{device.key}: {error}")
    return problems


def chosen(config: Config, name: str) -> NamedDevice:
    """The device of this name. Raises ConfigError with the names there are."""
    devices = named(config)
    for device in devices:
        if device.name == name:
            return device
    there = ", ".join(device.name for device in devices)
    raise ConfigError(Reason.NOT_FOUND, f"no device {name!r} in the configuration", f"There are: {there}.")


def unnamed(driver: str, address: str, section: str | None = None) -> NamedDevice:
    """A device that no configuration names; ``section`` where drivers of several kinds have this name.

    Raises ConfigError where the name is unknown or stands for several kinds.
    """
    kinds = [kind for kind in registry.KINDS if driver in registry.known(kind) and section in (None, kind.section)]
    if len(kinds) == 1:
        return NamedDevice(f"{driver}:{DeviceAddress.parse(address)}", kinds[0], driver, address)
    if kinds:
        several = ", ".join(kind.section for kind in kinds)
        raise ConfigError(Reason.BAD_VALUE, f"{driver!r} drives several kinds of device", f"Say which: {several}.")
    known = "; ".join(f"{kind.section}: {', '.join(registry.known(kind))}" for kind in registry.KINDS)
    raise ConfigError(Reason.NOT_FOUND, f"no driver {driver!r}", f"Known: {known}.")
