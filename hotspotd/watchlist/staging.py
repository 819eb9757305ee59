"""The staging store: what was delivered by whom, kept between imports, read by ``hotspotctl watchlist build``.

One SQLite file in a folder. Promises: rows and the place where to go on are written in one transaction, so that an
import killed anywhere ends as one that was not; a record delivered again takes the place of the one before; what is
read comes as a stream, in the order of its references, whatever the order of deliveries.
Doesn't: decode pictures, judge names. It holds personal data in the clear, as deliveries do: it belongs on the machine
where lists are made, not on a kiosk.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import msgspec

from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.build import ListedDocument, locked
from hotspotd.watchlist.entries import DeliveredNumber
from hotspotd.watchlist.importers.delivery import (
    Delivers,
    Item,
    Person,
    PersonsDocument,
    PersonsSample,
    Reject,
    Sample,
    SampleKind,
)

FILE = "staging.sqlite"
_VERSION = 1
SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,29}")
_WITH_PERSON = "record"
_APART = "apart"


@dataclass(slots=True)
class Import:
    """An import under way: where it goes on, and what it has done so far."""

    number: int
    kind: str
    source: str
    started: str
    """Day on which it began: since when what it adds is listed, however often it is killed."""
    file: int = 0
    place: int = 0
    line: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class StagedPerson:
    """A person with everything that came for them, from one source."""

    source: str
    record: ListRecord
    documents: tuple[ListedDocument, ...]
    samples: tuple[Sample, ...]


class Staging:
    """The store in one folder. Made by ``opened``. All methods block; not for several threads."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self._database = database
        self.path = path

    def begin(self, kind: str, source: str, digest: str, today: str, *, restart: bool) -> Import:
        """The import to go on with, or a new one.

        Raises WatchlistError: CONFLICT when one of this source was broken off and these files or options are others,
        unless ``restart``.
        """
        row = self._database.execute(
            "SELECT id, kind, digest, started, file, place, line, counts FROM import"
            " WHERE source = ? AND ended IS NULL",
            (source,),
        ).fetchone()
        if row is not None and not restart:
            if (row[1], row[2]) != (kind, digest):
                raise WatchlistError(
                    Reason.CONFLICT,
                    f"an import from {source} was broken off, and these are other files or options",
                    "Repeat it as it was, or give --restart to begin anew.",
                )
            counts = Counter(json.loads(row[7]))
            return Import(row[0], kind, source, row[3], row[4], row[5], row[6], counts, resumed=True)
        if row is not None:
            self._database.execute("DELETE FROM reject WHERE import = ?", (row[0],))
            self._database.execute("UPDATE import SET ended = 'abandoned' WHERE id = ?", (row[0],))
        cursor = self._database.execute(
            "INSERT INTO import (kind, source, digest, started) VALUES (?, ?, ?, ?)", (kind, source, digest, today)
        )
        if cursor.lastrowid is None:  # SQLite always gives one for an INSERT.
            raise WatchlistError(Reason.STORAGE_FAILED, f"{self.path}: no number for the import", "Try again.")
        return Import(cursor.lastrowid, kind, source, today)

    def take(self, now: Import, item: Item) -> None:
        """Write one item; counts it as added, updated, unchanged, or repeated within this import."""
        match item:
            case Person():
                self._take_person(now, item)
            case DeliveredNumber():
                self._take_number(now, item)
            case PersonsDocument():
                self._put_document(now, item.reference, _APART, item.document)
                now.counts["documents"] += 1
            case PersonsSample():
                self._put_sample(now, item.reference, _APART, item.sample)
                now.counts["samples"] += 1

    def _take_person(self, now: Import, person: Person) -> None:
        record = msgspec.structs.replace(person.record, source=now.source)
        body, key = msgspec.json.encode(record), (now.source, record.reference)
        known = self._database.execute(
            "SELECT import, record FROM person WHERE source = ? AND reference = ?", key
        ).fetchone()
        now.counts[_judged(known, now, body)] += 1
        self._database.execute(
            "INSERT INTO person VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET import = excluded.import,"
            " record = excluded.record",
            (*key, now.started, now.number, body),
        )
        if known is not None:
            for table in ("document", "sample"):
                self._database.execute(
                    f"DELETE FROM {table} WHERE source = ? AND reference = ? AND origin = ?",  # noqa: S608 - our own names
                    (*key, _WITH_PERSON),
                )
        for document in person.documents:
            self._put_document(now, record.reference, _WITH_PERSON, document)
        for sample in person.samples:
            self._put_sample(now, record.reference, _WITH_PERSON, sample)
        now.counts["people"] += 1
        now.counts["documents"] += len(person.documents)
        now.counts["samples"] += len(person.samples)

    def _put_document(self, now: Import, reference: str, origin: str, document: ListedDocument) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?, ?)",
            (now.source, reference, origin, document.issuer, document.number, now.number),
        )

    def _put_sample(self, now: Import, reference: str, origin: str, sample: Sample) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                now.source, reference, origin, sample.name, sample.kind.value, int(sample.position), sample.dpi,
                now.number, sample.picture,
            ),
        )  # fmt: skip

    def _take_number(self, now: Import, entry: DeliveredNumber) -> None:
        entry = msgspec.structs.replace(entry, source=now.source)
        body = msgspec.json.encode(entry)
        key = (now.source, entry.reference, entry.kind.value, entry.issuer, entry.number)
        known = self._database.execute(
            "SELECT import, entry FROM number"
            " WHERE source = ? AND reference = ? AND kind = ? AND issuer = ? AND number = ?",
            key,
        ).fetchone()
        now.counts[_judged(known, now, body)] += 1
        self._database.execute(
            "INSERT INTO number VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET import = excluded.import,"
            " entry = excluded.entry",
            (*key, now.started, now.number, body),
        )
        now.counts["numbers"] += 1

    def refuse(self, now: Import, file: str, reject: Reject) -> None:
        """Write a reject. What is there under a whole row's reference stays: one that got worse withdraws nobody."""
        self._database.execute(
            "INSERT INTO reject (import, file, line, reference, field, reason, whole) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (now.number, file, reject.line, reject.reference, reject.field, reject.reason, reject.whole),
        )
        now.counts["rejected" if reject.whole else "parts_left_out"] += 1
        if reject.reference and reject.whole:
            for table in ("person", "document", "sample", "number"):
                cursor = self._database.execute(
                    f"UPDATE {table} SET import = ? WHERE source = ? AND reference = ? AND import <> ?",  # noqa: S608
                    (now.number, now.source, reject.reference, now.number),
                )
                now.counts["kept"] += cursor.rowcount if table in {"person", "number"} else 0

    def save(self, now: Import) -> None:
        """Commit everything so far, with the place where to go on."""
        self._write_mark(now, None)
        self._database.commit()

    def finish(self, now: Import, replaces: Delivers | None) -> None:
        """Withdraw what this source no longer delivers, where it is to be replaced; ``commit`` makes it last."""
        # A record that was delivered again with another number no longer has the old one.
        self._database.execute(
            "DELETE FROM number WHERE source = ? AND import <> ? AND EXISTS (SELECT 1 FROM number AS newer"
            " WHERE newer.source = number.source AND newer.reference = number.reference AND newer.import = ?)",
            (now.source, now.number, now.number),
        )
        if replaces is not None:
            now.counts["withdrawn"] = self._withdraw(now, replaces)
        self._write_mark(now, "done")

    def commit(self) -> None:
        """Make what was finished durable."""
        self._database.commit()
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def roll_back(self) -> None:
        """Forget everything since the last ``save``."""
        self._database.rollback()

    def _write_mark(self, now: Import, ended: str | None) -> None:
        self._database.execute(
            "UPDATE import SET file = ?, place = ?, line = ?, counts = ?, ended = ? WHERE id = ?",
            (now.file, now.place, now.line, json.dumps(now.counts), ended, now.number),
        )

    def _withdraw(self, now: Import, replaces: Delivers) -> int:
        old = (now.source, now.number)
        if replaces is Delivers.NUMBERS:
            return self._database.execute("DELETE FROM number WHERE source = ? AND import <> ?", old).rowcount
        if replaces is Delivers.SAMPLES:
            return self._database.execute(
                "DELETE FROM sample WHERE source = ? AND import <> ? AND origin = 'apart'", old
            ).rowcount
        gone = self._database.execute("DELETE FROM person WHERE source = ? AND import <> ?", old).rowcount
        # Documents came with this delivery; pictures that came apart go only with their person.
        self._database.execute("DELETE FROM document WHERE source = ? AND import <> ?", old)
        self._database.execute(
            "DELETE FROM sample WHERE source = ? AND NOT EXISTS (SELECT 1 FROM person"
            " WHERE person.source = sample.source AND person.reference = sample.reference)",
            old[:1],
        )
        return gone

    def rejects(self, number: int) -> Iterator[tuple[str, Reject]]:
        """File and reject of import ``number``, in the order of the delivery."""
        for file, line, reference, key, reason, whole in self._database.execute(
            "SELECT file, line, reference, field, reason, whole FROM reject WHERE import = ? ORDER BY id", (number,)
        ):
            yield file, Reject(line, reference, key, reason, whole=bool(whole))

    def people(self) -> Iterator[StagedPerson]:
        """Everybody, by reference and then source; ``since`` as the source says, otherwise the day of first import."""
        for source, reference, since, body in self._database.execute(
            "SELECT source, reference, since, record FROM person ORDER BY reference, source"
        ):
            record = msgspec.json.decode(body, type=ListRecord)
            yield StagedPerson(
                source,
                record if record.since else msgspec.structs.replace(record, since=since),
                self._documents(source, reference),
                self._samples(source, reference),
            )

    def _documents(self, source: str, reference: str) -> tuple[ListedDocument, ...]:
        rows = self._database.execute(
            "SELECT DISTINCT number, issuer FROM document WHERE source = ? AND reference = ? ORDER BY issuer, number",
            (source, reference),
        )
        return tuple(ListedDocument(number, issuer) for number, issuer in rows)

    def _samples(self, source: str, reference: str) -> tuple[Sample, ...]:
        rows = self._database.execute(
            "SELECT kind, name, picture, position, dpi FROM sample WHERE source = ? AND reference = ?"
            " ORDER BY origin DESC, name",
            (source, reference),
        )
        return tuple(
            Sample(SampleKind(kind), name, picture, FingerPosition(position), dpi)
            for kind, name, picture, position, dpi in rows
        )

    def numbers(self, *, by_reference: bool = False) -> Iterator[DeliveredNumber]:
        """Every document and thing without a person, as a stream in bounded memory.

        By source and reference, or ``by_reference`` first and then source, which costs a sort on disk.
        """
        order = "reference, source" if by_reference else "source, reference"
        for since, body in self._database.execute(
            f"SELECT since, entry FROM number ORDER BY {order}, kind, issuer, number"  # noqa: S608 - one of two texts
        ):
            entry = msgspec.json.decode(body, type=DeliveredNumber)
            yield entry if entry.since else msgspec.structs.replace(entry, since=since)

    def has_numbers(self) -> bool:
        """Whether any document or thing without a person is there."""
        return bool(self._database.execute("SELECT EXISTS (SELECT 1 FROM number)").fetchone()[0])

    def without_person(self) -> int:
        """How many documents and samples came apart for references that no person has."""
        return sum(
            self._database.execute(
                f"SELECT count(*) FROM {table} AS one WHERE NOT EXISTS (SELECT 1 FROM person"  # noqa: S608
                " WHERE person.source = one.source AND person.reference = one.reference)"
            ).fetchone()[0]
            for table in ("document", "sample")
        )


def _judged(known: tuple[int, bytes] | None, now: Import, body: bytes) -> str:
    if known is None:
        return "added"
    if known[0] == now.number:
        return "repeated"
    return "unchanged" if known[1] == body else "updated"


def is_staging(folder: Path) -> bool:
    """Whether ``folder`` holds a staging store."""
    return (folder / FILE).is_file()


@contextmanager
def opened(folder: Path, *, create: bool = False) -> Iterator[Staging]:
    """The store in ``folder``, held for one process. Whatever was not committed at the end is forgotten.

    Raises WatchlistError: NOT_FOUND, DAMAGED, WRONG_VERSION, BUSY, STORAGE_FAILED.
    """
    if create:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    elif not is_staging(folder):
        raise WatchlistError(Reason.NOT_FOUND, f"no {FILE} in {folder}", "Make one: hotspotctl watchlist import.")
    path = folder / FILE
    with locked(folder):
        # SQLite gives the files that it makes beside this one the same rights.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))
        database = sqlite3.connect(path, isolation_level="DEFERRED")
        try:
            try:
                _prepare(database, path)
                yield Staging(database, path)
            except sqlite3.DatabaseError as error:
                raise _failed(path, error) from error
            finally:
                database.rollback()
        finally:
            database.close()


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    # An import is repeatable and the mark is in the same transaction: a lost last commit costs time only.
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -32000", "temp_store = FILE"):
        database.execute(f"PRAGMA {pragma}")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:
        database.executescript(resources.files(__package__).joinpath("staging.sql").read_text())
    elif version != _VERSION:
        raise WatchlistError(
            Reason.WRONG_VERSION, f"{path} is of version {version}, this software has {_VERSION}", "Import again."
        )


def _failed(path: Path, error: sqlite3.DatabaseError) -> WatchlistError:
    if isinstance(error, sqlite3.OperationalError):
        return WatchlistError(Reason.STORAGE_FAILED, f"{path}: {error}", "Look for space and rights on the disk.")
    return WatchlistError(Reason.DAMAGED, f"{path}: {error}", "Move it away and import again.")
