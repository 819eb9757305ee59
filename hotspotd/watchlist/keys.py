"""What makes two documents the same for an exact search; and the sorted index of such keys.

Keys are the first 8 bytes of HMAC-SHA-256. A chance collision in a list of ten million has a probability of about
5e-13 for each search. The key to them stands in the manifest and the records themselves are plain for now, so this
hides nothing yet from who can read the folder; a later version moves the key to the device's secret store.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hotspotd.watchlist.layout import KEY, RECORD_NUMBER, map_array

# Read one for the other by eye and by optical readers; the same on both sides, so that either reading is found.
_LOOKALIKES = str.maketrans({"O": "0", "I": "1"})
# Germany is D in a machine readable zone (9303-3, section 5) and DEU in lists that use ISO 3166.
_ISSUER_ALIASES = {"DEU": "D"}
_NOT_ALPHANUMERIC = re.compile(r"[^A-Z0-9]+")


def normal_number(number: str) -> str:
    """``number`` without anything but letters and digits, upper case, letter O as 0 and I as 1."""
    return _NOT_ALPHANUMERIC.sub("", number.upper()).translate(_LOOKALIKES)


def normal_issuer(issuer: str) -> str:
    """``issuer`` as printed in a machine readable zone, without fillers."""
    plain = issuer.upper().replace("<", "").strip()
    return _ISSUER_ALIASES.get(plain, plain)


def document_text(number: str, issuer: str) -> str | None:
    """What is hashed for a document; ``None`` when nothing of the number or the issuer is left."""
    number, issuer = normal_number(number), normal_issuer(issuer)
    return f"document|{issuer}|{number}" if number and issuer else None


def key_of(secret: bytes, text: str) -> int:
    """The 64-bit key of ``text``."""
    return int.from_bytes(hmac.digest(secret, text.encode(), hashlib.sha256)[:8], "little")


class KeyIndex:
    """A sorted array of keys, each with a record number, mapped from one file: all keys, then all numbers.

    ``touch`` is told which bytes are going to be read, and raises where they are not as they were written.
    """

    def __init__(self, path: Path, touch: Callable[[int, int], None] = lambda _begin, _end: None) -> None:
        self._count = path.stat().st_size // 12
        self._touch = touch
        self._keys: NDArray[np.uint64] = map_array(path, KEY, count=self._count)
        self._records: NDArray[np.uint32] = map_array(path, RECORD_NUMBER, offset=8 * self._count, count=self._count)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> int:
        """The key at ``place``."""
        self._touch(8 * place, 8 * place + 8)
        return int(self._keys[place])

    def find(self, key: int) -> list[int]:
        """The record numbers under ``key``."""
        found: list[int] = []
        # Read one by one: only the few blocks on the way to a key have to be checked.
        place = bisect_left(self, key)
        while place < self._count and self[place] == key:
            at = 8 * self._count + 4 * place
            self._touch(at, at + 4)
            found.append(int(self._records[place]))
            place += 1
        return found

    @staticmethod
    def read(path: Path) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        """All keys in ``path`` (n,), ascending, and their record numbers (n,)."""
        count = path.stat().st_size // 12
        return map_array(path, KEY, count=count), map_array(path, RECORD_NUMBER, offset=8 * count, count=count)

    @staticmethod
    def write(path: Path, pairs: set[tuple[int, int]]) -> None:
        """Write the (key, record number) ``pairs``."""
        ordered = sorted(pairs)
        with path.open("wb") as file:
            file.write(np.array([key for key, _ in ordered], dtype=KEY).tobytes())
            file.write(np.array([number for _, number in ordered], dtype=RECORD_NUMBER).tobytes())
