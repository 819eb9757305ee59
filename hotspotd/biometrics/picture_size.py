"""Width and height that an encoded picture's own header states: PNG, JPEG and JPEG 2000. Pure.

Read before any decoder allocates, since a hundred bytes can claim a picture of gigabytes.
"""

from __future__ import annotations

import struct

from hotspotd.errors import BiometricError, Reason

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8"
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_J2K_START = b"\xff\x4f\xff\x51"
# SOC, then SIZ up to the offset of the reference grid.
_SIZ_END = 24


def is_jpeg2000(data: bytes) -> bool:
    """Whether ``data`` begins as a JP2 file or a bare JPEG 2000 codestream does."""
    return data.startswith((_JP2_SIGNATURE, _J2K_START))


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height that the picture's header states. Raises BiometricError (BAD_IMAGE)."""
    try:
        if data.startswith(PNG_SIGNATURE):
            return _pair(struct.unpack_from(">II", data, 16))
        if data.startswith(_JP2_SIGNATURE):
            return _codestream(data, *_jp2(data))
        if data.startswith(_J2K_START):
            return _codestream(data, 0, len(data))
        if data.startswith(JPEG_START):
            return _jpeg(data)
    except (struct.error, ValueError) as error:
        raise BiometricError(Reason.BAD_IMAGE, "a picture has a damaged header") from error
    raise BiometricError(Reason.BAD_IMAGE, "a picture is neither PNG, JPEG nor JPEG 2000", "WSQ is read for prints.")


def _pair(numbers: tuple[int, ...]) -> tuple[int, int]:
    return numbers[0], numbers[1]


def _jp2(data: bytes) -> tuple[int, int]:
    """Where the codestream begins and ends: the first jp2c box (ISO/IEC 15444-1, I.4), as the decoder takes it.

    The boxes are walked, not searched: what is in another box may look like a codestream and is never decoded.
    """
    place = 0
    while True:
        length, kind = struct.unpack_from(">I4s", data, place)
        header = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, place + header)
            header = 16
        elif length == 0:
            length = len(data) - place
        if not header <= length <= len(data) - place:
            raise ValueError(length)
        if kind == b"jp2c":
            return place + header, place + length
        place += length


def _codestream(data: bytes, start: int, end: int) -> tuple[int, int]:
    # SOC and SIZ come first, whatever follows them.
    if end - start < _SIZ_END or not data.startswith(_J2K_START, start):
        raise ValueError(start)
    # SIZ (ISO/IEC 15444-1, A.5.1): marker, length and capabilities, then size and offset of the reference grid.
    across, down, left, top = struct.unpack_from(">IIII", data, start + 8)
    return across - left, down - top


def _jpeg(data: bytes) -> tuple[int, int]:
    place = 2
    while True:
        marker, length = struct.unpack_from(">HH", data, place)
        if marker == 0xFFFF:  # Fill bytes (B.1.1.2).
            place += 1
            continue
        if marker >> 8 != 0xFF:
            raise ValueError(marker)
        # SOF0 to SOF15, without DHT (C4), JPG (C8) and DAC (CC): ISO/IEC 10918-1, table B.1.
        if 0xFFC0 <= marker <= 0xFFCF and marker not in {0xFFC4, 0xFFC8, 0xFFCC}:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        place += 2 + length
