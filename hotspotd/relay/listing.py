"""INT-I v6 XML files as a delivery of people for a watchlist, with their pictures: one transaction, one person.

It lives here because the codec does: relay may know the watchlist, not the other way round. The rules of an import are
``hotspotd.watchlist.importers``'; the command line puts both together.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hotspotd.domain.candidate import OtherName
from hotspotd.domain.notice import Notice
from hotspotd.errors import RelayError
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.transaction import Descriptive, PersonName, Picture, Transaction
from hotspotd.watchlist.importers import values
from hotspotd.watchlist.importers.delivery import Step
from hotspotd.watchlist.importers.transactions import Defaults, Print, Subject, transaction_step
from hotspotd.watchlist.rules import RowError

_CM_PER_INCH = 2.54


class IntiImporter:
    """Reads INT-I v6 XML files."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults

    def read(self, path: Path, place: int, line: int) -> Iterator[Step]:  # noqa: ARG002 - a file is one row
        """The transaction in ``path``. Raises WatchlistError (UNREADABLE, BAD_VALUE for an archive)."""
        return transaction_step(path, place, _read, self._defaults)


def _read(data: bytes) -> tuple[Subject, list[Print], list[bytes]]:
    try:
        transaction = xml6.decode(data)
    except RelayError as error:
        raise RowError("", error.what) from error
    people = [record for record in transaction.descriptive if _is_person(record)]
    if len(people) != 1:
        raise RowError("2", f"{len(people)} records of people: the file is not about one person")
    prints = [
        Print(one.position, one.picture.data, _dpi(one.picture), _raw(one.picture))
        for one in transaction.prints
        if one.picture.data
    ]
    faces = [face.picture.data for face in transaction.faces if face.picture.data]
    return _subject(transaction, people[0]), prints, faces


def _is_person(record: Descriptive) -> bool:
    return bool(any(_name(record.subject.name)) or record.crn or record.orn or record.npi)


def _subject(transaction: Transaction, record: Descriptive) -> Subject:
    number = record.crn or record.orn or record.npi
    surname, given = _name(record.subject.name)
    listed = record.entry.notice if record.entry else ""
    return Subject(
        reference=number.number if number else transaction.header.tcn,
        owner=(number.country if number else "") or transaction.header.origin.country,
        surname=surname,
        given_names=given,
        aliases=tuple(
            OtherName(surname=family, given_names=first) for family, first in map(_name, record.subject.aliases)
        ),
        birth_date=record.subject.birth_date,
        nationality=record.subject.nationality,
        sex=record.subject.sex,
        reason=record.entry.reason if record.entry else record.contact.text,
        expires=record.expires,
        notice=Notice(listed) if listed in set(Notice) else None,
    )


def _name(name: PersonName) -> tuple[str, str]:
    given = " ".join(filter(None, (name.given, name.middle)))
    return values.tidy(name.surname or name.extended), values.tidy(given)


def _dpi(picture: Picture) -> float:
    if picture.scale == 2:
        return picture.density_across * _CM_PER_INCH
    # 0 gives a ratio only; the smallest that INT-I allows is 500.
    return picture.density_across if picture.scale == 1 else 500


def _raw(picture: Picture) -> tuple[int, int] | None:
    return (picture.width, picture.height) if picture.compression == "NONE" else None
