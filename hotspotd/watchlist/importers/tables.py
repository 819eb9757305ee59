"""CSV with a mapping file: a row is a person, or a document or thing known by a number (SLTD, SMV, iARMS).

Reads as RFC 4180 says, with the mapping's delimiter and quote: a quoted cell may hold line ends. A row that is not
sound costs itself only: after a quote that is never closed reading goes on with the next line, not the next quote.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from hotspotd.domain.candidate import ListRecord, NameKind, OtherName
from hotspotd.domain.caution import flags_and_words
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.build import ListedDocument
from hotspotd.watchlist.entries import DeliveredNumber
from hotspotd.watchlist.importers import values
from hotspotd.watchlist.importers.delivery import Item, Person, Reject, Step
from hotspotd.watchlist.importers.lines import Lines, opened
from hotspotd.watchlist.importers.mapping import LISTS, Mapping
from hotspotd.watchlist.numbers.kinds import Kind, Status
from hotspotd.watchlist.rules import RowError, check_documents, check_number, check_record

# A cell with more line ends than this is a quote that was never closed.
_MOST_LINES = 64
_LONGEST_ROW = 64 * 1024
_MOST_CELLS = 1_000
_BOM = b"\xef\xbb\xbf"


class TableImporter:
    """Reads tables as ``mapping`` says."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._dates = lru_cache(maxsize=65_536)(self._date)
        self._countries = lru_cache(maxsize=1_024)(values.country)

    def read(self, path: Path, place: int, line: int) -> Iterator[Step]:
        """The rows behind ``place``, a byte. Raises WatchlistError: UNREADABLE, BAD_VALUE for a header that is not the
        mapping's.
        """
        with opened(path) as file:
            rows = _Rows(Lines(file, 0, 0, _LONGEST_ROW), self._mapping)
            columns = self._columns(rows, path)
            if place:
                rows.lines.back_to(place, line)
            while (row := rows.next()) is not None:
                if row.cells or row.problem:
                    yield self._step(row, columns, rows.lines)

    def _columns(self, rows: _Rows, path: Path) -> list[tuple[int, str]]:
        """Where each field stands, from 0. Reads the first line, where there is a header."""
        if not self._mapping.header:
            return [(int(name) - 1, field) for name, field in self._mapping.columns.items()]
        first = rows.next()
        if first is None or first.problem is not None:
            problem = first.problem.what if first and first.problem else "it is empty"
            raise WatchlistError(Reason.BAD_VALUE, f"{path}: no line with the columns' names: {problem}", "See --map.")
        names = [cell.strip() for cell in first.cells]
        if missing := sorted(set(self._mapping.columns) - set(names)):
            raise WatchlistError(
                Reason.BAD_VALUE,
                f"{path} has no column {', '.join(missing)[:200]}",
                "Put the names of its first line, the delimiter and the encoding into the mapping file.",
            )
        if twice := sorted(name for name in self._mapping.columns if names.count(name) > 1):
            raise WatchlistError(Reason.BAD_VALUE, f"{path} has column {twice[0]} twice", "Rename one of them.")
        return [(names.index(name), field) for name, field in self._mapping.columns.items()]

    def _step(self, row: _Row, columns: list[tuple[int, str]], lines: Lines) -> Step:
        items: tuple[Item, ...] = ()
        rejects: tuple[Reject, ...] = ()
        reference = ""
        try:
            if row.problem is not None:
                raise row.problem
            fields = self._fields(row.cells, columns)
            reference = fields.one("reference")
            items = (self._item(fields),)
        except RowError as error:
            rejects = (Reject(row.line, reference[:60], error.field, error.what),)
        return Step(lines.place, lines.line, lines.place, items, rejects)

    def _fields(self, cells: list[str], columns: list[tuple[int, str]]) -> _Fields:
        found: dict[str, list[str]] = {}
        for place, field in columns:
            if place >= len(cells):
                raise RowError(field, f"the row has {len(cells)} cells, this is in the {place + 1}th")
            cell = values.tidy(cells[place])
            if not cell:
                continue
            parts = cell.split(self._mapping.separator) if field in LISTS and self._mapping.separator else [cell]
            chosen = self._mapping.values.get(field)
            for part in filter(None, map(str.strip, parts)):
                found.setdefault(field, []).append(chosen.get(part, part) if chosen else part)
        for field, constant in self._mapping.constants.items():
            if field not in found:
                found[field] = [constant]
        return _Fields(found)

    def _item(self, fields: _Fields) -> Item:
        kind = self._mapping.number_kind
        return self._person(fields) if kind is None else self._number(fields, kind)

    def _person(self, fields: _Fields) -> Person:
        births = [self._dates("birth_date", text) for text in fields.all("birth_date")]
        nations = list(dict.fromkeys(self._countries("nationality", text) for text in fields.all("nationality")))
        flags, words = flags_and_words(fields.all("cautions"))
        documents = [self._document(text) for text in fields.all("documents")]
        issuer = fields.one("document_issuer")
        record = ListRecord(
            reference=fields.one("reference"),
            notice=_notice(fields.one("notice")),
            owner=fields.one("owner"),
            surname=fields.one("surname") or fields.one("name"),
            given_names=fields.one("given_names"),
            birth_date=births[0] if births else None,
            other_birth_dates=tuple(dict.fromkeys(births[1:])),
            nationality=nations[0] if nations else None,
            other_nationalities=tuple(nations[1:]),
            sex=values.sex(fields.one("sex")),
            document_number=fields.one("document_number") or None,
            document_issuer=self._countries("document_issuer", issuer) if issuer else None,
            reason=fields.one("reason"),
            expires=self._day(fields, "expires"),
            review=self._day(fields, "review"),
            since=self._day(fields, "since"),
            diffusion=values.yes("diffusion", fields.one("diffusion")),
            bureau=fields.one("bureau"),
            purpose=fields.one("purpose"),
            cautions=flags,
            caution_note="; ".join(filter(None, (words, fields.one("caution_note")))),
            other_names=_other_names(fields),
        )
        check_record(record)
        check_documents(documents)
        return Person(record, tuple(documents))

    def _number(self, fields: _Fields, kind: Kind) -> DeliveredNumber:
        issuer = fields.one("issuer")
        try:
            status = Status(fields.one("status"))
        except ValueError as error:
            known = ", ".join(status.value for status in Status)
            raise RowError("status", f"one of {known}; put your words under [values.status]") from error
        entry = DeliveredNumber(
            kind=kind,
            number=fields.one("number"),
            issuer=self._countries("issuer", issuer) if issuer else "",
            status=status,
            owner=fields.one("owner"),
            reference=fields.one("reference"),
            category=fields.one("category"),
            reason=fields.one("reason"),
            review=self._day(fields, "review"),
            expires=self._day(fields, "expires"),
            since=self._day(fields, "since"),
        )
        check_number(entry)
        return entry

    def _document(self, text: str) -> ListedDocument:
        issuer, _, number = text.partition(":")
        if not number:
            raise RowError("documents", "written ISSUER:NUMBER")
        return ListedDocument(number.strip(), self._countries("documents", issuer))

    def _date(self, field: str, text: str) -> str:
        return values.as_date(field, text, self._mapping.dates)

    def _day(self, fields: _Fields, field: str) -> str | None:
        text = fields.one(field)
        return self._dates(field, text) if text else None


class _Fields:
    """The values of one row by field."""

    def __init__(self, found: dict[str, list[str]]) -> None:
        self._found = found

    def one(self, field: str) -> str:
        found = self._found.get(field)
        return found[0] if found else ""

    def all(self, field: str) -> list[str]:
        return self._found.get(field, [])


def _notice(text: str) -> Notice:
    try:
        return Notice(text.casefold().replace(" ", "_"))
    except ValueError as error:
        known = ", ".join(notice.value for notice in Notice)
        raise RowError("notice", f"one of {known}; put your words under [values.notice]") from error


def _other_names(fields: _Fields) -> tuple[OtherName, ...]:
    kinds = {
        "aliases": NameKind.ALIAS,
        "weak_aliases": NameKind.WEAK,
        "former_names": NameKind.FORMER,
        "original_names": NameKind.ORIGINAL,
    }
    return tuple(OtherName(full=text, kind=kind) for field, kind in kinds.items() for text in fields.all(field))


class _Row:
    """The cells of one row, or why it has none; ``line`` is where it begins. No cells: an empty line."""

    __slots__ = ("cells", "line", "problem")

    def __init__(self, line: int, cells: list[str], problem: RowError | None = None) -> None:
        self.line = line
        self.cells = cells
        self.problem = problem


class _Texts:
    """Lines as texts, for ``csv.reader``: an iterator that goes on after it has raised, as a generator does not."""

    def __init__(self, lines: Lines, encoding: str) -> None:
        self._lines = lines
        self._encoding = encoding
        self.begin()

    def begin(self) -> None:
        """A new row begins with the next line."""
        self.taken = self.length = 0
        self.first_end = (self._lines.place, self._lines.line)

    def __iter__(self) -> _Texts:
        return self

    def __next__(self) -> str:
        if self.taken == _MOST_LINES:
            raise RowError("", f"a cell with more than {_MOST_LINES} lines: a quote was not closed")
        at_start = self._lines.place == 0
        line = self._lines.next()
        if line is None:
            raise StopIteration
        self.taken += 1
        self.length += len(line)
        if self.taken == 1:
            self.first_end = (self._lines.place, self._lines.line)
        if self.length > _LONGEST_ROW:
            raise RowError("", f"longer than {_LONGEST_ROW} bytes")
        if b"\x00" in line:
            raise RowError("", "holds a zero byte")
        try:
            return (line.removeprefix(_BOM) if at_start else line).decode(self._encoding)
        except UnicodeDecodeError as error:
            raise RowError("", f"byte {error.start + 1} is not {self._encoding}") from error


class _Rows:
    """Rows out of lines."""

    def __init__(self, lines: Lines, mapping: Mapping) -> None:
        self.lines = lines
        self._texts = _Texts(lines, mapping.encoding)
        self._reader = csv.reader(self._texts, delimiter=mapping.delimiter, quotechar=mapping.quote, strict=True)

    def next(self) -> _Row | None:
        """The next row; ``None`` at the end."""
        self._texts.begin()
        line = self.lines.line + 1
        try:
            cells = next(self._reader)
        except StopIteration:
            return None
        except (csv.Error, RowError) as error:
            # What was taken in by an open quote are rows of their own.
            self.lines.back_to(*self._texts.first_end)
            return _Row(line, [], error if isinstance(error, RowError) else RowError("", str(error)))
        if len(cells) > _MOST_CELLS:
            return _Row(line, [], RowError("", f"more than {_MOST_CELLS} cells"))
        return _Row(line, cells)
