"""Pictures of a transaction: prints to JPEG 2000, and encoded pictures back to pixels within bounds.

Pure. Decoding is for pictures that others made: the size is read from the file's own header before a decoder
allocates anything, since a hundred bytes can claim a picture of gigabytes.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import picture_size
from hotspotd.biometrics.finger import wsq
from hotspotd.errors import BiometricError, Reason, RelayError

# 12.5:1, between the 10:1 and 15:1 that FAP 10 to 60 allow for lossy prints (ANSI/NIST-ITL 1-2011, table 49 and
# its compression notes). The unit of OpenCV's parameter is a thousandth of the raw size.
_PRINT_RATE_X1000 = 80
# Four fingers at 1000 px/inch are 3200 x 2000.
_MAX_PIXELS = 24_000_000
_MAX_SIDE = 8_000


def encode_print(image: NDArray[np.uint8]) -> bytes:
    """A grey print (height, width) as JP2 at about 12.5:1. Not as WSQ: docs/inti.md has the reasons."""
    done, data = cv2.imencode(".jp2", image, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, _PRINT_RATE_X1000])
    if not done:
        raise RelayError(Reason.BAD_TRANSACTION, "a print could not be encoded as JP2")
    return data.tobytes()


def decode_grey(data: bytes) -> NDArray[np.uint8]:
    """The picture (PNG, JPEG, JP2, WSQ) as (height, width) grey. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    return _decode_wsq(data) if data.startswith(wsq.SOI) else _decode(data, cv2.IMREAD_GRAYSCALE)


def decode_rgb(data: bytes) -> NDArray[np.uint8]:
    """The picture (PNG, JPEG, JP2) as (height, width, 3) RGB. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    return np.ascontiguousarray(_decode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


def _check_size(data: bytes) -> None:
    width, height = size_of(data)
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE and width * height <= _MAX_PIXELS):
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
        if data.startswith(wsq.SOI):
            head = wsq.read_head(data)
            return head.width, head.height
        return picture_size.size_of(data)
    except BiometricError as error:
        raise RelayError(Reason.BAD_TRANSACTION, error.what, error.advice) from error
