"""Pictures of deliveries to what a list can hold: PNG and JPEG as they are, everything else that is read as PNG.

Pure. The size is read from the picture's own header before anything is decoded.
"""

from __future__ import annotations

import cv2
import numpy as np

from hotspotd.biometrics import decoding
from hotspotd.biometrics.finger.pictures import read_picture
from hotspotd.biometrics.finger.slap import segment
from hotspotd.biometrics.picture_size import JPEG_START, PNG_SIGNATURE, is_jpeg2000, size_of
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.errors import BiometricError
from hotspotd.watchlist.importers.delivery import LARGEST_PICTURE
from hotspotd.watchlist.rules import RowError


def print_picture(field: str, data: bytes) -> bytes:
    """The picture of a print as PNG or JPEG: WSQ, JPEG 2000, TIFF, BMP and PGM become grey PNG.

    Raises RowError, naming ``field``, for what is too large, damaged or not read.
    """
    if data.startswith((PNG_SIGNATURE, JPEG_START)):
        return portrait_picture(field, data)
    _check_length(field, data)
    try:
        return cv2.imencode(".png", read_picture(data).pixels)[1].tobytes()
    except BiometricError as error:
        raise RowError(field, error.what) from error


def portrait_picture(field: str, data: bytes) -> bytes:
    """A portrait as PNG or JPEG: JPEG 2000 becomes PNG. Raises RowError as ``print_picture``."""
    _check_length(field, data)
    try:
        _check_size(field, *size_of(data))
    except BiometricError as error:
        raise RowError(field, error.what) from error
    if not is_jpeg2000(data):
        return data
    try:
        image = decoding.decode(data, cv2.IMREAD_UNCHANGED)
    except BiometricError as error:
        raise RowError(field, error.what) from error
    if image.dtype != np.uint8:
        raise RowError(field, "a picture is not of 8 bits")
    return cv2.imencode(".png", image)[1].tobytes()


def from_pixels(field: str, data: bytes, width: int, height: int) -> bytes:
    """Uncompressed grey pixels of 8 bits, row by row, as PNG. Raises RowError where their number is not the size's."""
    _check_size(field, width, height)
    if len(data) != width * height:
        raise RowError(field, f"{len(data)} bytes of pixels for {width} x {height}")
    return cv2.imencode(".png", np.frombuffer(data, np.uint8).reshape(height, width))[1].tobytes()


def cut_slap(field: str, picture: bytes, dpi: int, slap: Slap) -> list[tuple[FingerPosition, bytes]]:
    """The fingers of a slap, each as PNG. Raises RowError where it does not show all of them."""
    try:
        cut = segment(read_picture(picture).pixels, dpi, slap)
    except BiometricError as error:
        raise RowError(field, error.what) from error
    return [(one.position, cv2.imencode(".png", one.pixels)[1].tobytes()) for one in cut]


def _check_length(field: str, data: bytes) -> None:
    if len(data) > LARGEST_PICTURE:
        raise RowError(field, f"a picture of {len(data)} bytes, at most {LARGEST_PICTURE}")


def _check_size(field: str, width: int, height: int) -> None:
    most = decoding.MOST_SIDE
    if not (0 < width <= most and 0 < height <= most and width * height <= decoding.MOST_PIXELS):
        raise RowError(field, f"a picture of {width} x {height} pixels")
