"""What has changed from one numbers store to the next, as two stores of rows; and the next one made of it.

Rows are taken as they are, hashed: who makes or applies a change needs no key and learns no number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.numbers import rows
from hotspotd.watchlist.numbers.build import write_store
from hotspotd.watchlist.numbers.kinds import Listing
from hotspotd.watchlist.numbers.rows import Hashes, Tails
from hotspotd.watchlist.numbers.spool import in_order, partitions_for
from hotspotd.watchlist.numbers.store import NumbersStore

Rows = tuple[Hashes, Tails]
Stores = Sequence[NumbersStore | None]


def difference(old: NumbersStore | None, new: NumbersStore | None, added: Path, gone: Path) -> tuple[int, int]:
    """Write into ``added`` the rows that only ``new`` has, into ``gone`` those that only ``old`` has; their counts.

    A store of no rows is not written. Raises WatchlistError (DAMAGED; NO_KEY for stores of different keys), OSError.
    """
    key_id = _key_id((old, new))
    common = _Common((old, new))

    def only(which: int) -> Callable[[int, int], Rows]:
        def partition(number: int, parts: int) -> Rows:
            return _without(common.rows(which, number, parts), common.rows(1 - which, number, parts))

        return partition

    return common.write(added, key_id, only(1)), common.write(gone, key_id, only(0))


def patched(old: NumbersStore | None, added: NumbersStore | None, gone: NumbersStore | None, folder: Path) -> int:
    """Write into ``folder`` what ``old`` has, without ``gone``, with ``added``; returns how many rows that is.

    The files are those of the store that ``difference`` was given as the new one, byte for byte; a store of no rows is
    not written. Raises as ``difference``; CONFLICT where ``gone`` names a row that ``old`` does not have.
    """
    key_id = _key_id((old, added, gone))
    common = _Common((old, added, gone))

    def partition(number: int, parts: int) -> Rows:
        had, more, less = (common.rows(which, number, parts) for which in range(3))
        kept = _without(had, less)
        if len(kept[0]) + len(less[0]) != len(had[0]):
            raise WatchlistError(
                Reason.CONFLICT, "numbers are withdrawn that the list does not have", "Take the whole list."
            )
        return in_order(np.concatenate([kept[0], more[0]]), np.concatenate([kept[1], more[1]]))

    return common.write(folder, key_id, partition)


class _Common:
    """Several stores with their classes numbered alike."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._total = sum(len(store) for store in stores if store is not None)
        self.listings = tuple(sorted({one for store in stores if store is not None for one in store.listings}))
        place = {listing: number for number, listing in enumerate(self.listings)}
        self._classes = [
            np.array([place[one] for one in (store.listings if store is not None else ())], np.uint32)
            for store in stores
        ]

    def rows(self, which: int, number: int, parts: int) -> Rows:
        """One partition of one of the stores."""
        store = self._stores[which]
        if store is None:
            return np.zeros(0, np.uint64), np.zeros(0, np.uint32)
        hashes, tails = store.partition(number, parts)
        if not len(tails):
            return hashes, tails
        if int(rows.classes_of(tails).max()) >= len(store.listings):
            raise WatchlistError(Reason.DAMAGED, "a number of a class that the list doesn't have", "Build it again.")
        return in_order(hashes, rows.with_classes(tails, self._classes[which]))

    def write(self, folder: Path, key_id: str, partition: Callable[[int, int], Rows]) -> int:
        """A store of all partitions, with the classes that occur in it."""
        parts = partitions_for(self._total)
        used = np.zeros(len(self.listings), np.bool_)
        for number in range(parts):
            used[rows.classes_of(partition(number, parts)[1])] = True
        if not used.any():
            return 0
        numbers = np.cumsum(used, dtype=np.uint32) - np.uint32(1)
        listings: tuple[Listing, ...] = tuple(self.listings[at] for at in np.flatnonzero(used).tolist())

        def renumbered(number: int) -> Rows:
            hashes, tails = partition(number, parts)
            return hashes, rows.with_classes(tails, numbers)

        folder.mkdir(exist_ok=True)
        return write_store(folder, key_id, listings, map(renumbered, range(parts)))


def _key_id(stores: Stores) -> str:
    ids = {store.key_id for store in stores if store is not None}
    if len(ids) > 1:
        raise WatchlistError(Reason.NO_KEY, "the lists were built with different keys", "Take the whole list.")
    return ids.pop() if ids else ""


def _without(own: Rows, others: Rows) -> Rows:
    """The rows of ``own`` that are not among ``others``, in order."""
    hashes, tails = own
    kept: NDArray[np.bool_] = ~np.isin(hashes, others[0])
    doubtful = np.flatnonzero(~kept)
    if len(doubtful):
        theirs = set(zip(others[0].tolist(), others[1].tolist(), strict=True))
        pairs = zip(hashes[doubtful].tolist(), tails[doubtful].tolist(), strict=True)
        kept[doubtful] = [pair not in theirs for pair in pairs]
    return hashes[kept], tails[kept]
