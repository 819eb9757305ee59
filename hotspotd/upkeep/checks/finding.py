"""What a check finds, and how one that breaks is turned into a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path

import msgspec

from drivers.base import DriverError
from hotspotd.config import Config, load, resolve
from hotspotd.errors import ConfigError, HotspotError
from hotspotd.upkeep import profiles


class State(StrEnum):
    """How it is with one thing."""

    WORKS = "works"
    WARNING = "warning"
    FAILS = "fails"
    NOT_CHECKED = "not_checked"


class Finding(msgspec.Struct, frozen=True):
    """How one thing is, why, and what to do about it."""

    name: str
    state: State
    text: str
    advice: str = ""


class Subject(msgspec.Struct, frozen=True):
    """What is examined: this machine and, where there is one, a configuration or why there is none."""

    path: Path | None = None
    config: Config | None = None
    refusal: Finding | None = None

    @classmethod
    def read(cls, path: Path | None) -> Subject:
        """The machine, with the configuration in ``path`` and the operation that was chosen for it."""
        if path is None:
            return cls()
        try:
            return cls(path, profiles.with_choice(path, load(path))[0])
        except ConfigError as error:
            return cls(path, None, Finding("configuration", State.FAILS, error.what, error.advice))

    def resolve(self, value: str) -> Path:
        """A path of the configuration."""
        return resolve(self.path, value) if self.path is not None else Path(value)


Check = Callable[[Subject], Iterable[Finding]]


def examine(check: Check, subject: Subject) -> list[Finding]:
    """What ``check`` finds; what it raises on the way is its last finding."""
    name = check.__name__.replace("_", " ")
    findings: list[Finding] = []
    try:
        findings.extend(check(subject))
    except (HotspotError, DriverError) as error:
        findings.append(Finding(name, State.FAILS, error.what, error.advice))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        findings.append(Finding(name, State.FAILS, f"{where}{error.strerror or error}"))
    return findings


def without_config(name: str) -> Finding:
    """The finding where a check needs a configuration and there is none that can be used."""
    return Finding(name, State.NOT_CHECKED, "needs a configuration: --config FILE")
