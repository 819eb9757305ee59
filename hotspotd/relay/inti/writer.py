"""A Transaction to a Package in the texts of XML. Empty fields are left out."""

from __future__ import annotations

from collections.abc import Iterable

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti.record import Encoding, Package, Record, record
from hotspotd.relay.inti.transaction import (
    Descriptive,
    FaceRecord,
    Header,
    ListEntry,
    NationalNumber,
    Organisation,
    PersonName,
    Picture,
    PrintRecord,
    Respondents,
    Subject,
    Transaction,
)

_Value = str | int | None
_Fields = list[tuple[int, Iterable[Iterable[str]]]]

_MOST_NUMBERS = 5
_FIRST_NUMBER = 12


def package(transaction: Transaction) -> Package:
    """The transaction's records. Raises RelayError (BAD_TRANSACTION)."""
    if transaction.unread:
        raise _bad("holds records that were not read, cannot be written")
    return Package(
        encoding=Encoding.XML,
        records=(
            _header(transaction),
            *map(_descriptive, transaction.descriptive),
            *map(_face, transaction.faces),
            *map(_print, transaction.prints),
        ),
    )


def _bad(what: str) -> RelayError:
    return RelayError(Reason.BAD_TRANSACTION, f"transaction: {what}")


def _items(*values: _Value) -> tuple[tuple[str, ...]]:
    """One subfield; 0 is a value."""
    return (tuple("" if value is None else str(value) for value in values),)


def _header(transaction: Transaction) -> Record:
    header: Header = transaction.header
    listed = [
        *((2, descriptive.idc) for descriptive in transaction.descriptive),
        *((10, face.idc) for face in transaction.faces),
        *((14, one.idc) for one in transaction.prints),
    ]
    content = (("1", str(len(listed))), *((str(kind), str(idc)) for kind, idc in listed))
    to, by = header.destination, header.origin
    fields: _Fields = [
        (1, _items(1)),
        # 1.002 VER is 0502 in INT-I v6.
        (2, _items("05", "02")),
        (3, content),
        (4, _items(header.tot.value)),
        (5, _items(header.date)),
        (6, _items(header.priority)),
        (7, _items(to.identifier, to.country)),
        (8, _items(by.identifier, by.country)),
        (9, _items(header.tcn)),
        (10, _items(header.tcr)),
        (11, _items(header.native_resolution)),
        (12, _items(header.nominal_resolution)),
        (13, _items("INT-I", header.domain)),
        (14, _items(header.utc)),
        # 1.015 DCS: 3 is UTF-8 in ANSI/NIST-ITL; INTERPOL's samples say 0, version 000, and so do we.
        (15, _items("0", "UTF-8", "000")),
        (17, _items(to.name, by.name)),
    ]
    return record(1, fields)


def _descriptive(one: Descriptive) -> Record:
    if len(one.numbers) > _MOST_NUMBERS:
        raise _bad("more than five miscellaneous numbers (MN1 to MN5)")
    by = one.captured_by
    contact = one.contact
    fields: _Fields = [
        (1, _items("02")),
        (2, _items(one.idc)),
        (19, _items(one.captured_at)),
        # Item 7 is the country of the address.
        (23, _items(by.identifier, by.name, "", "", "", "", "", by.country)),
        *_subject(one.subject),
        (970, _items(one.civil_code, one.civil_text)),
        (10, _national(one.crn)),
        (91, _national(one.npi)),
        (11, _national(one.orn)),
        *((place, _items(number.kind, number.number)) for place, number in enumerate(one.numbers, start=_FIRST_NUMBER)),
        (63, _items(contact.telephone, contact.organisation, contact.person, contact.text)),
        (92, _items(one.expires)),
        (94, _items(one.determination)),
        (74, [(error.code, error.field, error.text) for error in one.errors]),
    ]
    if one.respondents:
        fields.append((64, _respondents(one.respondents)))
    if one.entry:
        fields.append((971, _entry(one.entry)))
        fields.append((974, [(caution,) for caution in one.entry.cautions]))
        fields.append((975, [(reference,) for reference in one.entry.withdrawn]))
        fields.append(
            (
                972,
                [
                    _items(
                        comparison.modality,
                        repr(comparison.score),
                        None if comparison.fmr is None else repr(comparison.fmr),
                        comparison.position,
                        comparison.detail,
                    )[0]
                    for comparison in one.entry.comparisons
                ],
            )
        )
    return record(2, fields)


def _entry(entry: ListEntry) -> tuple[tuple[str, ...]]:
    diffusion = "true" if entry.diffusion else ""
    return _items(entry.notice, entry.reason, diffusion, entry.bureau, entry.purpose, entry.caution_note)


def _subject(subject: Subject) -> _Fields:
    return [
        (30, (_name(subject.name),)),
        (34, [_name(alias) for alias in subject.aliases]),
        (35, _items(subject.birth_date)),
        (36, _items(subject.birth_earliest, subject.birth_latest)),
        (38, _items(subject.nationality)),
        (39, _items(subject.sex)),
    ]


def _name(name: PersonName) -> tuple[str, ...]:
    return (name.given, name.middle, name.surname, "", "", "", name.extended)


def _national(number: NationalNumber | None) -> tuple[tuple[str, ...], ...]:
    return _items(number.country, number.number) if number else ()


def _respondents(respondents: Respondents) -> list[tuple[str, ...]]:
    """One subfield a candidate; the first also has what is said of all of them."""
    candidates = [(str(one.sequence), "true" if one.verify else "false") for one in respondents.candidates]
    first = candidates[0] if candidates else ("", "")
    whole = (str(respondents.total), respondents.original, respondents.result.value)
    return [(*first, *whole), *candidates[1:]]


def _picture(picture: Picture) -> _Fields:
    if picture == Picture():
        # A finger that could not be had: there is nothing to say of its image.
        return []
    return [
        (6, _items(picture.width)),
        (7, _items(picture.height)),
        (8, _items(picture.scale)),
        (9, _items(picture.density_across)),
        (10, _items(picture.density_down)),
        (11, _items(picture.compression)),
    ]


def _face(face: FaceRecord) -> Record:
    fields: _Fields = [
        (1, _items("10")),
        (2, _items(face.idc)),
        (3, _items("FACE")),
        (4, _items(face.source)),
        (5, _items(face.captured_on)),
        *_picture(face.picture),
        (12, _items(face.colour_space)),
        (13, _items(face.profile)),
        (20, _items(face.pose)),
    ]
    return record(10, fields, face.picture.data or None)


def _print(one: PrintRecord) -> Record:
    source: Organisation = one.source
    fields: _Fields = [
        (1, _items("14")),
        (2, _items(one.idc)),
        (3, _items(one.impression)),
        (4, _items(source.identifier, source.country)),
        (5, _items(one.captured_on)),
        *_picture(one.picture),
        (12, _items(one.bits)),
        (13, _items(one.position)),
        (18, [(str(missing.position), missing.code) for missing in one.missing]),
        (30, _items(one.monitoring)),
        (31, _items(one.profile)),
        (993, _items(source.name)),
    ]
    if one.quality is not None:
        # 14.024 FQM. Vendor and product 0: our measure is not registered with IBIA.
        fields.append((24, _items(one.position, one.quality, "0000", "0")))
    return record(14, fields, one.picture.data or None)
