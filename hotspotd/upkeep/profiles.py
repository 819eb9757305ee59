"""Operation profiles that lie beside the configuration, in ``operations/``: shown, never put in force from a page."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hotspotd.config import OperationSection, read_text, typed
from hotspotd.errors import ConfigError

FOLDER = "operations"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One file: what it asks for, or why it cannot be used."""

    file: str
    name: str = ""
    face: bool = False
    fingers: tuple[str, ...] = ()
    chip: str = ""
    problem: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operation: OperationSection


def offered(configuration: Path) -> tuple[Profile, ...]:
    """The profiles beside ``configuration``, by file name; none where there is no such folder. Blocks."""
    return tuple(_profile(path) for path in sorted((configuration.parent / FOLDER).glob("*.toml")))


def _profile(path: Path) -> Profile:
    try:
        found = typed(read_text(path), path, _File, "config/hotspotd.toml").operation
    except ConfigError as error:
        return Profile(file=path.name, problem=error.what)
    return Profile(file=path.name, name=found.name, face=found.face, fingers=found.fingers, chip=found.chip)
