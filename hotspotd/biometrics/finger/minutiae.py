"""Minutiae out of what the network says: the peaks of its confidence, one a place, where the print can be read.

Angles follow the convention of ``template.FingerTemplate``: an ending and the bifurcation that it turns into under
more pressure point the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.network import CELL, STEP, Float, Sight

SURE = 0.30
"""Confidence from which a minutia is one for certain."""
_UNSURE = 0.20
_WANTED = 50
"""A print with fewer sure minutiae gets its less sure ones too, down to UNSURE."""
_LEAST_READABLE = 0.25
_APART = 6.0
"""Two minutiae nearer than this [px] that point about the same way are one seen twice."""
_SAME_WAY = 0.3

Index = NDArray[np.intp]


@dataclass(frozen=True)
class Points:
    """x, y [px], angle [rad], kind, strength 0..1; one length."""

    x: Float
    y: Float
    angle: Float
    kind: NDArray[np.uint8]
    strength: Float

    def only(self, keep: NDArray[np.bool_] | Index) -> Points:
        """The points that ``keep`` selects."""
        return Points(self.x[keep], self.y[keep], self.angle[keep], self.kind[keep], self.strength[keep])

    def __len__(self) -> int:
        return len(self.x)


def find(sight: Sight, shape: tuple[int, int]) -> Points:
    """The minutiae of a picture of ``shape`` (h, w), surest first."""
    height, width = shape
    confidence = sight.confidence
    peak = confidence >= cv2.dilate(confidence, np.ones((3, 3), np.uint8))
    row, column = np.nonzero(peak & (confidence > _UNSURE))
    factor = STEP // CELL
    clear = sight.readable[row // factor, column // factor] > _LEAST_READABLE
    x, y = sight.x[row, column], sight.y[row, column]
    chosen = np.flatnonzero(clear & (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1))
    chosen = chosen[np.argsort(-confidence[row, column][chosen], kind="stable")]
    row, column = row[chosen], column[chosen]
    kind = (sight.bifurcation[row, column] > 0.5).astype(np.uint8)
    points = Points(x[chosen], y[chosen], sight.angle[row, column], kind, confidence[row, column])
    points = points.only(_first_of_each(points))
    kept = max(int((points.strength > SURE).sum()), _WANTED)
    return points.only(np.arange(len(points)) < kept)


def _first_of_each(points: Points) -> NDArray[np.bool_]:
    """Which points are no double of a surer one."""
    apart = np.hypot(points.x[:, None] - points.x, points.y[:, None] - points.y)
    same = (apart < _APART) & (np.cos(points.angle[:, None] - points.angle) > _SAME_WAY)
    keep = np.ones(len(points), dtype=bool)
    for index in np.flatnonzero(np.triu(same, 1).any(axis=1)):
        if keep[index]:
            keep[index + 1 :] &= ~same[index, index + 1 :]
    return keep
