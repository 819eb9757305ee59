"""The two files of a numbers store: what they are called, how a row and the index are laid out. No I/O.

``numbers.rows`` holds nothing but rows of nine bytes, in order, big endian so that their bytes sort as they do:

    44 bits  of the number's keyed hash (60 bits; the 16 before these are the row's bucket)
    14 bits  class: place of the ``Listing`` in the index
    14 bits  last day on which it counts, from EPOCH; NEVER where it has no end

``numbers.index``, little endian: a header (HEADER: magic ``HSNI``, format, length of the JSON text, rows, bytes of a
block, blocks), the JSON text (``About``), for each of 65536 buckets the row at which it begins and the number of all
rows (u32), the SHA-256 of each block of ``numbers.rows``, and the SHA-256 of all that stands before.

Both files are the same, byte for byte, for the same key and the same entries, in whatever order these came.
"""

from __future__ import annotations

import hashlib
import struct
from datetime import date
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.blocks import HASH_BYTES, blocks_of
from hotspotd.watchlist.numbers.kinds import Listing

ROWS: Final = "numbers.rows"
INDEX: Final = "numbers.index"

HASH_BITS: Final = 60
"""With 100 million numbers listed, one that is not has a chance of 1e-10 to meet a listed one's hash."""
BUCKET_BITS: Final = 16
BUCKETS: Final = 1 << BUCKET_BITS
REST_BITS: Final = HASH_BITS - BUCKET_BITS
ROW_BYTES: Final = 9
MOST_CLASSES: Final = (1 << 14) - 1
MOST_ROWS: Final = (1 << 32) - 1
BLOCK: Final = 16 * 1024
"""A lookup reads and hashes one or two blocks: with 100 million numbers a bucket has 13.7 KB."""
EPOCH: Final = date(2020, 1, 1)
NEVER: Final = (1 << 14) - 1
LAST_DAY: Final = date.fromordinal(EPOCH.toordinal() + NEVER - 1)
"""The latest last day that can be held: 7 November 2064."""

_MAGIC: Final = b"HSNI"
_FORMAT: Final = 1
_HEADER: Final = struct.Struct("<4sHxxIxxxxQII")
_ROW: Final = np.dtype([("high", ">u8"), ("low", "u1")])
_TAIL_BITS: Final = 28
DAY_BITS: Final = 14

Hashes = NDArray[np.uint64]
"""60-bit keyed hashes (n,)."""
Tails = NDArray[np.uint32]
"""Class and last day of each (n,): class << 14 | day."""


def tail(listing: int, expires: date | None) -> int:
    """Class number and last day in one number. What ended before EPOCH counts as ended on that day.

    Raises WatchlistError(BAD_VALUE) for a day after LAST_DAY.
    """
    if expires is None:
        return listing << DAY_BITS | NEVER
    day = expires.toordinal() - EPOCH.toordinal()
    if day >= NEVER:
        raise WatchlistError(
            Reason.BAD_VALUE, f"expires on {expires}", f"The last day that can be held is {LAST_DAY}; or give none."
        )
    return listing << DAY_BITS | max(day, 0)


def day_number(today: date) -> int:
    """``today`` as it compares with the days of rows: what is less has ended."""
    return max(0, min(today.toordinal() - EPOCH.toordinal(), NEVER))


def expiry(day: int) -> date | None:
    """The date of a row's day; ``None`` for NEVER."""
    return None if day == NEVER else date.fromordinal(EPOCH.toordinal() + day)


def classes_of(tails: Tails) -> NDArray[np.uint32]:
    """The class numbers in ``tails``."""
    return tails >> np.uint32(DAY_BITS)


def with_classes(tails: Tails, classes: NDArray[np.uint32]) -> Tails:
    """``tails`` with class c replaced by ``classes[c]``."""
    return (classes[classes_of(tails)] << np.uint32(DAY_BITS)) | (tails & np.uint32(NEVER))


def packed(hashes: Hashes, tails: Tails) -> bytes:
    """The rows of sorted ``hashes`` and ``tails``."""
    rows = np.empty(len(hashes), _ROW)
    rest = hashes & np.uint64((1 << REST_BITS) - 1)
    rows["high"] = rest << np.uint64(64 - REST_BITS) | (tails >> np.uint32(8)).astype(np.uint64)
    rows["low"] = (tails & np.uint32(0xFF)).astype(np.uint8)
    return rows.tobytes()


def unpacked(data: bytes, first_bucket: int, counts: NDArray[np.uint32]) -> tuple[Hashes, Tails]:
    """Hashes and tails of the rows in ``data``: ``counts`` (k,) of them in each bucket from ``first_bucket`` on."""
    rows = np.frombuffer(data, _ROW)
    high = rows["high"].astype(np.uint64)
    buckets = np.repeat(np.arange(first_bucket, first_bucket + len(counts), dtype=np.uint64), counts)
    hashes = buckets << np.uint64(REST_BITS) | high >> np.uint64(64 - REST_BITS)
    top = np.uint64((1 << (_TAIL_BITS - 8)) - 1)
    tails = (high & top).astype(np.uint32) << np.uint32(8) | rows["low"].astype(np.uint32)
    return hashes, tails


def matching(data: bytes, wanted: int) -> list[tuple[int, int]]:
    """Class and day of each row in ``data``, whole rows of one bucket, whose hash is ``wanted``."""
    rest = wanted & ((1 << REST_BITS) - 1)
    least = (rest << _TAIL_BITS).to_bytes(ROW_BYTES, "big")
    low, high = 0, len(data) // ROW_BYTES
    while low < high:
        middle = (low + high) // 2
        if data[middle * ROW_BYTES : (middle + 1) * ROW_BYTES] < least:
            low = middle + 1
        else:
            high = middle
    found: list[tuple[int, int]] = []
    for at in range(low * ROW_BYTES, len(data), ROW_BYTES):
        row = int.from_bytes(data[at : at + ROW_BYTES], "big")
        if row >> _TAIL_BITS != rest:
            break
        found.append((row >> DAY_BITS & ((1 << DAY_BITS) - 1), row & NEVER))
    return found


class About(msgspec.Struct, frozen=True):
    """What an index says of its rows: under which key they were hashed, and their classes in order."""

    key_id: str
    classes: tuple[Listing, ...]


class Index(msgspec.Struct, frozen=True):
    """A whole index. ``begins`` (65537,): of each bucket the row at which it begins, and the number of all rows."""

    about: About
    begins: NDArray[np.uint32]
    hashes: bytes
    block: int = BLOCK

    def encode(self) -> bytes:
        """The bytes of ``numbers.index``."""
        text = msgspec.json.encode(self.about)
        blocks = len(self.hashes) // HASH_BYTES
        head = _HEADER.pack(_MAGIC, _FORMAT, len(text), int(self.begins[-1]), self.block, blocks)
        body = head + text + self.begins.astype("<u4").tobytes() + self.hashes
        return body + hashlib.sha256(body).digest()


def decode(data: bytes) -> Index:
    """The index in ``data``. Raises ValueError where it is no whole one."""
    body, digest = data[:-HASH_BYTES], data[-HASH_BYTES:]
    if len(body) < _HEADER.size or hashlib.sha256(body).digest() != digest:
        raise ValueError("does not match its own digest")
    magic, layout, length, count, block, blocks = _HEADER.unpack_from(body)
    if magic != _MAGIC or layout != _FORMAT:
        raise ValueError(f"not an index of numbers of layout {_FORMAT}")
    begins_at = _HEADER.size + length
    hashes_at = begins_at + 4 * (BUCKETS + 1)
    if len(body) != hashes_at + blocks * HASH_BYTES or not block or blocks != blocks_of(count * ROW_BYTES, block):
        raise ValueError("its lengths do not add up")
    try:
        about = msgspec.json.decode(body[_HEADER.size : begins_at], type=About)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"does not say what it holds: {error}") from error
    begins = np.frombuffer(body, "<u4", count=BUCKETS + 1, offset=begins_at).astype(np.uint32)
    if int(begins[-1]) != count or begins[0] != 0 or bool((begins[1:] < begins[:-1]).any()):
        raise ValueError("its buckets do not add up")
    return Index(about, begins, body[hashes_at:], block)
