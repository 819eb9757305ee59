"""One JPEG picture as a camera sends it, decoded only when its header says that it is of a sensible size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# 24 megapixels take 72 MB as RGB; no camera of a lane gives more, and a header may claim four thousand million.
LARGEST_PIXELS = 24_000_000
# ITU-T T.81 table B.1: SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC).
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) that the frame header tells (ITU-T T.81 clause B.2.2), or ``None`` where there is none."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAME_MARKERS:
            if at + 9 > len(data):
                return None
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def decode_jpeg(data: bytes) -> NDArray[np.uint8] | None:
    """(height, width, 3) uint8 RGB, or ``None`` where ``data`` is no whole JPEG of at most LARGEST_PIXELS pixels."""
    size = jpeg_size(data)
    # Without the end marker the lower rows would be grey: a torn picture is none. Some cameras pad with zeros after it.
    if size is None or not 0 < size[0] * size[1] <= LARGEST_PIXELS or b"\xff\xd9" not in data.rstrip(b"\0")[-1024:]:
        return None
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        return None
    return None if decoded is None else decoded.astype(np.uint8, copy=False)
