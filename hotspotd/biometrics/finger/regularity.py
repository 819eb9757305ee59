"""Whether texture is as regular as skin: hair and cloth run along a direction too, but not at one distance."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_SIDE, _STEP = 48, 24
"""Blocks [px at 500 dpi]: four to six ridges."""
_LEAST_SPREAD = 12.0
"""Grey levels below which a block says nothing."""
_RIDGES = (0.05, 0.2)
"""Cycles per pixel: ridges lie 5 to 20 px apart."""
_NEAR = np.log(1.22)
"""How far the frequencies of neighbouring blocks of one finger lie apart."""


def regularity(picture: NDArray[np.uint8]) -> float:
    """0..1 of a 500 dpi ``picture`` (h, w): share of blocks whose strongest frequency is that of ridges, times the
    share of neighbours that agree in it; 1 where there is too little to say. Prints of three FVC sets have 0.28 to 0.9,
    drawn hair 0.04 to 0.22.
    """
    if min(picture.shape) < _SIDE:
        return 1.0
    views = np.lib.stride_tricks.sliding_window_view(picture, (_SIDE, _SIDE))[::_STEP, ::_STEP]
    rows, columns = views.shape[:2]
    blocks = views.reshape(-1, _SIDE, _SIDE).astype(np.float32)
    blocks = blocks - blocks.mean(axis=(1, 2), keepdims=True)
    window, radius = _tables()
    said = blocks.std(axis=(1, 2)) >= _LEAST_SPREAD
    power = np.abs(np.fft.rfft2(blocks * window)) ** 2
    power[:, radius < 0.02] = 0
    strongest = radius.ravel()[power.reshape(len(power), -1).argmax(axis=1)].reshape(rows, columns)
    known = said.reshape(rows, columns)
    if known.sum() < 4:
        return 1.0
    ridge = (strongest >= _RIDGES[0]) & (strongest <= _RIDGES[1]) & known
    agree = pairs = 0
    frequency = np.log(np.maximum(strongest, 1e-3))
    for one, other in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
    ):
        both = known[one] & known[other]
        pairs += int(both.sum())
        agree += int((both & (np.abs(frequency[one] - frequency[other]) < _NEAR)).sum())
    return float(ridge.sum() / known.sum()) * (agree / pairs if pairs else 1.0)


@cache
def _tables() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    hann = np.hanning(_SIDE + 2)[1:-1]
    radius = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None])
    return np.outer(hann, hann).astype(np.float32), radius
