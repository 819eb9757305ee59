"""Whether what ``scripts/install`` set up of partitions is in force: a read-only root, an encrypted list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hotspotd.upkeep.checks.finding import Finding, State, Subject

OVERLAYROOT: Final = Path("/etc/overlayroot.conf")
CRYPTTAB: Final = Path("/etc/crypttab")
MOUNTS: Final = Path("/proc/self/mounts")
_MAPPED: Final = "hotspotd-watchlist"


def read_only_root(_: Subject) -> Iterator[Finding]:
    """Whether a root that shall be read-only is; nothing where none was asked for."""
    if not any(line.startswith('overlayroot="tmpfs') for line in _lines(OVERLAYROOT)):
        return
    kinds = [kind for _source, place, kind in _mounts() if place == "/"]
    if kinds[-1:] == ["overlay"]:
        text = "in force: what is written outside the data partition is gone with the next boot"
        yield Finding("read-only root", State.WORKS, text)
    else:
        advice = "Restart. If it stays so: cat /run/initramfs/overlayroot.log; is an initramfs loaded, with busybox?"
        yield Finding("read-only root", State.WARNING, "asked for and not in force: the card is written to", advice)


def encrypted_list(_: Subject) -> Iterator[Finding]:
    """Whether the list's own partition is open; nothing where it has none."""
    if not any(line.split()[:1] == [_MAPPED] for line in _lines(CRYPTTAB)):
        return
    if any(source == f"/dev/mapper/{_MAPPED}" for source, _place, _kind in _mounts()):
        yield Finding("encrypted list", State.WORKS, "its partition is open")
    else:
        advice = f"Plug in the stick with its key and restart, or open it with the recovery key: {CRYPTTAB} names it."
        yield Finding("encrypted list", State.FAILS, "its partition is not open: there is no list to check by", advice)


def _mounts() -> list[tuple[str, str, str]]:
    """Source, place and kind of each mount, in their order."""
    split = (line.split(" ") for line in _lines(MOUNTS))
    return [(words[0], words[1], words[2]) for words in split if len(words) > 2]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
