"""The record formats: one record, one or more views, each with minutiae and room for extended data.

All numbers are unsigned and big endian. The formats differ in head, view head and angle unit:

===================  =======================================  ===========  ==========================================
head                 ISO/IEC 19794-2:2005, 7.3                bytes        INCITS 378-2004, 6.4
===================  =======================================  ===========  ==========================================
format identifier    ``FMR`` 0                                4            the same
version              `` 20`` 0                                4            the same
record length        u32                                      4 | 2 or 6   u16, or zero u16 and u32 from 65 536 on
product identifier   none                                     0 | 4        CBEFF owner u16 (not 0) and type u16
capture equipment    certification 4 bits, device 12 bits     2            the same
picture              width u16, height u16 [px]               4            the same
resolution           across u16, down u16 [px/cm]             4            the same
number of views      u8                                       1            the same
reserved             0                                        1            the same
===================  =======================================  ===========  ==========================================

A view (7.4.1, 6.5.1): finger u8, view number 4 bits and impression type 4 bits, quality u8 0..100, number of minutiae
u8. A minutia (7.4.2, 6.5.2), six bytes: type 2 bits and x 14 bits, reserved 2 bits and y 14 bits, angle u8 in units of
360/256 (ISO) or 2 degrees (INCITS), quality u8 1..100 or 0 = not reported. Then (7.5, 6.6) the length u16 of the
extended data and that many bytes of areas: type u16, length u16 with these four bytes, content. Ridge counts, cores,
deltas and vendors' areas are skipped; their lengths have to add up.

INCITS 378-2009 (version ``030`` 0, and ``035`` 0 of its first amendment) is read too: u32 length, product identifier,
certification u8, device u16, number of views u8, reserved; each view has finger, number, impression and quality u8
(254 not reported, 255 failed), quality algorithm u16 u16, width, height, resolutions u16 and number of minutiae u8, and
a minutia's quality may be 254 or 255 as well. ISO/IEC 19794-2:2011, which has the same first eight bytes as 378-2009,
is not read: its fields do not add up as one and are refused.

ISO and INCITS 2004 share identifier and version. They are told apart by the length: a record is refused unless the
length stated is that of the data, and no number of bytes is stated by both.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hotspotd.biometrics.finger.interchange.quantities import (
    PER_CM,
    Raw,
    Scale,
    bad,
    from_template,
    to_template,
    unwritable,
)
from hotspotd.biometrics.finger.interchange.views import FingerPosition, Impression, View
from hotspotd.biometrics.finger.template import FingerTemplate

MOST_BYTES = 1 << 20
"""A hundred views of 255 minutiae with generous extended data are a quarter of this."""

_FORMAT = b"FMR\x00"
_VERSION_2004 = b" 20\x00"
_VERSIONS_2009 = (b"030\x00", b"035\x00")
_PICTURE = struct.Struct(">HHHHBB")
_POINT = np.dtype([("x", ">u2"), ("y", ">u2"), ("angle", "u1"), ("quality", "u1")])
_TURN_ISO, _TURN_INCITS = 256, 180
_MOST_VIEWS, _MOST_VIEWS_OF_A_FINGER = 255, 16
_NOT_REPORTED = frozenset({254, 255})

PRODUCT_UNKNOWN = 0x0103
"""CBEFF product owner "vendor unknown" of IBIA's register; 0 is not allowed in INCITS 378."""


def read(data: bytes) -> list[View]:
    """The views of a record, ISO/IEC 19794-2:2005 or INCITS 378-2004 or -2009, in its order.

    Raises BiometricError(BAD_TEMPLATE), and nothing else, on bytes that are no whole and consistent record.
    """
    if len(data) > MOST_BYTES:
        raise bad(f"{len(data)} bytes, {MOST_BYTES} can be read")
    if data[:4] != _FORMAT:
        raise bad("it does not begin with FMR")
    fields = _Fields(data, 8)
    version = data[4:8]
    if version == _VERSION_2004:
        views = _views_2004(fields)
    elif version in _VERSIONS_2009:
        views = _views_2009(fields)
    else:
        raise bad(f"version {version!r}, known are {_VERSION_2004!r}, {_VERSIONS_2009[0]!r} and {_VERSIONS_2009[1]!r}")
    if fields.left:
        raise bad(f"{fields.left} bytes after the last view")
    return views


def write_iso(views: Sequence[View], *, device: int = 0, certification: int = 0) -> bytes:
    """A record of ISO/IEC 19794-2:2005 at 500 dpi. Raises BiometricError(BAD_TEMPLATE) for what has no room in one.

    ``device``: capture device type 0..4095, 0 = not reported; ``certification`` 0..15. The record has one picture
    size: the largest. Views are put in the order of the fingers and numbered.
    """
    body = _body(views, _TURN_ISO)
    rest = _head(views, device, certification) + body
    return _FORMAT + _VERSION_2004 + struct.pack(">I", 12 + len(rest)) + rest


def write_incits(
    views: Sequence[View], *, product: tuple[int, int] = (PRODUCT_UNKNOWN, 0), device: int = 0, certification: int = 0
) -> bytes:
    """A record of INCITS 378-2004 at 500 dpi, otherwise as ``write_iso``.

    ``product``: CBEFF owner, 1..65535, and type, 0..65535, of the software that made the minutiae.
    """
    owner, kind = product
    if not (0 < owner <= 0xFFFF and 0 <= kind <= 0xFFFF):
        raise unwritable(f"product identifier {owner:#x} {kind:#x}")
    rest = struct.pack(">HH", owner, kind) + _head(views, device, certification) + _body(views, _TURN_INCITS)
    length = 10 + len(rest)
    stated = struct.pack(">H", length) if length <= 0xFFFF else struct.pack(">HI", 0, length + 4)
    return _FORMAT + _VERSION_2004 + stated + rest


@dataclass
class _Fields:
    """A place in bytes that is only read through bounds."""

    data: bytes
    place: int

    @property
    def left(self) -> int:
        return len(self.data) - self.place

    def take(self, length: int, what: str) -> bytes:
        if length > self.left:
            raise bad(f"it ends within {what}")
        self.place += length
        return self.data[self.place - length : self.place]

    def unpack(self, layout: str, what: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout), what))


def _views_2004(fields: _Fields) -> list[View]:
    turn = _length_2004(fields)
    if turn == _TURN_INCITS:
        fields.unpack(">HH", "the product identifier")
    fields.unpack(">H", "the capture equipment")
    width, height, across, down, count, reserved = fields.unpack(_PICTURE.format, "the head")
    if reserved:
        raise bad("the reserved byte of the head is not zero")
    scale = Scale(width, height, across, down)
    views = []
    for _ in range(count):
        finger, mixed, quality, points = fields.unpack(">BBBB", "the head of a view")
        if quality > 100:
            raise bad(f"a finger quality of {quality}")
        raw = _minutiae(fields, points, turn)
        _skip_extended(fields)
        views.append(_view(raw, scale, finger, mixed >> 4, mixed & 15, quality))
    return views


def _length_2004(fields: _Fields) -> int:
    """Checks the record's length and gives the turn of the standard whose length it is."""
    size = len(fields.data)
    (short,) = fields.unpack(">H", "the length")
    if short == size:
        return _TURN_INCITS
    (rest,) = fields.unpack(">H", "the length")
    if short << 16 | rest == size:
        return _TURN_ISO
    if short == 0:
        (low,) = fields.unpack(">H", "the length")
        if rest << 16 | low == size:
            return _TURN_INCITS
    raise bad(f"{size} bytes, and it states another length")


def _views_2009(fields: _Fields) -> list[View]:
    length, _, _, _, _, count, reserved = fields.unpack(">IHHBHBB", "the head")
    if length != len(fields.data):
        raise bad(f"{len(fields.data)} bytes, and it states {length}")
    if reserved:
        raise bad("the reserved byte of the head is not zero; ISO/IEC 19794-2:2011 is not read")
    views = []
    for _ in range(count):
        finger, number, impression, quality = fields.unpack(">BBBB", "the head of a view")
        _, _, width, height, across, down, points = fields.unpack(">HHHHHHB", "the head of a view")
        if quality > 100 and quality not in _NOT_REPORTED:
            raise bad(f"a finger quality of {quality}")
        raw = _minutiae(fields, points, _TURN_INCITS, _NOT_REPORTED)
        _skip_extended(fields)
        scale = Scale(width, height, across, down)
        views.append(_view(raw, scale, finger, number, impression, None if quality > 100 else quality))
    return views


def _minutiae(fields: _Fields, count: int, turn: int, not_reported: frozenset[int] = frozenset()) -> Raw:
    points = np.frombuffer(fields.take(count * _POINT.itemsize, "the minutiae"), dtype=_POINT)
    x, y, angle, quality = (points[name].astype(np.int64) for name in ("x", "y", "angle", "quality"))
    if (y >> 14).any():
        raise bad("the reserved bits of a minutia are not zero")
    for code in not_reported:
        quality[quality == code] = 0
    return Raw(x & 0x3FFF, y, x >> 14, angle, quality, turn)


def _skip_extended(fields: _Fields) -> None:
    (length,) = fields.unpack(">H", "the length of the extended data")
    block = _Fields(fields.take(length, "the extended data"), 0)
    while block.left:
        _, area = block.unpack(">HH", "the head of an extended data area")
        if area < 4:
            raise bad(f"an extended data area of {area} bytes")
        block.take(area - 4, "an extended data area")


def _view(raw: Raw, scale: Scale, finger: int, number: int, impression: int, quality: int | None) -> View:
    try:
        position = FingerPosition(finger)
    except ValueError as error:
        raise bad(f"finger position {finger}") from error
    if (raw.x >= scale.width).any() or (raw.y >= scale.height).any():
        raise bad("a minutia lies off the picture")
    known = Impression(impression) if impression in set(Impression) else impression
    template = to_template(raw, scale.size, scale.factors, quality or 0)
    return View(template, position, known, number, quality)


def _head(views: Sequence[View], device: int, certification: int) -> bytes:
    if not 0 < len(views) <= _MOST_VIEWS:
        raise unwritable(f"{len(views)} views, 1 to {_MOST_VIEWS} have room")
    if not (0 <= device < 1 << 12 and 0 <= certification < 1 << 4):
        raise unwritable(f"capture device {device}, certification {certification}")
    width = max(view.template.width for view in views)
    height = max(view.template.height for view in views)
    equipment = struct.pack(">H", certification << 12 | device)
    return equipment + _PICTURE.pack(width, height, PER_CM, PER_CM, len(views), 0)


def _body(views: Sequence[View], turn: int) -> bytes:
    parts = []
    numbers: dict[FingerPosition, int] = {}
    for view in sorted(views, key=lambda view: view.finger):
        number = numbers.get(view.finger, 0)
        numbers[view.finger] = number + 1
        if number >= _MOST_VIEWS_OF_A_FINGER:
            raise unwritable(f"more than {_MOST_VIEWS_OF_A_FINGER} views of one finger")
        parts.append(_written_view(view, number, turn))
    return b"".join(parts)


def _written_view(view: View, number: int, turn: int) -> bytes:
    template = view.template
    quality = template.quality if view.quality is None else view.quality
    if not (0 <= view.impression < 1 << 4 and 0 <= quality <= 100):
        raise unwritable(f"impression type {view.impression}, quality {quality}")
    points = _packed(template, turn)
    head = struct.pack(">BBBB", view.finger, number << 4 | view.impression, quality, len(template))
    return head + points + struct.pack(">H", 0)


def _packed(template: FingerTemplate, turn: int) -> bytes:
    raw = from_template(template, turn, 1.0)
    points = np.zeros(len(template), dtype=_POINT)
    points["x"] = raw.kind << 14 | np.minimum(raw.x, template.width - 1)
    points["y"] = np.minimum(raw.y, template.height - 1)
    points["angle"], points["quality"] = raw.angle, raw.quality
    return points.tobytes()
