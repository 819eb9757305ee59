"""A numbers store, opened: is this number listed, and what is an officer told of it?

Opening reads the index alone, which names every block of the rows by its hash. A lookup reads one or two blocks of
16 KiB and hashes them, each time: what it answers from is what was written, or there is no answer. There is no filter
in front of the rows: it would cost a read of its own where a lookup needs one (docs/watchlist.md).
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Final

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.blocks import CheckedFile, damaged
from hotspotd.watchlist.numbers import rows
from hotspotd.watchlist.numbers.hashing import NumberHasher
from hotspotd.watchlist.numbers.kinds import Kind, Listing, NumberHit
from hotspotd.watchlist.numbers.normal import issuer_code, readings
from hotspotd.watchlist.secret import ListKey

_REFERENCE: Final = re.compile(r"number-([0-9a-f]{15})-([0-9]{1,5})-([0-9]{1,5})")


class NumbersStore:
    """The numbers in one folder. Thread-safe; blocks."""

    def __init__(self, folder: Path) -> None:
        """Open ``folder``. Raises WatchlistError(DAMAGED); OSError."""
        path = folder / rows.INDEX
        try:
            self.index = rows.decode(path.read_bytes())
        except ValueError as error:
            raise damaged(path, str(error)) from error
        self._begins = self.index.begins
        size = len(self) * rows.ROW_BYTES
        self.file = CheckedFile(folder / rows.ROWS, size, self.index.hashes, self.index.block)
        """The rows."""
        self._hasher: NumberHasher | None = None
        self._issuers: dict[Kind, tuple[str, ...]] = {}
        for kind in Kind:
            of_kind = {listing.issuer for listing in self.listings if listing.kind is kind}
            self._issuers[kind] = tuple(sorted(of_kind))

    def __len__(self) -> int:
        return int(self._begins[-1])

    @property
    def key_id(self) -> str:
        """Id of the key that the numbers are hashed with."""
        return self.index.about.key_id

    @property
    def listings(self) -> tuple[Listing, ...]:
        """The classes, in their order."""
        return self.index.about.classes

    def unlock(self, key: ListKey) -> None:
        """Take the key; nothing is found without. Raises WatchlistError(NO_KEY) for another than the list's."""
        if key.id != self.key_id:
            raise WatchlistError(
                Reason.NO_KEY, f"the list was built with key {self.key_id}, this is {key.id}", "Give its key."
            )
        self._hasher = NumberHasher(key)

    def find(self, kind: Kind, number: str, issuer: str, today: date) -> list[NumberHit]:
        """What is listed under this number and counts on ``today``, by class; ``issuer`` as written.

        Without an ``issuer`` a kind that has one is looked for under every issuer that is listed. Raises
        WatchlistError: DAMAGED where the rows are not as they were written, NO_KEY without the key.
        """
        if self._hasher is None:
            raise WatchlistError(Reason.NO_KEY, "the list's key was not given", "Name the list's key file.")
        issuers = (issuer_code(kind, issuer),) if issuer or not kind.has_issuer else self._issuers[kind]
        agrees = "" if not kind.has_issuer else ", and issuer" if issuer else "; no issuer was given"
        today_number = rows.day_number(today)
        hits: dict[int, NumberHit] = {}
        for one in issuers:
            for form, how in readings(kind, number, one).items():
                wanted = self._hasher.of_form(kind, one, form)
                for place, day in self._rows(wanted):
                    # A row of another kind or issuer is a chance meeting of hashes.
                    listing = self.listings[place]
                    if day < today_number or (listing.kind, listing.issuer) != (kind, one):
                        continue
                    hit = NumberHit(
                        reference=f"number-{wanted:015x}-{place}-{day}",
                        number=number,
                        listing=listing,
                        expires=rows.expiry(day),
                        detail=how + agrees,
                    )
                    hits.setdefault(place, hit)
        return [hits[place] for place in sorted(hits)]

    def listed(self, reference: str) -> NumberHit | None:
        """The record that ``find`` gave this reference, whether it counts still or not; ``None`` for no such one."""
        shape = _REFERENCE.fullmatch(reference)
        if shape is None:
            return None
        wanted, place, day = int(shape[1], 16), int(shape[2]), int(shape[3])
        if (place, day) not in self._rows(wanted):
            return None
        listing = self.listings[place]
        return NumberHit(
            reference=reference, number="", listing=listing, expires=rows.expiry(day), detail="Its reference"
        )

    def _rows(self, wanted: int) -> list[tuple[int, int]]:
        bucket = wanted >> rows.REST_BITS
        begin, end = int(self._begins[bucket]), int(self._begins[bucket + 1])
        if begin == end:
            return []
        found = rows.matching(self.file.read(begin * rows.ROW_BYTES, end * rows.ROW_BYTES), wanted)
        if any(place >= len(self.listings) for place, _ in found):
            raise WatchlistError(Reason.DAMAGED, "a number of a class that the list doesn't have", "Build it again.")
        return found

    def partition(self, number: int, of: int) -> tuple[rows.Hashes, rows.Tails]:
        """Hashes and tails of the rows in one partition ``of`` so many, in order. Raises WatchlistError(DAMAGED)."""
        width = rows.BUCKETS // of
        begins = self._begins[number * width : (number + 1) * width + 1]
        data = self.file.read(int(begins[0]) * rows.ROW_BYTES, int(begins[-1]) * rows.ROW_BYTES)
        return rows.unpacked(data, number * width, begins[1:] - begins[:-1])
