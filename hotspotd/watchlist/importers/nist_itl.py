"""The traditional encoding of ANSI/NIST-ITL 1-2011: bytes to records. Reading only, pure, no I/O.

Promises: whatever the bytes are, ``decode`` gives a ``File`` or raises RowError and nothing else. Record lengths are
believed only inside the file. Holds fields as they stand: what they mean in a domain is told elsewhere. Read are the
tagged records (1, 2, 9, 10, 14 and any other) and the binary Type-4; a binary Type-3, 5, 6, 7 or 8 is refused.
Source: ANSI/NIST-ITL 1-2011 Update 2015, annex B and record types 1, 2, 4, 10, 14.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from hotspotd.watchlist.rules import RowError

FS, GS, RS, US = b"\x1c", b"\x1d", b"\x1e", b"\x1f"
_MOST_RECORDS = 256
_MOST_FIELDS = 1_000
_LONGEST_TEXT = 64 * 1024
# Length, IDC, IMP, six FGPs, ISR, HLL, VLL, GCA (8.4 of the standard).
_TYPE_4 = struct.Struct(">IBB6sBHHB")


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged record: ``fields`` by number; ``data`` is field 999, not decoded."""

    type: int
    fields: Mapping[int, bytes]
    data: bytes = b""

    def items(self, number: int) -> list[list[str]]:
        """The field as subfields of items, UTF-8 or else Latin-1; empty where it is not there."""
        raw = self.fields.get(number, b"")
        if not raw:
            return []
        return [[_text(item) for item in subfield.split(US)] for subfield in raw.split(RS)]

    def text(self, number: int) -> str:
        """The first item of the first subfield."""
        found = self.items(number)
        return found[0][0] if found else ""


@dataclass(frozen=True, slots=True)
class GreyPrint:
    """A Type-4 record: a grey print and its binary header. ``positions`` without the unused ones."""

    impression: int
    positions: tuple[int, ...]
    native_resolution: bool
    """ISR: at the resolution of 1.011, not of 1.012."""
    width: int
    height: int
    compression: int
    """GCA: 0 none, 1 WSQ, 2 and 3 JPEG, 4 and 5 JPEG 2000, 6 PNG."""
    data: bytes


@dataclass(frozen=True, slots=True)
class File:
    """One transaction: its Type-1 record and the others in their order."""

    header: Tagged
    tagged: tuple[Tagged, ...]
    prints: tuple[GreyPrint, ...]
    passed_over: tuple[int, ...] = field(default=())


def decode(data: bytes) -> File:
    """The transaction in ``data``. Raises RowError."""
    header, place = _tagged(data, 0, 1)
    tagged: list[Tagged] = []
    prints: list[GreyPrint] = []
    for kind in _types(header):
        if kind == 4:
            grey, place = _type_4(data, place)
            prints.append(grey)
        elif kind in {3, 5, 6, 7, 8}:
            raise RowError("1.003", f"a record of Type-{kind} is not read")
        else:
            record, place = _tagged(data, place, kind)
            tagged.append(record)
    if data[place:].strip(b"\x00\r\n \x1c"):
        raise RowError("1.003", "more follows than the records that are listed")
    return File(header, tuple(tagged), tuple(prints))


def _types(header: Tagged) -> list[int]:
    """Types of the records behind the first (1.003 CNT)."""
    pairs = header.items(3)
    if not pairs or pairs[0][0] != "1" or len(pairs) > _MOST_RECORDS:
        raise RowError("1.003", f"is no list of at most {_MOST_RECORDS} records")
    found = [number(pair[0], "1.003") for pair in pairs[1:]]
    if pairs[0][1:2] and number(pairs[0][1], "1.003") != len(found):
        raise RowError("1.003", "does not list as many records as it says")
    return found


def _tagged(data: bytes, start: int, kind: int) -> tuple[Tagged, int]:
    """The tagged record at ``start`` and where the next begins."""
    prefix = b"%d.001:" % kind
    padded = b"%d.01:" % kind
    for tag in (prefix, padded):
        if data.startswith(tag, start):
            end_of_length = data.find(GS, start, start + 32)
            if end_of_length < 0:
                break
            length = number(_text(data[start + len(tag) : end_of_length]), f"{kind}.001")
            end = start + length
            if length < len(tag) or end > len(data) or data[end - 1 : end] != FS:
                raise RowError(f"{kind}.001", "the record does not end where its length says")
            return _fields(data, start, end - 1, kind), end
    raise RowError(f"{kind}.001", f"no record of Type-{kind} where one is listed")


def _fields(data: bytes, start: int, end: int, kind: int) -> Tagged:
    fields: dict[int, bytes] = {}
    picture = b""
    while start < end:
        colon = data.find(b":", start, min(end, start + 16))
        tag, dot, text = data[start:colon].partition(b".") if colon > 0 else (b"", b"", b"")
        if not dot or _text(tag) != str(kind):
            raise RowError(f"{kind}", "a field without its number")
        field_number = number(_text(text), str(kind))
        if field_number == 999:
            # Image data runs to the end: it may hold any byte, separators too.
            picture = data[colon + 1 : end]
            break
        stop = data.find(GS, colon, end)
        stop = end if stop < 0 else stop
        if stop - colon > _LONGEST_TEXT or len(fields) == _MOST_FIELDS:
            raise RowError(f"{kind}.{field_number:03}", "too long, or one field too many")
        fields[field_number] = data[colon + 1 : stop]
        start = stop + 1
    return Tagged(kind, fields, picture)


def _type_4(data: bytes, start: int) -> tuple[GreyPrint, int]:
    if start + _TYPE_4.size > len(data):
        raise RowError("4", "ends within its header")
    length, _, impression, positions, resolution, width, height, compression = _TYPE_4.unpack_from(data, start)
    end = start + length
    if not start + _TYPE_4.size <= end <= len(data):
        raise RowError("4", "the record does not end where its length says")
    used = tuple(position for position in positions if position != 255)
    image = data[start + _TYPE_4.size : end]
    return GreyPrint(impression, used, resolution == 0, width, height, compression, image), end


def number(text: str, name: str) -> int:
    """A whole number of at most nine digits. Raises RowError."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RowError(name, "is not a number")
    return int(text)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # 1.015 DCS says which set; older files are Latin-1 without saying so.
        return raw.decode("latin-1")
