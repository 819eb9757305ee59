"""The audit chain in a database file, for the command line: read beside a running daemon, or added to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotspotd.clock import Stamp
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.audit_check import Anchor
from hotspotd.records.storage_errors import storage_errors

# The daemon writes for milliseconds at a time.
_BUSY_TIMEOUT_S: Final = 5.0
_PAGE: Final = 1000
# Some tens of milliseconds.
_LOOKED_AT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is shown. ``note`` is what a person wrote; empty where it was erased or there is none."""

    seq: int
    at: str
    clock_trusted: bool
    event: str
    subject: str
    actor: str
    detail: str
    note: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: from a time (ISO 8601), of an event or of all that begin with it and a dot, of a subject, by whom.

    The last is for ``newest`` only.
    """

    since: str = ""
    event: str = ""
    subject: str = ""
    actor: str = ""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, to be read: one that is in use, or a copy, which nothing is written beside.

    Raises RecordsError: NOT_FOUND, STORAGE_FAILED for what is no such database.
    """
    if not path.is_file():
        raise RecordsError(Reason.NOT_FOUND, f"records: no database {path}", "Name the file, or the configuration.")
    # Without a log nobody has it open, and a copy on a read-only disk could not be opened in any other way.
    mode = "mode=ro" if path.with_name(path.name + "-wal").exists() else "immutable=1"
    with (
        storage_errors(f"read {path.name}"),
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=_BUSY_TIMEOUT_S)) as connection,
    ):
        connection.execute("PRAGMA query_only = ON")
        yield connection


def add(path: Path, now: Stamp, event: str, *, subject: str, actor: str, detail: str, note: str) -> None:
    """Add an entry from another process than the daemon; it is on disk when this returns.

    Raises RecordsError: STORAGE_FAILED, STORAGE_FULL, WRONG_VERSION for a database of before this software.
    """
    with storage_errors(f"write {path.name}"), closing(_for_writing(path)) as connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_note'").fetchone() is None:
            raise RecordsError(
                Reason.WRONG_VERSION, f"records: {path.name} is of an older version", "Start the daemon once."
            )
        connection.execute("BEGIN IMMEDIATE")
        audit.append(connection, now, event, subject=subject, actor=actor, detail=detail, note=note)
        connection.execute("COMMIT")


def entries(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[Entry]:
    """The entries that are ``wanted``, in their order, page by page."""
    after = 0
    noted = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_note'").fetchone() is not None
    note = "(SELECT text FROM audit_note n WHERE n.seq = a.seq)" if noted else "NULL"
    while True:
        page = connection.execute(
            f"SELECT {audit.COLUMNS}, coalesce({note}, '') FROM audit a WHERE seq > :after"  # noqa: S608  # Constants.
            " AND at >= :since"
            " AND (:event = '' OR event = :event OR substr(event, 1, length(:event) + 1) = :event || '.')"
            f" AND (:subject = '' OR subject = :subject) ORDER BY seq LIMIT {_PAGE}",
            {"after": after, "since": wanted.since, "event": wanted.event, "subject": wanted.subject},
        ).fetchall()
        for seq, at, trusted, *rest in page:
            after = seq
            yield Entry(seq, at, bool(trusted), *rest)
        if len(page) < _PAGE:
            return


def newest(connection: sqlite3.Connection, wanted: Wanted, before: int, most: int) -> tuple[list[Entry], int]:
    """At most ``most`` entries that are ``wanted``, the newest of those before entry ``before`` first, without notes.

    Gives too the number before which to go on, 0 where there are no more. Looks at ``_LOOKED_AT`` entries at most: with
    what is rarely found it gives few or none, and where to go on.
    """
    (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM audit").fetchone()
    before = min(before, last + 1)
    floor = max(0, before - 1 - _LOOKED_AT)
    rows = connection.execute(
        f"SELECT {audit.COLUMNS}, '' FROM audit WHERE seq < :before AND seq > :floor"  # noqa: S608  # Constants.
        " AND at >= :since"
        " AND (:event = '' OR event = :event OR substr(event, 1, length(:event) + 1) = :event || '.')"
        " AND (:subject = '' OR subject = :subject) AND (:actor = '' OR actor = :actor) ORDER BY seq DESC LIMIT :most",
        {
            "before": before,
            "floor": floor,
            "since": wanted.since,
            "event": wanted.event,
            "subject": wanted.subject,
            "actor": wanted.actor,
            "most": most,
        },
    ).fetchall()
    found = [Entry(seq, at, bool(trusted), *rest) for seq, at, trusted, *rest in rows]
    until = found[-1].seq if len(found) == most else floor + 1
    return found, until if until > 1 else 0


def anchors(connection: sqlite3.Connection) -> list[Anchor]:
    """What the checkpoints that are kept here say the chain is. Who sealed them is not judged."""
    rows = connection.execute("SELECT number, seq, digest FROM audit_checkpoint ORDER BY number")
    return [Anchor(int(seq), bytes(digest), f"checkpoint {number}") for number, seq, digest in rows]


def sealed_bodies(connection: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
    """Number and sealed body of each checkpoint that is kept here."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_checkpoint'").fetchone() is None:
        return
    for number, body in connection.execute("SELECT number, body FROM audit_checkpoint ORDER BY number"):
        yield int(number), bytes(body)


def _for_writing(path: Path) -> sqlite3.Connection:
    # Never makes one: it would not be the daemon's.
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection
