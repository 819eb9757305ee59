"""What picture files say of themselves before anything is decoded: format, size, resolution, depth.

A few hundred bytes can state a picture of gigabytes, so nothing reaches a decoder that has not been measured here.
The parsers raise struct.error, IndexError or ValueError on damage; ``head_of`` makes BiometricError(BAD_IMAGE) of it.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hotspotd.biometrics.finger import wsq
from hotspotd.errors import BiometricError, Reason


class PictureFormat(StrEnum):
    """Recognised by the first bytes, never by a file's name."""

    WSQ = "WSQ"
    PNG = "PNG"
    JPEG = "JPEG"
    JP2 = "JPEG 2000"
    BMP = "BMP"
    TIFF = "TIFF"
    PGM = "PGM"


_STARTS: Final = (
    (wsq.SOI, PictureFormat.WSQ),
    (b"\x89PNG\r\n\x1a\n", PictureFormat.PNG),
    (b"\xff\xd8\xff", PictureFormat.JPEG),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", PictureFormat.JP2),
    (b"\xff\x4f\xff\x51", PictureFormat.JP2),
    (b"BM", PictureFormat.BMP),
    (b"II*\x00", PictureFormat.TIFF),
    (b"MM\x00*", PictureFormat.TIFF),
    (b"P5", PictureFormat.PGM),
)

_INCH = 0.0254
_MOST_TILES = 1024
_MOST_TILE_PIXELS = 1 << 24
_MOST_CHANNELS = 4


@dataclass(frozen=True)
class Head:
    """``dpi`` across and down, None where the file does not say; ``peak``: the grey level of white, None = the type's;
    ``white_is_zero``: a 16-bit picture that the decoder leaves the wrong way round.
    """

    format: PictureFormat
    width: int
    height: int
    dpi: tuple[float, float] | None = None
    peak: int | None = None
    white_is_zero: bool = False


def head_of(data: bytes) -> Head:
    """The head of a picture file. Raises BiometricError(BAD_IMAGE) for unknown formats and damaged heads."""
    if not data:
        raise BiometricError(Reason.BAD_IMAGE, "picture of a print: the file is empty", "Ask for the picture again.")
    kind = next((kind for start, kind in _STARTS if data.startswith(start)), None)
    if kind is None:
        raise BiometricError(
            Reason.BAD_IMAGE,
            "picture of a print: of an unknown format",
            "WSQ, PNG, JPEG, JPEG 2000, BMP, TIFF and binary PGM are read; raw pixels need their width and height.",
        )
    try:
        return _PARSERS[kind](data)
    except (struct.error, IndexError, ValueError, ZeroDivisionError) as error:
        raise damaged(kind, str(error)) from error


def damaged(kind: PictureFormat, why: str) -> BiometricError:
    """The error for a file whose format is known and which cannot be read."""
    return BiometricError(
        Reason.BAD_IMAGE,
        f"picture of a print: damaged {kind} ({why})",
        "Ask for the picture again, best as PNG or WSQ.",
    )


def _wsq(data: bytes) -> Head:
    head = wsq.read_head(data)
    return Head(PictureFormat.WSQ, head.width, head.height, (head.dpi, head.dpi) if head.dpi else None)


def _png(data: bytes) -> Head:
    """ISO/IEC 15948: chunks with their checksums, all of them, so that no damage gets by."""
    place, size, dpi = 8, (0, 0), None
    while True:
        length, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        (crc,) = struct.unpack_from(">I", data, place + 8 + length)
        if crc != zlib.crc32(kind + body):
            raise ValueError("a chunk's checksum is wrong")
        if kind == b"IHDR":
            size = struct.unpack_from(">II", body)
        elif kind == b"pHYs":
            across, down, unit = struct.unpack(">IIB", body)
            dpi = (across * _INCH, down * _INCH) if unit == 1 else None
        elif kind == b"IEND":
            return Head(PictureFormat.PNG, *size, dpi)
        place += 12 + length


def _jpeg(data: bytes) -> Head:
    """ISO/IEC 10918-1, annex B; the resolution of JFIF (ISO/IEC 10918-5, 10.1), not of Exif."""
    place, dpi = 2, None
    while True:
        marker, length = struct.unpack_from(">HH", data, place)
        if marker >> 8 != 0xFF or length < 2:
            raise ValueError("no marker where one should be")
        if marker == 0xFFE0 and data[place + 4 : place + 9] == b"JFIF\x00":
            unit, across, down = struct.unpack_from(">BHH", data, place + 11)
            per_inch = {1: 1.0, 2: 2.54}.get(unit, 0.0)
            dpi = (across * per_inch, down * per_inch) if per_inch else None
        # SOF0 to SOF15, without DHT (C4), JPG (C8) and DAC (CC): table B.1.
        if 0xFFC0 <= marker <= 0xFFCF and marker not in {0xFFC4, 0xFFC8, 0xFFCC}:
            height, width = struct.unpack_from(">HH", data, place + 5)
            # Without its end the decoder would fill up with grey.
            if data.find(b"\xff\xd9", place) < 0:
                raise ValueError("it has no end")
            return Head(PictureFormat.JPEG, width, height, dpi)
        place += 2 + length


def _jp2(data: bytes) -> Head:
    """ISO/IEC 15444-1, annex I: boxes up to the first codestream, the one that is decoded; or a bare codestream."""
    if data.startswith(b"\xff\x4f"):
        return _codestream(data, None)
    dpi, place = None, 0
    while True:
        kind, start, end = _box(data, place, len(data))
        if kind == b"jp2h":
            dpi = _resolution(data, start, end)
        elif kind == b"jp2c":
            return _codestream(data[start:end], dpi)
        place = end


def _box(data: bytes, place: int, limit: int) -> tuple[bytes, int, int]:
    """Type, start and end of the content of the box at ``place`` (I.4)."""
    length, kind = struct.unpack_from(">I4s", data, place)
    start = place + 8
    if length == 1:
        (length,) = struct.unpack_from(">Q", data, start)
        start += 8
    elif length == 0:
        length = limit - place
    if not start - place <= length <= limit - place:
        raise ValueError("its boxes do not add up")
    return kind, start, place + length


def _resolution(data: bytes, place: int, limit: int) -> tuple[float, float] | None:
    """Capture resolution, or else display resolution, of a header's resolution box (I.5.3.7)."""
    found = {}
    while place < limit:
        kind, start, end = _box(data, place, limit)
        if kind == b"res ":
            # A superbox: go on with what is in it.
            place, limit = start, end
            continue
        if kind in {b"resc", b"resd"}:
            down, down_by, across, across_by, down_ten, across_ten = struct.unpack_from(">HHHHbb", data, start)
            found[kind] = (across / across_by * 10.0**across_ten * _INCH, down / down_by * 10.0**down_ten * _INCH)
        place = end
    return found.get(b"resc", found.get(b"resd"))


def _codestream(data: bytes, dpi: tuple[float, float] | None) -> Head:
    """SIZ (A.5.1), which is always first. The bounds on tiles and components are the decoder's memory."""
    if not data.startswith(b"\xff\x4f\xff\x51") or b"\xff\xd9" not in data[-16:]:
        raise ValueError("its codestream has no beginning or no end")
    right, bottom, left, top, wide, high, tile_left, tile_top, channels = struct.unpack_from(">8IH", data, 8)
    depths = [data[42 + 3 * channel] for channel in range(min(channels, _MOST_CHANNELS))]
    tiles = -(-(right - tile_left) // wide) * -(-(bottom - tile_top) // high)
    if not (0 < channels <= _MOST_CHANNELS and 0 < tiles <= _MOST_TILES):
        raise ValueError(f"{channels} components, {tiles} tiles")
    # The high bit says signed; the rest is the number of bits less one.
    peak = (1 << (max(depths) & 127) + 1) - 1
    return Head(PictureFormat.JP2, right - left, bottom - top, dpi, peak if 255 < peak < 1 << 16 else None)


def _bmp(data: bytes) -> Head:
    """BITMAPCOREHEADER of 12 bytes, or BITMAPINFOHEADER and its successors."""
    (length,) = struct.unpack_from("<I", data, 14)
    if length == 12:
        return Head(PictureFormat.BMP, *struct.unpack_from("<HH", data, 18))
    width, height = struct.unpack_from("<ii", data, 18)
    across, down = struct.unpack_from("<ii", data, 38)
    # Rows from the top have a negative height.
    return Head(PictureFormat.BMP, width, abs(height), (across * _INCH, down * _INCH) if across and down else None)


# Field types of TIFF 6.0, section 2, that hold one of the numbers wanted here.
_TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 5: "II"}
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _ACROSS, _DOWN, _UNIT = 256, 257, 258, 262, 277, 282, 283, 296
_TILE_WIDTH, _TILE_HEIGHT = 322, 323


def _tiff(data: bytes) -> Head:
    """TIFF 6.0: the first directory, the one that is decoded."""
    order = "<" if data[:1] == b"I" else ">"
    (place,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, place)
    struct.unpack_from(order + "I", data, place + 2 + 12 * count)  # The directory is whole.
    tags: dict[int, float] = {}
    for index in range(count):
        tag, kind, number = struct.unpack_from(order + "HHI", data, place + 2 + 12 * index)
        layout = _TIFF_NUMBERS.get(kind)
        if layout is None or number == 0:
            continue
        at = place + 10 + 12 * index
        if struct.calcsize(layout) * number > 4:
            (at,) = struct.unpack_from(order + "I", data, at)
        if tag in {_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _ACROSS, _DOWN, _UNIT, _TILE_WIDTH, _TILE_HEIGHT}:
            values = struct.unpack_from(order + layout, data, at)
            tags[tag] = values[0] / (values[1] or 1) if kind == 5 else values[0]
    return _tiff_head(tags)


def _tiff_head(tags: dict[int, float]) -> Head:
    if (
        tags.get(_SAMPLES, 1) > _MOST_CHANNELS
        or tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_HEIGHT, 0) > _MOST_TILE_PIXELS
    ):
        raise ValueError("too many samples or too large tiles")
    if tags.get(_BITS, 1) not in {1, 4, 8, 16}:
        raise ValueError(f"{tags[_BITS]:g} bits a sample")
    per_inch = {2: 1.0, 3: 2.54}.get(int(tags.get(_UNIT, 2)), 0.0)
    across, down = tags.get(_ACROSS, 0) * per_inch, tags.get(_DOWN, 0) * per_inch
    wrong_way = tags.get(_BITS) == 16 and tags.get(_PHOTOMETRIC) == 0
    dpi = (across, down) if across and down else None
    return Head(PictureFormat.TIFF, int(tags.get(_WIDTH, 0)), int(tags.get(_HEIGHT, 0)), dpi, white_is_zero=wrong_way)


# One blank at a time: a repeated \s+ takes exponential time where it does not match.
_GAP = rb"(?:\s|#[^\n]*\n)+"
_PGM_HEAD = re.compile(rb"P5" + _GAP + rb"(\d{1,6})" + _GAP + rb"(\d{1,6})" + _GAP + rb"(\d{1,5})\s")
_PGM_LONGEST_HEAD = 4096


def _pgm(data: bytes) -> Head:
    """Netpbm's pgm(5), the binary one."""
    found = _PGM_HEAD.match(data[:_PGM_LONGEST_HEAD])
    if found is None:
        raise ValueError("no width, height and maximum")
    width, height, peak = (int(number) for number in found.groups())
    if not 0 < peak < 1 << 16:
        raise ValueError(f"a maximum of {peak}")
    return Head(PictureFormat.PGM, width, height, peak=peak)


_PARSERS: Final = {
    PictureFormat.WSQ: _wsq,
    PictureFormat.PNG: _png,
    PictureFormat.JPEG: _jpeg,
    PictureFormat.JP2: _jp2,
    PictureFormat.BMP: _bmp,
    PictureFormat.TIFF: _tiff,
    PictureFormat.PGM: _pgm,
}
