"""How usable a print is, 0 to 100, and what the traveller could do about it.

A heuristic of our own over area, contrast and how well ridges can be read; it is not NFIQ 2 and must not be
reported as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.minutiae import SURE
from hotspotd.biometrics.finger.network import STEP
from hotspotd.biometrics.finger.reading import Reading, read
from hotspotd.biometrics.finger.regularity import regularity


class FingerProblem(StrEnum):
    """What is wrong with a print, in terms a traveller can act on."""

    NO_FINGER = "no_finger"
    TOO_SMALL = "too_small"
    OFF_CENTRE = "off_centre"
    TOO_DRY = "too_dry"
    TOO_WET = "too_wet"
    TOO_LIGHT = "too_light"
    MOVED = "moved"


@dataclass(frozen=True)
class FingerQuality:
    """``score`` 0..100, 0 = no finger; ``problems`` worst first; ``area`` of the print [mm²]; ``finger``: seen."""

    score: int
    problems: tuple[FingerProblem, ...]
    area: float
    finger: bool


def assess(image: NDArray[np.uint8], dpi: int) -> FingerQuality:
    """Quality of a print (h, w) uint8 at ``dpi``. Raises BiometricError(BAD_IMAGE); an empty picture scores 0."""
    return judge(read(image, dpi))


_NO_PRINT_AREA = 12.0
"""mm²: less shows no finger, only dirt."""
_FEWEST, _MANY = 0.05, 0.4
"""Minutiae to a mm²: real prints have 0.15 to 0.5, drawn lines next to none, hair more."""
_LEAST_REGULAR = 0.2
"""Real prints have more than 0.28."""
_SMALL_AREA, _SMALL_CLARITY, _ENOUGH = 35.0, 0.5, 12
"""A patch smaller than this, with fewer minutiae, must be clearer and regular too: folds and eyebrows look like it."""
_FULL_AREA = 120.0
"""mm² from which more area adds nothing here: a plain print on a 13 x 15 mm sensor has 150 to 190."""


def judge(reading: Reading) -> FingerQuality:
    """The same for a picture that has been read."""
    seen = _look(reading)
    if not (_is_print(seen) and _is_skin(reading, seen)):
        return FingerQuality(0, (FingerProblem.NO_FINGER,), seen.area, finger=False)
    problems = []
    score = 100 * _ramp(seen.area, 25.0, _FULL_AREA) * _ramp(seen.clarity, 0.30, 0.68)
    if _moved(seen):
        problems.append(FingerProblem.MOVED)
        score *= 0.7
    elif seen.dark < 0.25 and seen.clarity < 0.60:
        problems.append(FingerProblem.TOO_DRY)
        score *= 0.33
    elif seen.dark > 0.8 and seen.clarity < 0.64:
        problems.append(FingerProblem.TOO_WET)
        score *= 0.6
    elif seen.area < 80 and seen.contrast < 28:
        problems.append(FingerProblem.TOO_LIGHT)
        score *= 0.6
    if _off_centre(reading, seen):
        problems.append(FingerProblem.OFF_CENTRE)
    elif seen.area < 60 and not problems:
        problems.append(FingerProblem.TOO_SMALL)
    return FingerQuality(max(1, min(100, round(score))), tuple(problems), seen.area, finger=True)


@dataclass(frozen=True)
class _Look:
    """area [mm²]; clarity 0..1, how well its ridges can be read; coherence 0..1; contrast [grey levels]; levels from
    its black to bare glass; dark 0..1, the share of the print's pixels nearer to its black than to the background;
    points: sure minutiae.
    """

    area: float
    clarity: float
    coherence: float
    contrast: float
    levels: float
    dark: float
    points: int

    @property
    def is_patch(self) -> bool:
        """So little that it need not be of a finger."""
        return self.area < _SMALL_AREA and self.points < _ENOUGH


def _look(reading: Reading) -> _Look:
    mask, blocks = reading.field.mask, reading.field.block_mask
    if not (mask.any() and blocks.any()):
        return _Look(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
    # Every other pixel says as much about grey levels.
    picture, mask = reading.picture[::2, ::2], mask[::2, ::2]
    inside = picture[mask]
    black, bare = _level(inside, 0.05), _level(picture.ravel(), 0.97)
    return _Look(
        float(mask.sum()) * 4 * (25.4 / 500) ** 2,
        float(reading.field.readable[blocks].mean()),
        float(reading.field.coherence[blocks].mean()),
        float(reading.field.contrast[blocks].mean()),
        float(bare - black),
        float((inside < (black + bare) / 2).mean()),
        int((reading.points.strength > SURE).sum()),
    )


def _level(grey: NDArray[np.uint8], share: float) -> int:
    """Grey level that ``share`` of the pixels don't exceed."""
    return int(np.searchsorted(np.cumsum(np.bincount(grey, minlength=256)), share * grey.size))


def _is_print(seen: _Look) -> bool:
    """Ridges agree with their surroundings, and they do end and fork somewhere."""
    least = _SMALL_CLARITY if seen.is_patch else 0.36
    if seen.area < _NO_PRINT_AREA or seen.clarity < least or seen.coherence < 0.88:
        return False
    return seen.points >= max(3, _FEWEST * seen.area)


def _moved(seen: _Look) -> bool:
    """Much skin, and ridges and valleys smeared into one grey."""
    grey = seen.dark > 0.7 and seen.contrast < min(22.0, 0.2 * seen.levels)
    return grey and seen.area >= 80 and seen.clarity < 0.68


def _is_skin(reading: Reading, seen: _Look) -> bool:
    """Asked only where there is reason to: a small patch, blurred, or minutiae everywhere."""
    plain = seen.dark > 0.8 or (seen.clarity > 0.55 and seen.points < _MANY * seen.area)
    if plain and not seen.is_patch:
        return True
    rows, columns = (np.flatnonzero(reading.field.block_mask.any(axis=axis)) * STEP for axis in (1, 0))
    part = reading.picture[rows[0] : rows[-1] + STEP, columns[0] : columns[-1] + STEP]
    return regularity(part) > _LEAST_REGULAR


def _off_centre(reading: Reading, seen: _Look) -> bool:
    """The print runs out of the picture on the side towards which it lies, and too little of it is left."""
    mask = reading.field.mask
    height, width = mask.shape
    blocks = reading.field.block_mask
    y, x = (float(index.mean() + 0.5) * STEP for index in np.nonzero(blocks))
    over = {
        "left": (width / 2 - x, mask[:, 2].mean()),
        "right": (x - width / 2, mask[:, -3].mean()),
        "top": (height / 2 - y, mask[2].mean()),
        "bottom": (y - height / 2, mask[-3].mean()),
    }
    return seen.area < 140 and any(shift > 25 and cut > 0.2 for shift, cut in over.values())


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
