"""Gives what national repositories hold on to whoever builds the watchlist, and says where a record came from.

Two forms, both read by ``hotspotctl watchlist build``: ``numbers.jsonl``, every kind, for lists of any size that hold
nothing but keyed hashes; and ``records.jsonl``, documents only, each with its reference and reason. Beside them stands
``provenance.jsonl``: for each record its repository, the deltas that brought and last named it, and since when.

Reads the gateway's database from another process, as it was at one moment, while the gateway goes on.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.gateway.config import RepositorySection
from hotspotd.gateway.intake.proof import Chain, check_chains
from hotspotd.relay.national.deltas import DeltaReceipt
from hotspotd.relay.national.records import Record, RecordKey
from hotspotd.watchlist.layout import fsync_folder
from hotspotd.watchlist.number_source import NUMBERS
from hotspotd.watchlist.numbers import Kind, Status
from hotspotd.watchlist.numbers.rows import LAST_DAY
from hotspotd.watchlist.source import RECORDS

PROVENANCE: Final = "provenance.jsonl"
_LONGEST_REFERENCE: Final = 60
"""As ``watchlist build`` takes."""

_MOST_CATEGORIES: Final = 4096
"""Different categories given on as numbers: a list tells 16383 sorts of entry apart, by status and owner too."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One record and where it came from. ``listed``: day since when it is here; ``ends``: its last day."""

    repository: str
    owner: str
    record: Record
    listed: str
    ends: str
    first_sequence: int
    sequence: int

    @property
    def reference(self) -> str:
        """The owning bureau's number, or one made of what is held where it gave none."""
        record = self.record
        return record.reference or f"{self.repository}/{record.kind}/{record.issuer}/{record.bare_number}"


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``provenance.jsonl``: where a record of the list came from, and since when it is there."""

    reference: str
    repository: str
    owner: str
    kind: Kind
    listed: str
    first_sequence: int
    sequence: int


class _NumberRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of ``numbers.jsonl``."""

    kind: Kind
    number: str
    status: Status
    owner: str
    issuer: str = ""
    purpose: str = ""
    source: str = ""
    expires: str


class Repositories:
    """The repositories of ``rules`` in one database, as they are now. Make it with ``opened``."""

    def __init__(self, database: sqlite3.Connection, rules: dict[str, RepositorySection], today: date) -> None:
        self._db = database
        self._rules = rules
        self._today = today.isoformat()

    def all(self) -> Iterator[Held]:
        """Everything that counts today, by reference."""
        yield from self._held("ends >= ? ORDER BY reference, name, kind, issuer, record.number", self._today)

    def named(self, reference: str) -> list[Held]:
        """What stands under this reference, or bears this number."""
        bare = RecordKey(kind=Kind.DOCUMENT, number=reference).bare_number
        found = list(self._held("reference = ? OR record.number = ?", reference, bare))
        return found or [one for one in self._held("reference = ''") if one.reference == reference]

    def receipt(self, repository: str, sequence: int) -> DeltaReceipt:
        """What was answered to a delta."""
        (raw,) = self._db.execute(
            "SELECT receipt FROM delta JOIN repository ON repository.id = delta.repository"
            " WHERE name = ? AND delta.sequence = ?",
            (repository, sequence),
        ).fetchone()
        return msgspec.json.decode(raw, type=DeltaReceipt)

    def states(self) -> list[tuple[str, int, str, int]]:
        """Name, last delta, its digest and number of records of each repository."""
        return self._db.execute("SELECT name, sequence, digest, count FROM repository ORDER BY name").fetchall()

    def chains(self) -> list[Chain]:
        """Whether every delta that was taken is there, signed and in its place."""
        return check_chains(self._db)

    def _held(self, where: str, *values: str) -> Iterator[Held]:
        rows = self._db.execute(
            "SELECT name, body, listed, ends, first_sequence, record.sequence FROM record"  # noqa: S608  # Our own words.
            f" JOIN repository ON repository.id = record.repository WHERE {where}",
            values,
        )
        for name, body, listed, ends, first_sequence, sequence in rows:
            rule = self._rules.get(name)
            if rule is None:
                continue  # The configuration no longer has this repository: nothing of it is given on.
            yield Held(
                repository=name,
                owner=rule.owner,
                record=msgspec.json.decode(body, type=Record),
                listed=listed,
                ends=ends,
                first_sequence=first_sequence,
                sequence=sequence,
            )


@contextmanager
def opened(path: Path, rules: dict[str, RepositorySection], today: date) -> Iterator[Repositories]:
    """The database, to be read. Raises WatchlistError (UNREADABLE), sqlite3.Error."""
    if not path.is_file():
        raise WatchlistError(Reason.UNREADABLE, f"{path}: not there", "The gateway makes it when it is started.")
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        database.execute("BEGIN")
        yield Repositories(database, rules, today)
    finally:
        database.close()


def give_records(repositories: Repositories, folder: Path) -> Counter[str]:
    """Write ``records.jsonl`` and its provenance.

    Returns how many documents were written, and as ``left behind`` how many things, which such a source cannot hold.
    Raises OSError, sqlite3.Error.
    """
    counts: Counter[str] = Counter()
    before, times = "", 0
    with _written(folder, RECORDS) as records, _written(folder, PROVENANCE) as provenance:
        for held in repositories.all():
            if held.record.kind is not Kind.DOCUMENT:
                counts["left behind"] += 1
                continue
            counts[held.record.kind.value] += 1
            times = times + 1 if held.reference == before else 1
            before = held.reference
            # Of one reference there may be several documents, and two bureaus may use one for different records.
            reference = _fitting(before if times == 1 else f"{before} ({times})")
            records.write(msgspec.json.encode(_list_record(reference, held)) + b"\n")
            provenance.write(_provenance(reference, held))
    return counts


def give_numbers(repositories: Repositories, folder: Path) -> Counter[str]:
    """Write ``numbers.jsonl`` and its provenance.

    Returns how many were written by kind, and as ``without category`` those whose category was left out, since a list
    tells only so many apart. Raises OSError, sqlite3.Error.
    """
    counts: Counter[str] = Counter()
    categories: set[str] = set()
    with _written(folder, NUMBERS) as numbers, _written(folder, PROVENANCE) as provenance:
        for held in repositories.all():
            record = held.record
            counts[record.kind.value] += 1
            category = record.category
            if len(categories) < _MOST_CATEGORIES:
                categories.add(category)
            elif category not in categories:
                category = ""
                counts["without category"] += 1
            row = _NumberRow(
                kind=record.kind,
                number=record.number,
                status=record.status,
                owner=held.owner,
                issuer=record.issuer,
                purpose=category,
                source=held.repository,
                expires=min(held.ends, LAST_DAY.isoformat()),
            )
            numbers.write(msgspec.json.encode(row) + b"\n")
            provenance.write(_provenance(held.reference, held))
    return counts


def _list_record(reference: str, held: Held) -> ListRecord:
    record = held.record
    return ListRecord(
        reference=reference,
        notice=Notice.SLTD,
        owner=held.owner,
        document_number=record.number,
        document_issuer=record.issuer,
        reason=record.reason or record.status.label,
        expires=held.ends,
        review=record.review,
        source=held.repository,
        since=record.since or held.listed,
    )


def _fitting(reference: str) -> str:
    """``reference``, within what a list takes."""
    if len(reference) <= _LONGEST_REFERENCE:
        return reference
    return f"{reference[: _LONGEST_REFERENCE - 13]}~{hashlib.sha256(reference.encode()).hexdigest()[:12]}"


def _provenance(reference: str, held: Held) -> bytes:
    line = Provenance(
        reference=reference,
        repository=held.repository,
        owner=held.owner,
        kind=held.record.kind,
        listed=held.listed,
        first_sequence=held.first_sequence,
        sequence=held.sequence,
    )
    return msgspec.json.encode(line) + b"\n"


@contextmanager
def _written(folder: Path, name: str) -> Iterator[BinaryIO]:
    """A file that takes its name when it is whole and on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.new"
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(folder)
