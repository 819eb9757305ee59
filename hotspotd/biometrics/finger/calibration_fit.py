"""From impostor scores to a calibration, on the careful side.

1. Scores come in groups that may differ: sensors, sites, conditions. At each rate the curve takes the group with the
   highest score, so that the rate it claims holds for the worst of them.
2. Of a count, the upper end of its 95 % interval is taken (Wilson, JASA 22, 1927), as if comparisons were independent.
3. A group is measured down to where FEWEST_ABOVE of its scores are left. Below, an exponential tail is assumed for all
   groups, as slow as the slowest one's scores decay, and slower by what chance may hide in so many scores.
4. Nothing is claimed more than DECADES below what was measured, nor below 1e-6.

What it cannot know: a few fingers make many pairs, which are not independent, and nobody has seen the tail. A rate
below ``measured_down_to`` orders candidates; that it holds has not been shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.calibration import LOWEST_FLOOR, Calibration, Group, Scores
from hotspotd.errors import BiometricError, Reason

FEWEST_PAIRS: Final = 200
"""A smaller group measures down to 10 % at best: eleven fingers with two impressions each make 220."""
FEWEST_ABOVE: Final = 9
"""A rate that rests on fewer comparisons is single pairs' luck."""
DECADES: Final = 3.5
"""How far below the last measured rate the tail is believed."""
_STEPS: Final = 5
"""Knots to a decade."""
_Z: Final = 1.645
"""One-sided 95 %."""
_TAIL_SHARE: Final = 0.01
_TAIL_LEAST, _TAIL_MOST = 20, 300
"""Scores that the tail's decay is read from: the highest 1 %, but no fewer and no more than these."""
_GRAIN: Final = 6
"""Decimals that are stored."""


def fit(groups: Mapping[str, Scores], engine: str, how: str) -> Calibration:
    """The curve for these groups of impostor scores (finite), which ``engine`` gave; ``how`` is kept with it.

    Raises BiometricError(BAD_VALUE) for no group, or one with fewer than FEWEST_PAIRS scores or all scores equal.
    """
    if not groups:
        raise BiometricError(Reason.BAD_VALUE, "no impostor scores", "Give sets of two fingers or more.")
    for name, scores in groups.items():
        if len(scores) < FEWEST_PAIRS:
            raise BiometricError(
                Reason.BAD_VALUE,
                f"{name}: {len(scores)} comparisons of different fingers, {FEWEST_PAIRS} are needed",
                "Capture more fingers: eleven with two impressions each are the least, hundreds are better.",
            )
        if not scores.min() < scores.max():
            raise BiometricError(
                Reason.BAD_VALUE, f"{name}: all {len(scores)} scores are {scores[0]:g}", "These are no such scores."
            )
    ordered = {name: np.sort(scores) for name, scores in groups.items()}
    kept = tuple(Group(name, len(scores), round(_mean_excess(scores), _GRAIN)) for name, scores in ordered.items())
    decay = max(_mean_excess(scores) for scores in ordered.values())
    if decay < 10.0 ** (1 - _GRAIN):
        raise BiometricError(Reason.BAD_VALUE, "the highest impostor scores are all the same", "They have no tail.")
    decay *= 1 + _Z / math.sqrt(sum(_tail(len(scores)) for scores in ordered.values()))
    rates = 10.0 ** (-np.arange(_STEPS * 7 + 1) / _STEPS)
    curves = [_Measured(scores, rates) for scores in ordered.values()]
    measured = max(curve.last for curve in curves)
    floor = max(LOWEST_FLOOR, float(f"{measured * 10**-DECADES:.1e}"))
    knots: list[tuple[float, float]] = []
    for rate in rates[rates >= LOWEST_FLOOR / 2].tolist():
        at = round(max(curve.score(rate, decay) for curve in curves), _GRAIN)
        while knots and at <= knots[-1][0]:
            knots.pop()  # Both hold from this score on, so the smaller rate does.
        knots.append((at, round(math.log10(rate), _GRAIN)))
    if knots[0][1] < 0:
        knots.insert(0, (round(knots[0][0] - 10.0**-_GRAIN, _GRAIN), 0.0))
    return Calibration(
        engine=engine,
        scores=tuple(score for score, _ in knots),
        log10_fmr=tuple(log10 for _, log10 in knots),
        floor=floor,
        measured_down_to=float(f"{measured:.2g}"),
        groups=kept,
        how=how,
    )


def upper_bound(count: NDArray[np.intp], total: int) -> Scores:
    """Upper ends of Wilson's one-sided 95 % intervals of shares, of which ``count`` (n,) of ``total`` were seen."""
    share, z2 = count / total, _Z * _Z
    spread = _Z * np.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return np.minimum(1.0, (share + z2 / (2 * total) + spread) / (1 + z2 / total))


class _Measured:
    """One group's scores: from which score on a rate holds."""

    def __init__(self, scores: Scores, rates: Scores) -> None:
        self._values, firsts = np.unique(scores, return_index=True)
        above = len(scores) - firsts
        self._bounds = upper_bound(above, len(scores))
        least = float(self._bounds[above >= FEWEST_ABOVE].min())
        self.last = float(rates[rates >= least].min())
        self._last_score = float(self._values[np.argmax(self._bounds <= self.last)])

    def score(self, rate: float, decay: float) -> float:
        """The lowest score that at most ``rate`` of the comparisons reach, by an exponential tail below ``last``."""
        if rate >= self.last:
            return float(self._values[np.argmax(self._bounds <= rate)])
        return self._last_score + decay * math.log(self.last / rate)


def _tail(pairs: int) -> int:
    return int(np.clip(round(pairs * _TAIL_SHARE), _TAIL_LEAST, _TAIL_MOST))


def _mean_excess(ordered: Scores) -> float:
    """Mean by which the highest scores exceed the lowest of them: an exponential tail's scale."""
    top = ordered[-_tail(len(ordered)) - 1 :]
    return float((top[1:] - top[0]).mean())
