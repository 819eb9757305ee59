"""A package from one encoding into the other. Pure.

The fields stay; what differs between the encodings is how a few of them are written:

- dates are ``2017-07-11`` in XML and ``20170711`` in the traditional encoding, times likewise, in UTC with ``Z``;
- 1.002 VER is ``05`` and ``02`` in XML, otherwise ``0502``; 9.004 FMT ``true`` or ``false``, otherwise ``S`` or ``U``;
- 1.007 DAI and 1.008 ORI are agency and country in XML, otherwise ``DEU/BKA`` (as in Council Decision 2008/616/JHA).

What one encoding has no place for (XML elements without a number, types of records and fields without an element) is
refused, or left out and told where that is asked for. XML's offsets from UTC and fractions of seconds are given up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti.fields import RULES, Kind
from hotspotd.relay.inti.itl import BINARY
from hotspotd.relay.inti.layout import LAYOUTS, Node
from hotspotd.relay.inti.record import DATA, Encoding, Field, Package, Record, Subfields, trimmed
from hotspotd.relay.inti.xml_parser import is_empty

_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_ISO_TIME = re.compile(r"[1-9]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", re.ASCII)
_PLAIN_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_PLAIN_TIME = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(Z?)", re.ASCII)
_AGENCY = re.compile(r"([A-Z]{2,3})/(.*)", re.DOTALL)


def convert(package: Package, encoding: Encoding) -> Package:
    """``package`` in ``encoding``. Raises RelayError (BAD_TRANSACTION) for what that cannot hold."""
    converted, lost = convert_lossy(package, encoding)
    if lost:
        told = ", ".join(lost[:5])
        raise RelayError(Reason.BAD_TRANSACTION, f"transaction: the {encoding} encoding has no place for {told}")
    return converted


def convert_lossy(package: Package, encoding: Encoding) -> tuple[Package, tuple[str, ...]]:
    """``package`` in ``encoding`` and the names of what had to be left out."""
    if package.encoding is encoding:
        return package, ()
    lost: list[str] = []
    one = _to_xml if encoding is Encoding.XML else _to_traditional
    records = tuple(record for record in (one(record, lost) for record in package.records) if record is not None)
    listed = [items[0] if items else "" for items in package.header.field(3)[1:]]
    there = [str(record.type) for record in records if record.type != 1]
    # A reader of the traditional encoding needs to be told where binary records are.
    if listed != there and (len(records) < len(package.records) or encoding is Encoding.TRADITIONAL):
        records = tuple(_listing(record, records) if record.type == 1 else record for record in records)
    return Package(encoding=encoding, records=records), tuple(lost)


def _listing(header: Record, records: tuple[Record, ...]) -> Record:
    """The Type-1 record with 1.003 CNT for ``records``."""
    listed = tuple((str(record.type), record.idc) for record in records if record.type != 1)
    content = Field(number=3, subfields=(("1", str(len(listed))), *listed))
    fields = [field for field in header.fields if field.number != 3]
    return msgspec.structs.replace(header, fields=tuple(sorted((*fields, content), key=lambda field: field.number)))


def _to_traditional(record: Record, lost: list[str]) -> Record | None:
    if not record.understood or record.type not in LAYOUTS:
        lost.append(f"Type-{record.type} record")
        return None
    lost += [
        foreign.xml[1:60].split(">")[0].split(" ")[0]
        for foreign in record.foreign
        if foreign.position >= 0 and not is_empty(foreign.xml)
    ]
    fields = tuple(
        Field(number=field.number, subfields=_changed(record.type, field, _traditional))
        for field in record.fields
        if field.number != 1
    )
    return Record(type=record.type, fields=fields, data=record.data)


def _to_xml(record: Record, lost: list[str]) -> Record | None:
    if record.type not in LAYOUTS or (record.type in BINARY and record.type != 4):
        lost.append(f"Type-{record.type} record")
        return None
    known = _PLACES[record.type]
    fields: dict[int, Subfields] = {1: (("02" if record.type == 2 else str(record.type),),)}
    for field in record.fields:
        if field.number == 1:
            continue
        name = f"{record.type}.{field.number:03}"
        if field.number not in known or field.number in fields:
            lost.append(name)
            continue
        subfields = tuple(trimmed(items) for items in _changed(record.type, field, _xml))
        repeated, items = known[field.number]
        if (len(subfields) > 1 and not repeated) or any(len(one) > items for one in subfields):
            lost.append(f"items of {name}")
            subfields = tuple(one[:items] for one in (subfields if repeated else subfields[:1]))
        if any(subfields):
            fields[field.number] = subfields
    made = tuple(Field(number=number, subfields=subfields) for number, subfields in sorted(fields.items()))
    return Record(type=record.type, fields=made, data=record.data)


def _changed(kind: int, field: Field, change: Callable[[str, Kind], str]) -> Subfields:
    """The field's texts in the other encoding."""
    to_xml = change is _xml
    if (kind, field.number) == (1, 2):
        joined = "".join(field.subfields[0])
        return ((joined[:2], joined[2:]) if to_xml else (joined,),)
    if kind == 1 and field.number in {7, 8}:
        return (_agency(field.subfields[0], to_xml=to_xml),)
    if (kind, field.number) == (9, 4):
        codes = {"S": "true", "U": "false"} if to_xml else {"true": "S", "1": "S", "false": "U", "0": "U"}
        return tuple(tuple(codes.get(item, item) for item in items) for items in field.subfields)
    rule = RULES[kind].get(field.number)
    kinds = [item.kind for item in rule.items] if rule else []
    return tuple(
        tuple(change(text, kinds[place] if place < len(kinds) else Kind.TEXT) for place, text in enumerate(items))
        for items in field.subfields
    )


def _agency(items: tuple[str, ...], *, to_xml: bool) -> tuple[str, ...]:
    if to_xml:
        parts = _AGENCY.fullmatch(items[0]) if len(items) == 1 else None
        return (parts[2], parts[1]) if parts else items
    country = items[1] if len(items) > 1 else ""
    return (f"{country}/{items[0]}",) if country else items


def _traditional(text: str, kind: Kind) -> str:
    if kind is Kind.DATE and (parts := _ISO_DATE.fullmatch(text)):
        return "".join(parts.groups())
    if kind is Kind.TIME_POINT and _ISO_TIME.match(text):
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return text
        return f"{moment:%Y%m%d%H%M%S}" + ("" if moment.tzinfo is None else "Z")
    return text


def _xml(text: str, kind: Kind) -> str:
    if kind is Kind.DATE and (parts := _PLAIN_DATE.fullmatch(text)):
        return "-".join(parts.groups())
    if kind is Kind.TIME_POINT and (parts := _PLAIN_TIME.fullmatch(text)):
        year, month, day, hour, minute, second, zone = parts.groups()
        return f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone}"
    return text.strip()


def _places(kind: int) -> dict[int, tuple[bool, int]]:
    """For each field of a layout: whether it may repeat, and how many items it has."""
    found: dict[int, tuple[bool, int]] = {}

    def visit(node: Node, group: int) -> None:
        group = node.group or group
        if node.number and node.number != DATA:
            repeated, items = found.get(node.number, (False, 0))
            found[node.number] = (repeated or group == node.number, max(items, *(item + 1 for item in node.items)))
        for child in node.children:
            visit(child, group)

    visit(LAYOUTS[kind], 0)
    return found


_PLACES = {kind: _places(kind) for kind in LAYOUTS}
