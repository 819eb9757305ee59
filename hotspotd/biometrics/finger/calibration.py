"""What a comparison score is worth: the false match rate at a threshold of that score.

A tail fitted to impostor scores, from ``calibration.json``, which ``scripts/train/calibrate_fingers.py`` makes and
which says how. Beyond the range that impostors reached the tail is extrapolated; nothing below ``floor`` is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import msgspec
import numpy as np

from hotspotd.errors import BiometricError, Reason


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knots of the curve: scores rising, log10 of FMR falling; linear between them and beyond the last."""

    engine: str
    scores: tuple[float, ...]
    log10_fmr: tuple[float, ...]
    floor: float
    measured_down_to: float
    how: str


@dataclass(frozen=True)
class _Curve:
    scores: np.ndarray[tuple[int], np.dtype[np.float64]]
    log10_fmr: np.ndarray[tuple[int], np.dtype[np.float64]]
    slope: float
    floor: float


def load(data: bytes) -> Calibration:
    """A checked calibration. Raises BiometricError(BAD_TEMPLATE) where the curve is not one."""
    try:
        found = msgspec.json.decode(data, type=Calibration)
    except msgspec.MsgspecError as error:
        raise _bad(str(error)) from error
    if len(found.scores) != len(found.log10_fmr) or len(found.scores) < 2:
        raise _bad("two knots or more are needed, each with a score and a rate")
    rising = all(a < b for a, b in pairwise(found.scores))
    falling = all(a > b for a, b in pairwise(found.log10_fmr))
    if not (rising and falling and found.log10_fmr[0] <= 0 and 0 < found.floor < 1):
        raise _bad("scores must rise, rates fall from at most 1, and the floor lie between 0 and 1")
    return found


def _bad(why: str) -> BiometricError:
    return BiometricError(Reason.BAD_TEMPLATE, f"finger calibration: {why}", "Make calibration.json again.")


@cache
def _curve() -> _Curve:
    found = load(files("hotspotd.biometrics.finger").joinpath("calibration.json").read_bytes())
    scores, rates = np.asarray(found.scores), np.asarray(found.log10_fmr)
    slope = (rates[-1] - rates[-2]) / (scores[-1] - scores[-2])
    return _Curve(scores, rates, float(slope), found.floor)


def false_match_rate(score: float) -> float:
    """Share (0, 1] of comparisons of different fingers that reach ``score`` or more; never rises with the score."""
    curve = _curve()
    if not score > curve.scores[0]:
        return 1.0
    if score <= curve.scores[-1]:
        log10 = float(np.interp(score, curve.scores, curve.log10_fmr))
    else:
        log10 = float(curve.log10_fmr[-1]) + curve.slope * (score - float(curve.scores[-1]))
    return float(max(curve.floor, 10.0 ** max(log10, -300.0)))
