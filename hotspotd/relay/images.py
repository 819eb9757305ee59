"""Pictures of a transaction: prints to JPEG 2000, and encoded pictures back to pixels within bounds.

Pure. Decoding is for pictures that others made: the size is read from the file's own header before a decoder
allocates anything, since a hundred bytes can claim a picture of gigabytes.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import Reason, RelayError

# 12.5:1, between the 10:1 and 15:1 that FAP 10 to 60 allow for lossy prints (ANSI/NIST-ITL 1-2011, table 49 and
# its compression notes). The unit of OpenCV's parameter is a thousandth of the raw size.
_PRINT_RATE_X1000 = 80
# Four fingers at 1000 px/inch are 3200 x 2000.
_MAX_PIXELS = 24_000_000
_MAX_SIDE = 8_000

_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_J2K_START = b"\xff\x4f\xff\x51"
# SOC, then SIZ up to the offset of the reference grid.
_SIZ_END = 24
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8"


def encode_print(image: NDArray[np.uint8]) -> bytes:
    """A grey print (height, width) as JP2 at about 12.5:1."""
    done, data = cv2.imencode(".jp2", image, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, _PRINT_RATE_X1000])
    if not done:
        raise RelayError(Reason.BAD_TRANSACTION, "a print could not be encoded as JP2")
    return data.tobytes()


def decode_grey(data: bytes) -> NDArray[np.uint8]:
    """The picture (PNG, JPEG, JP2) as (height, width) grey. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    return _decode(data, cv2.IMREAD_GRAYSCALE)


def decode_rgb(data: bytes) -> NDArray[np.uint8]:
    """The picture (PNG, JPEG, JP2) as (height, width, 3) RGB. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    return np.ascontiguousarray(_decode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


def _decode(data: bytes, mode: int) -> NDArray[np.uint8]:
    width, height = size_of(data)
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE and width * height <= _MAX_PIXELS):
        raise RelayError(Reason.TOO_LARGE, f"picture of {width} x {height} pixels")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), mode | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise RelayError(Reason.BAD_TRANSACTION, "a picture could not be decoded") from error
    # OpenCV's stubs leave the None of a damaged picture out.
    if image is None or image.dtype != np.uint8:
        raise RelayError(Reason.BAD_TRANSACTION, "a picture could not be decoded")
    return image.astype(np.uint8, copy=False)


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height that the picture's header states. Raises RelayError (BAD_TRANSACTION)."""
    try:
        if data.startswith(_PNG_SIGNATURE):
            return _pair(struct.unpack_from(">II", data, 16))
        if data.startswith(_JP2_SIGNATURE):
            return _codestream(data, *_jp2(data))
        if data.startswith(_J2K_START):
            return _codestream(data, 0, len(data))
        if data.startswith(_JPEG_START):
            return _jpeg(data)
    except (struct.error, ValueError) as error:
        raise RelayError(Reason.BAD_TRANSACTION, "a picture has a damaged header") from error
    raise RelayError(
        Reason.BAD_TRANSACTION, "a picture is neither PNG, JPEG nor JPEG 2000", "WSQ is not read in this version."
    )


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
        if marker >> 8 != 0xFF:
            raise ValueError(marker)
        # SOF0 to SOF15, without DHT (C4), JPG (C8) and DAC (CC): ISO/IEC 10918-1, table B.1.
        if 0xFFC0 <= marker <= 0xFFCF and marker not in {0xFFC4, 0xFFC8, 0xFFCC}:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        place += 2 + length
