"""Reads the folder that a list is built from: ``records.jsonl`` and the pictures it names.

One JSON object a line, with the fields of ``ListRecord`` and, all of them optional::

    {"reference": "XPO/2026/1", "notice": "red", "owner": "XPO", "surname": "ERIKSSON", "given_names": "ANNA",
     "birth_date": "1974-08-12", "aliases": ["Эрикссон, Анна"], "documents": [{"number": "L898902C3", "issuer": "UTO"}],
     "fingers": {"right_index": "1_1.png"}, "finger_dpi": 500, "portrait": "face.jpg"}

A text has at most 500 printable characters. A row that cannot be used is left out and a picture that cannot be
enrolled is left out of its row; each is told with line, reference and reason, and never stops the rows after it.
File names are relative to the folder and may not lead out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import BiometricError, Reason, WatchlistError
from hotspotd.watchlist.build import EnrolledFace, EnrolledFinger, Entry, ListedDocument
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.keys import document_text
from hotspotd.watchlist.names.listed import names_of

RECORDS = "records.jsonl"
_LONGEST_LINE = 64 * 1024
_LARGEST_PICTURE = 16 * 1024 * 1024
_MOST_DOCUMENTS = 64
_MOST_ALIASES = 64
# A kiosk reads 4000 characters of a text; nothing an officer is shown needs as many.
_LONGEST_TEXT = 500
_OWNER = re.compile(r"[A-Z]{3}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_REDUCED_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


class _DocumentRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: str
    issuer: str


class _Row(ListRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    documents: tuple[_DocumentRow, ...] = ()
    fingers: dict[str, str] = msgspec.field(default_factory=dict)
    finger_dpi: int = 500
    portrait: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be used. ``rejected``: the whole row was left out, otherwise one sample of it."""

    line: int
    reference: str
    what: str
    rejected: bool


class _RowError(Exception):
    """Why a row cannot be used."""


class Source:
    """A source folder. ``problems`` fills while ``entries`` is read; the order is that of the file."""

    def __init__(self, folder: Path, enroller: Enroller) -> None:
        self._folder = folder
        self.path = folder / RECORDS
        self._enroller = enroller
        self.problems: list[Problem] = []
        self.rows = 0

    def entries(self) -> Iterator[Entry]:
        """The usable rows, enrolled one by one. Raises WatchlistError(UNREADABLE) without a readable file."""
        seen: set[str] = set()
        for number, line in self._lines():
            self.rows += 1
            reference = ""
            try:
                row = _parse(line)
                reference = row.reference
                _check(row, seen)
            except _RowError as error:
                self.problems.append(Problem(number, reference, str(error), rejected=True))
                continue
            seen.add(reference)
            yield self._entry(number, row)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        path = self.path
        try:
            with path.open("rb") as file:
                number = 0
                while line := file.readline(_LONGEST_LINE + 1):
                    number += 1
                    whole = line
                    while not line.endswith(b"\n") and (line := file.readline(_LONGEST_LINE)):
                        pass  # The rest of a line that is too long is read and left.
                    if whole.strip():
                        yield number, whole
        except OSError as error:
            raise WatchlistError(
                Reason.UNREADABLE, f"{path}: {error.strerror}", f"A source is a folder with a {RECORDS}."
            ) from error

    def _entry(self, line: int, row: _Row) -> Entry:
        fingers: list[EnrolledFinger] = []
        for label, name in row.fingers.items():
            try:
                position = FingerPosition.from_label(label)
                fingers.append(self._enroller.finger(position, self._picture(name), row.finger_dpi))
            except (KeyError, OSError, BiometricError, _RowError) as error:
                self._left_out(line, row, label, error)
        face: EnrolledFace | None = None
        if row.portrait is not None:
            try:
                face = self._enroller.face(self._picture(row.portrait))
            except (OSError, BiometricError, _RowError) as error:
                self._left_out(line, row, "portrait", error)
        record = ListRecord(**{name: getattr(row, name) for name in ListRecord.__struct_fields__})
        documents = tuple(ListedDocument(document.number, document.issuer) for document in row.documents)
        return Entry(record, documents, tuple(fingers), face)

    def _left_out(self, line: int, row: _Row, sample: str, error: Exception) -> None:
        match error:
            case KeyError():
                why = "no finger is called so"
            case OSError():
                why = error.strerror or "cannot be read"
            case _:
                why = str(error)
        self.problems.append(Problem(line, row.reference, f"{sample}: {why}", rejected=False))

    def _picture(self, name: str) -> bytes:
        root = self._folder.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise _RowError("names a file outside the source folder")
        if path.stat().st_size > _LARGEST_PICTURE:
            raise _RowError(f"larger than {_LARGEST_PICTURE} bytes")
        return path.read_bytes()


def _parse(line: bytes) -> _Row:
    if len(line) > _LONGEST_LINE:
        raise _RowError(f"line longer than {_LONGEST_LINE} bytes")
    try:
        return msgspec.json.decode(line, type=_Row)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _RowError(str(error)) from error


def _check(row: _Row, seen: set[str]) -> None:
    if row.reference in seen:
        raise _RowError("this reference was listed before")
    if not 1 <= len(row.reference) <= 60:
        raise _RowError("reference: 1 to 60 characters")
    _check_texts(row)
    if not _OWNER.fullmatch(row.owner):
        raise _RowError("owner: three capital letters")
    if row.birth_date is not None:
        _check_date("birth_date", row.birth_date, _REDUCED_DATE)
    if row.expires is not None:
        _check_date("expires", row.expires, _DATE)
    _check_documents(row)
    if len(row.aliases) > _MOST_ALIASES:
        raise _RowError(f"aliases: more than {_MOST_ALIASES}")
    if not 250 <= row.finger_dpi <= 1000:
        raise _RowError("finger_dpi: 250 to 1000")
    holds_name = any(name.form.tokens for name in names_of(row))
    if not (row.documents or row.document_number or row.fingers or row.portrait or holds_name):
        raise _RowError("nothing to search by: no document, print, portrait or name")


def _check_documents(row: _Row) -> None:
    if len(row.documents) > _MOST_DOCUMENTS:
        raise _RowError(f"documents: more than {_MOST_DOCUMENTS}")
    for place, document in enumerate(row.documents):
        if document_text(document.number, document.issuer) is None:
            raise _RowError(f"documents[{place}]: a number and an issuer are needed")
    if bool(row.document_number) != bool(row.document_issuer):
        raise _RowError("document_number and document_issuer: both or neither")


def _check_texts(row: _Row) -> None:
    for key, text in _texts(row):
        # What is not printable cannot be sent in XML, or cannot be shown.
        if len(text) > _LONGEST_TEXT or not text.isprintable():
            raise _RowError(f"{key}: at most {_LONGEST_TEXT} printable characters")


def _texts(row: _Row) -> Iterator[tuple[str, str]]:
    """Every text of the row with the key it stands under."""
    for key in ListRecord.__struct_fields__:
        value = getattr(row, key)
        if isinstance(value, str):
            yield key, value
    for place, alias in enumerate(row.aliases):
        yield f"aliases[{place}]", alias
    for place, document in enumerate(row.documents):
        yield f"documents[{place}].number", document.number
        yield f"documents[{place}].issuer", document.issuer
    for label, name in row.fingers.items():
        yield "fingers", label
        yield "fingers", name
    if row.portrait is not None:
        yield "portrait", row.portrait


def _check_date(key: str, text: str, shape: re.Pattern[str]) -> None:
    if not shape.fullmatch(text):
        raise _RowError(f"{key}: not a date as YYYY-MM-DD")
    try:
        date.fromisoformat((text + "-01-01")[:10])
    except ValueError as error:
        raise _RowError(f"{key}: no such day") from error
