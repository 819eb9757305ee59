"""Smooth random fields, quickly: a pool of them is made once, and pieces are cut out of it, turned and mirrored."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_SIDE = 1024
_SIGMAS = (0.0, 0.7, 1.2, 1.8, 2.6, 4.0, 6.0, 10.0, 16.0, 25.0, 40.0, 60.0)


class Pool:
    """Fields of zero mean and unit spread at a dozen scales; the same ``seed`` gives the same pool."""

    def __init__(self, seed: int, layers: int = 2) -> None:
        rng = np.random.default_rng([0x504F4F4C, seed])
        self._fields = {sigma: [_field(rng, sigma) for _ in range(layers)] for sigma in _SIGMAS}

    def cut(self, rng: np.random.Generator, size: tuple[int, int], sigma: float) -> Float:
        """(h, w) piece, ``size`` up to 1024 each way, of the scale nearest to ``sigma`` [px]. A view or a copy."""
        nearest = min(_SIGMAS, key=lambda known: abs(known - sigma))
        layers = self._fields[nearest]
        field = layers[int(rng.integers(len(layers)))]
        if rng.random() < 0.5:
            field = field.T
        if rng.random() < 0.5:
            field = field[::-1]
        if rng.random() < 0.5:
            field = field[:, ::-1]
        height, width = size
        top, left = (int(rng.integers(_SIDE - side + 1)) for side in (height, width))
        piece = field[top : top + height, left : left + width]
        return piece if rng.random() < 0.5 else -piece


def _field(rng: np.random.Generator, sigma: float) -> Float:
    scale = max(1, int(sigma / 3))
    side = _SIDE // scale + 2
    noise = rng.standard_normal((side, side)).astype(np.float32)
    if sigma > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), max(sigma / scale, 0.4)), dtype=np.float32)
    if scale > 1:
        noise = np.asarray(cv2.resize(noise, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
    noise = noise[:_SIDE, :_SIDE]
    return np.asarray((noise - noise.mean()) / (noise.std() + 1e-6), dtype=np.float32)
