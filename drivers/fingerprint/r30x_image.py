"""Pictures as R30x modules send them: two pixels of 4 bits in a byte, the left one in the high half.

Source: R30X manual, "upload image": 8-bit pictures of 256 x 288 are cut to their 4 high bits for the transfer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVELS = 16
DPI = 500

# Bytes of a transfer -> (height, width). R305, R307, AS608, ZFM-20: 256 x 288; R502, R503: 192 x 192.
KNOWN_SIZES = {256 * 288 // 2: (288, 256), 192 * 192 // 2: (192, 192)}
# Larger than any module's picture of this family: what goes beyond is no picture.
MAX_BYTES = 512 * 512 // 2


def unpack(data: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The (height, width) uint8 picture, 0 to 255 in steps of 17. Raises ValueError when ``data`` is not that long."""
    packed = np.frombuffer(data, np.uint8)
    height, width = size
    if packed.size * 2 != height * width:
        raise ValueError(f"{packed.size} bytes are not a picture of {width} x {height}")
    pixels = np.empty(packed.size * 2, np.uint8)
    # 17 spreads 0..15 evenly over 0..255.
    pixels[0::2] = (packed >> 4) * 17
    pixels[1::2] = (packed & 0x0F) * 17
    return pixels.reshape(height, width)


def pack(pixels: NDArray[np.uint8]) -> bytes:
    """The bytes that a module sends for this uint8 picture of an even number of pixels."""
    quantised = pixels.reshape(-1) >> 4
    return ((quantised[0::2] << 4) | quantised[1::2]).tobytes()
