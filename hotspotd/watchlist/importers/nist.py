"""ANSI/NIST-ITL files in the traditional encoding, with their pictures: one transaction, one person.

Fields of the Type-2 record are those of INT-I (2.030 NAM and on); in a file of the FBI's domain (1.013 DOM begins with
``NORAM``) those of EBTS (2.018 NAM and on). Which part of a name is which varies between versions of INT-I: one item
is read as ``SURNAME, GIVEN``, two as surname and given, three and more as given, middle, surname, as v6 has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hotspotd.domain.candidate import OtherName
from hotspotd.watchlist.importers import values
from hotspotd.watchlist.importers.delivery import Step
from hotspotd.watchlist.importers.nist_itl import File, GreyPrint, Tagged, decode
from hotspotd.watchlist.importers.transactions import Defaults, Print, Subject, transaction_step
from hotspotd.watchlist.rules import RowError

_MM_PER_INCH = 25.4
_CM_PER_INCH = 2.54
# Name, aliases, date of birth, sex, nationality.
_INTI_FIELDS = (30, 34, 35, 39, 38)
_EBTS_FIELDS = (18, 19, 22, 24, 21)
_CRN, _ORN, _FBI_NUMBER = 10, 11, 14


class NistImporter:
    """Reads traditional files."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults

    def read(self, path: Path, place: int, line: int) -> Iterator[Step]:  # noqa: ARG002 - a file is one row
        """The transaction in ``path``. Raises WatchlistError (UNREADABLE, BAD_VALUE for an archive)."""
        return transaction_step(path, place, _read, self._defaults)


def _read(data: bytes) -> tuple[Subject, list[Print], list[bytes]]:
    file = decode(data)
    descriptive = [record for record in file.tagged if record.type == 2]
    if len(descriptive) != 1:
        raise RowError("2", f"{len(descriptive)} records of Type-2: the file is not about one person")
    prints = [_grey(one, file.header) for one in file.prints]
    faces = []
    for record in file.tagged:
        if record.type == 14 and record.data:
            prints.append(_print(record))
        elif record.type == 10 and record.text(3) == "FACE" and record.data:
            faces.append(record.data)
    return _subject(file, descriptive[0]), prints, faces


def _subject(file: File, record: Tagged) -> Subject:
    ebts = file.header.text(13).upper().startswith("NORAM")
    name, aliases, born, sex, nation = _EBTS_FIELDS if ebts else _INTI_FIELDS
    surname, given = _name(record.items(name)[0]) if record.items(name) else ("", "")
    country, reference = _reference(file, record, ebts=ebts)
    return Subject(
        reference=reference,
        owner=country,
        surname=surname,
        given_names=given,
        aliases=tuple(
            OtherName(surname=family, given_names=first)
            for family, first in map(_name, record.items(aliases))
            if family or first
        ),
        birth_date=record.text(born),
        nationality=record.text(nation),
        sex=record.text(sex),
    )


def _reference(file: File, record: Tagged, *, ebts: bool) -> tuple[str, str]:
    """Country and number of the record's owner, otherwise the transaction's number (1.009 TCN)."""
    for place in (_FBI_NUMBER,) if ebts else (_CRN, _ORN):
        for items in record.items(place):
            if len(items) > 1 and len(items[0]) == 3:
                return items[0].upper(), items[1]
            if items[0]:
                return "", items[0]
    return "", file.header.text(9)


def _name(items: list[str]) -> tuple[str, str]:
    texts = [values.tidy(item) for item in items]
    if len(texts) >= 3:
        return texts[2] or " ".join(texts[3:]), " ".join(filter(None, texts[:2]))
    if len(texts) == 2:
        return texts[0], texts[1]
    surname, _, given = texts[0].partition(",")
    return surname.strip(), given.strip()


def _grey(one: GreyPrint, header: Tagged) -> Print:
    # With several positions the print is of one of them, not known which.
    position = one.positions[0] if len(one.positions) == 1 else 0
    text = header.text(11) if one.native_resolution else header.text(12)
    raw = (one.width, one.height) if one.compression == 0 else None
    return Print(position, one.data, _real(text) * _MM_PER_INCH, raw)


def _print(record: Tagged) -> Print:
    """The print with what it says of itself; 0 stands for what is no number, and is refused with the print alone."""
    units = {"1": 1.0, "2": _CM_PER_INCH}
    raw = None
    if record.text(11).upper() == "NONE":
        raw = (_whole(record.text(6)), _whole(record.text(7)))
    position = _whole(record.text(13)) if record.text(13) else 0
    return Print(position, record.data, _real(record.text(9)) * units.get(record.text(8), 0.0), raw)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _real(text: str) -> float:
    whole, dot, rest = text.partition(".")
    sound = text.isascii() and whole.isdigit() and len(text) < 10 and (rest.isdigit() or not dot)
    return float(text) if sound else 0.0
