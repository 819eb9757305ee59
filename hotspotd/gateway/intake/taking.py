"""Carries out the rows of one delta, inside the transaction that takes it.

A row is judged by itself: one that cannot be used is noted with its reason, whatever it would have replaced stays, and
the others go on.
"""

from __future__ import annotations

import sqlite3
from datetime import date

import msgspec

from hotspotd.gateway.config import RepositorySection
from hotspotd.relay.national.deltas import Put, RejectedRow, Withdraw, read_rows
from hotspotd.relay.national.records import Record, RecordError

_LONGEST_REASON = 160


class Taking:
    """Counts while it carries out; ``rejected`` holds the unusable rows in order."""

    def __init__(
        self, database: sqlite3.Connection, repository: int, rule: RepositorySection, sequence: int, today: date
    ) -> None:
        self._db = database
        self._repository = repository
        self._rule = rule
        self._sequence = sequence
        self._today = today
        self._row = 0
        self.rejected: list[RejectedRow] = []
        self.added = self.changed = self.unchanged = self.withdrawn = self.absent = self.swept = 0
        self.count: int = database.execute("SELECT count FROM repository WHERE id = ?", (repository,)).fetchone()[0]

    def rows(self, lines: list[bytes]) -> None:
        """Carry out the rows of one chunk."""
        for row in read_rows(lines):
            try:
                match row:
                    case Put():
                        self._put_or_keep(row)
                    case Withdraw():
                        self._withdraw(row)
                    case RecordError():
                        raise row
            except RecordError as error:
                self.rejected.append(RejectedRow(self._row, str(error)[:_LONGEST_REASON]))
            self._row += 1

    def sweep(self, since: int) -> None:
        """Erase every record that no delta from ``since`` on has named."""
        self.swept = self._db.execute(
            "DELETE FROM record WHERE repository = ? AND sequence < ?", (self._repository, since)
        ).rowcount
        self.count -= self.swept

    def _put_or_keep(self, row: Put) -> None:
        """Put, or note that the record was named: what was held of it is not swept away. Raises RecordError."""
        try:
            self._put(row)
        except RecordError:
            self._db.execute(
                "UPDATE OR IGNORE record SET row_id = ?, sequence = ?"
                " WHERE repository = ? AND kind = ? AND issuer = ? AND number = ? AND reference = ?",
                (row.id, self._sequence, *self._key(row)),
            )
            raise

    def _key(self, row: Put) -> tuple[int, str, str, str, str]:
        return self._repository, row.kind, row.issuer, row.bare_number, row.reference

    def _put(self, row: Put) -> None:
        self._check(row)
        record = Record(**{name: getattr(row, name) for name in Record.__struct_fields__})
        body = msgspec.json.encode(record)
        key = self._key(row)
        held = self._db.execute(
            "SELECT id, row_id, body, listed FROM record"
            " WHERE repository = ? AND kind = ? AND issuer = ? AND number = ? AND reference = ?",
            key,
        ).fetchone()
        listed = held[3] if held else self._today.isoformat()
        ends = row.expires or _years_later(row.since or listed, self._rule.keep_years)
        if ends < self._today.isoformat():
            raise RecordError(f"has ended on {ends}: give expires to keep it longer")
        if held is None or held[1] != row.id:
            self._check_id(row.id)
        if held is None:
            if self.count >= self._rule.most_records:
                raise RecordError(f"the repository is full: it may hold {self._rule.most_records} records")
            self._db.execute(
                "INSERT INTO record VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*key, row.id, body, listed, ends, self._sequence, self._sequence),
            )
            self.count += 1
            self.added += 1
            return
        self._db.execute(
            "UPDATE record SET row_id = ?, body = ?, ends = ?, sequence = ? WHERE id = ?",
            (row.id, body, ends, self._sequence, held[0]),
        )
        if held[2] == body:
            self.unchanged += 1
        else:
            self.changed += 1

    def _check(self, row: Put) -> None:
        rule = self._rule
        if row.kind not in rule.kinds:
            raise RecordError(f"kind: this repository holds {', '.join(rule.kinds)}")
        if rule.issuers and row.issuer not in rule.issuers:
            raise RecordError(f"issuer: this repository holds what {', '.join(rule.issuers)} issued")

    def _check_id(self, row_id: str) -> None:
        taken = self._db.execute(
            "SELECT 1 FROM record WHERE repository = ? AND row_id = ?", (self._repository, row_id)
        ).fetchone()
        if taken:
            raise RecordError("id: that of another record")

    def _withdraw(self, row: Withdraw) -> None:
        gone = self._db.execute(
            "DELETE FROM record WHERE repository = ? AND row_id = ?", (self._repository, row.id)
        ).rowcount
        self.count -= gone
        self.withdrawn += gone
        self.absent += 1 - gone


def _years_later(day: str, years: int) -> str:
    begun = date.fromisoformat(day)
    year = min(begun.year + years, date.max.year)
    try:
        return begun.replace(year=year).isoformat()
    except ValueError:  # 29 February, and that year has none.
        return begun.replace(year=year, day=28).isoformat()
