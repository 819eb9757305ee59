"""Pictures of a transaction: prints to JPEG 2000, faces to JPEG, within limits; and back to pixels within bounds.

Pure. Decoding is for pictures that others made: the size is read from the file's own header before a decoder
allocates anything, since a hundred bytes can claim a picture of gigabytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import decoding, picture_size
from hotspotd.biometrics.finger import wsq
from hotspotd.errors import BiometricError, Reason, RelayError

LARGEST_RATIO = {10: 10.0, 20: 10.0, 30: 10.0, 40: 10.0, 45: 10.0, 50: 10.0, 60: 15.0}
"""How many times smaller than its pixels a print may become, by 14.031 FAP (ANSI/NIST-ITL 1-2011, mobile ID profiles).

For two and three fingers (40 to 50) the lower of the two limits is taken, as where no FAP is known.
"""
RATIO_WITHOUT_FAP = 10.0
# The unit of OpenCV's parameter is a thousandth of the raw size; all of them is without loss (reversible 5/3 wavelet).
_WHOLE_RATE = 1000
_BLOCK = 16
# Standard deviation of grey levels: glass has 1 to 6, the faintest ridges that are of use 12.
_LEAST_CONTRAST = 10.0
# A print smaller than this is no print: nothing is cut off then.
_LEAST_SIDE = 128
# Below this quality blocks of JPEG show in a face; a smaller picture is the better one then.
_FACE_QUALITY_FLOOR, _FACE_QUALITY_MOST = 60, 92
# Where even the smallest picture is too large, sooner blocks than no answer.
_FACE_QUALITY_LEAST = 30
_FACE_SHRINK = 0.85
LEAST_FACE_WIDTH = 240
"""Of a portrait, whose eyes are a quarter of its width apart: 60 px, where a face engine still sees all it needs."""


@dataclass(frozen=True, slots=True)
class EncodedPrint:
    """A print as JP2 file, and how many times smaller than its pixels it came out. ``lossless``: nothing was lost."""

    data: bytes
    ratio: float
    lossless: bool


@dataclass(frozen=True, slots=True)
class EncodedFace:
    """A face with its media type and size in pixels; ``quality`` that of JPEG, None where it was left as it was."""

    data: bytes
    media_type: str
    width: int
    height: int
    quality: int | None = None


def without_glass(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part of a grey print (height, width) that shows anything, with a margin; all of it where little does.

    Bytes are for ridges: a finger covers half of a large glass. Blocks of 16 pixels with hardly any contrast at the
    sides are cut off; a row or column stays when two of its blocks have some, so that dust keeps nothing.
    """
    down, across = image.shape[0] // _BLOCK, image.shape[1] // _BLOCK
    blocks = image[: down * _BLOCK, : across * _BLOCK].reshape(down, _BLOCK, across, _BLOCK)
    shows = blocks.std(axis=(1, 3), dtype=np.float32) > _LEAST_CONTRAST
    rows, columns = (np.flatnonzero(shows.sum(axis=axis) >= 2) for axis in (1, 0))
    if len(rows) * _BLOCK < _LEAST_SIDE or len(columns) * _BLOCK < _LEAST_SIDE:
        return image
    top, left = (max(0, int(seen[0]) - 1) * _BLOCK for seen in (rows, columns))
    bottom, right = ((int(seen[-1]) + 2) * _BLOCK for seen in (rows, columns))
    return np.ascontiguousarray(image[top:bottom, left:right])


def encode_print(
    image: NDArray[np.uint8], largest_ratio: float = RATIO_WITHOUT_FAP, wanted_bytes: int = 0
) -> EncodedPrint:
    """A grey print (height, width) as JP2, at most ``largest_ratio`` times smaller than its pixels: by measure.

    A small print is compressed less: ``wanted_bytes`` are spent on it where the ratio asks for fewer. The encoder is
    asked for a rate and misses it by a per cent or so, to either side; it is asked for more until the limit is kept.
    A print of much empty glass may get below it without any loss. Not as WSQ: docs/inti.md has the reasons.
    Raises RelayError (BAD_TRANSACTION).
    """
    raw = image.size
    least = max(math.ceil(raw / largest_ratio), min(wanted_bytes, raw))
    # One more than it takes by rights: mostly the first try is enough then.
    rate, step = min(_WHOLE_RATE, math.ceil(least * _WHOLE_RATE / raw) + 1), 0
    data = _jp2(image, rate)
    while len(data) < least and rate < _WHOLE_RATE:
        # Twice as far each time, so that what cannot get any larger ends soon.
        step = max(2 * step, math.ceil((least - len(data)) * _WHOLE_RATE / raw), 1)
        rate = min(_WHOLE_RATE, rate + step)
        data = _jp2(image, rate)
    return EncodedPrint(data, raw / len(data), lossless=rate == _WHOLE_RATE)


def _jp2(image: NDArray[np.uint8], rate: int) -> bytes:
    done, data = cv2.imencode(".jp2", image, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, rate])
    if not done:
        raise RelayError(Reason.BAD_TRANSACTION, "a print could not be encoded as JP2")
    return data.tobytes()


def encode_face(data: bytes, media_type: str, most_bytes: int) -> EncodedFace:
    """The face within ``most_bytes``: as it is where it is small enough, otherwise as the best JPEG that is.

    Its quality is found by halving; below a floor the picture is made smaller instead, to ``LEAST_FACE_WIDTH`` at the
    least. What is still too large then is sent all the same: the limit is a wish, the face is not.
    Raises RelayError: BAD_TRANSACTION, TOO_LARGE.
    """
    width, height = size_of(data)
    if len(data) <= most_bytes:
        return EncodedFace(data, media_type, width, height)
    pixels = _decode(data, cv2.IMREAD_COLOR)
    while True:
        smallest = pixels.shape[1] * _FACE_SHRINK < LEAST_FACE_WIDTH
        quality, made = _best_jpeg(pixels, _FACE_QUALITY_LEAST if smallest else _FACE_QUALITY_FLOOR, most_bytes)
        if len(made) <= most_bytes or smallest:
            return EncodedFace(made, "image/jpeg", pixels.shape[1], pixels.shape[0], quality)
        size = (round(pixels.shape[1] * _FACE_SHRINK), round(pixels.shape[0] * _FACE_SHRINK))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _best_jpeg(pixels: NDArray[np.uint8], floor: int, most_bytes: int) -> tuple[int, bytes]:
    """The highest quality from ``floor`` on that keeps to ``most_bytes``, and the file; that of ``floor`` if none."""
    low, best = floor, _jpeg(pixels, floor)
    high = _FACE_QUALITY_MOST + 1
    while high - low > 1:
        middle = (low + high) // 2
        made = _jpeg(pixels, middle)
        if len(made) <= most_bytes:
            low, best = middle, made
        else:
            high = middle
    return low, best


def _jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    if not done:
        raise RelayError(Reason.BAD_TRANSACTION, "a face could not be encoded as JPEG")
    return data.tobytes()


def decode_grey(data: bytes) -> NDArray[np.uint8]:
    """The picture (PNG, JPEG, JP2, WSQ) as (height, width) grey. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    return _decode_wsq(data) if data.startswith(wsq.SOI) else _decode(data, cv2.IMREAD_GRAYSCALE)


def decode_rgb(data: bytes) -> NDArray[np.uint8]:
    """The picture (PNG, JPEG, JP2) as (height, width, 3) RGB. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    return np.ascontiguousarray(_decode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


def _check_size(data: bytes) -> None:
    width, height = size_of(data)
    largest = decoding.MOST_SIDE
    if not (0 < width <= largest and 0 < height <= largest and width * height <= decoding.MOST_PIXELS):
        raise RelayError(Reason.TOO_LARGE, f"picture of {width} x {height} pixels")


def _decode_wsq(data: bytes) -> NDArray[np.uint8]:
    _check_size(data)
    try:
        return wsq.decode(data)
    except BiometricError as error:
        raise RelayError(Reason.BAD_TRANSACTION, error.what, error.advice) from error


def _decode(data: bytes, mode: int) -> NDArray[np.uint8]:
    _check_size(data)
    try:
        image = decoding.decode(data, mode | cv2.IMREAD_IGNORE_ORIENTATION)
    except BiometricError as error:
        raise RelayError(Reason.BAD_TRANSACTION, error.what, error.advice) from error
    if image.dtype != np.uint8:
        raise RelayError(Reason.BAD_TRANSACTION, "a picture is not of 8 bits")
    return image.astype(np.uint8, copy=False)


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height that the picture's header states. Raises RelayError (BAD_TRANSACTION)."""
    try:
        if data.startswith(wsq.SOI):
            head = wsq.read_head(data)
            return head.width, head.height
        return picture_size.size_of(data)
    except BiometricError as error:
        raise RelayError(Reason.BAD_TRANSACTION, error.what, error.advice) from error
