"""A picture of a finger as an R30x module's sensor would see it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

# About one and a half ridge periods at 500 dpi: a window this wide holds a ridge and a valley.
_WINDOW = 15
# Standard deviation of grey below which a window holds no ridges (paper, glass, sensor noise).
_FLAT = 8.0


def load(path: Path) -> NDArray[np.uint8]:
    """The (height, width) grey picture in this file. Raises ValueError when it is none, OSError when not there."""
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise ValueError(f"{path} is no picture")
    return pixels.astype(np.uint8, copy=False)


def ridge_centre(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """(row, column) of the centre of everything that has ridges; the middle where nothing has."""
    grey = pixels.astype(np.float32)
    mean = cv2.blur(grey, (_WINDOW, _WINDOW))
    deviation = np.sqrt(np.maximum(cv2.blur(grey * grey, (_WINDOW, _WINDOW)) - mean * mean, 0))
    mass = np.maximum(deviation - _FLAT, 0)
    total = float(mass.sum())
    height, width = pixels.shape
    if total <= 0:
        return (height - 1) / 2, (width - 1) / 2
    row = float((mass.sum(axis=1) * np.arange(height)).sum()) / total
    column = float((mass.sum(axis=0) * np.arange(width)).sum()) / total
    return row, column


def on_glass(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """``pixels`` cut or padded around its ridges to ``size`` (height, width); padding is as light as its background."""
    centre = ridge_centre(pixels)
    placed = np.full(size, int(np.percentile(pixels, 95)), np.uint8)
    source, target = [], []
    for axis in (0, 1):
        have, want = pixels.shape[axis], size[axis]
        # Never shows outside what it could show inside.
        first = int(np.clip(round(centre[axis] - (want - 1) / 2), min(0, have - want), max(0, have - want)))
        begin, end = max(first, 0), min(first + want, have)
        source.append(slice(begin, end))
        target.append(slice(begin - first, end - first))
    placed[target[0], target[1]] = pixels[source[0], source[1]]
    return placed
