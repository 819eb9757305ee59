"""The data groups that are used: DG1, the zone, and DG2, the portrait (ICAO Doc 9303-10, 4.7). Pure and bounded.

DG2 is read in the encoding of ISO/IEC 19794-5:2005, which every document has today; that of ISO/IEC 39794-5, which
documents may have in its place, is not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from asn1crypto import parser

from hotspotd.errors import ChipError, Reason

_MAX_PORTRAIT = 1_048_576
_LAYOUTS = {90: 30, 72: 36, 88: 44}  # Length of a zone -> length of its lines.

# Class, constructed or not, and number of tags, as asn1crypto's parser gives them.
Tag = tuple[int, int]
_DG1, _ZONE = (1, 0x01), (1, 0x1F)
_DG2, _GROUP, _TEMPLATE, _RECORD = (1, 0x15), (1, 0x61), (1, 0x60), (1, 0x2E)

_FACE_RECORD = struct.Struct(">4s4sIH")
_FACE_HEAD = struct.Struct(">IH14x")
_PICTURE = struct.Struct(">BBHHBBHH")
_POINT = 8


@dataclass(frozen=True, slots=True)
class Portrait:
    """The holder's picture as it is on the chip; ``width`` and ``height`` are in pixels, as the record claims."""

    data: bytes = field(repr=False)
    media_type: Literal["image/jpeg", "image/jp2"]
    width: int
    height: int


def zone(dg1: bytes) -> tuple[str, ...]:
    """The lines of the machine readable zone in DG1. Raises ChipError (BAD_VALUE)."""
    text = _value(dg1, _DG1, _ZONE)
    length = _LAYOUTS.get(len(text))
    if length is None or not text.isascii():
        raise _bad("DG1 holds no machine readable zone")
    plain = text.decode("ascii")
    return tuple(plain[place : place + length] for place in range(0, len(plain), length))


def portrait(dg2: bytes) -> Portrait:
    """The first portrait in DG2. Raises ChipError (BAD_VALUE, TOO_LARGE); the picture itself is not decoded."""
    record = _value(dg2, _DG2, _GROUP, _TEMPLATE, _RECORD)
    try:
        form, _version, length, faces = _FACE_RECORD.unpack_from(record)
        if form != b"FAC\x00" or not faces:
            raise _bad("DG2 holds no face record of ISO/IEC 19794-5")
        _face_length, points = _FACE_HEAD.unpack_from(record, _FACE_RECORD.size)
        place = _FACE_RECORD.size + _FACE_HEAD.size + _POINT * points
        _kind, coding, width, height, *_rest = _PICTURE.unpack_from(record, place)
    except struct.error as error:
        raise _bad("DG2 holds a face record that is cut off") from error
    # The lengths inside are not relied on: some makers count them otherwise.
    data = record[place + _PICTURE.size :]
    if length > _MAX_PORTRAIT or len(data) > _MAX_PORTRAIT:
        raise ChipError(Reason.TOO_LARGE, f"DG2 holds a portrait of {len(data)} bytes, {_MAX_PORTRAIT} are taken")
    if coding == 0 and data[:2] == b"\xff\xd8":
        return Portrait(data, "image/jpeg", width, height)
    if coding == 1 and (data[4:8] == b"jP  " or data[:4] == b"\xff\x4f\xff\x51"):
        return Portrait(data, "image/jp2", width, height)
    raise _bad("DG2 holds a portrait that is neither JPEG nor JPEG 2000")


def _objects(data: bytes) -> Iterator[tuple[Tag, bytes]]:
    """The data objects in ``data``: class and number of the tag, and the value."""
    place = 0
    while place < len(data):
        try:
            kind, _method, number, head, content, trailer = parser.parse(data[place:])
        except ValueError as error:
            raise _bad("a data group that is torn") from error
        yield (kind, number), content
        place += len(head) + len(content) + len(trailer)


def _value(data: bytes, *path: Tag) -> bytes:
    for wanted in path:
        for tag, content in _objects(data):
            if tag == wanted:
                data = content
                break
        else:
            raise _bad("a data group without what it must hold")
    return data


def _bad(what: str) -> ChipError:
    return ChipError(Reason.BAD_VALUE, f"the chip: {what}")
