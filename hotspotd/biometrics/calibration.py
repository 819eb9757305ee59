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
    which pictures and how many pairs, ``floor`` is the smallest rate that is ever claimed.
    """

    measured_on: str
    impostor_pairs: Annotated[int, Meta(ge=1)]
    floor: Rate
    points: Annotated[tuple[tuple[float, Rate], ...], Meta(min_length=2, max_length=200)]

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
