"""Error rates of scores: FMR and FNMR over the threshold, and the figures that are read off them.

A comparison matches when its score reaches the threshold. Where one of the pictures had no template the score is
``NO_SCORE``, which reaches none: a failure to enrol counts as a non-match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.evaluation.pairs import Index

Scores = NDArray[np.float64]

NO_SCORE: Final = -np.inf

_RESAMPLES: Final = 1000
_RESAMPLED_SCORES: Final = 40_000_000
"""Scores that resampling may look at in all, some seconds: large sets are resampled less often."""
_FEWEST_RESAMPLES: Final = 100
_FEWEST_FINGERS: Final = 5
"""Resampling fewer says nothing."""


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """Error rates in percent, and of how many comparisons.

    ``eer`` where FMR and FNMR cross; ``fmr100``, ``fmr1000``, ``zero_fmr``: lowest FNMR with FMR at most 1 %, at most
    0.1 %, and without a false match. ``eer_ci95``: 2.5 % and 97.5 % points of the EER when the fingers are drawn
    again (bootstrap), None for fewer than five. ``fmr_bound95``: where no false match is seen in so many impostor
    comparisons, the FMR may still be this (rule of three), were the comparisons independent.
    """

    eer: float
    fmr100: float
    fmr1000: float
    zero_fmr: float
    genuine: int
    impostor: int
    eer_ci95: tuple[float, float] | None
    fmr_bound95: float


@dataclass(frozen=True)
class Curve:
    """FMR and FNMR (0..1) at each threshold that makes a difference, thresholds rising, the last one unreachable."""

    thresholds: Scores
    fmr: Scores
    fnmr: Scores

    def lowest_fnmr(self, fmr: float) -> float:
        """The lowest FNMR at which the measured FMR is at most ``fmr``."""
        return float(self.fnmr[np.argmax(self.fmr <= fmr)])


@dataclass(frozen=True)
class Labelled:
    """Scores of one set or of several with one threshold, and the fingers they are of.

    genuine (g,) and impostor (i,) scores; genuine_finger (g,), impostor_fingers (2, i): numbers of the fingers, from 0
    and different in different sets.
    """

    genuine: Scores
    impostor: Scores
    genuine_finger: Index
    impostor_fingers: Index


def curve(genuine: Scores, impostor: Scores) -> Curve:
    """FMR and FNMR of these scores. Neither may be empty (ValueError)."""
    if not (len(genuine) and len(impostor)):
        raise ValueError("error rates need genuine and impostor scores")
    thresholds = _thresholds(genuine, impostor)
    missed = np.searchsorted(np.sort(genuine), thresholds, side="left")
    stopped = np.searchsorted(np.sort(impostor), thresholds, side="left")
    return Curve(thresholds, (len(impostor) - stopped) / len(impostor), missed / len(genuine))


def equal_error_rate(fmr: Scores, fnmr: Scores) -> float:
    """EER 0..1 of rates over rising thresholds, as in FVC2000.

    The mean of FMR and FNMR at the last threshold with FNMR at most FMR, or at the first with FNMR at least FMR:
    whichever has the smaller mean.
    """
    after = int(np.argmax(fnmr >= fmr))
    before = len(fmr) - 1 - int(np.argmax((fnmr <= fmr)[::-1]))
    if fnmr[before] > fmr[before]:  # So many failures to enrol that the curves never cross.
        before = after
    low, high = fmr[before] + fnmr[before], fmr[after] + fnmr[after]
    return float(min(low, high)) / 2


def errors(scores: Labelled) -> Errors:
    """The figures of these scores, rounded to a hundredth of a basis point."""
    found = curve(scores.genuine, scores.impostor)
    interval = _eer_interval(scores)
    return Errors(
        eer=percent(equal_error_rate(found.fmr, found.fnmr)),
        fmr100=percent(found.lowest_fnmr(1e-2)),
        fmr1000=percent(found.lowest_fnmr(1e-3)),
        zero_fmr=percent(found.lowest_fnmr(0.0)),
        genuine=len(scores.genuine),
        impostor=len(scores.impostor),
        eer_ci95=None if interval is None else (percent(interval[0]), percent(interval[1])),
        fmr_bound95=percent(min(1.0, 3.0 / len(scores.impostor))),
    )


def percent(share: float) -> float:
    """A share as it is reported."""
    return round(100.0 * share, 4)


def _thresholds(genuine: Scores, impostor: Scores) -> Scores:
    every = np.unique(np.concatenate([genuine, impostor]))
    return np.append(every[np.isfinite(every)], np.inf)


def _eer_interval(scores: Labelled) -> tuple[float, float] | None:
    """2.5 % and 97.5 % points of the EER over draws of as many fingers, with replacement.

    Comparisons of one finger stand and fall together, so fingers are drawn and not comparisons (subset bootstrap;
    Bolle, Ratha, Pankanti: Error analysis of pattern recognition systems, CVIU 93, 2004). Two draws of one finger are
    no impostors of each other.
    """
    fingers = 1 + int(max(scores.genuine_finger.max(), scores.impostor_fingers.max()))
    if fingers < _FEWEST_FINGERS:
        return None
    total = len(scores.genuine) + len(scores.impostor)
    times = int(np.clip(_RESAMPLED_SCORES // total, _FEWEST_RESAMPLES, _RESAMPLES))
    thresholds = _thresholds(scores.genuine, scores.impostor)
    genuine_order, impostor_order = np.argsort(scores.genuine), np.argsort(scores.impostor)
    missed = np.searchsorted(scores.genuine[genuine_order], thresholds, side="left")
    stopped = np.searchsorted(scores.impostor[impostor_order], thresholds, side="left")
    of_genuine = scores.genuine_finger[genuine_order]
    of_one, of_other = scores.impostor_fingers[:, impostor_order]
    rng = np.random.default_rng(2002)
    found = []
    for _ in range(times):
        drawn = np.bincount(rng.integers(fingers, size=fingers), minlength=fingers).astype(np.float64)
        genuine = np.concatenate([[0.0], np.cumsum(drawn[of_genuine])])
        impostor = np.concatenate([[0.0], np.cumsum(drawn[of_one] * drawn[of_other])])
        if genuine[-1] and impostor[-1]:
            fmr = (impostor[-1] - impostor[stopped]) / impostor[-1]
            found.append(equal_error_rate(fmr, genuine[missed] / genuine[-1]))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
