"""Portraits: the picture that is kept, shown and relayed, and reading such pictures back.

The crop follows the proportions of a travel document's photograph (35 x 45; ISO/IEC 19794-5 full frontal: the eyes a
quarter of
the width apart, at 45 % of the height from the top).
"""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.detect import MAX_SIDE, FaceBox
from hotspotd.errors import BiometricError, Reason

WIDTH, HEIGHT = 420, 540
"""Size of a portrait in pixels."""

_JPEG_QUALITY = 88
# The box of the cascade is about 2.5 times as wide as the eyes are apart; the box is steadier than the eyes.
_WIDTH_IN_BOXES = 1.6
_EYE_LEVEL = 0.45
_MAX_BYTES = 16 * 1024 * 1024
_MAX_PIXELS = 24_000_000
# JPEG markers that start a frame header (ITU-T T.81, table B.1), without DHT, JPG and DAC.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def portrait(rgb: NDArray[np.uint8], box: FaceBox) -> bytes:
    """The face as a JPEG of 420 x 540 pixels; what lies outside the picture repeats its edge."""
    (lx, ly), (rx, ry) = box.eyes
    scale = WIDTH / (_WIDTH_IN_BOXES * box.width)
    cx, cy = (lx + rx) / 2, (ly + ry) / 2
    matrix = np.array([[scale, 0, WIDTH / 2 - scale * cx], [0, scale, _EYE_LEVEL * HEIGHT - scale * cy]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    pixels = cv2.warpAffine(rgb, matrix, (WIDTH, HEIGHT), flags=how, borderMode=cv2.BORDER_REPLICATE)
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise BiometricError(Reason.BAD_IMAGE, "the portrait cannot be encoded")
    return data.tobytes()


def read_picture(data: bytes) -> NDArray[np.uint8]:
    """The (h, w, 3) RGB pixels of a JPEG or PNG. Raises BiometricError (BAD_IMAGE) on anything else, torn or oversized.

    The size is taken from the header first, so that a small file cannot unfold into gigabytes.
    """
    if len(data) > _MAX_BYTES:
        raise BiometricError(Reason.BAD_IMAGE, f"a picture file of {len(data)} bytes; at most {_MAX_BYTES}")
    size = _declared_size(data)
    if size is None:
        raise BiometricError(Reason.BAD_IMAGE, "neither a JPEG nor a PNG picture, or its header is torn")
    width, height = size
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= _MAX_PIXELS):
        raise BiometricError(Reason.BAD_IMAGE, f"a picture file that declares {width} x {height} pixels")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BiometricError(Reason.BAD_IMAGE, "the picture file cannot be decoded") from error
    if pixels is None:
        raise BiometricError(Reason.BAD_IMAGE, "the picture file cannot be decoded")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _declared_size(data: bytes) -> tuple[int, int] | None:
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data[:2] != b"\xff\xd8":
        return None
    # A JPEG that lost its end decodes to a half-grey picture: it is refused instead (T.81, B.2.1: EOI is required).
    if b"\xff\xd9" not in data[-64:]:
        return None
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None
