"""Pictures of any usable resolution brought to 500 dpi, and those refused that no scanner gives."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import BiometricError, Reason

DPI = 500
"""Everything after this module counts in pixels of 1/500 inch (ISO/IEC 19794-4, level 31)."""

_DPI_RANGE = (250, 1000)
_SIDE_RANGE = (64, 2000)


def to_500_dpi(image: NDArray[np.uint8], dpi: int) -> NDArray[np.uint8]:
    """``image`` (h, w) grey at ``dpi`` resampled to 500 dpi. Raises BiometricError(BAD_IMAGE)."""
    if image.ndim != 2 or image.dtype != np.uint8:
        raise BiometricError(
            Reason.BAD_IMAGE, f"print of shape {image.shape} and type {image.dtype}", "Give grey uint8."
        )
    if not _DPI_RANGE[0] <= dpi <= _DPI_RANGE[1]:
        raise BiometricError(Reason.BAD_IMAGE, f"print of {dpi} dpi", "250 to 1000 dpi can be used.")
    height, width = (round(side * DPI / dpi) for side in image.shape)
    if not (_SIDE_RANGE[0] <= min(height, width) and max(height, width) <= _SIDE_RANGE[1]):
        raise BiometricError(
            Reason.BAD_IMAGE, f"print of {width}x{height} pixels at 500 dpi", f"Sides of {_SIDE_RANGE} can be used."
        )
    if dpi == DPI:
        return image
    shrink = dpi > DPI
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    return np.asarray(resized, dtype=np.uint8)
