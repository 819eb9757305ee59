"""Where lines of machine readable zones lie in a camera's picture, at any turn: the finding network and its answers.

The model is ``biometrics/bundled/mrz-place.tflite`` with its manifest; scripts/train/mrz makes it. What it finds is
rough: ``zone`` looks at each candidate with the network that reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.models import BUNDLED, load_manifest
from hotspotd.biometrics.runtime import Model

NAME = "mrz-place"
SIDE = 768
"""Longest side of the picture that is searched [px]; its sides are padded to multiples of 16."""
CELL = 8
"""Its pixels for each number of the network."""
OUTPUT = "places"
MOST = 12
"""Lines that are given."""

_MULTIPLE = 16
_AROUND = 25
_FLOOR = 3.0
_LIKELY, _FAINT = 0.0, -2.0
"""Logits from which a place belongs to a line, and from which one beside such a place counts a little."""
_PATCHES = 2
_LEAST_PLACES = 12
_LINES = 3
_SHARE_OF_BEST = 0.3
_BIN = 2.0
_SMOOTH = np.array([1, 2, 3, 4, 3, 2, 1]) / 16
"""A place is four bins high: smoothed by that, lines are as sharp at any slope."""

Image = NDArray[np.uint8]
Float = NDArray[np.float32]
Doubles = NDArray[np.float64]


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
        """At most MOST lines in ``grey`` (h, w) uint8, each both ways round, the likeliest first."""
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
    """The lines in what the network says, (h, w, 5), in pixels of the searched picture, each both ways round.

    Which way round a line is to be read, the network says too seldom rightly; its places tell the slope, all together.
    """
    likely = (said[..., 0] > _LIKELY).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(likely, np.ones((3, 3), np.uint8)))
    out: list[Rough] = []
    for label in np.argsort(-stats[1:, cv2.CC_STAT_AREA])[:_PATCHES] + 1 if count > 1 else []:
        rows, columns = np.nonzero((labels == label) & (said[..., 0] > _FAINT))
        if len(rows) >= _LEAST_PLACES:
            values = said[rows, columns].astype(np.float64)
            points = np.stack([columns, rows], 1).astype(np.float64) * CELL + (CELL - 1) / 2
            out += _lines_of_patch(
                points, 1 / (1 + np.exp(-values[:, 0])), float(np.exp(np.median(values[:, 4])) * CELL)
            )
    return out[:MOST]


def _lines_of_patch(points: Doubles, weight: Doubles, cell: float) -> list[Rough]:
    """The lines of one patch of places: parallel, where most places lie, heaviest first."""
    centre = (points * weight[:, None]).sum(axis=0) / weight.sum()
    off = points - centre
    along = np.linalg.svd(off * weight[:, None], full_matrices=False)[2][0]
    turns = np.arctan2(along[1], along[0]) + np.deg2rad(np.arange(-12, 12.1, 0.5))
    profiles = [_profile(off, weight, turn) for turn in turns]
    best = int(np.argmax([np.square(profile).sum() for profile in profiles]))
    along, profile = np.array([np.cos(turns[best]), np.sin(turns[best])]), profiles[best]
    across = off @ (-along[1], along[0])
    out: list[Rough] = []
    for peak in np.argsort(-profile):
        if profile[peak] < _SHARE_OF_BEST * profile.max() or len(out) == 2 * _LINES:
            break
        place = (peak - len(profile) // 2) * _BIN
        if any(abs(float((np.array([one.x, one.y]) - centre) @ (-along[1], along[0])) - place) < cell for one in out):
            continue
        own = np.abs(across - place) < 0.7 * cell
        if own.sum() < _LEAST_PLACES // 2:
            continue
        reach = off[own] @ along
        first, last = np.quantile(reach, 0.01) - CELL / 2, np.quantile(reach, 0.99) + CELL / 2
        x, y = centre + along * (first + last) / 2 + np.array([-along[1], along[0]]) * place
        found = Rough(float(x), float(y), float(along[0]), float(along[1]), float(last - first), cell)
        out += [found, replace(found, along_x=-found.along_x, along_y=-found.along_y)]
    return out


def _profile(off: Doubles, weight: Doubles, turn: float) -> Doubles:
    """How much lies at each distance across a direction, in bins of _BIN pixels, the middle at 0."""
    across = off @ (-np.sin(turn), np.cos(turn))
    half = int(SIDE / _BIN)
    bins = np.clip(np.rint(across / _BIN).astype(np.intp) + half, 0, 2 * half)
    summed = np.bincount(bins, weights=weight, minlength=2 * half + 1)
    return np.asarray(np.convolve(summed, _SMOOTH, "same"))
