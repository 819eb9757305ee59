"""Goes through every delta that was ever taken, and checks again who signed it and that none is missing or changed.

The certificates are those that the connections showed. Whether they were to be trusted was judged then: they may have
ended since.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import msgspec
from cryptography import x509

from hotspotd.errors import RelayError
from hotspotd.relay.national.deltas import GENESIS, SignedDelta, verify


@dataclass(frozen=True, slots=True)
class Chain:
    """One repository's deltas. ``problem`` is empty where each follows the one before and has its signature."""

    repository: str
    deltas: int
    problem: str


def check_chains(database: sqlite3.Connection) -> list[Chain]:
    """The chain of each repository, by name. Raises sqlite3.Error."""
    repositories = database.execute("SELECT id, name, sequence, digest FROM repository ORDER BY name").fetchall()
    return [_chain(database, *repository) for repository in repositories]


def _chain(database: sqlite3.Connection, repository: int, name: str, last: int, digest: str) -> Chain:
    before, count = GENESIS, 0
    rows = database.execute(
        "SELECT sequence, signed, certificate FROM delta"
        " WHERE repository = ? AND receipt IS NOT NULL ORDER BY sequence",
        (repository,),
    )
    for sequence, raw, certificate in rows:
        count += 1
        try:
            signed = msgspec.json.decode(raw, type=SignedDelta)
            delta = verify(signed, x509.load_der_x509_certificate(certificate).public_key())
        except (msgspec.MsgspecError, ValueError, RelayError) as error:
            what = error.what if isinstance(error, RelayError) else "cannot be read"
            return Chain(name, count, f"delta {sequence}: {what}")
        if (delta.repository, delta.sequence, delta.previous) != (name, count, before):
            return Chain(name, count, f"delta {sequence} does not follow delta {count - 1}")
        before = signed.digest
    if (count, before) != (last, digest):
        return Chain(name, count, f"the repository is at delta {last}, and its deltas end at {count}")
    return Chain(name, count, "")
