"""Where lines of machine readable zones lie in a camera's picture, at any turn: the finding network and its answers.

The model is ``biometrics/bundled/mrz-place.tflite`` with its manifest; scripts/train/mrz makes it. What it finds is
rough: ``zone`` looks at each candidate with the network that reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.models import BUNDLED, load_manifest
from hotspotd.biometrics.runtime import Model

NAME = "mrz-place"
SIDE = 640
"""Longest side of the picture that is searched [px]; its sides are padded to multiples of 16."""
CELL = 8
"""Its pixels for each number of the network."""
OUTPUT = "places"
MOST = 8
"""Lines that are given."""

_MULTIPLE = 16
_AROUND = 25
_FLOOR = 3.0
_LIKELY = 0.0
"""Logit from which a place belongs to a line."""
_SAME_WAY = 0.94
_LEAST_CELLS = 9.0
"""Characters' widths from which something is a line: of a torn one at least so much is seen."""

Image = NDArray[np.uint8]
Float = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Rough:
    """A line in the picture's pixels: its middle, the unit vector in which it is read, its length, a cell's width."""

    x: float
    y: float
    along_x: float
    along_y: float
    length: float
    cell: float


def even_picture(picture: Image) -> Float:
    """A grey picture (h, w) uint8 without its light and its contrast: (h, w) float32, about -4 to 4."""
    values = picture.astype(np.float32)
    values -= cv2.blur(values, (_AROUND, _AROUND), borderType=cv2.BORDER_REPLICATE)
    power = cv2.blur(values * values, (_AROUND, _AROUND), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(values / (np.sqrt(np.maximum(power, 0)) + np.float32(_FLOOR)), -4, 4), np.float32)


class Locator:
    """The network, loaded. Thread-safe; calls take turns."""

    def __init__(self, model: Model | None = None) -> None:
        """Raises BiometricError where the model or a runtime is missing or wrong."""
        self._model = model or Model(load_manifest(BUNDLED / f"{NAME}.toml"), threads=1)

    def candidates(self, grey: Image) -> list[Rough]:
        """At most MOST lines in ``grey`` (h, w) uint8, the longest first."""
        scale = SIDE / max(grey.shape)
        size = max(_MULTIPLE, round(grey.shape[1] * scale)), max(_MULTIPLE, round(grey.shape[0] * scale))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        evened = even_picture(np.asarray(small, np.uint8))
        down, right = -evened.shape[0] % _MULTIPLE, -evened.shape[1] % _MULTIPLE
        evened = np.asarray(cv2.copyMakeBorder(evened, 0, down, 0, right, cv2.BORDER_CONSTANT, value=0.0), np.float32)
        said = self._model.run(evened[None, :, :, None])[OUTPUT][0]
        return [
            Rough(one.x / scale, one.y / scale, one.along_x, one.along_y, one.length / scale, one.cell / scale)
            for one in lines_of(said)
        ]


def lines_of(said: Float) -> list[Rough]:
    """The lines in what the network says, (h, w, 5), in pixels of the searched picture."""
    rows, columns = np.nonzero(said[..., 0] > _LIKELY)
    values = said[rows, columns].astype(np.float64)
    way = values[:, 1:3] / np.maximum(np.hypot(values[:, 1], values[:, 2]), 1e-6)[:, None]
    middle = np.stack([columns, rows], 1) * CELL + (CELL - 1) / 2
    middle = middle + np.stack([-way[:, 1], way[:, 0]], 1) * values[:, 3:4] * CELL
    cell = np.exp(np.clip(values[:, 4], -1.5, 2)) * CELL
    left = np.ones(len(values), bool)
    out: list[Rough] = []
    while left.sum() >= 4 and len(out) < 3 * MOST:
        seed = int(np.flatnonzero(left)[values[left, 0].argmax()])
        own = left & _beside(middle, middle[seed], way[seed], 0.5 * cell[seed]) & (way @ way[seed] > _SAME_WAY)
        for _ in range(2):
            # Once more about the line through all of them: one place's direction is not exact over a whole line.
            centre, along = _through(middle[own], way[own])
            own = left & _beside(middle, centre, along, 0.45 * cell[seed]) & (way @ along > _SAME_WAY)
            if own.sum() < 4:
                break
        left &= ~own
        left[seed] = False
        if own.sum() >= 4:
            out.append(_rough(middle[own], way[own], cell[own]))
    out = [one for one in out if one.length > _LEAST_CELLS * one.cell]
    return sorted(out, key=lambda one: -one.length)[:MOST]


def _beside(points: Doubles, centre: Doubles, along: Doubles, limit: float) -> Bools:
    off = points - centre
    return np.asarray(np.abs(off[:, 1] * along[0] - off[:, 0] * along[1]) < limit)


def _through(points: Doubles, way: Doubles) -> tuple[Doubles, Doubles]:
    """Centre of the points, and the direction of the line through them."""
    centre = points.mean(axis=0)
    mean = way.sum(axis=0)
    mean = mean / max(float(np.hypot(*mean)), 1e-6)
    off = points - centre
    if float(np.ptp(off @ mean)) < 4 * CELL:
        return centre, mean
    along = np.linalg.svd(off, full_matrices=False)[2][0]
    return centre, np.asarray(along if along @ mean > 0 else -along)


def _rough(points: Doubles, way: Doubles, cell: Doubles) -> Rough:
    centre, along = _through(points, way)
    reach = (points - centre) @ along
    first, last = float(reach.min()) - CELL / 2, float(reach.max()) + CELL / 2
    x, y = centre + along * (first + last) / 2
    return Rough(float(x), float(y), float(along[0]), float(along[1]), last - first, float(np.median(cell)))
