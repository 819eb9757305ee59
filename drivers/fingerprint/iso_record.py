"""Finger image records of ISO/IEC 19794-4, editions 2005 and 2011: bytes in, pictures out, and back. Pure code.

All numbers are unsigned and big endian. A record is a general header, then representations, each a header and data:

===================  ==========================================  ====================================================
field                edition 2011 (``020`` 0), bytes             edition 2005 (``010`` 0), bytes
===================  ==========================================  ====================================================
general header       ``FIR`` 0, version, length 4, number of     ``FIR`` 0, version, length 6, device 2, level 2,
                     representations 2, certification flag 1,    number of fingers 1, scale units 1, scan resolutions
                     number of positions 1                       2 2, image resolutions 2 2, depth 1, compression 1,
                                                                 reserved 2
representation       length 4, time 9, technology 1, vendor 2,   length 4, position 1, number of views 1, view 1,
                     device 2, quality blocks 1 and 5 each,      quality 1, impression 1, width 2, height 2,
                     with the flag certification blocks 1 and    reserved 1
                     3 each, position 1, number 1, scale units
                     1, scan rates 2 2, image rates 2 2, depth
                     1, compression 1, impression 1, width 2,
                     height 2, length of data 4
===================  ==========================================  ====================================================

What follows the data of a representation of 2011 (segments, annotations, comments) is skipped. Compression (table 9 of
2011): 0 none, 2 WSQ, 3 JPEG, 4 and 5 JPEG 2000, 6 PNG; in 2005 JPEG 2000 is 4 and PNG is 5.
The resolution is the record's own, never assumed. Damage raises DriverError: BAD_IMAGE; what is sound and cannot be
shown (WSQ, packed bits, other depths than 8) UNSUPPORTED.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.base import DriverError, DriverReason
from drivers.camera.jpeg import jpeg_size

MOST_REPRESENTATIONS = 16
MOST_PIXELS = 8_000_000
"""Four fingers at 1000 px/inch, 3200 x 2000, are below."""
MOST_SIDE = 8_000
LEAST_DPI, MOST_DPI = 250, 1000
_SQUARE = 0.02
"""Rates across and down that differ by more are not one resolution."""

_FORMAT = b"FIR\0"
_V2005, _V2011 = b"010\0", b"020\0"
_PER_INCH, _PER_CM = 1, 2
_CM_PER_INCH = 2.54
_HEAD_2011 = struct.Struct(">4s4sIHBB")
_HEAD_2005 = struct.Struct(">4s4s6sHHBBHHHHBBH")
_VIEW_2005 = struct.Struct(">IBBBBBHHB")
_BEGIN_2011 = struct.Struct(">I9sBHHB")
_END_2011 = struct.Struct(">BBBHHHHBBBHHI")
_QUALITY_BYTES, _CERTIFICATION_BYTES = 5, 3


class Coding(Enum):
    """How the pixels are kept."""

    RAW = "raw"
    PACKED = "packed bits"
    WSQ = "WSQ"
    JPEG = "JPEG"
    JPEG2000 = "JPEG 2000"
    PNG = "PNG"


_CODINGS_2011 = {
    0: Coding.RAW,
    1: Coding.PACKED,
    2: Coding.WSQ,
    3: Coding.JPEG,
    4: Coding.JPEG2000,
    5: Coding.JPEG2000,
    6: Coding.PNG,
}
_CODINGS_2005 = {0: Coding.RAW, 1: Coding.PACKED, 2: Coding.WSQ, 3: Coding.JPEG, 4: Coding.JPEG2000, 5: Coding.PNG}
_CODES_2011 = {coding: code for code, coding in _CODINGS_2011.items()}  # JPEG 2000 without loss wins.


@dataclass(frozen=True, slots=True)
class Representation:
    """One picture of a record, still coded: ``width`` and ``height`` [px], ``dpi``, ``position`` an FGP code."""

    position: int
    width: int
    height: int
    dpi: int
    coding: Coding
    data: bytes


def _bad(why: str) -> DriverError:
    return DriverError(DriverReason.BAD_IMAGE, f"finger image record: {why}", "have the finger laid down again")


def _unsupported(why: str) -> DriverError:
    return DriverError(
        DriverReason.UNSUPPORTED,
        f"finger image record: {why} cannot be shown",
        "set the device's service to JPEG 2000, the coding of its standard",
    )


@dataclass(slots=True)
class _Fields:
    """A place in bytes that is only read through bounds."""

    data: bytes
    place: int = 0

    def unpack(self, layout: struct.Struct, what: str) -> tuple[int, ...]:
        return layout.unpack(self.take(layout.size, what))

    def take(self, length: int, what: str) -> bytes:
        if length > len(self.data) - self.place:
            raise _bad(f"it ends within {what}")
        self.place += length
        return self.data[self.place - length : self.place]


def read_record(data: bytes) -> tuple[Representation, ...]:
    """The representations of a record, at least one, in its order. Raises DriverError (BAD_IMAGE, UNSUPPORTED)."""
    if data[:4] != _FORMAT or len(data) < 8:
        raise _bad("it does not begin with FIR")
    fields = _Fields(data)
    if data[4:8] == _V2011:
        found = _read_2011(fields)
    elif data[4:8] == _V2005:
        found = _read_2005(fields)
    else:
        raise _unsupported(f"version {data[4:8]!r}")
    if fields.place != len(data):
        raise _bad(f"{len(data) - fields.place} bytes after the last representation")
    return found


def _read_2011(fields: _Fields) -> tuple[Representation, ...]:
    _, _, length, count, certified, _ = fields.unpack(_HEAD_2011, "the general header")
    _check_counts(fields, length, count)
    if certified > 1:
        raise _bad(f"certification flag {certified}")
    found = []
    for _ in range(count):
        begin = fields.place
        length, *_, quality_blocks = fields.unpack(_BEGIN_2011, "a representation header")
        fields.take(_QUALITY_BYTES * quality_blocks, "the quality blocks")
        if certified:
            fields.take(
                _CERTIFICATION_BYTES * fields.take(1, "the certification blocks")[0], "the certification blocks"
            )
        (position, _, unit, _, _, across, down, depth, compression, _, width, height, size) = fields.unpack(
            _END_2011, "a representation header"
        )
        picture = fields.take(size, "the picture")
        left = begin + length - fields.place
        if left < 0:
            raise _bad("a representation is longer than it says")
        fields.take(left, "the extended data")
        coding = _CODINGS_2011.get(compression)
        found.append(_representation(position, (width, height), (unit, across, down), depth, coding, picture))
    return tuple(found)


def _read_2005(fields: _Fields) -> tuple[Representation, ...]:
    head = _HEAD_2005.unpack(fields.take(_HEAD_2005.size, "the general header"))
    _, _, length, _, _, count, unit, _, _, across, down, depth, compression, _ = head
    _check_counts(fields, int.from_bytes(length, "big"), count)
    found = []
    for _ in range(count):
        size, position, views, view, _, _, width, height, _ = fields.unpack(_VIEW_2005, "a finger header")
        if size < _VIEW_2005.size:
            raise _bad("a finger is shorter than its header")
        if (views, view) != (1, 1):
            raise _unsupported("several views of a finger")
        picture = fields.take(size - _VIEW_2005.size, "the picture")
        coding = _CODINGS_2005.get(compression)
        found.append(_representation(position, (width, height), (unit, across, down), depth, coding, picture))
    return tuple(found)


def _check_counts(fields: _Fields, length: int, count: int) -> None:
    if length != len(fields.data):
        raise _bad(f"{len(fields.data)} bytes that say that they are {length}")
    if not 0 < count <= MOST_REPRESENTATIONS:
        raise _bad(f"{count} representations")


def _representation(
    position: int, size: tuple[int, int], rate: tuple[int, int, int], depth: int, coding: Coding | None, data: bytes
) -> Representation:
    width, height = size
    if not (width and height) or max(size) > MOST_SIDE or width * height > MOST_PIXELS:
        raise _bad(f"{width} x {height} pixels")
    if coding is None:
        raise _bad("an unknown compression")
    if depth != 8:
        raise _unsupported(f"a depth of {depth} bits")
    return Representation(position, width, height, _dpi(*rate), coding, data)


def _dpi(unit: int, across: int, down: int) -> int:
    if unit not in (_PER_INCH, _PER_CM):
        raise _bad(f"scale units {unit}")
    if abs(across - down) > _SQUARE * max(across, down):
        raise _unsupported(f"a resolution of {across} across and {down} down")
    dpi = round(across * (_CM_PER_INCH if unit == _PER_CM else 1))
    if not LEAST_DPI <= dpi <= MOST_DPI:
        raise _unsupported(f"a resolution of {dpi} dpi")
    return dpi


def pixels_of(picture: Representation) -> NDArray[np.uint8]:
    """(height, width) uint8 grey. Raises DriverError (BAD_IMAGE where it cannot be decoded, UNSUPPORTED)."""
    if picture.coding is Coding.RAW:
        if len(picture.data) != picture.width * picture.height:
            raise _bad(f"{len(picture.data)} bytes for {picture.width} x {picture.height} pixels")
        return np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width)
    if picture.coding in (Coding.WSQ, Coding.PACKED):
        raise _unsupported(f"a picture in {picture.coding.value}")
    # Measured before it is decoded: a few hundred bytes can state a picture of gigabytes.
    if _stated_size(picture) != (picture.width, picture.height):
        raise _bad(f"its {picture.coding.value} is of another size than it says")
    try:
        decoded = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error as error:
        raise _bad(f"its {picture.coding.value} cannot be decoded") from error
    # OpenCV's stubs leave the None of a damaged picture out.
    pixels: NDArray[np.generic] | None = decoded
    if pixels is None or pixels.shape != (picture.height, picture.width):
        raise _bad(f"its {picture.coding.value} cannot be decoded")
    return pixels.astype(np.uint8, copy=False)


def _stated_size(picture: Representation) -> tuple[int, int] | None:
    data = picture.data
    match picture.coding:
        case Coding.PNG:  # ISO/IEC 15948, 11.2.2: IHDR is the first chunk.
            if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or len(data) < 24:
                return None
            width, height = struct.unpack_from(">II", data, 16)
        case Coding.JPEG2000:  # ISO/IEC 15444-1, A.5.1: SIZ follows the start of the codestream.
            at = data.find(b"\xff\x4f\xff\x51")
            if at < 0 or len(data) < at + 24:
                return None
            right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
            width, height = right - left, bottom - top
        case _:
            return jpeg_size(data)
    return width, height


def write_record(pictures: Sequence[Representation]) -> bytes:
    """A record of edition 2011 without quality or certification blocks, resolutions per inch."""
    bodies = []
    for number, picture in enumerate(pictures):
        end = _END_2011.pack(
            picture.position, number, _PER_INCH, picture.dpi, picture.dpi, picture.dpi, picture.dpi, 8,
            _CODES_2011[picture.coding], 0, picture.width, picture.height, len(picture.data),
        )  # fmt: skip
        length = _BEGIN_2011.size + len(end) + len(picture.data)
        # The time of capture is not told: all bits set (2011, 7.3).
        bodies.append(_BEGIN_2011.pack(length, b"\xff" * 9, 0, 0, 0, 0) + end + picture.data)
    body = b"".join(bodies)
    positions = len({picture.position for picture in pictures})
    return _HEAD_2011.pack(_FORMAT, _V2011, _HEAD_2011.size + len(body), len(pictures), 0, positions) + body


def coded(pixels: NDArray[np.uint8], dpi: int, position: int, coding: Coding = Coding.JPEG2000) -> Representation:
    """``pixels`` (height, width) as a representation without loss. Raises ValueError on a coding that has one."""
    height, width = pixels.shape
    match coding:
        case Coding.RAW:
            data = pixels.tobytes()
        case Coding.PNG:
            data = cv2.imencode(".png", pixels)[1].tobytes()
        case Coding.JPEG2000:  # 1000 thousandths of the size: OpenJPEG then codes without loss.
            data = cv2.imencode(".jp2", pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1].tobytes()
        case _:
            raise ValueError(f"{coding} is not written")
    return Representation(position, width, height, dpi, coding, data)
