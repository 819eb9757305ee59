"""All scores of a liveness measurement as a picture: one row for each species, the threshold across.

Rows of points rather than curves: few have enough presentations for a curve to mean anything. matplotlib is imported
when a picture is drawn, and only then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hotspotd.biometrics.face.liveness.evaluation import LivenessRates, Response

_INK, _PALE, _GRID, _PAPER = "#1b1f24", "#6b7280", "#e5e7eb", "#ffffff"
_LIVE, _ATTACK = "#0072b2", "#d55e00"
_ROW_INCHES = 0.32


def draw(measured: Sequence[tuple[LivenessRates, Mapping[str, Sequence[Response]]]], path: Path) -> None:
    """Draw each method's scores below the other into ``path``. Raises OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional
    from matplotlib.figure import Figure  # noqa: PLC0415

    heights = [1.3 + _ROW_INCHES * len(responses) for _, responses in measured]
    figure = Figure(figsize=(9.0, sum(heights) + 0.2), dpi=160, facecolor=_PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    every = figure.subplots(len(measured), 1, squeeze=False, height_ratios=heights)
    for axes, (rates, responses) in zip(every[:, 0], measured, strict=True):
        spread = np.random.default_rng(7)
        names = list(responses)
        for row, name in enumerate(names):
            scores = [one.score for one in responses[name] if one.score is not None]
            heights_of = row + spread.uniform(-0.22, 0.22, len(scores))
            axes.plot(scores, heights_of, "o", markersize=4, alpha=0.6, color=_ATTACK if row else _LIVE, mec="none")
        axes.axvline(rates.threshold, color=_INK, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.set(xlim=(-0.02, 1.02), ylim=(len(names) - 0.5, -0.5))
        # matplotlib takes text between dollar signs for mathematics.
        labels = [f"{name} ({sum(r.score is not None for r in responses[name])})".replace("$", r"\$") for name in names]
        axes.set_yticks(range(len(names)), labels=labels, fontsize=9, color=_INK)
        axes.set_xlabel("score: live to the right of the threshold", fontsize=9, color=_PALE)
        worst = "" if rates.apcer is None else f"APCER {rates.apcer:.1f} % ({rates.worst_species}), "
        bpcer = "" if rates.bona_fide.bpcer is None else f"BPCER {rates.bona_fide.bpcer:.1f} %"
        title = f"{rates.method} at {rates.threshold:g}: {worst}{bpcer}".replace("$", r"\$")
        axes.set_title(title, loc="left", fontsize=11, color=_INK)
        axes.grid(axis="x", color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        for spine in ("top", "right", "left"):
            axes.spines[spine].set_visible(False)
        axes.tick_params(colors=_PALE, labelsize=9, length=0)
    with path.open("wb") as file:
        undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower(), {})
        figure.savefig(file, format=path.suffix.lower()[1:], facecolor=_PAPER, metadata=undated)
