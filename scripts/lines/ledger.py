"""What the kiosk's records and the gateway's database hold, by control number. Only here are their tables known."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@contextmanager
def _reading(database: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20.0)
    try:
        yield connection
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class KioskLedger:
    """``states`` of the outbox; ``answers`` stored for each, by control number of what they answer."""

    states: dict[str, str]
    answers: Counter[str]
    unchecked: int
    """Encounters without a local result."""

    @classmethod
    def read(cls, database: Path) -> KioskLedger:
        """Blocks. Raises sqlite3.Error."""
        with _reading(database) as db:
            states = dict(db.execute("SELECT tcn, state FROM outbox").fetchall())
            answers = Counter(dict(db.execute("SELECT tcr, count(*) FROM reply GROUP BY tcr").fetchall()))
            unchecked = db.execute("SELECT count(*) FROM encounter WHERE local_outcome IS NULL").fetchone()[0]
        return cls(states, answers, int(unchecked))


def waiting(database: Path) -> int:
    """Rows that are neither answered nor set aside. Blocks."""
    with _reading(database) as db:
        found = db.execute("SELECT count(*) FROM outbox WHERE state NOT IN ('answered', 'quarantined')").fetchone()
    return int(found[0])


def received(database: Path, tcns: set[str]) -> int:
    """How many of these the gateway has receipted. Blocks."""
    with _reading(database) as db:
        rows = db.execute("SELECT tcn FROM outbox WHERE state IN ('received', 'answered')")
        return len(tcns & {row[0] for row in rows})


def payload_bytes(database: Path) -> int:
    """Bytes of all transactions in the outbox that still have theirs. Blocks."""
    with _reading(database) as db:
        return int(db.execute("SELECT coalesce(sum(length(payload)), 0) FROM outbox").fetchone()[0])


def receipted_bytes(database: Path) -> list[int]:
    """Sizes of the transactions that the gateway has receipted. Blocks."""
    with _reading(database) as db:
        return [int(row[0]) for row in db.execute("SELECT receipt ->> '$.bytes' FROM inbox")]


@dataclass(frozen=True, slots=True)
class GatewayLedger:
    """Times each transaction was delivered, processed and answered, by control number."""

    deliveries: dict[str, int]
    processed: dict[str, int]
    replies: dict[str, int]

    @classmethod
    def read(cls, database: Path) -> GatewayLedger:
        """Blocks. Raises sqlite3.Error."""
        with _reading(database) as db:
            rows = db.execute(
                "SELECT tcn, sum(deliveries), sum(processed),"
                " sum((SELECT count(*) FROM reply WHERE inbox_id = inbox.id)) FROM inbox GROUP BY tcn"
            ).fetchall()
        return cls({r[0]: r[1] for r in rows}, {r[0]: r[2] for r in rows}, {r[0]: r[3] for r in rows})
