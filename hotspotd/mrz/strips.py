"""The strip of a line as the network sees it: 32 rows, characters 16 columns apart, evened."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT = 32
PITCH = 16
"""Rows of a strip, and columns of a character's cell in one that is cut rightly; its middle lies in the middle row."""
COLUMN = 4
"""Columns of a strip for each column of the network's numbers."""

_NEAR, _AROUND = 8.0, 24.0
_FLOOR = 2.5
_MOST = 5.0
"""Strokes are measured against what surrounds them; bare noise is not made into strokes."""


def even(strip: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A grey strip (32, w) uint8 without its light and its contrast: (32, w) float32, about -5 to 5."""
    values = strip.astype(np.float32)
    values -= cv2.GaussianBlur(values, (0, 0), _NEAR, borderType=cv2.BORDER_REPLICATE)
    power = cv2.GaussianBlur(values * values, (0, 0), sigmaX=_AROUND, sigmaY=_NEAR, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(values / (np.sqrt(power) + np.float32(_FLOOR)), -_MOST, _MOST), np.float32)
