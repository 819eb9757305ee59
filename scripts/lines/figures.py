"""Seconds of several runs as figures for a result file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GOAL_S = 20.0
"""A traveller's check is answered in less than this on the thin line."""


def seconds(times: Sequence[float], asked: int) -> dict[str, float | int | bool]:
    """Percentiles of ``times`` [s], of which there should be ``asked``; those that never came have none."""
    figures: dict[str, float | int | bool] = {"runs": asked, "answered": len(times)}
    if times:
        p50, p95 = np.percentile(times, (50, 95))
        figures |= {"p50_s": round(float(p50), 2), "p95_s": round(float(p95), 2), "max_s": round(max(times), 2)}
    figures["goal_s"] = GOAL_S
    figures["met"] = len(times) == asked > 0 and max(times) < GOAL_S
    return figures
