"""The ridge field of a print: where there is print, which way ridges run, how well they can be seen.

Angles are those of the ridge line, in radians, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.network import STEP, Sight

Float = NDArray[np.float32]

_READABLE = 0.35
"""Agreement of picture and ridges from which a place belongs to the print."""
_SIDE = 9
"""Window [px at half resolution] in which contrast is taken: two ridges."""


@dataclass(frozen=True)
class RidgeField:
    """Sampled every STEP px: sample (i, j) lies at pixel (i·STEP, j·STEP).

    theta (m, n) ridge orientation [0, π); coherence, readable (m, n) 0..1; contrast (m, n) grey levels; block_mask
    (m, n) and mask (h, w): foreground.
    """

    theta: Float
    coherence: Float
    readable: Float
    contrast: Float
    block_mask: NDArray[np.bool_]
    mask: NDArray[np.bool_]


def field_of(picture: NDArray[np.uint8], sight: Sight) -> RidgeField:
    """The ridge field of a 500 dpi ``picture`` (h, w) that the network has seen."""
    block_mask = _tidy(sight.readable > _READABLE)
    height, width = picture.shape
    mask = cv2.resize(
        block_mask.astype(np.uint8),
        (block_mask.shape[1] * STEP, block_mask.shape[0] * STEP),
        interpolation=cv2.INTER_NEAREST,
    )
    contrast = _contrast(np.ascontiguousarray(picture[::2, ::2]))[:: STEP // 2, :: STEP // 2]
    return RidgeField(sight.theta, sight.coherence, sight.readable, contrast, block_mask, mask[:height, :width] > 0)


def _contrast(picture: NDArray[np.uint8]) -> Float:
    grey = picture.astype(np.float32)
    mean = cv2.blur(grey, (_SIDE, _SIDE))
    return np.sqrt(np.maximum(cv2.blur(grey * grey, (_SIDE, _SIDE)) - mean * mean, 0.0), dtype=np.float32)


def _tidy(rough: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without small holes and crumbs; a finger may fall apart at a crease, a smudge beside it is much smaller."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    padded = cv2.copyMakeBorder(rough.astype(np.uint8), 6, 6, 6, 6, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc), cv2.MORPH_OPEN, disc)[6:-6, 6:-6]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(closed), connectivity=4)
    keep = np.zeros(closed.shape, dtype=bool)
    if count > 1:
        areas = stats[1:, cv2.CC_STAT_AREA]
        for label in np.flatnonzero(areas >= 0.15 * np.max(areas)) + 1:
            keep |= labels == label
    return _without_holes(keep)


def _without_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    outside = np.ascontiguousarray(np.pad(~mask, 1, constant_values=True).astype(np.uint8))
    cv2.floodFill(outside, None, (0, 0), 2)
    return np.asarray(outside[1:-1, 1:-1] != 2)
