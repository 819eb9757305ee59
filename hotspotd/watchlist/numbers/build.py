"""Builds a numbers store from a stream, and applies additions and withdrawals to one: both in bounded memory.

``merge`` gives, byte for byte, what ``build`` would give of the same numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.blocks import BlockHasher
from hotspotd.watchlist.numbers import rows
from hotspotd.watchlist.numbers.hashing import BATCH, UNUSABLE, Batch, hashed
from hotspotd.watchlist.numbers.kinds import Kind, Listing, NumberEntry, Withdrawal
from hotspotd.watchlist.numbers.normal import issuer_code
from hotspotd.watchlist.numbers.rows import Hashes, Tails
from hotspotd.watchlist.numbers.spool import Spool, in_order, partitions_for
from hotspotd.watchlist.numbers.store import NumbersStore
from hotspotd.watchlist.secret import ListKey

Rejected = Callable[[int, str], None]
"""Called with the place of an entry in its stream, from 0, and why it cannot be listed."""


class _Classes:
    """Listings as they come, numbered; and their numbers in the finished store, which are those of their order."""

    def __init__(self, known: Iterable[Listing] = ()) -> None:
        self.listings = list(known)
        self._numbers = {listing: number for number, listing in enumerate(self.listings)}
        self._days: dict[date | None, int] = {}
        self.used = np.zeros(rows.MOST_CLASSES, np.bool_)
        """Of which listings something was spooled."""

    def of(self, entry: NumberEntry) -> tuple[int, int]:
        """Number of the class of ``entry``, and its tail. Raises WatchlistError: BAD_VALUE, TOO_LARGE."""
        listing, expires = entry.listing, entry.expires
        number = self._numbers.get(listing)
        if number is None:
            number = self._number(listing)
        day = self._days.get(expires)
        if day is None:
            day = self._days[expires] = rows.tail(0, expires)
        return number, number << rows.DAY_BITS | day

    def _number(self, listing: Listing) -> int:
        if listing.issuer != issuer_code(listing.kind, listing.issuer):
            raise WatchlistError(Reason.BAD_VALUE, f"{listing.issuer!r} is no issuer's code of this kind")
        if len(self.listings) == rows.MOST_CLASSES:
            raise WatchlistError(
                Reason.TOO_LARGE,
                f"more than {rows.MOST_CLASSES} classes of numbers",
                "Give purpose and source in fewer different words: a class is what many numbers have in common.",
            )
        self._numbers[listing] = len(self.listings)
        self.listings.append(listing)
        return len(self.listings) - 1

    def final(self, used: NDArray[np.bool_]) -> tuple[tuple[Listing, ...], NDArray[np.uint32]]:
        """The listings ``used`` (MOST_CLASSES,), in order, and of each listing its number there."""
        order = sorted(np.flatnonzero(used).tolist(), key=lambda number: self.listings[number])
        numbers = np.zeros(len(self.listings), np.uint32)
        numbers[order] = np.arange(len(order), dtype=np.uint32)
        return tuple(self.listings[number] for number in order), numbers


def build(folder: Path, entries: Iterable[NumberEntry], key: ListKey, rejected: Rejected | None = None) -> int:
    """Write the two files of a store of ``entries`` into ``folder``; returns how many rows it has.

    ``expires`` and number decide what is one row; what is given twice is one. An entry that cannot be listed is told to
    ``rejected`` and left out. Raises WatchlistError: BAD_VALUE for such an entry where nobody is to be told, TOO_LARGE
    for more classes or rows than fit; OSError. The files are not synced to the disk: that is the caller's.
    """
    classes = _Classes()
    with Spool(folder) as spool:
        _spooled(spool, classes, entries, key, rejected)
        listings, numbers = classes.final(classes.used)
        parts = partitions_for(len(spool))

        def partition(number: int) -> tuple[Hashes, Tails]:
            hashes, tails = spool.partition(number, parts)
            return _sorted(hashes, rows.with_classes(tails, numbers))

        return write_store(folder, key.id, listings, map(partition, range(parts)))


def merge(
    old: NumbersStore,
    folder: Path,
    additions: Iterable[NumberEntry],
    withdrawals: Iterable[Withdrawal],
    key: ListKey,
    rejected: Rejected | None = None,
) -> int:
    """Write into ``folder`` a store of what ``old`` holds, without ``withdrawals``, with ``additions``.

    Withdrawals first: a change is both. Returns the number of rows; raises as ``build``, and WatchlistError: DAMAGED
    where ``old`` is, NO_KEY where it was built with another key.
    """
    old.unlock(key)
    classes = _Classes(old.listings)
    owners = {listing.owner: number for number, listing in enumerate(old.listings)}
    owner_of = np.array([owners[listing.owner] for listing in old.listings], np.uint32)
    with Spool(folder) as added, Spool(folder) as withdrawn:
        _spooled(added, classes, additions, key, rejected)
        _spool_withdrawals(withdrawn, owners, withdrawals, key)
        parts = partitions_for(len(old) + len(added))

        def partition(number: int) -> tuple[Hashes, Tails]:
            hashes, tails = _without(*old.partition(number, parts), *withdrawn.partition(number, parts), owner_of)
            return _with(hashes, tails, *added.partition(number, parts))

        # A class whose last number is withdrawn is gone, and the others move up. Mostly all are met soon.
        used = np.zeros(rows.MOST_CLASSES, np.bool_)
        for number in range(parts):
            if bool(used[: len(classes.listings)].all()):
                break
            used[rows.classes_of(partition(number)[1])] = True
        listings, numbers = classes.final(used)

        def renumbered(number: int) -> tuple[Hashes, Tails]:
            hashes, tails = partition(number)
            return _sorted(hashes, rows.with_classes(tails, numbers))

        return write_store(folder, key.id, listings, map(renumbered, range(parts)))


def _spooled(
    spool: Spool, classes: _Classes, entries: Iterable[NumberEntry], key: ListKey, rejected: Rejected | None
) -> None:
    def refuse(place: int, why: str) -> None:
        if rejected is None:
            raise WatchlistError(Reason.BAD_VALUE, f"entry {place}: {why}", "Leave it out, or mend it.")
        rejected(place, why)

    def batches() -> Iterator[Batch]:
        batch = Batch()
        for place, entry in enumerate(entries):
            listing = entry.listing
            try:
                number, tail = classes.of(entry)
            except WatchlistError as error:
                if error.reason is not Reason.BAD_VALUE:
                    raise
                refuse(place, error.what)
                continue
            batch.add(entry.number, number, (listing.kind, listing.issuer), tail, place)
            if len(batch.numbers) == BATCH:
                yield batch
                batch = Batch()
        if batch.numbers:
            yield batch

    for batch, hashes in hashed(key, batches()):
        usable = hashes != np.uint64(UNUSABLE)
        for at in np.flatnonzero(~usable).tolist():
            refuse(batch.places[at], "nothing is left of the number, or it is too long or too short")
        tails = batch.tail_array()[usable]
        classes.used[rows.classes_of(tails)] = True
        spool.add(hashes[usable], tails)


def _spool_withdrawals(
    spool: Spool, owners: Mapping[str, int], withdrawals: Iterable[Withdrawal], key: ListKey
) -> None:
    """Spool hash and owner of each withdrawal; a bureau that is not among ``owners`` has nothing to take back."""

    def batches() -> Iterator[Batch]:
        batch = Batch()
        groups: dict[tuple[Kind, str], int] = {}
        for place, one in enumerate(withdrawals):
            owner = owners.get(one.owner)
            if owner is None:
                continue
            of = (one.kind, issuer_code(one.kind, one.issuer))
            batch.add(one.number, groups.setdefault(of, len(groups)), of, owner, place)
            if len(batch.numbers) == BATCH:
                yield batch
                batch, groups = Batch(), {}
        if batch.numbers:
            yield batch

    for batch, hashes in hashed(key, batches()):
        usable = hashes != np.uint64(UNUSABLE)
        spool.add(hashes[usable], batch.tail_array()[usable])


def _without(
    hashes: Hashes, tails: Tails, gone: Hashes, gone_owners: Tails, owner_of: NDArray[np.uint32]
) -> tuple[Hashes, Tails]:
    if not len(gone):
        return hashes, tails
    pairs = set(zip(gone.tolist(), gone_owners.tolist(), strict=True))
    kept = np.ones(len(hashes), np.bool_)
    for at in np.flatnonzero(np.isin(hashes, gone)).tolist():
        owner = int(owner_of[int(rows.classes_of(tails[at : at + 1])[0])])
        kept[at] = (int(hashes[at]), owner) not in pairs
    return hashes[kept], tails[kept]


def _with(hashes: Hashes, tails: Tails, more: Hashes, more_tails: Tails) -> tuple[Hashes, Tails]:
    if not len(more):
        return hashes, tails
    places = np.searchsorted(hashes, more)
    return np.insert(hashes, places, more), np.insert(tails, places, more_tails)


def _sorted(hashes: Hashes, tails: Tails) -> tuple[Hashes, Tails]:
    """Rows in order of their hashes, in order of both and each once."""
    if bool((hashes[1:] == hashes[:-1]).any()):
        return in_order(hashes, tails)
    return hashes, tails


def write_store(
    folder: Path, key_id: str, listings: tuple[Listing, ...], partitions: Iterable[tuple[Hashes, Tails]]
) -> int:
    """Write the two files of a store of these rows, in order, whose classes are places in ``listings``; their count.

    Raises WatchlistError(TOO_LARGE) for more rows than fit; OSError.
    """
    hasher = BlockHasher(rows.BLOCK)
    counts = np.zeros(rows.BUCKETS + 1, np.uint64)
    with (folder / rows.ROWS).open("wb") as file:
        for hashes, tails in partitions:
            if not len(hashes):
                continue
            buckets = (hashes >> np.uint64(rows.REST_BITS)).astype(np.int64)
            counts[1:] += np.bincount(buckets, minlength=rows.BUCKETS).astype(np.uint64)
            data = rows.packed(hashes, tails)
            hasher.update(data)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    begins = np.cumsum(counts)
    if int(begins[-1]) > rows.MOST_ROWS:
        raise WatchlistError(Reason.TOO_LARGE, f"more than {rows.MOST_ROWS} numbers", "Split the list.")
    index = rows.Index(rows.About(key_id, listings), begins.astype(np.uint32), hasher.digests())
    (folder / rows.INDEX).write_bytes(index.encode())
    return int(begins[-1])
