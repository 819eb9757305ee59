"""Picture in, evenly lit 500 dpi picture out.

Promises: the result is float32, about zero mean and unit spread wherever there is texture, ridges negative.
Does not judge whether there is a finger: that is segmentation's (``field``) affair.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import BiometricError, Reason

DPI = 500
"""Everything after this module counts in pixels of 1/500 inch (ISO/IEC 19794-4, level 31)."""

_DPI_RANGE = (250, 1000)
_SIDE_RANGE = (64, 2000)
_FLAT = 4.0
"""Spread in grey levels under which a place counts as empty: 16-level sensors step by 17, FVC noise is near 3."""


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


def local_spread(image: NDArray[np.uint8], sigma: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Local mean and standard deviation (h, w) of grey levels in a Gaussian window of ``sigma`` pixels."""
    grey = image.astype(np.float32)
    mean = _blur(grey, sigma)
    variance = _blur(grey * grey, sigma) - mean * mean
    return mean, np.sqrt(np.maximum(variance, 0.0))


def even_out(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Local contrast normalisation: about zero mean and unit spread within a few ridges; ridges negative."""
    mean, _ = local_spread(image, 7.0)
    flat = image.astype(np.float32) - mean
    spread = np.sqrt(_blur(flat * flat, 10.0))
    return np.asarray(np.clip(flat / (spread + _FLAT), -2.5, 2.5), dtype=np.float32)


def _blur(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), dtype=np.float32)
