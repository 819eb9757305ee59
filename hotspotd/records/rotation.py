"""Changing keys while the daemon works: a new data key and a new master key; every wrapped key is wrapped anew.

The keys of encounters stay, so that nothing stored is written again. Each step is durable before the next, and until
the last one both data keys open everything; whatever interrupts it, doing it again goes on where it was:

1. the new data key is in its file, beside the present one or where the caller says
2. every master key is wrapped for it too, and there is a new master key for both
3. the keys of encounters are wrapped with the new master key, some at a time
4. the new file takes the place of the present one (a key file), or the caller brings it there (a credential)
5. wraps for the old data key, and the old master keys, are destroyed: at once, or when the daemon next starts with the
   new one
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotspotd.errors import Reason, RecordsError
from hotspotd.records.data_key import DataKey, KeySource, make_key_file, read_key_file, sync_folder
from hotspotd.records.vault import Vault

# The daemon waits for the keys no longer than this many take.
_TOGETHER: Final = 256


@dataclass(frozen=True, slots=True)
class Rotated:
    """How far it is. ``replaced``: the key file holds the new data key, and the old one opens nothing any more."""

    data_key: str
    rewrapped: int
    replaced: bool


def new_file(source: KeySource) -> Path:
    """Where the new data key waits for its time when it replaces a key file."""
    return source.path.with_name(f"{source.path.name}.new")


def rotate(database: Path, source: KeySource, to: Path | None = None) -> Iterator[Rotated]:
    """Change the keys of ``database``: yields after each step, the last with the outcome. Blocks.

    ``to``: the new data key's file, made when it is missing; without it the file of ``source`` is replaced. Raises
    RecordsError: NO_KEY, CONFLICT where a credential would have to be replaced, and as ``read_key_file``.
    """
    if source.kind == "credential" and to is None:
        raise RecordsError(
            Reason.CONFLICT,
            f"{source.path}: a credential is not replaced from here",
            "Say where the new data key is to be: --to FILE; hand it over as the credential, and start hotspotd again.",
        )
    path, old = to or new_file(source), source.load()
    if not path.exists():
        make_key_file(path, like=None if source.kind == "credential" else source.path)
    new = read_key_file(path, source.user)
    if new == old:
        raise RecordsError(Reason.CONFLICT, f"{path}: that is the present data key", "Name another file.")
    yield Rotated(new.id, 0, replaced=False)
    vault = Vault.open(database, source, make=False)
    try:
        yield from _rotate(vault, source, path, old, new, replace=to is None)
    finally:
        vault.close()


def _rotate(
    vault: Vault, source: KeySource, path: Path, old: DataKey, new: DataKey, *, replace: bool
) -> Iterator[Rotated]:
    with vault.together():
        # Where the newest master was made for the new key, this is not the first try.
        if (vault.newest_master(), new.id) not in vault.masters():
            # In this order: a start with the old key destroys what is older than its own wraps.
            vault.add_master((old, new))
            vault.admit(new)
    yield Rotated(new.id, 0, replaced=False)
    rewrapped = 0
    while done := vault.rewrap(_TOGETHER):
        rewrapped += done
        yield Rotated(new.id, rewrapped, replaced=False)
    if not replace:
        return
    path.replace(source.path)
    sync_folder(source.path.parent)
    yield Rotated(new.id, rewrapped, replaced=False)
    vault.drop_masters(new)
    yield Rotated(new.id, rewrapped, replaced=True)
