"""Audit chains for tests, and what somebody with a key to the database could do to them."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path
from typing import Any

from hotspotd.clock import Stamp
from hotspotd.records import audit
from hotspotd.records.audit_check import Anchor
from tests.records.conftest import HandClock

Row = list[Any]
"""All columns of an entry, ``seq`` first and the digest last."""


def chain(entries: int, place: str | Path = ":memory:") -> sqlite3.Connection:
    """A database with a chain of ``entries``; every fifth has a note."""
    connection = sqlite3.connect(place, isolation_level=None)
    for script in sorted((resources.files("hotspotd.records") / "schema").iterdir(), key=lambda one: one.name):
        # The chain's tables are there before what needs a vault.
        if script.name.endswith(".sql") and not script.name.endswith("_vault.sql"):
            connection.executescript(script.read_text(encoding="utf-8"))
    clock = HandClock()
    for number in range(1, entries + 1):
        clock.move(seconds=1)
        add(connection, clock, number)
    return connection


def add(connection: sqlite3.Connection, clock: HandClock, number: int) -> None:
    note = f"why, {number}" if number % 5 == 0 else ""
    now = Stamp(clock.at, trusted=True)
    audit.append(connection, now, "encounter.recorded", subject=f"E{number:05d}", detail=str(number), note=note)


def anchor(connection: sqlite3.Connection) -> Anchor:
    """The last entry, as a checkpoint has it."""
    return Anchor(*audit.tail(connection), "a checkpoint")


def rows(connection: sqlite3.Connection) -> list[Row]:
    return [list(row) for row in connection.execute("SELECT * FROM audit ORDER BY seq")]


def put_back(connection: sqlite3.Connection, tampered: list[Row]) -> None:
    connection.execute("DELETE FROM audit")
    connection.executemany("INSERT INTO audit VALUES (?,?,?,?,?,?,?,?)", tampered)


def renumbered(tampered: list[Row]) -> list[Row]:
    """``tampered`` numbered from 1, each with the digest that it has."""
    return [[number, *row[1:]] for number, row in enumerate(tampered, start=1)]


def redigested(tampered: list[Row], first: int) -> list[Row]:
    """``tampered`` with the digests from entry ``first`` made anew, so that all fits together."""
    previous, made = audit.GENESIS, []
    for row in tampered:
        digest = audit.digest(previous, tuple(row[:-1])) if row[0] >= first else row[-1]
        made.append([*row[:-1], digest])
        previous = digest
    return made
