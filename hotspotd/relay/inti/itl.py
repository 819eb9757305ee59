"""The traditional encoding of ANSI/NIST-ITL: bytes to a Package and back, byte for byte. Pure, no I/O.

Promises: whatever the bytes are, ``read`` gives a Package or raises RelayError (BAD_TRANSACTION, TOO_LARGE) and nothing
else; ``write(read(data)) == data``. Lengths are believed only inside the file. A record says itself which type it is
(``14.001:``); 1.003 CNT is believed for binary records, which do not. Types 3, 5, 6, 7 and 8 are kept as they are.
Source: ANSI/NIST-ITL 1-2011 Update 2015, 8.4 (Type-4) and annex B.
"""

from __future__ import annotations

import re
import struct

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti.limits import MAX_ALL_ITEMS, MAX_BYTES, MAX_FIELDS, MAX_ITEMS, MAX_RECORDS
from hotspotd.relay.inti.record import DATA, Encoding, Field, Package, Record

FS, GS, RS, US = "\x1c", "\x1d", "\x1e", "\x1f"
BINARY = frozenset((3, 4, 5, 6, 7, 8))
"""Types without tags: they begin with LEN (4 bytes) and IDC (1 byte)."""

# LEN, IDC, IMP, six FGP, ISR, HLL, VLL, GCA (8.4).
_TYPE_4 = struct.Struct(">IBB6sBHHB")
_OPAQUE = struct.Struct(">IB")
_UNUSED = 255
_TAG = re.compile(rb"([0-9]{1,2})\.([0-9]{1,9}):")
_LEN_AT_MOST = 9
_PADDING = b"\x00\r\n \x1c\x1a"
_FROM_DATA = 10
"""From Type-10 on, .999 is the image; in a Type-2 it is a text like others."""


def read(data: bytes, max_bytes: int = MAX_BYTES) -> Package:
    """The transaction in ``data``. Raises RelayError: TOO_LARGE, BAD_TRANSACTION."""
    if len(data) > max_bytes:
        raise RelayError(Reason.TOO_LARGE, f"transaction of {len(data)} bytes, at most {max_bytes} are read")
    spans, trailer = _split(data)
    if sum(text.count(b"\x1e") + text.count(b"\x1f") for span in spans for text in span.texts()) > MAX_ALL_ITEMS:
        raise _bad(f"more than {MAX_ALL_ITEMS} items")
    # One set for the whole file: 1.015 DCS says UTF-8 in INT-I v6; older files are Latin-1, some without saying so.
    charset = "utf-8" if all(_is_utf8(text) for span in spans for text in span.texts()) else "latin-1"
    records = tuple(span.record(charset) for span in spans)
    return Package(encoding=Encoding.TRADITIONAL, records=records, charset=charset, trailer=trailer)


def write(package: Package) -> bytes:
    """The file. LEN is put right where it is not. Raises RelayError (BAD_TRANSACTION) for what it cannot hold."""
    if package.encoding is not Encoding.TRADITIONAL:
        raise _bad("is in XML and has to be converted first")
    if not package.records or package.records[0].type != 1:
        raise _bad("no Type-1 record")
    listed = [items[0] if items else "" for items in package.records[0].field(3)[1:]]
    for place, record in enumerate(package.records[1:]):
        if record.type in BINARY and listed[place : place + 1] not in ([str(record.type)], [f"{record.type:02}"]):
            raise _bad(f"1.003 CNT does not list the Type-{record.type} record where it is")
    return b"".join(_written(record, package.charset) for record in package.records) + package.trailer


def _bad(what: str) -> RelayError:
    return RelayError(Reason.BAD_TRANSACTION, f"transaction: {what}")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Span:
    """A record's place in the file, cut into fields that are not decoded yet."""

    def __init__(self, kind: int, fields: list[tuple[bytes, bytes]], data: bytes | None) -> None:
        self._kind, self._fields, self._data = kind, fields, data

    def texts(self) -> list[bytes]:
        return [text for _, text in self._fields]

    def text(self, number: int) -> bytes:
        return next((text for tag, text in self._fields if _number(tag) == number), b"")

    def record(self, charset: str) -> Record:
        fields = []
        for tag, text in self._fields:
            subfields = tuple(tuple(subfield.split(US)) for subfield in text.decode(charset).split(RS))
            number, written = _number(tag), tag.decode("ascii")
            plain = written == f"{self._kind}.{number:03}"
            fields.append(Field(number=number, subfields=subfields, tag="" if plain else written))
        return Record(type=self._kind, fields=tuple(fields), data=self._data)


def _number(tag: bytes) -> int:
    return int(tag.partition(b".")[2])


def _split(data: bytes) -> tuple[list[_Span], bytes]:
    head, place = _tagged(data, 0)
    if head is None or not data.startswith(b"1."):
        raise _bad("no Type-1 record at the beginning")
    spans, listed = [head], _types(head.text(3))
    while data[place:].strip(_PADDING):
        if len(spans) == MAX_RECORDS:
            raise _bad(f"more than {MAX_RECORDS} records")
        kind = listed[len(spans) - 1] if len(spans) <= len(listed) else 0
        span, end = _binary(data, place, kind) if kind in BINARY else _tagged(data, place)
        if span is None:
            # 1.003 CNT lists another type than there is.
            span, end = _tagged(data, place)
        if span is None:
            raise _bad(f"no record where number {len(spans) + 1} should begin")
        spans.append(span)
        place = end
    return spans, data[place:]


def _types(content: bytes) -> list[int]:
    """Types of the records behind the first (1.003 CNT); 0 where it is no number."""
    pairs = content.split(RS.encode())[1 : MAX_RECORDS + 1]
    firsts = [pair.split(US.encode())[0] for pair in pairs]
    return [int(first) if first.isdigit() and len(first) < 3 else 0 for first in firsts]


def _tagged(data: bytes, start: int) -> tuple[_Span | None, int]:
    """The tagged record at ``start`` and where the next begins; ``None`` where none begins there."""
    tag = _TAG.match(data, start)
    if tag is None or int(tag[2]) != 1:
        return None, start
    end = _end(data, start, tag.end())
    kind, place = int(tag[1]), start
    fields: list[tuple[bytes, bytes]] = []
    while place < end:
        tag = _TAG.match(data, place, end)
        if tag is None or int(tag[1]) != kind:
            raise _bad(f"Type-{kind} record holds what is no field of it")
        if int(tag[2]) == DATA and kind >= _FROM_DATA:
            # The image runs to the end: it may hold any byte, separators too.
            return _Span(kind, fields, data[tag.end() : end]), end + 1
        if len(fields) == MAX_FIELDS:
            raise _bad(f"Type-{kind} record has more than {MAX_FIELDS} fields")
        stop = data.find(b"\x1d", tag.end(), end)
        last, stop = stop < 0, end if stop < 0 else stop
        text = data[tag.end() : stop]
        if b"\x1c" in text:
            raise _bad(f"Type-{kind} record holds the end of another")
        if text.count(b"\x1f") + text.count(b"\x1e") > MAX_ITEMS:
            raise _bad(f"{kind}.{int(tag[2]):03} has more than {MAX_ITEMS} items")
        fields.append((tag[0][:-1], text))
        if not last and stop + 1 == end:
            raise _bad(f"Type-{kind} record ends with a separator of fields")
        place = stop + 1
    return _Span(kind, fields, None), end + 1


def _end(data: bytes, start: int, text: int) -> int:
    """Where the record's FS is, as its LEN says."""
    stop = next(
        (place for place in range(text, min(text + _LEN_AT_MOST + 1, len(data))) if data[place] in b"\x1c\x1d"), 0
    )
    length = data[text:stop]
    if not length.isdigit():
        raise _bad("LEN of a record is not a number of at most nine digits")
    end = start + int(length) - 1
    if end < stop or end >= len(data) or data[end] != 0x1C:
        raise _bad("a record does not end where its LEN says")
    return end


def _binary(data: bytes, start: int, kind: int) -> tuple[_Span | None, int]:
    """The binary record at ``start``; ``None`` where its length is not believable."""
    least = _TYPE_4.size if kind == 4 else _OPAQUE.size
    if len(data) - start < least:
        return None, start
    (length,) = struct.unpack_from(">I", data, start)
    if not least <= length <= len(data) - start:
        return None, start
    end = start + length
    if kind != 4:
        _, idc = _OPAQUE.unpack_from(data, start)
        return _Span(kind, _binary_fields(kind, ((2, [idc]),)), data[start + least : end]), end
    _, idc, impression, fingers, isr, width, height, compression = _TYPE_4.unpack_from(data, start)
    values = (
        (2, [idc]),
        (3, [impression]),
        (4, list(fingers.rstrip(b"\xff"))),
        (5, [isr]),
        (6, [width]),
        (7, [height]),
        (8, [compression]),
    )
    return _Span(kind, _binary_fields(kind, values), data[start + least : end]), end


def _binary_fields(kind: int, values: tuple[tuple[int, list[int]], ...]) -> list[tuple[bytes, bytes]]:
    return [
        (b"%d.%03d" % (kind, number), RS.encode().join(b"%d" % one for one in several))
        for number, several in values
        if several
    ]


def _written(record: Record, charset: str) -> bytes:
    if record.foreign or record.name:
        raise _bad(f"Type-{record.type} record holds XML elements that have no field number")
    if record.type == 4:
        return _written_type_4(record)
    if record.type in BINARY:
        body = record.data or b""
        return _OPAQUE.pack(_OPAQUE.size + len(body), _byte(record, 2)) + body
    if not 0 < record.type < 100:
        raise _bad(f"a record of Type-{record.type} cannot be written")
    if len(record.fields) > MAX_FIELDS:
        raise _bad(f"Type-{record.type} record has more than {MAX_FIELDS} fields")
    led = bool(record.fields) and record.fields[0].number == 1
    parts = [_field(record, field, charset) for field in record.fields[led:]]
    if record.data is not None:
        parts.append(b"%d.%03d:" % (record.type, DATA) + record.data)
    return _with_length(record, parts)


def _field(record: Record, field: Field, charset: str) -> bytes:
    tag = field.tag or f"{record.type}.{field.number:03}"
    items = [item for subfield in field.subfields for item in subfield]
    if any(separator in item for item in items for separator in (FS, GS, RS, US)):
        raise _bad(f"{tag} holds a separator")
    if len(items) > MAX_ITEMS:
        raise _bad(f"{tag} has more than {MAX_ITEMS} items")
    text = RS.join(US.join(subfield) for subfield in field.subfields)
    try:
        return f"{tag}:{text}".encode(charset)
    except UnicodeEncodeError as error:
        raise _bad(f"{tag} holds characters that are not in {charset}") from error


def _with_length(record: Record, parts: list[bytes]) -> bytes:
    """The record with LEN, which counts itself and FS; as it was written where it still is right (leading zeros)."""
    first = record.fields[0] if record.fields and record.fields[0].number == 1 else Field(number=1)
    tag = (first.tag or f"{record.type}.001").encode("ascii") + b":"
    # The separators: one in front of each part, and FS.
    rest = sum(map(len, parts)) + len(parts) + 1
    kept = first.subfields[0][0] if first.subfields and first.subfields[0] else ""
    length = len(tag) + len(kept) + rest
    if not (kept.isascii() and kept.isdigit() and len(kept) <= _LEN_AT_MOST and int(kept) == length):
        length = len(tag) + rest + 1
        while len(tag) + rest + len(str(length)) != length:
            length += 1
        kept = str(length)
    return b"\x1d".join((tag + kept.encode("ascii"), *parts)) + b"\x1c"


def _written_type_4(record: Record) -> bytes:
    fingers = [_whole(record, 4, items[0] if items else "") for items in record.field(4)]
    if len(fingers) > 6:
        raise _bad("4.004 FGP has more than six positions")
    padded = bytes(fingers) + bytes([_UNUSED]) * (6 - len(fingers))
    body = record.data or b""
    head = (_byte(record, number) for number in (2, 3))
    size = (_whole(record, number, record.item(number), 0xFFFF) for number in (6, 7))
    return _TYPE_4.pack(_TYPE_4.size + len(body), *head, padded, _byte(record, 5), *size, _byte(record, 8)) + body


def _byte(record: Record, number: int) -> int:
    return _whole(record, number, record.item(number))


def _whole(record: Record, number: int, text: str, most: int = 0xFF) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= most):
        raise _bad(f"{record.type}.{number:03} is no number from 0 to {most}")
    return int(text)
