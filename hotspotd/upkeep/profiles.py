"""Operation profiles: files beside the configuration, in ``operations/``, of which one may be chosen at /set-up.

The configuration is never rewritten. The choice is a file of its own where the records are, ``operation.toml``: a copy
of the profile, whose ``[operation]`` takes the place of the configuration's from the next start on.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from hotspotd.config import Config, OperationSection, check, read_text, resolve, typed
from hotspotd.errors import ConfigError, Reason, UpkeepError
from hotspotd.watchlist.durable import write_durably

FOLDER = "operations"
CHOICE = "operation.toml"
_REFERENCE = "config/hotspotd.toml"


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
        found = typed(read_text(path), path, _File, _REFERENCE).operation
    except ConfigError as error:
        return Profile(file=path.name, problem=error.what)
    return Profile(file=path.name, name=found.name, face=found.face, fingers=found.fingers, chip=found.chip)


def place(configuration: Path, config: Config) -> Path:
    """Where the choice is kept."""
    return resolve(configuration, config.records.database).parent / CHOICE


def with_choice(configuration: Path, config: Config) -> tuple[Config, str]:
    """``config`` with the operation that was chosen, and the choice's text; as it is, and empty, where none was.

    Raises ConfigError for a choice that cannot be used. Blocks.
    """
    path = place(configuration, config)
    if not path.exists():
        return config, ""
    text = read_text(path)
    found = msgspec.structs.replace(config, operation=typed(text, path, _File, _REFERENCE).operation)
    check(path, found)
    return found, text


def choose(configuration: Path, config: Config, file: str) -> None:
    """Let the daemon take the profile ``file`` at its next start; empty: the configuration's own operation again.

    Raises UpkeepError (NOT_FOUND), ConfigError for a profile that cannot be used with the lanes. Blocks.
    """
    target = place(configuration, config)
    if not file:
        target.unlink(missing_ok=True)
        return
    path = configuration.parent / FOLDER / file
    if path.name != file or not path.is_file():
        raise UpkeepError(Reason.NOT_FOUND, "no such profile", f"They are in {FOLDER}/ beside the configuration.")
    text = read_text(path)
    check(path, msgspec.structs.replace(config, operation=typed(text, path, _File, _REFERENCE).operation))
    write_durably(target, text.encode())


def chosen(configuration: Path, config: Config) -> str:
    """The name of the operation that was chosen; empty where none was, or where it cannot be used. Blocks."""
    try:
        found, text = with_choice(configuration, config)
    except ConfigError:
        return ""
    return found.operation.name if text else ""
