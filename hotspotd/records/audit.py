"""The audit chain: who did what to which encounter, each entry bound to the one before by its digest.

Entries hold identifiers, outcomes and hashes, never personal data: they are never erased. What a person wrote (why a
number is looked up) stands beside the chain as a note, of which the entry holds a salted digest: it can be erased, and
the chain stays whole. Notes are sealed with a key each; the digest is of the sealed note, so that the chain is verified
without any key. docs/audit.md lists the events.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from hotspotd.clock import Stamp

GENESIS: Final = bytes(32)
COLUMNS: Final = "seq, at, clock_trusted, event, subject, actor, detail"
NOTES_ERASED: Final = "audit.notes_erased"
"""Event of the entry that says up to which entry, in ``detail``, notes were erased."""
NOTE_PLACE: Final = "audit_note.sealed"
"""What sealed notes are bound to, with the number of their entry."""
_NOTE: Final = "note="
_LONGEST_NOTE: Final = 300
# Identifiers and codes are shorter; whatever an entry is made of, it stays small.
_LONGEST: Final = 200


def append(
    writer: sqlite3.Connection,
    now: Stamp,
    event: str,
    *,
    subject: str,
    actor: str = "daemon",
    detail: str = "",
    note: str = "",
) -> int:
    """Add one entry inside the transaction that ``writer`` is in; returns its number.

    ``note`` is what a person wrote; the only part that may be about somebody, and that is erased.
    """
    seq, previous = tail(writer)
    seq += 1
    if note:
        detail = f"{detail[:_LONGEST]} {_NOTE}{_keep_note(writer, seq, note[:_LONGEST_NOTE])}".lstrip()
    else:
        detail = detail[:_LONGEST]
    entry = (seq, now.iso(), int(now.trusted), event, subject[:_LONGEST], actor[:_LONGEST], detail)
    writer.execute(
        f"INSERT INTO audit ({COLUMNS}, digest) VALUES (?,?,?,?,?,?,?,?)",  # noqa: S608  # A constant.
        (*entry, digest(previous, entry)),
    )
    return seq


def _keep_note(writer: sqlite3.Connection, seq: int, note: str) -> str:
    """Put the note beside the chain, sealed where the connection has the vault's functions; its digest."""
    salt = secrets.token_bytes(16)
    if writer.execute("SELECT 1 FROM pragma_function_list WHERE name = 'new_key'").fetchone() is None:
        writer.execute("INSERT OR REPLACE INTO audit_note (seq, salt, text) VALUES (?, ?, ?)", (seq, salt, note))
        return _noted(salt, note)
    (key,) = writer.execute("SELECT new_key()").fetchone()
    (sealed,) = writer.execute(f"SELECT seal(?, '{NOTE_PLACE}', ?, ?)", (key, seq, note)).fetchone()  # A constant.
    writer.execute(
        "INSERT OR REPLACE INTO audit_note (seq, salt, text, key_id, sealed) VALUES (?, ?, '', ?, ?)",
        (seq, salt, key, sealed),
    )
    return _noted(salt, sealed)


def tail(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Number and digest of the last entry; 0 and the beginning's for an empty chain."""
    last = connection.execute("SELECT seq, digest FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (int(last[0]), bytes(last[1])) if last else (0, GENESIS)


def digest(previous: bytes, entry: tuple[object, ...]) -> bytes:
    """SHA-256 over the digest before and the entry as canonical JSON."""
    return hashlib.sha256(previous + msgspec.json.encode(entry)).digest()


def erase_notes(writer: sqlite3.Connection, now: Stamp, before: str) -> int:
    """Erase the notes of entries written before the time ``before``; how many. The chain says up to where."""
    # By number, not by time: on a clock that jumped, an older entry may bear a later time.
    (kept,) = writer.execute(
        "SELECT min(n.seq) FROM audit_note n JOIN audit a ON a.seq = n.seq WHERE a.at >= ?", (before,)
    ).fetchone()
    (last,) = writer.execute("SELECT max(seq) FROM audit_note WHERE ?1 IS NULL OR seq < ?1", (kept,)).fetchone()
    if last is None:
        return 0
    if has_sealed_notes(writer):
        writer.execute(
            "INSERT OR IGNORE INTO dead_key SELECT key_id FROM audit_note WHERE seq <= ? AND key_id IS NOT NULL",
            (last,),
        )
    erased = writer.execute("DELETE FROM audit_note WHERE seq <= ?", (last,)).rowcount
    append(writer, now, NOTES_ERASED, subject="audit", detail=str(last))
    return erased


def note_digest(detail: str) -> str:
    """The digest of the note that belongs to an entry with this ``detail``; empty where there is none."""
    before, found, value = detail.rpartition(_NOTE)
    return value if found and len(value) == 64 and (not before or before.endswith(" ")) else ""


def note_fits(detail: str, salt: bytes, kept: str | bytes) -> bool:
    """Whether the note, sealed or of before notes were, is the one that was written with the entry."""
    return secrets.compare_digest(note_digest(detail).encode(), _noted(salt, kept).encode())


def has_sealed_notes(connection: sqlite3.Connection) -> bool:
    """Whether notes are sealed in this database: in those of before they are not."""
    query = "SELECT 1 FROM pragma_table_info('audit_note') WHERE name = 'sealed'"
    return connection.execute(query).fetchone() is not None


def _noted(salt: bytes, kept: str | bytes) -> str:
    return hashlib.sha256(salt + (kept.encode() if isinstance(kept, str) else kept)).hexdigest()


def first_broken(rows: Iterable[tuple[Any, ...]]) -> int | None:
    """Sequence number of the first entry that does not follow from the one before; ``None`` when all do.

    ``rows`` are whole entries in order of ``seq``, the digest last.
    """
    previous = GENESIS
    for expected, row in enumerate(rows, start=1):
        *entry, stored = row
        if entry[0] != expected or digest(previous, tuple(entry)) != stored:
            return expected
        previous = bytes(stored)
    return None
