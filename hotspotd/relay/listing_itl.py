"""ANSI/NIST-ITL files in the traditional encoding, with their pictures: one transaction, one person.

Fields of the Type-2 record are those of INT-I (2.030 NAM and on); in a file of the FBI's domain (1.013 DOM begins with
``NORAM``) those of EBTS (2.018 NAM and on). Which part of a name is which varies between versions of INT-I: one item
is read as ``SURNAME, GIVEN``, two as surname and given, three and more as given, middle, surname, as v6 has them.

It lives here because the codec does, as ``listing.py`` does for INT-I's XML.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hotspotd.domain.candidate import OtherName
from hotspotd.errors import RelayError
from hotspotd.relay.inti import itl
from hotspotd.relay.inti.record import Package, Record
from hotspotd.watchlist.importers import values
from hotspotd.watchlist.importers.delivery import Step
from hotspotd.watchlist.importers.transactions import LARGEST_FILE, Defaults, Print, Subject, transaction_step
from hotspotd.watchlist.rules import RowError

_MM_PER_INCH = 25.4
_CM_PER_INCH = 2.54
# Name, aliases, date of birth, sex, nationality.
_INTI_FIELDS = (30, 34, 35, 39, 38)
_EBTS_FIELDS = (18, 19, 22, 24, 21)
_CRN, _ORN, _FBI_NUMBER = 10, 11, 14
# Binary records that hold no grey print as Type-4 does: what is in them would be lost without a word.
_NOT_READ = frozenset((3, 5, 6, 7, 8))


class NistImporter:
    """Reads traditional files."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults

    def read(self, path: Path, place: int, line: int) -> Iterator[Step]:  # noqa: ARG002 - a file is one row
        """The transaction in ``path``. Raises WatchlistError (UNREADABLE, BAD_VALUE for an archive)."""
        return transaction_step(path, place, _read, self._defaults)


def _read(data: bytes) -> tuple[Subject, list[Print], list[bytes]]:
    try:
        package = itl.read(data, max_bytes=LARGEST_FILE)
    except RelayError as error:
        raise RowError("", error.what) from error
    unread = next((record.type for record in package.records if record.type in _NOT_READ), None)
    if unread is not None:
        raise RowError("1.003", f"a record of Type-{unread} is not read")
    descriptive = [record for record in package.records if record.type == 2]
    if len(descriptive) != 1:
        raise RowError("2", f"{len(descriptive)} records of Type-2: the file is not about one person")
    # Prints of Type-4 come before those of Type-14, whatever their order in the file.
    prints = [_grey(record, package.header) for record in package.records if record.type == 4]
    prints += [_print(record, record.data) for record in package.records if record.type == 14 and record.data]
    faces = [
        record.data for record in package.records if record.type == 10 and record.item(3) == "FACE" and record.data
    ]
    return _subject(package, descriptive[0]), prints, faces


def _subject(package: Package, record: Record) -> Subject:
    ebts = package.header.item(13).upper().startswith("NORAM")
    name, aliases, born, sex, nation = _EBTS_FIELDS if ebts else _INTI_FIELDS
    surname, given = next(map(_name, record.field(name)), ("", ""))
    country, reference = _reference(package, record, ebts=ebts)
    return Subject(
        reference=reference,
        owner=country,
        surname=surname,
        given_names=given,
        aliases=tuple(
            OtherName(surname=family, given_names=first)
            for family, first in map(_name, record.field(aliases))
            if family or first
        ),
        birth_date=record.item(born),
        nationality=record.item(nation),
        sex=record.item(sex),
    )


def _reference(package: Package, record: Record, *, ebts: bool) -> tuple[str, str]:
    """Country and number of the record's owner, otherwise the transaction's number (1.009 TCN)."""
    for place in (_FBI_NUMBER,) if ebts else (_CRN, _ORN):
        for items in record.field(place):
            if len(items) > 1 and len(items[0]) == 3:
                return items[0].upper(), items[1]
            if items[0]:
                return "", items[0]
    return "", package.header.item(9)


def _name(items: tuple[str, ...]) -> tuple[str, str]:
    texts = [values.tidy(item) for item in items]
    if len(texts) >= 3:
        return texts[2] or " ".join(texts[3:]), " ".join(filter(None, texts[:2]))
    if len(texts) == 2:
        return texts[0], texts[1]
    surname, _, given = texts[0].partition(",")
    return surname.strip(), given.strip()


def _grey(record: Record, header: Record) -> Print:
    """The print of a Type-4 record: its resolution is 1.011 NSR where ISR is 0, otherwise 1.012 NTR."""
    positions = record.field(4)
    # With several positions the print is of one of them, not known which.
    position = _whole(record.item(4)) if len(positions) == 1 else 0
    text = header.item(11) if record.item(5) == "0" else header.item(12)
    raw = (_whole(record.item(6)), _whole(record.item(7))) if record.item(8) == "0" else None
    return Print(position, record.data or b"", _real(text) * _MM_PER_INCH, raw)


def _print(record: Record, data: bytes) -> Print:
    """The print with what it says of itself; 0 stands for what is no number, and is refused with the print alone."""
    units = {"1": 1.0, "2": _CM_PER_INCH}
    raw = None
    if record.item(11).upper() == "NONE":
        raw = (_whole(record.item(6)), _whole(record.item(7)))
    return Print(_whole(record.item(13)), data, _real(record.item(9)) * units.get(record.item(8), 0.0), raw)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _real(text: str) -> float:
    whole, dot, rest = text.partition(".")
    sound = text.isascii() and whole.isdigit() and len(text) < 10 and (rest.isdigit() or not dot)
    return float(text) if sound else 0.0
