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

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hotspotd.domain.candidate import ListRecord, OtherName
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import BiometricError, Reason, WatchlistError
from hotspotd.watchlist.build import EnrolledFace, EnrolledFinger, Entry, ListedDocument
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.names.listed import names_of
from hotspotd.watchlist.rules import RowError, check_documents, check_record, check_text

RECORDS = "records.jsonl"
_LONGEST_LINE = 64 * 1024
_LARGEST_PICTURE = 16 * 1024 * 1024


class _DocumentRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: str
    issuer: str


class _Row(ListRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    aliases: tuple[str, ...] = ()
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
            except RowError as error:
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
            except (KeyError, OSError, BiometricError, RowError) as error:
                self._left_out(line, row, label, error)
        face: EnrolledFace | None = None
        if row.portrait is not None:
            try:
                face = self._enroller.face(self._picture(row.portrait))
            except (OSError, BiometricError, RowError) as error:
                self._left_out(line, row, "portrait", error)
        record = _record(row)
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
            raise RowError("", "names a file outside the source folder")
        if path.stat().st_size > _LARGEST_PICTURE:
            raise RowError("", f"larger than {_LARGEST_PICTURE} bytes")
        return path.read_bytes()


def _parse(line: bytes) -> _Row:
    if len(line) > _LONGEST_LINE:
        raise RowError("", f"line longer than {_LONGEST_LINE} bytes")
    try:
        return msgspec.json.decode(line, type=_Row)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RowError("", str(error)) from error


def _record(row: _Row) -> ListRecord:
    record = ListRecord(**{name: getattr(row, name) for name in ListRecord.__struct_fields__})
    aliases = tuple(OtherName(full=alias) for alias in row.aliases)
    return msgspec.structs.replace(record, other_names=record.other_names + aliases) if aliases else record


def _check(row: _Row, seen: set[str]) -> None:
    if row.reference in seen:
        raise RowError("", "this reference was listed before")
    record = _record(row)
    check_record(record)
    check_documents(ListedDocument(document.number, document.issuer) for document in row.documents)
    for label, name in row.fingers.items():
        check_text("fingers", label)
        check_text("fingers", name)
    if row.portrait is not None:
        check_text("portrait", row.portrait)
    if not 250 <= row.finger_dpi <= 1000:
        raise RowError("finger_dpi", "250 to 1000")
    holds_name = any(name.form.tokens for name in names_of(record))
    if not (row.documents or row.document_number or row.fingers or row.portrait or holds_name):
        raise RowError("", "nothing to search by: no document, print, portrait or name")
