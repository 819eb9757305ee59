"""Reads what a national system exports: JSON lines, or CSV with the names of the fields in its first line.

``{"kind": "document", "number": "X1234567", "issuer": "UTO", "status": "stolen_blank", "reference": "UTO/2026/17"}``

A file of changes says besides, under ``action``, whether the row is to ``add``, ``change`` or ``withdraw``; of what is
withdrawn only kind, number, issuer and reference are needed. Read as a stream, whatever its length. A row is one line
(a cell of a table holds no line ends), and a bad one costs itself only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgspec

from hotspotd.errors import ConfigError, Reason
from hotspotd.relay.national.records import FIELDS, LONGEST_LINE, Record, RecordError, RecordKey, problem_of

ACTION: Final = "action"
_ACTIONS: Final = {"add": False, "change": False, "withdraw": True}
_BOM: Final = b"\xef\xbb\xbf"
_DELIMITERS: Final = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Listed:
    """The record of one line, counted from 1."""

    line: int
    record: Record


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A line of a file of changes that takes a record back."""

    line: int
    key: RecordKey


@dataclass(frozen=True, slots=True)
class Unusable:
    """A line that cannot be used, and why. ``key`` where it can be told which record it is about."""

    line: int
    reason: str
    key: RecordKey | None = None


Row = Listed | Withdrawn | Unusable
_Cells = dict[str, str]


class Export:
    """An export as a stream of rows; ``read`` counts the bytes so far."""

    def __init__(self, stream: BinaryIO, name: str, *, changes: bool) -> None:
        self._stream = stream
        self._name = name
        self._changes = changes
        self.read = 0

    def rows(self) -> Iterator[Row]:
        """Every row, in order. Raises ConfigError (BAD_VALUE, UNKNOWN_KEY) for a table with another first line."""
        lines = self._lines()
        first = next(((number, line) for number, line in lines if line.strip()), None)
        if first is None:
            return
        if first[1].lstrip().startswith(b"{"):
            yield self._row(*first, _json)
            cells: Callable[[bytes], _Cells] = _json
        else:
            cells = self._table(first[1])
        for number, line in lines:
            if line.strip():
                yield self._row(number, line, cells)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        while line := self._stream.readline(LONGEST_LINE + 1):
            number += 1
            self.read += len(line)
            whole = line.removeprefix(_BOM) if number == 1 else line
            while not line.endswith(b"\n") and (line := self._stream.readline(LONGEST_LINE)):
                self.read += len(line)  # The rest of a line that is too long is passed over.
            yield number, whole

    def _row(self, number: int, line: bytes, cells: Callable[[bytes], _Cells]) -> Row:
        found: _Cells = {}
        try:
            found = _short(cells, line)
            if self._changes and _withdraws(found):
                key = msgspec.convert({name: found[name] for name in _KEY if name in found}, RecordKey)
                key.check()
                return Withdrawn(number, key)
            record = msgspec.convert(found, Record)
            record.check()
        except (RecordError, msgspec.ValidationError) as error:
            reason = str(error) if isinstance(error, RecordError) else problem_of(error)
            return Unusable(number, reason, _key(found))
        return Listed(number, record)

    def _table(self, header: bytes) -> Callable[[bytes], _Cells]:
        try:
            text = header.decode()
            delimiter = max(_DELIMITERS, key=text.count)
            names = _cells_of(text, delimiter)
        except (UnicodeDecodeError, csv.Error, ValueError) as error:
            raise ConfigError(
                Reason.BAD_VALUE, f"{self._name}: neither JSON lines nor a table in UTF-8", "See --help."
            ) from error
        known = {*FIELDS, ACTION} if self._changes else set(FIELDS)
        if unknown := [name for name in names if name not in known]:
            raise ConfigError(
                Reason.UNKNOWN_KEY,
                f"{self._name}: no field is called {', '.join(unknown)[:100]!r}",
                f"The first line names {', '.join(sorted(known))}; a repository holds nothing about people.",
            )
        needed = {"kind", "number", "status"} | ({ACTION} if self._changes else set())
        if len(set(names)) < len(names) or not needed <= set(names):
            raise ConfigError(
                Reason.BAD_VALUE, f"{self._name}: needs {', '.join(sorted(needed))}, each field once", "See --help."
            )
        return lambda line: _csv(line, names, delimiter)


def _short(cells: Callable[[bytes], _Cells], line: bytes) -> _Cells:
    if len(line) > LONGEST_LINE:
        raise RecordError(f"longer than {LONGEST_LINE} bytes")
    return cells(line)


_KEY: Final = ("kind", "number", "issuer", "reference")
_JSON: Final = msgspec.json.Decoder(dict[str, str | None])


def _json(line: bytes) -> _Cells:
    try:
        return {name: text for name, text in _JSON.decode(line).items() if text is not None}
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordError(problem_of(error)) from error


def _csv(line: bytes, names: Sequence[str], delimiter: str) -> _Cells:
    try:
        cells = _cells_of(line.decode(), delimiter)
    except (csv.Error, UnicodeDecodeError, ValueError) as error:
        raise RecordError("not a row of a table in UTF-8: look for a quote that is not closed") from error
    if len(cells) != len(names):
        raise RecordError(f"{len(cells)} cells; the first line names {len(names)}")
    return {name: cell for name, cell in zip(names, cells, strict=True) if cell}


def _cells_of(line: str, delimiter: str) -> list[str]:
    """Raises csv.Error, and ValueError for more than one row."""
    (cells,) = csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, strict=True)
    return [cell.strip() for cell in cells]


def _withdraws(cells: _Cells) -> bool:
    """What the row's action says; takes it out of the row."""
    try:
        return _ACTIONS[cells.pop(ACTION, "")]
    except KeyError as error:
        raise RecordError(f"{ACTION}: add, change or withdraw") from error


def _key(cells: _Cells) -> RecordKey | None:
    try:
        key = msgspec.convert({name: cells[name] for name in _KEY if name in cells}, RecordKey)
        key.check()
    except (RecordError, msgspec.ValidationError):
        return None
    return key
