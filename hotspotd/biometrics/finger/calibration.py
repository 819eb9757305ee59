"""What a comparison score is worth: the false match rate at a threshold of that score.

A curve fitted to impostor scores. The engine brings one, ``calibration.json``, which says how it was made
(``scripts/train/calibrate_fingers.py``); an operator can make one from prints of their own scanner (``hotspotctl
calibrate fingers``) and have it used instead. Below ``measured_down_to`` the rate is extrapolated; nothing below
``floor`` is claimed.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from hotspotd.errors import BiometricError, Reason

LOWEST_FLOOR: Final = 1e-6
"""No smaller rate is ever claimed, by whatever calibration."""
_MOST_BYTES: Final = 256 * 1024
_MOST_KNOTS: Final = 200

Scores = NDArray[np.float64]


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Impostor comparisons that a curve was fitted to: where from, how many, mean excess of their highest scores."""

    name: str
    pairs: Annotated[int, Meta(ge=1)]
    mean_excess: Annotated[float, Meta(ge=0)]


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Knots of the curve: scores rising, log10 of FMR falling; linear between them and beyond the last.

    ``engine`` is the engine whose scores these are, ``measured_down_to`` the smallest rate that was counted and not
    extrapolated, ``floor`` the smallest that is claimed, ``groups`` what it was fitted to, ``how`` the same in words.
    """

    engine: str
    scores: Annotated[tuple[float, ...], Meta(min_length=2, max_length=_MOST_KNOTS)]
    log10_fmr: Annotated[tuple[float, ...], Meta(min_length=2, max_length=_MOST_KNOTS)]
    floor: Annotated[float, Meta(ge=LOWEST_FLOOR, lt=1)]
    measured_down_to: Annotated[float, Meta(gt=0, le=1)]
    groups: Annotated[tuple[Group, ...], Meta(max_length=1000)] = ()
    how: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no curve (ValueError; msgspec reports it as a ValidationError)."""
        if len(self.scores) != len(self.log10_fmr):
            raise ValueError("each score needs a rate")
        if not all(math.isfinite(number) for number in (*self.scores, *self.log10_fmr)):
            raise ValueError("scores and rates must be finite")
        rising = all(a < b for a, b in pairwise(self.scores))
        falling = all(a > b for a, b in pairwise(self.log10_fmr))
        if not (rising and falling and self.log10_fmr[0] <= 0):
            raise ValueError("scores must rise, and rates fall from at most 1")

    @property
    def impostor_pairs(self) -> int:
        """How many comparisons of different fingers the curve rests on."""
        return sum(group.pairs for group in self.groups)

    def threshold(self, rate: float) -> float:
        """The lowest score worth ``rate`` (0..1) or less; infinite below ``floor``."""
        if rate < self.floor:
            return math.inf
        known, logs = np.asarray(self.scores), np.asarray(self.log10_fmr)
        wanted = math.log10(rate)
        if wanted >= logs[-1]:
            return float(np.interp(-wanted, -logs, known))
        slope = (logs[-1] - logs[-2]) / (known[-1] - known[-2])
        return float(known[-1] + (wanted - logs[-1]) / slope)

    def rate(self, score: float) -> float:
        """Share (0, 1] of comparisons of different fingers that reach ``score`` or more; 1 where there is no score."""
        return float(self.rates(np.array([score], dtype=np.float64))[0])

    def rates(self, scores: Scores) -> Scores:
        """``rate`` of each of ``scores`` (n,)."""
        known, logs = np.asarray(self.scores), np.asarray(self.log10_fmr)
        slope = (logs[-1] - logs[-2]) / (known[-1] - known[-2])
        log10 = np.interp(scores, known, logs)
        beyond = scores > known[-1]
        log10[beyond] = np.maximum(logs[-1] + slope * (scores[beyond] - known[-1]), -300.0)
        # "Not above" is not "at most": a score that is no number is worth nothing.
        return np.asarray(np.where(scores > known[0], np.maximum(self.floor, 10.0**log10), 1.0), dtype=np.float64)


def load(data: bytes, source: str = "calibration.json") -> Calibration:
    """A checked calibration from ``source``. Raises BiometricError(BAD_TEMPLATE) where it is none."""
    try:
        if len(data) > _MOST_BYTES:
            raise _bad(source, f"{len(data)} bytes")
        return msgspec.json.decode(data, type=Calibration)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(source, str(error)) from error


def read(path: Path, strictest: float | None = None) -> Calibration:
    """The calibration in ``path``, fit for this engine and for thresholds down to the FMR ``strictest``.

    Raises BiometricError: UNREADABLE, BAD_TEMPLATE where it is none, WRONG_MODEL where another engine gave its scores,
    BAD_VALUE where it claims nothing as small as ``strictest``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BiometricError(
            Reason.UNREADABLE, f"{path}: {error.strerror}", "Check the path, and that hotspotd may read it."
        ) from error
    found, own = load(data, str(path)), bundled()
    if found.engine != own.engine:
        raise BiometricError(
            Reason.WRONG_MODEL,
            f"{path}: made with engine {found.engine}, this is {own.engine}",
            "Its scores mean something else here. Make it again: hotspotctl calibrate fingers DIR --out FILE.",
        )
    if strictest is not None and strictest < found.floor:
        raise BiometricError(
            Reason.BAD_VALUE,
            f"{path}: claims no rate below {found.floor:g}, so that nothing would match at {strictest:g}",
            "Configure a higher false match rate, or calibrate with more fingers.",
        )
    return found


@cache
def bundled() -> Calibration:
    """The calibration that comes with the engine."""
    return load(files("hotspotd.biometrics.finger").joinpath("calibration.json").read_bytes())


class _Used:
    """The calibration in use. One reference, replaced whole: threads see the old one or the new one."""

    calibration: Calibration | None = None


def use(calibration: Calibration | None) -> None:
    """Have this process judge scores by ``calibration``, or by the bundled one (None).

    For whoever puts a process together, once, before it compares anything: rates from before and after do not compare.
    """
    _Used.calibration = calibration


def adopt(path: Path | None, strictest: float) -> None:
    """``use`` what ``read`` gives; the bundled calibration without a ``path``. Raises as ``read``."""
    use(None if path is None else read(path, strictest))


def in_use() -> Calibration:
    """The calibration that ``false_match_rate`` goes by."""
    return _Used.calibration or bundled()


def false_match_rate(score: float) -> float:
    """Share (0, 1] of comparisons of different fingers that reach ``score`` or more; never rises with the score."""
    return in_use().rate(score)


def _bad(source: str, why: str) -> BiometricError:
    return BiometricError(
        Reason.BAD_TEMPLATE, f"{source}: no finger calibration: {why}", "Make it again: hotspotctl calibrate fingers."
    )
