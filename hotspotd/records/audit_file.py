"""The audit chain in a database file, for the command line: read beside a running daemon, or added to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from hotspotd.clock import Stamp
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.audit_check import Anchor
from hotspotd.records.data_key import KeySource
from hotspotd.records.sealing import Sealing
from hotspotd.records.storage_errors import storage_errors
from hotspotd.records.vault import Vault, keys_path

# The daemon writes for milliseconds at a time.
_BUSY_TIMEOUT_S: Final = 5.0
_PAGE: Final = 1000
SEALED: Final = "(sealed)"
"""What a note shows as where its key is not."""
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
def reading(path: Path, source: KeySource | None = None) -> Iterator[sqlite3.Connection]:
    """The database, to be read: one that is in use, or a copy, which nothing is written beside.

    Notes are opened with the data key of ``source``; without it, or without their keys, they show as sealed.
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
        with ExitStack() as stack:
            vault = None
            if source is not None and keys_path(path).exists():
                vault = Vault.open(path, source, make=False)
                stack.callback(vault.close)
            connection.create_function("opened_note", 3, partial(_opened_note, vault))
            yield connection


def _opened_note(vault: Vault | None, key: int, seq: int, sealed: bytes) -> str:
    if vault is None:
        return SEALED
    try:
        return vault.unseal(key, audit.NOTE_PLACE, str(seq), sealed).decode()
    except RecordsError:
        return SEALED


def add(
    path: Path,
    now: Stamp,
    event: str,
    *,
    subject: str,
    actor: str,
    detail: str,
    note: str,
    source: KeySource | None,
) -> None:
    """Add an entry from another process than the daemon; it is on disk when this returns. ``source`` has the data key.

    Raises RecordsError: STORAGE_FAILED, STORAGE_FULL, WRONG_VERSION for a database of before this software; NO_KEY,
    UNREADABLE, BAD_VALUE where the note cannot be sealed.
    """
    with ExitStack() as stack:
        stack.enter_context(storage_errors(f"write {path.name}"))
        connection = stack.enter_context(closing(_for_writing(path)))
        if not audit.has_sealed_notes(connection):
            raise RecordsError(
                Reason.WRONG_VERSION, f"records: {path.name} is of an older version", "Start the daemon once."
            )
        vault = Vault.open(path, source, make=False)
        stack.callback(vault.close)
        sealing = Sealing(vault)
        sealing.register(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            audit.append(connection, now, event, subject=subject, actor=actor, detail=detail, note=note)
        except sqlite3.OperationalError as error:
            raise sealing.told(error) from error
        connection.execute("COMMIT")


def entries(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[Entry]:
    """The entries that are ``wanted``, in their order, page by page."""
    after = 0
    noted = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_note'").fetchone() is not None
    note = "(SELECT text FROM audit_note n WHERE n.seq = a.seq)" if noted else "NULL"
    if audit.has_sealed_notes(connection):
        kept = "iif(n.sealed IS NULL, n.text, opened_note(n.key_id, n.seq, n.sealed))"
        note = f"(SELECT {kept} FROM audit_note n WHERE n.seq = a.seq)"  # noqa: S608  # Constants.
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
