"""The files of an open snapshot: small ones checked at opening, large ones block by block before their first use.

Who reads a file through a map says first which bytes (``touch``) or that it is all of them (``touch_all``). Blocks that
nobody asked for are checked in the background, one ``step`` after the other.
"""

from __future__ import annotations

from pathlib import Path

from hotspotd.watchlist import layout
from hotspotd.watchlist.blocks import HASH_BYTES, CheckedFile, blocks_of, damaged
from hotspotd.watchlist.numbers import NumbersStore

# Searched from end to end, by the first traveller with a face or a finger: checked first in the background.
_SCANNED = (layout.FINGER_CODES, layout.FACES, layout.RECORD_INDEX)


class SnapshotFiles:
    """The files in ``folder``, whose manifest was read. Thread-safe; blocks."""

    def __init__(self, folder: Path, manifest: layout.Manifest) -> None:
        """Check what is checked at opening. Raises WatchlistError (DAMAGED, UNREADABLE) naming the file."""
        marks = manifest.files
        layout.verify_file(folder / layout.BLOCKS, marks[layout.BLOCKS])
        hashes = (folder / layout.BLOCKS).read_bytes()
        self._by_block: dict[str, CheckedFile] = {}
        at = len(layout.BLOCKS_MAGIC)
        for name in layout.FILES:
            if name in layout.BY_BLOCK and marks[name].size > layout.SMALL:
                end = at + blocks_of(marks[name].size, layout.BLOCK) * HASH_BYTES
                self._by_block[name] = _opened(folder / name, marks[name].size, hashes[at:end])
                at = end
        if at != len(hashes) or not hashes.startswith(layout.BLOCKS_MAGIC):
            raise damaged(folder / layout.BLOCKS, "holds other files' hashes")
        for name, mark in marks.items():
            if name not in self._by_block and name != layout.NUMBER_ROWS:
                layout.verify_file(folder / name, mark)
        self.numbers = _numbers(folder, marks)
        """What is listed by its number, locked; ``None`` where nothing is."""
        first = [self._by_block[name] for name in _SCANNED if name in self._by_block]
        others = [file for name, file in self._by_block.items() if name not in _SCANNED]
        self._unchecked = [*first, *([self.numbers.file] if self.numbers else []), *others]

    def touch(self, name: str, begin: int, end: int) -> None:
        """Bytes ``begin`` to ``end`` of the file are going to be used. Raises WatchlistError(DAMAGED)."""
        if file := self._by_block.get(name):
            file.check(begin, end)

    def touch_all(self, name: str) -> None:
        """All of the file is going to be used. Raises WatchlistError(DAMAGED)."""
        if file := self._by_block.get(name):
            file.check_all()

    def step(self) -> bool:
        """Check one more block; False when all are checked. Raises WatchlistError(DAMAGED)."""
        while self._unchecked:
            file = self._unchecked[0]
            if file.step():
                return True
            self._unchecked = [other for other in self._unchecked if other is not file]
        return False


def _opened(path: Path, size: int, hashes: bytes) -> CheckedFile:
    try:
        return CheckedFile(path, size, hashes, layout.BLOCK)
    except OSError as error:
        raise layout.unread(path, error) from error


def _numbers(folder: Path, marks: dict[str, layout.FileMark]) -> NumbersStore | None:
    if layout.NUMBER_INDEX not in marks:
        return None
    try:
        return NumbersStore(folder)
    except OSError as error:
        raise layout.unread(folder / layout.NUMBER_ROWS, error) from error
