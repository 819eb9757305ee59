"""Checks an audit chain: every entry against the one before, and the whole against digests that were sealed earlier.

Reads page by page, in bounded memory, from a database that a daemon may be writing. Names the first entry that is not
as it was written, and what became of it as far as the rows tell: the chain itself proves only that something did.

- A row that follows from the one before was written there. One that does not was changed, moved or put in, or what
  stood before it is gone; what fits together behind it says which.
- Whoever rewrites all later digests leaves a chain that fits together: a sealed digest (``Anchor``) shows it.
- Entries cut off at the end show when a sealed digest is of a later entry. What came after the last one has no witness.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, pairwise
from typing import Any, Final

from hotspotd.records import audit

Row = tuple[Any, ...]
"""An entry in the columns of ``audit.COLUMNS``, then its digest, then salt and text of its note or twice None."""

_PAGE: Final = 2_000
PROGRESS_EVERY: Final = 5 * _PAGE
_DIGEST: Final = 7
# How many entries, removed one behind the other and all later ones renumbered, are still counted.
_MOST_REMOVED: Final = 10_000


class Damage(StrEnum):
    """What became of an entry."""

    REMOVED = "removed"
    CHANGED = "changed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    CUT_OFF = "cut_off"  # at the end
    REWRITTEN = "rewritten"  # fits together, and is not what was sealed
    OTHER_CHAIN = "other_chain"  # another database than the one that was sealed
    NOTE_CHANGED = "note_changed"
    NOTE_REMOVED = "note_removed"  # and was not erased in its time


@dataclass(frozen=True, slots=True)
class Anchor:
    """A digest that was sealed: that of entry ``seq``. ``source`` says who kept it."""

    seq: int
    digest: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong: with entry ``seq``, or with one from ``seq`` to ``until``."""

    damage: Damage
    seq: int
    what: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check came to. ``sealed`` is the last entry that a sealed digest vouches for; 0 for none."""

    entries: int
    chain: str
    """The digest of the first entry, in hex: the name of the chain. Empty for an empty one."""
    sealed: int
    notes_erased: int
    finding: Finding | None


def check(
    connection: sqlite3.Connection, anchors: Sequence[Anchor], progress: Callable[[int], None] = lambda _: None
) -> Checked:
    """Check the chain in ``connection`` against ``anchors``, in any order. Raises sqlite3.Error.

    ``progress`` is told after every ``PROGRESS_EVERY`` entries how many are checked; what it raises ends the check.
    """
    return _Check(connection, anchors, progress).run()


class _Check:
    def __init__(
        self, connection: sqlite3.Connection, anchors: Sequence[Anchor], progress: Callable[[int], None]
    ) -> None:
        self._db = connection
        self._progress = progress
        self._anchors = sorted(anchors, key=lambda anchor: anchor.seq)
        self._next = 0
        self._sealed = 0
        self._seq = 0
        self._previous = audit.GENESIS
        self._chain = ""
        self._notes_erased = 0
        self._erased_until = _erased_until(connection)

    def run(self) -> Checked:
        finding = None
        for row in _rows(self._db):
            finding = self._link(row) or self._note(row)
            if finding is not None:
                break
            self._seq, self._previous = row[0], row[_DIGEST]
            self._chain = self._chain or row[_DIGEST].hex()
            if self._seq % PROGRESS_EVERY == 0:
                self._progress(self._seq)
            finding = self._sealed_here()
            if finding is not None:
                break
        finding = finding or self._cut_off()
        return Checked(self._seq, self._chain, self._sealed, self._notes_erased, finding)

    def _link(self, row: Row) -> Finding | None:
        expected = self._seq + 1
        if row[0] > expected:
            until = row[0] - 1
            return Finding(Damage.REMOVED, expected, _said(expected, until, "not there"), until)
        if row[0] == expected and _follows(self._previous, row, expected):
            return None
        return _damage(self._db, self._previous, row, expected)

    def _note(self, row: Row) -> Finding | None:
        if not audit.note_digest(row[6]):
            return None
        if row[8] is None:
            if row[0] <= self._erased_until:
                self._notes_erased += 1
                return None
            return Finding(Damage.NOTE_REMOVED, row[0], f"the note of entry {row[0]} is not there")
        if audit.note_fits(row[6], row[8], row[9]):
            return None
        return Finding(Damage.NOTE_CHANGED, row[0], f"the note of entry {row[0]} is not the one that was written")

    def _sealed_here(self) -> Finding | None:
        while self._next < len(self._anchors) and self._anchors[self._next].seq <= self._seq:
            anchor = self._anchors[self._next]
            self._next += 1
            if anchor.digest != self._previous:
                first = self._sealed + 1
                said = _said(first, anchor.seq, f"not what was sealed ({anchor.source})")
                return Finding(Damage.REWRITTEN, first, said, anchor.seq)
            self._sealed = anchor.seq
        return None

    def _cut_off(self) -> Finding | None:
        if self._next == len(self._anchors):
            return None
        last = self._anchors[-1]
        said = _said(self._seq + 1, last.seq, f"cut off; the last one was sealed ({last.source})")
        return Finding(Damage.CUT_OFF, self._seq + 1, said, last.seq)


def _damage(connection: sqlite3.Connection, previous: bytes, row: Row, expected: int) -> Finding:
    """What became of entry ``expected``, in whose place stands ``row``, which does not follow from ``previous``."""
    behind = _rows(connection, row[0])
    following = next(behind, None)
    if following is None or _goes_on_as_written(previous, row, following):
        return Finding(Damage.CHANGED, expected, f"entry {expected} was changed")
    found = _found_behind(connection, previous, row[0], expected)
    if found is not None:
        moved, after = found
        # Behind it stands what was written behind it: two have changed places. Otherwise all were shifted.
        beside = row if moved[0] == following[0] else following
        swapped = _follows(moved[_DIGEST], beside, expected + 1)
        if not swapped and (after is None or _follows(moved[_DIGEST], after, expected + 1)):
            return Finding(Damage.INSERTED, expected, f"entry {expected} was put in before what was written as that")
        return Finding(Damage.REORDERED, expected, f"entry {expected} stands at {moved[0]} now")
    for removed in range(1, _MOST_REMOVED):
        if _follows(row[_DIGEST], following, following[0] + removed):
            until = expected + removed - 1
            said = _said(expected, until, "not there, and the later ones are renumbered")
            return Finding(Damage.REMOVED, expected, said, until)
    return Finding(Damage.CHANGED, expected, f"entry {expected} was changed")


def _goes_on_as_written(previous: bytes, row: Row, following: Row) -> bool:
    """Whether the next row follows from the digest in ``row``, or from the one it would have if it were whole."""
    renamed = audit.digest(previous, row[:_DIGEST])
    return any(_follows(before, following, row[0] + 1) for before in (row[_DIGEST], renamed))


def _found_behind(
    connection: sqlite3.Connection, previous: bytes, after: int, expected: int
) -> tuple[Row, Row | None] | None:
    """The row behind ``after`` that was written as entry ``expected``, and the row behind that."""
    for row, following in pairwise(chain(_rows(connection, after), (None,))):
        if row is not None and _follows(previous, row, expected):
            return row, following
    return None


def _follows(previous: bytes, row: Row, seq: int) -> bool:
    """Whether ``row`` was written behind ``previous``, as entry ``seq``."""
    return bool(audit.digest(previous, (seq, *row[1:_DIGEST])) == row[_DIGEST])


def _rows(connection: sqlite3.Connection, after: int | None = None) -> Iterator[Row]:
    """Entries behind ``after``, each page a statement of its own, between which a daemon can carry its log over."""
    kept = "coalesce(n.sealed, n.text)" if audit.has_sealed_notes(connection) else "n.text"
    note = f"n.salt, {kept} FROM audit a LEFT JOIN audit_note n ON n.seq = a.seq"
    if not _has_table(connection, "audit_note"):
        note = "NULL, NULL FROM audit a"
    columns = ", ".join(f"a.{column}" for column in (*audit.COLUMNS.split(", "), "digest"))
    while True:
        page = connection.execute(
            f"SELECT {columns}, {note}{'' if after is None else ' WHERE a.seq > ?'} ORDER BY a.seq LIMIT {_PAGE}",
            () if after is None else (after,),
        ).fetchall()
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def _erased_until(connection: sqlite3.Connection) -> int:
    row = connection.execute(
        "SELECT detail FROM audit WHERE event = ? ORDER BY seq DESC LIMIT 1", (audit.NOTES_ERASED,)
    ).fetchone()
    return int(row[0]) if row and str(row[0]).isdigit() else 0


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None


def _said(first: int, last: int, what: str) -> str:
    if first >= last:
        return f"entry {first} is {what}"
    return f"entries {first} to {last}: {what}" if what.startswith("cut") else f"of entries {first} to {last} {what}"
