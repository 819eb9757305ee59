"""Local contrast normalisation, as the minutiae network was trained with it: cheap, and the same everywhere."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_MEAN_SIDE, _SPREAD_SIDE = 25, 49
"""Windows [px at 500 dpi]: about three and five ridges."""
_FLOOR = 6.0
"""Spread [grey levels] below which a place is taken for flat and not blown up."""
_MOST = 3.0


def even_out(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w) float32 of a 500 dpi picture (h, w) uint8: about zero mean and unit spread, ridges negative, -3..3."""
    grey = image.astype(np.float32)
    flat = grey - cv2.blur(grey, (_MEAN_SIDE, _MEAN_SIDE), borderType=cv2.BORDER_REFLECT_101)
    spread = cv2.blur(flat * flat, (_SPREAD_SIDE, _SPREAD_SIDE), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(np.clip(flat / (np.sqrt(np.maximum(spread, 0)) + _FLOOR), -_MOST, _MOST), dtype=np.float32)
