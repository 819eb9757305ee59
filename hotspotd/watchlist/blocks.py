"""Files checked block by block: a list of hashes made when the file was written, compared at the first touch.

Read with pread, never through a map: a sector that cannot be read is an error then, not a signal that ends the
process. What a map shows afterwards are the pages that were checked, as long as the kernel keeps them.
"""

from __future__ import annotations

import hashlib
import os
import threading
import weakref
from pathlib import Path
from typing import Final

from hotspotd.errors import Reason, WatchlistError

HASH_BYTES: Final = 32


def damaged(path: Path, how: str) -> WatchlistError:
    """The error for a snapshot's file that is not as it was written."""
    return WatchlistError(
        Reason.DAMAGED, f"{path}: {how}", "Go back with hotspotctl watchlist rollback, or build the list again."
    )


class CheckedFile:
    """One file with its block hashes, held open: it can be read after its name is gone. Thread-safe; blocks."""

    def __init__(self, path: Path, size: int, hashes: bytes, block: int) -> None:
        """``hashes`` holds the SHA-256 of each ``block`` bytes of ``path``, the last one may be shorter.

        Raises WatchlistError(DAMAGED) where the size is another; OSError.
        """
        self._path = path
        self._block = block
        self._hashes = hashes
        self._size = size
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._fd)
        found = os.fstat(self._fd).st_size
        if found != size:
            raise damaged(path, f"{found} bytes, should be {size}")
        if len(hashes) != blocks_of(size, block) * HASH_BYTES:
            raise damaged(path, "its list of hashes has another length")
        self._checked = bytearray(blocks_of(size, block))
        self._left = len(self._checked)
        self._next = 0
        self._stepping = threading.Lock()

    def __len__(self) -> int:
        return self._size

    @property
    def whole(self) -> bool:
        """Whether every block was checked."""
        return self._left <= 0

    def read(self, begin: int, end: int) -> bytes:
        """Bytes ``begin`` to ``end``, checked now, however often they were checked before.

        Raises WatchlistError(DAMAGED).
        """
        first, last = begin // self._block, -(-end // self._block)
        data = self._pread(first * self._block, min(last * self._block, self._size))
        view = memoryview(data)
        for number in range(first, last):
            at = (number - first) * self._block
            self._compare(number, view[at : at + self._block])
        return data[begin - first * self._block : end - first * self._block]

    def check(self, begin: int, end: int) -> None:
        """Check the blocks of bytes ``begin`` to ``end`` that were not checked yet. Raises WatchlistError(DAMAGED)."""
        for number in range(begin // self._block, -(-end // self._block)):
            if not self._checked[number]:
                self._check(number)

    def check_all(self) -> None:
        """Check every block that was not checked yet. Raises WatchlistError(DAMAGED)."""
        while self.step():
            pass

    def step(self) -> bool:
        """Check the next block that was not checked yet; False when there is none left. Raises as ``check_all``."""
        if self.whole:
            return False
        with self._stepping:
            while self._next < len(self._checked) and self._checked[self._next]:
                self._next += 1
            number = self._next
        if number == len(self._checked):
            return False
        self._check(number)
        return True

    def _check(self, number: int) -> None:
        begin = number * self._block
        self._compare(number, self._pread(begin, min(begin + self._block, self._size)))

    def _compare(self, number: int, data: bytes | memoryview) -> None:
        if hashlib.sha256(data).digest() != self._hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES]:
            raise damaged(self._path, f"the bytes from {number * self._block} on have changed")
        with self._stepping:
            self._left -= not self._checked[number]
            self._checked[number] = 1

    def _pread(self, begin: int, end: int) -> bytes:
        parts: list[bytes] = []
        try:
            while begin < end and (part := os.pread(self._fd, end - begin, begin)):
                parts.append(part)
                begin += len(part)
        except OSError as error:
            raise damaged(self._path, f"cannot be read at {begin}: {error.strerror}") from error
        if begin < end:
            raise damaged(self._path, f"ends at {begin}, should have {self._size} bytes")
        return parts[0] if len(parts) == 1 else b"".join(parts)


def blocks_of(size: int, block: int) -> int:
    """How many blocks of ``block`` bytes ``size`` bytes make."""
    return -(-size // block)


class BlockHasher:
    """Takes a file's bytes in order and gives the hash of each block."""

    def __init__(self, block: int) -> None:
        self._block = block
        self._hashes: list[bytes] = []
        self._now = hashlib.sha256()
        self._filled = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        while view:
            part = view[: self._block - self._filled]
            self._now.update(part)
            self._filled += len(part)
            view = view[len(part) :]
            if self._filled == self._block:
                self._close()

    def digests(self) -> bytes:
        """The hashes of all bytes so far, one after another; nothing may be taken after this."""
        if self._filled:
            self._close()
        return b"".join(self._hashes)

    def _close(self) -> None:
        self._hashes.append(self._now.digest())
        self._now = hashlib.sha256()
        self._filled = 0
