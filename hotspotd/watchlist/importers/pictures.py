"""Encoded pictures of deliveries to what a list can hold: PNG and JPEG as they are, JPEG 2000 and raw pixels as PNG.

Pure. The size is read from the picture's own header before anything is decoded. WSQ is not read in this version.
"""

from __future__ import annotations

import cv2
import numpy as np

from hotspotd.biometrics.picture_size import JPEG_START, PNG_SIGNATURE, is_jpeg2000, size_of
from hotspotd.errors import BiometricError
from hotspotd.watchlist.importers.delivery import LARGEST_PICTURE
from hotspotd.watchlist.rules import RowError

_WSQ_START = b"\xff\xa0"
# Four fingers at 1000 px/inch are 3200 x 2000.
_MOST_PIXELS = 24_000_000
_LONGEST_SIDE = 8_000


def holdable(field: str, data: bytes) -> bytes:
    """``data`` as PNG or JPEG. Raises RowError, naming ``field``, for what is too large, damaged or not read."""
    if len(data) > LARGEST_PICTURE:
        raise RowError(field, f"a picture of {len(data)} bytes, at most {LARGEST_PICTURE}")
    if data.startswith(_WSQ_START):
        raise RowError(field, "WSQ is not read in this version: convert it to PNG")
    try:
        _check_size(field, *size_of(data))
    except BiometricError as error:
        raise RowError(field, error.what) from error
    if data.startswith((PNG_SIGNATURE, JPEG_START)) or not is_jpeg2000(data):
        return data
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise RowError(field, "a picture could not be decoded") from error
    if image is None or image.dtype != np.uint8:  # OpenCV's stubs leave the None of a damaged picture out.
        raise RowError(field, "a picture could not be decoded")
    return cv2.imencode(".png", image)[1].tobytes()


def from_pixels(field: str, data: bytes, width: int, height: int) -> bytes:
    """Uncompressed grey pixels of 8 bits, row by row, as PNG. Raises RowError where their number is not the size's."""
    _check_size(field, width, height)
    if len(data) != width * height:
        raise RowError(field, f"{len(data)} bytes of pixels for {width} x {height}")
    return cv2.imencode(".png", np.frombuffer(data, np.uint8).reshape(height, width))[1].tobytes()


def _check_size(field: str, width: int, height: int) -> None:
    if not (0 < width <= _LONGEST_SIDE and 0 < height <= _LONGEST_SIDE and width * height <= _MOST_PIXELS):
        raise RowError(field, f"a picture of {width} x {height} pixels")
