"""How usable a print is, 0 to 100, and what the traveller could do about it.

A heuristic of our own over area, contrast and agreement with the ridge field; it is not NFIQ 2 and must not be
reported as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.reading import Reading, read


class FingerProblem(StrEnum):
    """What is wrong with a print, in terms a traveller can act on."""

    NO_FINGER = "no_finger"
    TOO_SMALL = "too_small"
    OFF_CENTRE = "off_centre"
    TOO_DRY = "too_dry"
    TOO_WET = "too_wet"
    TOO_LIGHT = "too_light"


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
_FULL_AREA = 120.0
"""mm² from which more area adds nothing here: a plain print on a 13 x 15 mm sensor has 150 to 190."""


def judge(reading: Reading) -> FingerQuality:
    """The same for a picture that has been read."""
    seen = _look(reading)
    if not _is_print(seen):
        return FingerQuality(0, (FingerProblem.NO_FINGER,), seen.area, finger=False)
    problems = []
    score = 100 * _ramp(seen.area, 25.0, _FULL_AREA) * _ramp(seen.clarity, 0.40, 0.75)
    if seen.area < 80 and seen.contrast < 28:
        problems.append(FingerProblem.TOO_LIGHT)
        score *= 0.6
    elif seen.dark < 0.22 and seen.clarity < 0.68:
        problems.append(FingerProblem.TOO_DRY)
        score *= 0.33
    elif seen.dark > 0.7 and seen.clarity < 0.68:
        problems.append(FingerProblem.TOO_WET)
        score *= 0.6
    if _off_centre(reading, seen):
        problems.append(FingerProblem.OFF_CENTRE)
    elif seen.area < 60 and not problems:
        problems.append(FingerProblem.TOO_SMALL)
    return FingerQuality(max(1, min(100, round(score))), tuple(problems), seen.area, finger=True)


@dataclass(frozen=True)
class _Look:
    """area [mm²]; clarity 0..1, how much the ridge field explains; coherence 0..1; period [px]; contrast [grey levels];
    dark 0..1, the share of the print's pixels nearer to its black than to the background.
    """

    area: float
    clarity: float
    coherence: float
    period: float
    contrast: float
    dark: float
    points: int


def _look(reading: Reading) -> _Look:
    mask, blocks = reading.field.mask, reading.field.block_mask
    if not (mask.any() and blocks.any()):
        return _Look(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
    inside = reading.picture[mask]
    middle = (float(np.percentile(inside, 5)) + float(np.percentile(reading.picture, 97))) / 2
    return _Look(
        float(mask.sum()) * (25.4 / 500) ** 2,
        float(reading.reliability[mask].mean()),
        float(reading.field.coherence[blocks].mean()),
        float(np.median(reading.field.period[blocks])),
        float(reading.field.contrast[blocks].mean()),
        float((inside < middle).mean()),
        len(reading.points),
    )


def _is_print(seen: _Look) -> bool:
    """Ridges agree with their surroundings, lie a ridge distance apart, and do end and fork somewhere."""
    if seen.area < _NO_PRINT_AREA or seen.clarity < 0.3 or seen.coherence < 0.80:
        return False
    if seen.coherence < 0.88 and (seen.period > 12.5 or seen.contrast > 90):
        return False
    return not (seen.area > 110 and seen.points < 3)


def _off_centre(reading: Reading, seen: _Look) -> bool:
    """The print runs out of the picture on the side towards which it lies, and too little of it is left."""
    mask = reading.field.mask
    height, width = mask.shape
    y, x = (float(index.mean()) for index in np.nonzero(mask))
    over = {
        "left": (width / 2 - x, mask[:, 2].mean()),
        "right": (x - width / 2, mask[:, -3].mean()),
        "top": (height / 2 - y, mask[2].mean()),
        "bottom": (y - height / 2, mask[-3].mean()),
    }
    return seen.area < 140 and any(shift > 25 and cut > 0.2 for shift, cut in over.values())


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
