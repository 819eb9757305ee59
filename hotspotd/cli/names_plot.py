"""Precision over recall of the name scorer, and its calibration, as a picture.

matplotlib is imported when a picture is drawn, and only then.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hotspotd.watchlist.names.evaluation import Report
from hotspotd.watchlist.names.fitting import Fit, Measures
from hotspotd.watchlist.names.scoring import PER_MISSING, PER_WORST, SAME_NAME

_INK, _PALE, _GRID, _PAPER, _LINE = "#1b1f24", "#6b7280", "#e5e7eb", "#ffffff", "#0072b2"


def draw(found: Report, measures: Measures, labels: Sequence[bool], path: Path) -> None:
    """Draw both curves beside each other into ``path``. Raises OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9.0, 4.4), dpi=160, facecolor=_PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    order = np.argsort(-Fit(SAME_NAME, PER_WORST, PER_MISSING).log_odds(measures), kind="stable")
    hits = np.cumsum(np.array(labels)[order])
    left.plot(hits / max(found.matches, 1), hits / np.arange(1, len(order) + 1), color=_LINE, linewidth=1.6)
    for at, mark in ((found.best, "o"), (found.operating, "s")):
        left.plot([at.recall], [at.precision], mark, color=_INK, markersize=6)
    left.set_title(f"best F1 {found.best.f1:.3f} (round), operating {found.operating.f1:.3f}", loc="left", fontsize=11)
    left.set(xlabel="recall", ylabel="precision")
    right.plot([0, 1], [0, 1], color=_PALE, linewidth=1.0, linestyle=(0, (4, 3)))
    right.plot([b.mean for b in found.calibration], [b.matched for b in found.calibration], "o-", color=_LINE)
    for one in found.calibration:
        right.annotate(str(one.pairs), (one.mean, one.matched), (6, -10), textcoords="offset points", color=_PALE)
    right.set_title(f"calibration, {found.pairs} pairs", loc="left", fontsize=11)
    right.set(xlabel="probability said", ylabel="share that match")
    for axes in (left, right):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.grid(color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(colors=_PALE, labelsize=9, length=0)
        for spine in ("top", "right"):
            axes.spines[spine].set_visible(False)
    with path.open("wb") as file:
        undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower(), {})
        figure.savefig(file, format=path.suffix.lower()[1:], facecolor=_PAPER, metadata=undated)
