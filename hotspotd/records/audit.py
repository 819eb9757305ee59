"""The audit chain: who did what to which encounter, each entry bound to the one before by its digest.

Entries hold identifiers and outcomes, never personal data.
"""

from __future__ import annotations

import hashlib
import sqlite3

import msgspec

from hotspotd.clock import Stamp

_GENESIS = bytes(32)


def append(
    writer: sqlite3.Connection, now: Stamp, event: str, *, subject: str, actor: str = "daemon", detail: str = ""
) -> None:
    """Add one entry inside the transaction that ``writer`` is in."""
    last = writer.execute("SELECT seq, digest FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = (int(last[0]) + 1, bytes(last[1])) if last else (1, _GENESIS)
    entry = (seq, now.iso(), int(now.trusted), event, subject, actor, detail)
    writer.execute(
        "INSERT INTO audit (seq, at, clock_trusted, event, subject, actor, detail, digest) VALUES (?,?,?,?,?,?,?,?)",
        (*entry, digest(previous, entry)),
    )


def digest(previous: bytes, entry: tuple[object, ...]) -> bytes:
    """SHA-256 over the digest before and the entry as canonical JSON."""
    return hashlib.sha256(previous + msgspec.json.encode(entry)).digest()


def first_broken(rows: list[tuple[object, ...]]) -> int | None:
    """Sequence number of the first entry that does not follow from the one before; ``None`` when all do.

    ``rows`` are whole entries in order of ``seq``, the digest last.
    """
    previous = _GENESIS
    for expected, row in enumerate(rows, start=1):
        *entry, stored = row
        if entry[0] != expected or digest(previous, tuple(entry)) != stored:
            return expected
        previous = bytes(stored)
    return None
