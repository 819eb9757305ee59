"""Which of very many listed names are worth comparing with one that is given: a short list, likeliest first.

Each part of the given name is looked for among the distinct keys of the index: those that share enough pairs of letters
with it, then by edit distance. The names that hold such keys gain by how like and how rare they are; a date of birth
that agrees puts a name forward, so that of a thousand bearers of one name the right one is in the list. Nothing is
decided here.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from hotspotd.watchlist.names.dates import packed_date
from hotspotd.watchlist.names.forms import Kind, NameForm
from hotspotd.watchlist.names.index_file import BONES, keys, map_areas, pair_codes

MOST_LISTED: Final = 48
"""Names in a short list."""

_MOST_KEYS: Final = 64
"""Keys compared letter by letter for one part."""
_SHARED: Final = 0.4
"""Share of a part's pairs of letters that a key must have. One wrong letter of five leaves 4 of 6."""
_LIKE: Final = 0.55
_CONTAINED: Final = 0.75
"""What a key counts all of whose pairs are in a longer part, or the other way round: two parts in one word."""
_SHORTEST_CONTAINED: Final = 5
_GAINED: Final = 0.25
"""Names that gain less than this share of the most they could are left out before they are ranked."""
# Shares of the best rank that a date of birth is worth: all of it, day and month exchanged or the known part, none.
_DATE_SAME: Final = 0.4
_DATE_PART: Final = 0.2
_DATE_OTHER: Final = -0.1
_STEPS: Final = 32
"""Steps of likeness, from nothing to the same, in which a crowd is counted."""


class Found(NamedTuple):
    """A listed name: the number of its record, and which of the record's names it is.

    ``crowd``: how many names of the list, this one and expired ones included, are about as like the given one or more.
    """

    record: int
    place: int
    crowd: int


class NameIndex:
    """The names in one file of a snapshot, mapped. Thread-safe; blocks."""

    def __init__(self, path: Path) -> None:
        """Map ``path``. Raises WatchlistError (DAMAGED); OSError."""
        self._areas = map_areas(path)
        self._kept = threading.local()
        self._texts = self._areas.texts.tobytes().decode("ascii", "replace")

    def __len__(self) -> int:
        return len(self._areas.records)

    @property
    def records(self) -> int:
        """How many records the index knows of: 1 + the highest number of one that has a name."""
        return len(self._areas.births)

    def search(
        self, probe: NameForm, born: str | None, alive: NDArray[np.bool_], most: int = MOST_LISTED
    ) -> list[Found]:
        """At most ``most`` listed names, likeliest first. ``alive`` (records,): which may be found."""
        areas = self._areas
        if not len(self) or not probe.tokens:
            return []
        gained = self._scratch("gained")
        wanted = 0.0
        for variants in _variants(probe):
            wanted += self._gain(variants, gained)
        touched = np.flatnonzero(gained > _GAINED * wanted)
        like = 2 * gained[touched] / (wanted + areas.weights[touched])
        rank = like + _date_bonus(packed_date(born), areas.births[areas.records[touched]])
        steps = (like * _STEPS).astype(np.int64)
        crowds = np.cumsum(np.bincount(steps)[::-1])[::-1] if len(touched) else steps
        kept = np.flatnonzero(alive[areas.records[touched]])
        if len(kept) > most:
            kept = kept[np.argpartition(-rank[kept], most)[:most]]
        kept = kept[np.argsort(-rank[kept], kind="stable")]
        return [
            Found(int(areas.records[touched[at]]), int(areas.places[touched[at]]), int(crowds[steps[at]]))
            for at in kept
        ]

    def _gain(self, variants: list[str], gained: NDArray[np.float32]) -> float:
        """Let the names that hold a key like one of ``variants`` gain; returns the most that one could."""
        areas = self._areas
        found = [self._like(text) for text in variants]
        numbers = np.concatenate([one for one, _ in found])
        if not len(numbers):
            return 1.0
        worth = np.concatenate([likeness for _, likeness in found]) ** 2 * areas.rarity[numbers]
        order = np.argsort(worth)  # So that the most counts where a name holds several.
        gain = self._scratch("gain")
        begins = self._begins(areas.holder_ends, numbers)
        for at in order.tolist():
            gain[areas.holders[begins[at] : areas.holder_ends[numbers[at]]]] = worth[at]
        gained += gain
        return float(worth[order[-1]])

    def _like(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The keys like ``text`` (k,), and how like they are (k,), 0 to 1."""
        areas = self._areas
        codes = pair_codes(text)
        begins = self._begins(areas.pair_ends, codes)
        holding = [areas.pairs[begin:end] for begin, end in zip(begins, areas.pair_ends[codes], strict=True)]
        shared = np.bincount(np.concatenate(holding), minlength=len(areas.rarity))
        numbers = np.flatnonzero(shared >= max(1, int(np.ceil(_SHARED * len(codes)))))
        starts, ends = self._begins(areas.text_ends, numbers), areas.text_ends[numbers]
        if len(numbers) > _MOST_KEYS:
            dice = shared[numbers] / (len(codes) + (ends - starts) + 1.0)
            chosen = np.argpartition(-dice, _MOST_KEYS)[:_MOST_KEYS]
            numbers, starts, ends = numbers[chosen], starts[chosen], ends[chosen]
        if not len(numbers):
            return numbers, np.zeros(0, np.float32)
        texts = [self._texts[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        likeness = cdist([text], texts, scorer=OSA.normalized_similarity, dtype=np.float32)[0]
        smaller = np.minimum(len(codes), ends - starts + 1)
        inside = (shared[numbers] >= smaller - 2) & (smaller >= _SHORTEST_CONTAINED)
        likeness = np.maximum(likeness, np.where(inside, np.float32(_CONTAINED), np.float32(0)))
        like = likeness >= _LIKE
        return numbers[like], likeness[like]

    def _scratch(self, name: str) -> NDArray[np.float32]:
        """Zeros, one for each name. New memory for each search would cost more than the search."""
        kept: NDArray[np.float32] | None = getattr(self._kept, name, None)
        if kept is None:
            kept = np.empty(len(self), np.float32)
            setattr(self._kept, name, kept)
        kept.fill(0)
        return kept

    @staticmethod
    def _begins(ends: NDArray[np.uint32], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(numbers > 0, ends[numbers - 1], 0).astype(np.int64)


def _variants(probe: NameForm) -> list[list[str]]:
    """For each part of the name that tells, the texts to look for: as written, as its full form, and its bones."""
    telling = [one for one in probe.tokens if one.kind in (Kind.NAME, Kind.PATRONYMIC)]
    if not telling:
        return [[key] for key in keys(probe)]
    return [[BONES + one.bones, *([] if one.bare else dict.fromkeys((one.folded, one.stem)))] for one in telling]


def _date_bonus(given: int, listed: NDArray[np.int32]) -> NDArray[np.float32]:
    if not given:
        return np.zeros(len(listed), np.float32)
    year, month, day = given // 10_000, given // 100 % 100, given % 100
    years, months, days = listed // 10_000, listed // 100 % 100, listed % 100
    known = (years == year) & ((months == month) | (months == 0) | (month == 0))
    known &= (days == day) | (days == 0) | (day == 0)
    part = known | ((years == year) & (months == day) & (days == month))
    full = (listed == given) & (day > 0)
    return np.select([full, part, listed == 0], [_DATE_SAME, _DATE_PART, 0.0], _DATE_OTHER).astype(np.float32)
