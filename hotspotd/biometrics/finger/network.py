"""The minutiae network: what it is shown, and what its numbers mean.

The model itself is ``bundled/finger-minutiae.tflite`` with its manifest; scripts/train/minutiae makes it, and
docs/model-card-finger-minutiae.md says from what and how well it does.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.evening import even_out
from hotspotd.biometrics.models import BUNDLED, load_manifest
from hotspotd.biometrics.runtime import Model

NAME = "finger-minutiae"
CELL = 4
"""Pixels to a cell of the fine output: at most one minutia lies in a cell."""
STEP = 8
"""Pixels between samples of the field."""
_MULTIPLE = 16
_POINT_CHANNELS = 6
_SMALL = 330 * 330
"""A picture of so many pixels is shown whole: another size than the last costs more than bare glass does."""
_WINDOW_STEP = 64
_MARGIN = 16
_NOTHING = -20.0
"""A logit that is no."""

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Sight:
    """What the network says of a picture (h, w) at 500 dpi.

    Per cell (h/4, w/4) float32: confidence 0..1 that a minutia lies there; x, y [px] where; angle [rad], as in
    ``template``; bifurcation 0..1. Sampled every STEP px, (h/8, w/8): theta ridge orientation [0, π), coherence 0..1
    how sure of it, readable 0..1 how well ridges can be seen.
    """

    confidence: Float
    x: Float
    y: Float
    angle: Float
    bifurcation: Float
    theta: Float
    coherence: Float
    readable: Float


def see(picture: NDArray[np.uint8]) -> Sight:
    """What the network says of a 500 dpi ``picture`` (h, w) uint8. Raises BiometricError where it cannot be run."""
    rows, columns = _window(picture)
    evened = even_out(np.ascontiguousarray(picture[rows, columns]))
    height, width = evened.shape
    down, right = -height % _MULTIPLE, -width % _MULTIPLE
    if down or right:
        evened = np.asarray(cv2.copyMakeBorder(evened, 0, down, 0, right, cv2.BORDER_REFLECT_101), dtype=np.float32)
    outputs = _model().run(evened[None, :, :, None])
    # The ridges themselves are what the network learned by; nothing here needs them.
    fine = _placed(outputs["fine"][0, :, :, :_POINT_CHANNELS], picture, rows, columns, CELL)
    field = _placed(outputs["field"][0], picture, rows, columns, STEP)
    across = np.arange(fine.shape[1], dtype=np.float32)[None] + np.float32(0.5)
    along = np.arange(fine.shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
    return Sight(
        _share(fine[..., 0]),
        (across + fine[..., 1]) * CELL,
        (along + fine[..., 2]) * CELL,
        _angle(fine[..., 3], fine[..., 4]),
        _share(fine[..., 5]),
        np.float32(0.5) * _angle(field[..., 0], field[..., 1]),
        np.minimum(np.hypot(field[..., 0], field[..., 1]), np.float32(1.0)),
        _share(field[..., 2]),
    )


def _window(picture: NDArray[np.uint8]) -> tuple[slice, slice]:
    """The part of the picture that has any texture, in steps of WINDOW_STEP: most of a large sensor may be bare."""
    height, width = picture.shape
    everything = slice(0, height), slice(0, width)
    if height * width <= _SMALL:
        return everything
    coarse = cv2.resize(picture, (width // STEP, height // STEP), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
    square = cv2.resize(fine * fine, coarse.shape[::-1], interpolation=cv2.INTER_AREA)
    spread = cv2.blur(np.sqrt(np.maximum(square - coarse * coarse, 0)), (3, 3))
    textured: NDArray[np.bool_] = spread > max(4.0, 0.15 * float(np.percentile(spread, 95)))
    if not textured.any():
        return everything
    return _span(np.flatnonzero(textured.any(axis=1)), height), _span(np.flatnonzero(textured.any(axis=0)), width)


def _span(places: NDArray[np.intp], side: int) -> slice:
    """From the first to the last place with texture, widened to a multiple of WINDOW_STEP that lies in the picture."""
    first, last = int(places[0]) * STEP - _MARGIN, (int(places[-1]) + 1) * STEP + _MARGIN
    length = min(side, -(-(last - first) // _WINDOW_STEP) * _WINDOW_STEP)
    first = max(0, min((first + last - length) // 2, side - length)) // STEP * STEP
    return slice(first, min(side, first + length))


def _placed(output: Float, picture: NDArray[np.uint8], rows: slice, columns: slice, step: int) -> Float:
    """The window's ``output`` laid into that of the whole picture; outside, nothing is there and nothing readable."""
    height, width = (-(-side // step) for side in picture.shape)
    out = np.full((height, width, output.shape[2]), _NOTHING, dtype=np.float32)
    top, left = rows.start // step, columns.start // step
    part = output[: height - top, : width - left]
    out[top : top + part.shape[0], left : left + part.shape[1]] = part
    return out


def _angle(cosine: Float, sine: Float) -> Float:
    """[0, 2π), to 0.3°: finer than a template keeps it."""
    return np.asarray(cv2.phase(np.ascontiguousarray(cosine), np.ascontiguousarray(sine)), dtype=np.float32)


def _share(logit: Float) -> Float:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logit), dtype=np.float32)


_opening = threading.Lock()


@cache
def _open() -> Model:
    return Model(load_manifest(BUNDLED / f"{NAME}.toml"), threads=1)


def _model() -> Model:
    with _opening:
        return _open()
