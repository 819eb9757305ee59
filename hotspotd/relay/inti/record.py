"""A transaction as records of numbered fields: what both encodings hold, and nothing left out. Frozen.

A field is addressed as in ANSI/NIST-ITL: record type, field number, subfield, information item. Its texts are those of
the encoding it was read in (a date is ``2017-07-11`` in XML and ``20170711`` in the traditional encoding);
``convert.py`` changes one into the other. What has no field number here is kept beside the fields (``Foreign``).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

Subfields = tuple[tuple[str, ...], ...]
"""Information items of each subfield; an empty text is an item that is not there."""

DATA = 999
"""The number of the image field of the tagged records."""


class Encoding(StrEnum):
    """How a package is written down."""

    XML = "xml"
    """INT-I v6.00.01, NIEM-conformant XML."""
    TRADITIONAL = "traditional"
    """Tagged fields and separators (ANSI/NIST-ITL 1-2011, annex B)."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field. ``tag`` is how a traditional file wrote its number where that is not ``T.NNN``."""

    number: int
    subfields: Subfields = ()
    tag: str = ""


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """An XML element that has no field number, and its place: parents from below the record, position among siblings.

    Position -1 stands for the name and the attributes of the element that ``parents`` leads to. A step of ``parents``
    is ``prefix:name``, with ``#n`` behind it where the element repeats. ``xml`` is the element in exclusive canonical
    form (c14n 1.0), which brings the namespaces it uses.
    """

    parents: tuple[str, ...]
    position: int
    xml: str
    again: bool = False
    """It came too often, and has to stay behind the one that was read."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record. ``name`` is the XML element where it is not the one of ``type``; ``data`` the image, not decoded.

    A record of a type that is not understood is opaque: in XML all of it is ``foreign``, in a traditional file all
    behind LEN and IDC of a binary record is ``data``.
    """

    type: int
    fields: tuple[Field, ...] = ()
    data: bytes | None = None
    foreign: tuple[Foreign, ...] = ()
    name: str = ""

    @property
    def understood(self) -> bool:
        """Whether its fields were read; of an XML record of an unknown kind only type and IDC are."""
        return not self.name

    def field(self, number: int) -> Subfields:
        """Subfields of the first field ``number``; empty where there is none."""
        return next((field.subfields for field in self.fields if field.number == number), ())

    def item(self, number: int, item: int = 0, subfield: int = 0) -> str:
        """One information item, empty where there is none."""
        subfields = self.field(number)
        if subfield >= len(subfields) or item >= len(subfields[subfield]):
            return ""
        return subfields[subfield][item]

    @property
    def idc(self) -> str:
        """xx.002 IDC as written; empty for Type-1, which has none."""
        return self.item(2) if self.type != 1 else ""


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction: its records in their order.

    ``charset`` is that of a traditional file's texts, ``trailer`` the padding behind its last record.
    """

    encoding: Encoding
    records: tuple[Record, ...]
    charset: str = "utf-8"
    trailer: bytes = b""

    @property
    def header(self) -> Record:
        """The first Type-1 record; reading refuses a package without one."""
        return next(record for record in self.records if record.type == 1 and record.understood)


def record(kind: int, fields: Iterable[tuple[int, Iterable[Iterable[str]]]], data: bytes | None = None) -> Record:
    """A record of ``fields`` in the order of their numbers, without empty fields and subfields and items at the end."""
    made = []
    for number, subfields in sorted(fields, key=lambda field: field[0]):
        kept = tuple(items for items in map(trimmed, subfields) if items)
        if kept:
            made.append(Field(number=number, subfields=kept))
    return Record(type=kind, fields=tuple(made), data=data)


def trimmed(items: Iterable[str]) -> tuple[str, ...]:
    """``items`` without the empty ones at the end."""
    kept = list(items)
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)
