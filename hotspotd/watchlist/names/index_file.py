"""The file of a name index: how it is laid out, and how it is written.

Little endian. A header of HEADER_BYTES (magic ``HSNA``, format, count of each area below, CRC-32 of the header with
this field zero), then the areas, each beginning at a multiple of 64 bytes:

======================  =====  ==================================================================================
``texts``               u1     the distinct keys (``keys``), one behind the other
``text_ends``           u4     where each key ends in ``texts``
``pairs``               u4     the keys that hold each pair of letters, ascending, pair by pair
``pair_ends``           u4     where the keys of each of PAIR_CODES pairs of letters end in ``pairs``
``holders``             u4     the names that hold each key, ascending, key by key
``holder_ends``         u4     where the names of each key end in ``holders``
``rarity``              f4     of each key: 1 for one name's, falling to COMMON for one that all names hold
``weights``             f4     of each name: the rarity of all its keys
``records``             u4     of each name: the number of its record, ascending
``places``              u1     of each name: which of its record's names it is, 0 the first
``births``              i4     of each record: year x 10000 + month x 100 + day, 0 for what is unknown
======================  =====  ==================================================================================
"""

from __future__ import annotations

import math
import struct
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.watchlist.blocks import damaged
from hotspotd.watchlist.layout import map_array
from hotspotd.watchlist.names.dates import packed_date
from hotspotd.watchlist.names.forms import Kind, NameForm

HEADER_BYTES: Final = 64
MOST_NAMES: Final = 255
"""Names of one record that are indexed."""
COMMON: Final = 0.2
"""What a part counts that every name has, beside 1 for one that a single name has."""

_MAGIC: Final = b"HSNA"
_FORMAT: Final = 1
_ALIGNED: Final = 64
_AREAS: Final = {
    "texts": "u1", "text_ends": "<u4", "pairs": "<u4", "pair_ends": "<u4", "holders": "<u4", "holder_ends": "<u4",
    "rarity": "<f4", "weights": "<f4", "records": "<u4", "places": "u1", "births": "<i4",
}  # fmt: skip
_HEADER: Final = struct.Struct(f"<4sHxx{len(_AREAS)}II")

# Letters A to Z and the two ends of a key.
BONES: Final = "~"
_LETTERS: Final = 28
PAIR_CODES: Final = 2 * _LETTERS * _LETTERS


def keys(name: NameForm) -> list[str]:
    """What a name is indexed under: its parts, folded, or the bones of those that are written without vowels.

    Particles and initials only where there is nothing else.
    """
    telling = [one for one in name.tokens if one.kind in (Kind.NAME, Kind.PATRONYMIC)]
    return [BONES + one.bones if one.bare else one.folded for one in telling or name.tokens]


def pair_codes(text: str) -> NDArray[np.int64]:
    """The distinct pairs of neighbouring letters of a key, its ends included: 0 to PAIR_CODES - 1, ascending.

    Bones have pairs of their own, so that none are looked at for a name with vowels.
    """
    letters = [0, *(ord(one) - 64 for one in text.removeprefix(BONES)), _LETTERS - 1]
    begin = PAIR_CODES // 2 if text.startswith(BONES) else 0
    return np.array(sorted({begin + one * _LETTERS + other for one, other in pairwise(letters)}), np.int64)


@dataclass(frozen=True, slots=True)
class Areas:
    """All areas of an index, mapped read-only."""

    texts: NDArray[np.uint8]
    text_ends: NDArray[np.uint32]
    pairs: NDArray[np.uint32]
    pair_ends: NDArray[np.uint32]
    holders: NDArray[np.uint32]
    holder_ends: NDArray[np.uint32]
    rarity: NDArray[np.float32]
    weights: NDArray[np.float32]
    records: NDArray[np.uint32]
    places: NDArray[np.uint8]
    births: NDArray[np.int32]


def map_areas(path: Path) -> Areas:
    """The index in ``path``. Raises WatchlistError(DAMAGED) where it is no whole one; OSError."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if len(head) != HEADER_BYTES or head[:4] != _MAGIC:
        raise damaged(path, "not an index of names")
    _, layout, *counts, _ = _HEADER.unpack_from(head)
    if layout != _FORMAT:
        raise damaged(path, f"of layout {layout}, this software reads {_FORMAT}")
    begins = _begins(counts)
    if head != _head(counts) or path.stat().st_size != begins[-1]:
        raise damaged(path, "its size is not what its header says, or its header has changed")
    areas = Areas(
        **{
            # A memmap's own slicing costs more than what is read here.
            name: np.asarray(map_array(path, np.dtype(kind), offset=begin, count=count))
            for (name, kind), begin, count in zip(_AREAS.items(), begins, counts, strict=False)
        }
    )
    lengths = {
        "pair_ends": len(areas.pair_ends) == PAIR_CODES,
        "text_ends": len(areas.text_ends) == len(areas.holder_ends) == len(areas.rarity),
        "records": len(areas.records) == len(areas.places) == len(areas.weights),
    }
    if wrong := [name for name, right in lengths.items() if not right]:
        raise damaged(path, f"lengths that do not belong together: {', '.join(wrong)}")
    return areas


def _begins(counts: Sequence[int]) -> list[int]:
    """Where each area begins, and last where the file ends."""
    begins, at = [], HEADER_BYTES
    for kind, count in zip(_AREAS.values(), counts, strict=True):
        at = -(-at // _ALIGNED) * _ALIGNED
        begins.append(at)
        at += np.dtype(kind).itemsize * count
    return [*begins, at]


def _head(counts: Sequence[int]) -> bytes:
    def packed(crc: int) -> bytes:
        return _HEADER.pack(_MAGIC, _FORMAT, *counts, crc).ljust(HEADER_BYTES, b"\0")

    return packed(zlib.crc32(packed(0)))


class NameIndexWriter:
    """Takes the names of record after record; then ``write``.

    Keeps in memory 4 bytes of each part of a name, 6 of each name, 4 of each record, and every distinct key once;
    ``write`` needs some 20 bytes of each part for a moment.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._parts, self._records, self._births = array("I"), array("I"), array("i")
        self._lengths, self._places = array("B"), array("B")

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: int, names: Sequence[NameForm], born: str | None) -> None:
        """Add the names of one record, its number higher than all before, with its date of birth.

        Their places are kept; those without tokens and beyond MOST_NAMES are left out.
        """
        if self._records and record <= self._records[-1]:
            raise ValueError("records come in ascending order")
        self._births.extend([0] * (record - len(self._births)))
        self._births.append(packed_date(born))
        for place, name in enumerate(names[:MOST_NAMES]):
            parts = dict.fromkeys(keys(name))
            if not parts:
                continue
            self._parts.extend(self._numbers.setdefault(key, len(self._numbers)) for key in parts)
            self._lengths.append(len(parts))
            self._records.append(record)
            self._places.append(place)

    def add_stored(self, stored: Areas, kept: NDArray[np.bool_], first: int) -> None:
        """Add the names of the records of another index that are ``kept`` (records,), numbered from ``first`` on."""
        numbers = first + np.cumsum(kept, dtype=np.int64) - 1
        births = np.zeros(len(kept), np.int32)
        births[: len(stored.births)] = stored.births
        self._births.extend([0] * (first - len(self._births)))
        self._births.extend(births[kept].tolist())
        of_kept = kept[stored.records]
        self._records.extend(numbers[stored.records[of_kept]].tolist())
        self._places.extend(stored.places[of_kept].tolist())
        # Which key each name holds, name by name.
        key_of = np.repeat(np.arange(len(stored.holder_ends)), np.diff(stored.holder_ends, prepend=np.uint32(0)))
        held = of_kept[stored.holders]
        names, key_of = stored.holders[held], key_of[held]
        order = np.argsort(names, kind="stable")
        self._lengths.extend(np.bincount(names, minlength=len(of_kept))[of_kept].tolist())
        used = np.unique(key_of)
        texts = stored.texts.tobytes().decode()
        ends = stored.text_ends.tolist()
        begins = [0, *ends[:-1]]
        renumbered = np.zeros(len(stored.text_ends), np.uint32)
        for key in used.tolist():
            renumbered[key] = self._numbers.setdefault(texts[begins[key] : ends[key]], len(self._numbers))
        self._parts.extend(renumbered[key_of[order]].tolist())

    def write(self, path: Path) -> None:
        """Write the index. Syncing the file to the disk is the caller's."""
        parts = np.asarray(self._parts, np.uint32)
        lengths = np.asarray(self._lengths, np.uint8)
        counts = np.bincount(parts, minlength=len(self._numbers)) if len(parts) else np.zeros(0, np.int64)
        order = np.argsort(parts, kind="stable")
        holders = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)
        rarity = _rarity(counts, len(lengths))
        weights = np.bincount(holders, weights=rarity[parts], minlength=len(lengths)).astype(np.float32)
        pairs, pair_ends = _pairs(self._numbers)
        texts = "".join(self._numbers).encode()
        areas: dict[str, NDArray[np.generic]] = {
            "texts": np.frombuffer(texts, np.uint8),
            "text_ends": np.cumsum([len(key) for key in self._numbers], dtype=np.uint32),
            "pairs": pairs,
            "pair_ends": pair_ends,
            "holders": holders[order],
            "holder_ends": np.cumsum(counts, dtype=np.uint32),
            "rarity": rarity,
            "weights": weights,
            "records": np.asarray(self._records, np.uint32),
            "places": np.asarray(self._places, np.uint8),
            "births": np.asarray(self._births, np.int32),
        }
        with path.open("wb") as file:
            file.write(_head([len(area) for area in areas.values()]))
            for name, kind in _AREAS.items():
                file.write(bytes(-file.tell() % _ALIGNED))
                file.write(np.ascontiguousarray(areas[name], kind).data)


def _rarity(counts: NDArray[np.int64], names: int) -> NDArray[np.float32]:
    if names < 2:
        return np.ones(len(counts), np.float32)
    # Rounded: the last digits of a logarithm are the machine's own, and the file must be the same on each.
    return np.round(COMMON + (1 - COMMON) * (1 - np.log(counts) / math.log(names)), 5).astype(np.float32)


def _pairs(texts: dict[str, int]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    found, owners = array("H"), array("I")
    for text, number in texts.items():
        codes = pair_codes(text)
        found.extend(codes.tolist())
        owners.extend([number] * len(codes))
    codes_of = np.asarray(found, np.uint16)
    order = np.argsort(codes_of, kind="stable")
    ends = np.cumsum(np.bincount(codes_of, minlength=PAIR_CODES), dtype=np.uint32)
    return np.asarray(owners, np.uint32)[order], ends
