"""Puts rows that come in any order into order, in bounded memory: an external sort by partition.

Rows are gathered in memory, put into runs by the first byte of their hash, and written to a file without a name;
then each of up to 256 partitions is read from all runs and sorted by itself.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from hotspotd.watchlist.numbers.rows import HASH_BITS, Hashes, Tails

_FINEST: Final = 256
_ALONE: Final = 1 << 20
"""So many rows are one partition."""
_RUN_ROWS: Final = 1 << 22
"""Rows gathered in memory: 48 MiB, and as much again while they are put into order."""
_ROW: Final = np.dtype([("hash", "<u8"), ("tail", "<u4")])


class Spool:
    """Takes rows in any order and gives them back in order. A context manager: its file goes with it."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - Closed by __exit__.
        self._gathered: list[NDArray[np.void]] = []
        self._waiting = 0
        self._runs: list[tuple[int, NDArray[np.intp]]] = []
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def add(self, hashes: Hashes, tails: Tails) -> None:
        """Take rows (n,). Raises OSError where the disk refuses."""
        rows = np.empty(len(hashes), _ROW)
        rows["hash"], rows["tail"] = hashes, tails
        self._gathered.append(rows)
        self._waiting += len(rows)
        self._total += len(rows)
        if self._waiting >= _RUN_ROWS:
            self._flush()

    def _flush(self) -> None:
        rows = np.concatenate(self._gathered)
        self._gathered, self._waiting = [], 0
        first = (rows["hash"] >> np.uint64(HASH_BITS - 8)).astype(np.uint8)
        order = np.argsort(first, kind="stable")
        bounds = np.searchsorted(first[order], np.arange(_FINEST + 1))
        self._runs.append((self._file.seek(0, 2), bounds))
        self._file.write(rows[order].data)

    def partition(self, number: int, of: int) -> tuple[Hashes, Tails]:
        """The rows of one partition ``of`` so many, sorted by hash and tail, each once.

        Nothing may be added after this.
        """
        if self._gathered:
            self._flush()
        parts = []
        for at, bounds in self._runs:
            begin, end = int(bounds[number * _FINEST // of]), int(bounds[(number + 1) * _FINEST // of])
            self._file.seek(at + begin * _ROW.itemsize)
            parts.append(np.frombuffer(self._file.read((end - begin) * _ROW.itemsize), _ROW))
        rows = np.concatenate(parts) if parts else np.empty(0, _ROW)
        return in_order(rows["hash"].astype(np.uint64), rows["tail"].astype(np.uint32))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def partitions_for(count: int) -> int:
    """Into how many partitions so many rows are put: a power of two, up to 256."""
    return 1 if count <= _ALONE else _FINEST


def in_order(hashes: Hashes, tails: Tails) -> tuple[Hashes, Tails]:
    """Rows sorted by hash and tail, each once."""
    order = np.argsort(hashes)
    hashes, tails = hashes[order], tails[order]
    same = hashes[1:] == hashes[:-1]
    if bool(same.any()):
        order = np.lexsort((tails, hashes))
        hashes, tails = hashes[order], tails[order]
        once = np.ones(len(hashes), np.bool_)
        once[1:] = (hashes[1:] != hashes[:-1]) | (tails[1:] != tails[:-1])
        hashes, tails = hashes[once], tails[once]
    return hashes, tails
