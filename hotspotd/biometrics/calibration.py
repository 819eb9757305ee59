"""From a raw comparison score to a false match rate, by impostor comparisons that were measured.

The table holds numbers only, no template and no picture. Between two measured points the logarithm of the rate is
interpolated; beyond the last point it falls with half the slope of the last measured stretch, because
tails are heavier than they look, and never below ``floor``. A rate beyond the last point is an
extrapolation: it orders candidates, it proves nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta

Rate = Annotated[float, Meta(gt=0, le=1)]


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Impostor statistics of one engine.

    ``points`` are (score, false match rate), scores rising and rates falling, at least two; ``measured_on`` says on
    which pictures and how many pairs, ``floor`` is the smallest rate that is ever claimed, ``measured_down_to`` the
    smallest that was counted and not extrapolated, ``engine`` the engine that gave the scores, where that was kept.
    """

    measured_on: str
    impostor_pairs: Annotated[int, Meta(ge=1)]
    floor: Rate
    points: Annotated[tuple[tuple[float, Rate], ...], Meta(min_length=2, max_length=200)]
    measured_down_to: Rate | None = None
    engine: str | None = None

    def __post_init__(self) -> None:
        """Refuse a table that does not fall steadily (ValueError; msgspec reports it as a ValidationError)."""
        for (score, rate), (next_score, next_rate) in pairwise(self.points):
            if not (math.isfinite(score) and math.isfinite(next_score) and score < next_score and rate > next_rate):
                raise ValueError("calibration points must have rising scores and falling rates")

    def false_match_rate(self, score: float) -> float:
        """Share of impostor comparisons expected to reach ``score``, in (0, 1]; 1 where it is not finite."""
        if not math.isfinite(score) or score < self.points[0][0]:
            return 1.0
        place = bisect_right(self.points, score, key=lambda point: point[0])
        damping = 1.0
        if place == len(self.points):
            place -= 1
            damping = 0.5
        (low, low_rate), (high, high_rate) = self.points[place - 1], self.points[place]
        slope = (math.log10(high_rate) - math.log10(low_rate)) / (high - low)
        if damping == 1.0:
            exponent = math.log10(low_rate) + slope * (score - low)
        else:
            exponent = math.log10(high_rate) + damping * slope * (score - high)
        return min(1.0, max(self.floor, math.pow(10.0, exponent)))

    def threshold(self, rate: float) -> float:
        """The lowest score worth ``rate`` (0..1) or less; infinite where the table claims no rate so small."""
        if rate < self.floor:
            return math.inf
        if rate >= self.points[0][1]:
            return self.points[0][0]
        wanted = math.log10(rate)
        for (low, low_rate), (high, high_rate) in pairwise(self.points):
            if rate >= high_rate:
                slope = (math.log10(high_rate) - math.log10(low_rate)) / (high - low)
                return self._reaching(rate, low + (wanted - math.log10(low_rate)) / slope)
        slope = (math.log10(high_rate) - math.log10(low_rate)) / (high - low)
        return self._reaching(rate, high + (wanted - math.log10(high_rate)) / (slope / 2))

    def _reaching(self, rate: float, score: float) -> float:
        """``score``, or the next number above it that ``false_match_rate`` finds worth ``rate``."""
        while self.false_match_rate(score) > rate:
            score = math.nextafter(score, math.inf)
        return score


def fpir(fmr: float, listed: int) -> float:
    """Share (0..1) of searches of a list of ``listed`` others that find somebody, each with the rate ``fmr``.

    1 - (1 - FMR)^N, as if the comparisons were independent (ISO/IEC 19795-1:2021, 1:N); one person's faces in a list,
    and kin, are not, so that it is an upper bound for most lists.
    """
    return -math.expm1(listed * math.log1p(-fmr)) if fmr < 1 else 1.0


def fmr_for_fpir(wanted: float, listed: int) -> float:
    """The rate of one comparison with which a search of ``listed`` others finds somebody at ``wanted`` (0..1)."""
    return -math.expm1(math.log1p(-wanted) / max(1, listed)) if wanted < 1 else 1.0
