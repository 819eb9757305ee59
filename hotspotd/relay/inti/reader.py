"""A Package to a Transaction: what a kiosk and its gateway understand of it.

Liberal: fields that are not understood are passed over, a missing optional field is an empty one. Strict: numbers must
be numbers, codes that decide something must be in their tables, texts have a bound.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TypeVar

from hotspotd.domain.candidate import Determination
from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti.record import Package, Record
from hotspotd.relay.inti.transaction import (
    Comparison,
    Contact,
    Descriptive,
    FaceRecord,
    FieldError,
    Header,
    ListEntry,
    MiscellaneousNumber,
    MissingPrint,
    NationalNumber,
    Organisation,
    PersonName,
    Picture,
    PrintRecord,
    RankedCandidate,
    Respondents,
    SearchResult,
    Subject,
    Transaction,
    TransactionType,
)

# The longest text field of INT-I (2.063 INF) is far below; what is longer is not meant for an officer.
_MAX_TEXT = 4_000
_MAX_TCN = 64
_MAX_NUMBER = 10**9

_Code = TypeVar("_Code", bound=StrEnum)
_Items = tuple[str, ...]


def transaction(package: Package) -> Transaction:
    """What is understood of ``package``, in the texts of XML. Raises RelayError (BAD_TRANSACTION)."""
    descriptive: list[Descriptive] = []
    faces: list[FaceRecord] = []
    prints: list[PrintRecord] = []
    unread: list[int] = []
    head = package.header
    for record in package.records:
        if record is head:
            continue
        if not record.understood:
            unread.append(record.type)
        elif record.type == 2:
            descriptive.append(_descriptive(record))
        elif record.type == 10 and _is_face(record):
            faces.append(_face(record))
        elif record.type == 14:
            prints.append(_print(record))
        else:
            unread.append(record.type)
    return Transaction(
        header=_header(head),
        descriptive=tuple(descriptive),
        faces=tuple(faces),
        prints=tuple(prints),
        unread=tuple(unread),
    )


def _bad(what: str) -> RelayError:
    return RelayError(Reason.BAD_TRANSACTION, f"transaction: {what}")


class _Texts:
    """Items of one field, read as what they should be."""

    def __init__(self, name: str, items: _Items) -> None:
        self._name, self._items = name, items

    def text(self, item: int = 0) -> str:
        """Empty where there is none."""
        text = self._items[item] if item < len(self._items) else ""
        if len(text) > _MAX_TEXT:
            raise _bad(f"{self._name} is longer than {_MAX_TEXT} characters")
        return text

    def number(self, item: int = 0) -> int | None:
        """Whole number; ``None`` where there is none."""
        text = self.text(item)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise _bad(f"{self._name} is not a number")
        return int(text)

    def real(self, item: int) -> float | None:
        """Finite number; ``None`` where there is none."""
        text = self.text(item)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError as error:
            raise _bad(f"{self._name} is not a number") from error
        if not math.isfinite(number) or abs(number) > _MAX_NUMBER:
            raise _bad(f"{self._name} is out of range")
        return number

    def code(self, kind: type[_Code], item: int = 0) -> _Code | None:
        """Code out of a table; ``None`` where there is none."""
        text = self.text(item)
        if not text:
            return None
        try:
            return kind(text)
        except ValueError as error:
            raise _bad(f"{self._name} has a value that is not in its table") from error


def _several(record: Record, number: int) -> list[_Texts]:
    """The subfields of a field."""
    return [_Texts(f"{record.type}.{number:03}", items) for items in record.field(number)]


def _one(record: Record, number: int) -> _Texts:
    """The first subfield of a field, without items where there is none."""
    subfields = record.field(number)
    return _Texts(f"{record.type}.{number:03}", subfields[0] if subfields else ())


def _header(record: Record) -> Header:
    tot = _one(record, 4).code(TransactionType)
    tcn = _one(record, 9).text()
    if tot is None or not tcn:
        raise _bad("1.004 TOT and 1.009 TCN are mandatory")
    if len(tcn) > _MAX_TCN:
        raise _bad(f"1.009 TCN is longer than {_MAX_TCN} characters")
    names = _one(record, 17)
    to, by = _one(record, 7), _one(record, 8)
    return Header(
        tot=tot,
        tcn=tcn,
        tcr=_one(record, 10).text(),
        date=_one(record, 5).text(),
        utc=_one(record, 14).text(),
        priority=_one(record, 6).number(),
        destination=Organisation(identifier=to.text(), name=names.text(0), country=to.text(1)),
        origin=Organisation(identifier=by.text(), name=names.text(1), country=by.text(1)),
        domain=_one(record, 13).text(1),
        native_resolution=_one(record, 11).text(),
        nominal_resolution=_one(record, 12).text(),
    )


def _idc(record: Record) -> int:
    return _one(record, 2).number() or 0


def _descriptive(record: Record) -> Descriptive:
    by = _one(record, 23)
    contact = _one(record, 63)
    civil = _one(record, 970)
    return Descriptive(
        idc=_idc(record),
        captured_at=_one(record, 19).text(),
        captured_by=Organisation(identifier=by.text(0), name=by.text(1), country=by.text(10) or by.text(7)),
        subject=_subject(record),
        civil_code=civil.text(0),
        civil_text=civil.text(1),
        crn=_national(_one(record, 10)),
        npi=_national(_one(record, 91)),
        orn=_national(_one(record, 11)),
        numbers=tuple(
            MiscellaneousNumber(kind=number.text(0), number=number.text(1))
            for number in (_one(record, place) for place in range(12, 17))
            if number.text(1)
        ),
        contact=Contact(
            telephone=contact.text(0), organisation=contact.text(1), person=contact.text(2), text=contact.text(3)
        ),
        expires=_one(record, 92).text(),
        determination=_one(record, 94).code(Determination),
        respondents=_respondents(record),
        errors=tuple(
            FieldError(code=error.text(0), field=error.text(1), text=error.text(2)) for error in _several(record, 74)
        ),
        entry=_entry(record),
    )


def _national(items: _Texts) -> NationalNumber | None:
    number = items.text(1)
    return NationalNumber(country=items.text(0), number=number) if number else None


def _subject(record: Record) -> Subject:
    born = _one(record, 36)
    return Subject(
        name=_name(_one(record, 30)),
        aliases=tuple(_name(items) for items in _several(record, 34)),
        birth_date=_one(record, 35).text(),
        birth_earliest=born.text(0),
        birth_latest=born.text(1),
        nationality=_one(record, 38).text(),
        sex=_one(record, 39).text(),
    )


def _name(items: _Texts) -> PersonName:
    return PersonName(given=items.text(0), middle=items.text(1), surname=items.text(2), extended=items.text(6))


def _respondents(record: Record) -> Respondents | None:
    subfields = _several(record, 64)
    if not subfields:
        return None
    whole = subfields[0]
    result = whole.code(SearchResult, 4)
    if result is None:
        raise _bad("2.064 RLS without a result")
    return Respondents(
        result=result,
        total=whole.number(2) or 0,
        original=whole.text(3),
        candidates=tuple(
            RankedCandidate(sequence=one.number(0) or 0, verify=one.text(1) in {"true", "1"})
            for one in subfields
            if one.text(0) or one.text(1)
        ),
    )


def _entry(record: Record) -> ListEntry | None:
    if not any(record.field(number) for number in (971, 972, 974)):
        return None
    entry = _one(record, 971)
    return ListEntry(
        notice=entry.text(0),
        reason=entry.text(1),
        diffusion=entry.text(2) == "true",
        bureau=entry.text(3),
        purpose=entry.text(4),
        cautions=tuple(caution.text() for caution in _several(record, 974)),
        caution_note=entry.text(5),
        comparisons=tuple(
            Comparison(
                modality=comparison.text(0),
                score=comparison.real(1) or 0.0,
                fmr=comparison.real(2),
                position=comparison.number(3),
                detail=comparison.text(4),
            )
            for comparison in _several(record, 972)
        ),
    )


def _picture(record: Record) -> Picture:
    across, down = _one(record, 9).number(), _one(record, 10).number()
    return Picture(
        data=record.data or b"",
        compression=_one(record, 11).text(),
        width=_one(record, 6).number() or 0,
        height=_one(record, 7).number() or 0,
        scale=_one(record, 8).number() or 0,
        density_across=1 if across is None else across,
        density_down=1 if down is None else down,
    )


def _is_face(record: Record) -> bool:
    kind = record.item(3)
    return kind == "FACE" or (not kind and (record.data is not None or bool(record.field(6))))


def _face(record: Record) -> FaceRecord:
    return FaceRecord(
        idc=_idc(record),
        picture=_picture(record),
        captured_on=_one(record, 5).text(),
        source=_one(record, 4).text(),
        colour_space=_one(record, 12).text(),
        profile=_one(record, 13).text(),
        pose=_one(record, 20).text(),
    )


def _print(record: Record) -> PrintRecord:
    position = _one(record, 13).number()
    if position is None:
        raise _bad("14.013 FGP is mandatory")
    source = _one(record, 4)
    return PrintRecord(
        idc=_idc(record),
        position=position,
        picture=_picture(record),
        impression=_one(record, 3).number() or 0,
        bits=_one(record, 12).number(),
        captured_on=_one(record, 5).text(),
        source=Organisation(identifier=source.text(0), name=_one(record, 993).text(), country=source.text(1)),
        monitoring=_one(record, 30).text(),
        missing=tuple(MissingPrint(position=one.number(0) or 0, code=one.text(1)) for one in _several(record, 18)),
        quality=_one(record, 24).number(1),
        profile=_one(record, 31).text(),
    )
