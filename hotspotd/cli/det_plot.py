"""DET curves as a picture: FNMR over FMR, both logarithmic (ISO/IEC 19795-1, 9.2).

A curve is drawn as far as was measured: to the left it ends, with a ring, at one in its number of impostor comparisons,
and below at one in its number of genuine ones. matplotlib is imported when a picture is drawn, and only then.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.evaluation import Compared, Searched
from hotspotd.biometrics.face.evaluation import Report as FaceReport
from hotspotd.biometrics.finger.evaluation import Curve, Errors, Evaluated, Labelled, Report, curve, together
from hotspotd.errors import HotspotError, Reason

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Stroke = Literal["-"] | tuple[float, Sequence[float]]

_SUFFIXES: Final = (".png", ".svg", ".pdf")
_INK, _PALE, _GRID, _PAPER = "#1b1f24", "#6b7280", "#e5e7eb", "#ffffff"
_COLOURS: Final = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7a6ff0", "#8c6d31",
)  # fmt: skip
"""Told apart by colour-blind readers too (after Okabe and Ito 2008); more sets than colours take other strokes."""
_STROKES: Final[tuple[_Stroke, ...]] = ("-", (0, (5, 1.6)), (0, (1.4, 1.2)))
_MARKED_FMR: Final = 1e-3
_RIGHT: Final = 0.3
"""Nobody sets an FMR over 30 %."""
_LEAST_TOP: Final = 0.1
"""FNMR that is shown at least, so that pictures of good engines stay comparable."""
_MOST_NAMED: Final = 24


@dataclass(frozen=True)
class _Line:
    """One curve: what is drawn, of how many comparisons, with which stroke; ``columns`` are its figures in percent."""

    name: str
    curve: Curve
    genuine: int
    impostor: int
    columns: tuple[float | None, ...]
    colour: str
    stroke: _Stroke
    width: float
    pooled: bool = False


@dataclass(frozen=True)
class _Words:
    """What stands around the curves."""

    subtitle: str
    headings: tuple[str, ...]
    note: str
    across: str = "False match rate"
    up: str = "False non-match rate"


def picture_path(text: str) -> Path:
    """A path whose ending names a kind of picture that can be drawn; for argparse."""
    path = Path(text)
    if path.suffix.lower() not in _SUFFIXES:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in {', '.join(_SUFFIXES)}")
    return path


def require() -> None:
    """Raises HotspotError(NOT_FOUND) where nothing can be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise HotspotError(
            Reason.NOT_FOUND,
            "matplotlib, which draws the curves, is not installed",
            "Install it (pip install matplotlib, or hotspotd[plot]), or leave --plot out.",
        )


def draw(sets: Sequence[Evaluated], found: Report, path: Path) -> None:
    """The curves of ``sets`` by the protocol "all", and of all with one threshold, into ``path``. Raises OSError."""
    pairs = found.pooled.all
    words = _Words(
        f"{found.engine} · {pairs.genuine:,} genuine and {pairs.impostor:,} impostor comparisons, protocol “all” · "
        f"failures to enrol: {found.pooled.fte}",
        ("EER", "FMR1000", "zeroFMR"),
        "All figures in percent. Dots: FNMR at an FMR of 1/1000.\n"
        "Rings: FNMR without a false match; so few comparisons\nsay nothing about rates further left.",
    )
    _draw(_lines(sets, found), words, path)


def draw_faces(found: FaceReport, compared: Compared, searched: Searched | None, path: Path) -> None:
    """The curve of 1:1 comparison, and of 1:N where there is one, into ``path``. Raises OSError."""
    rates = found.verification
    tar = {rate.far: rate.tar for rate in rates.tar}
    missed = tuple(None if tar[far] is None else 100 - (tar[far] or 0.0) for far in (1e-3, 1e-4))
    lines = [_Line("1:1", compared.curve, rates.genuine, rates.impostor, (rates.eer, *missed), _COLOURS[0], "-", 2.0)]
    if searched and found.identification:
        one = found.identification
        fnir = tuple(at.fnir for at in one.fnir)
        name = f"1:N, {one.people} listed"
        lines.append(_Line(name, searched.curve(), one.mated, one.nonmated, (None, *fnir), _COLOURS[1], "-", 2.0))
    words = _Words(
        f"{found.engine} · 1:1: {rates.genuine:,} genuine, {rates.impostor:,} impostor comparisons · "
        f"no face: {found.failed} of {found.pictures}",
        ("EER", "1e-3", "1e-4") if len(lines) == 1 else ("EER", "1e-3; 1e-2", "1e-4; 3e-3"),
        "All figures in percent: EER; FNMR at an FMR of 1e-3 and 1e-4;\n"
        "of 1:N FNIR at an FPIR of 1e-2 and 3e-3. Rings: without a\n"
        "false match; so few comparisons say nothing further left.",
        across="False match rate (1:N: false positive identification rate)",
        up="False non-match rate (1:N: false negative identification rate)",
    )
    _draw(lines, words, path)


def _draw(lines: Sequence[_Line], words: _Words, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(10.6, 6.2), dpi=160, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.085, 0.105, 0.525, 0.735))
    _frame(axes, lines, words)
    for line in lines:
        _curve(axes, line)
    _key(figure, lines, words.headings)
    _told(figure, words)
    with path.open("wb") as file:
        figure.savefig(file, format=path.suffix.lower()[1:], facecolor=_PAPER, metadata=_undated(path))


def _lines(sets: Sequence[Evaluated], found: Report) -> list[_Line]:
    """The sets, and at the end all of them together."""
    lines = []
    for number, (one, told) in enumerate(zip(sets, found.sets, strict=True)):
        stroke = _STROKES[number // len(_COLOURS) % len(_STROKES)]
        lines.append(_line(one.name, one.all, told.all, _COLOURS[number % len(_COLOURS)], stroke, 1.5))
    if len(sets) > 1:
        every = together([one.all for one in sets])
        line = _line("All, one threshold", every, found.pooled.all, _INK, "-", 2.6)
        lines.append(replace(line, pooled=True))
    return lines


def _line(name: str, scores: Labelled, told: Errors, colour: str, stroke: _Stroke, width: float) -> _Line:
    columns = (told.eer, told.fmr1000, told.zero_fmr)
    return _Line(
        name, curve(scores.genuine, scores.impostor), told.genuine, told.impostor, columns, colour, stroke, width
    )


def _undated(path: Path) -> dict[str, None]:
    """Leave the time out, so that the same scores make the same file."""
    return {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower(), {})


def _frame(axes: Axes, lines: Sequence[_Line], words: _Words) -> None:
    left = 0.6 / max(line.impostor for line in lines)
    bottom = 0.75 / max(line.genuine for line in lines)
    highest = max(line.curve.lowest_fnmr(0.0) for line in lines)
    top = min(1.0, max(_LEAST_TOP, 1.4 * highest))
    axes.set(xscale="log", yscale="log", xlim=(left, _RIGHT), ylim=(bottom, top))
    axes.set_xticks(_ticks(left, _RIGHT, (1,)))
    axes.set_yticks(_ticks(bottom, top, (1, 2, 5)))
    axes.grid(which="major", color=_GRID, linewidth=0.8)
    axes.minorticks_off()
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    for spine in ("left", "bottom"):
        axes.spines[spine].set_color(_PALE)
    axes.tick_params(colors=_PALE, labelsize=9, length=3)
    axes.xaxis.set_major_formatter(_percent)
    axes.yaxis.set_major_formatter(_percent)
    axes.set_xlabel(words.across, color=_INK, fontsize=10, labelpad=6)
    axes.set_ylabel(words.up, color=_INK, fontsize=10, labelpad=6)
    low, high = max(left, bottom), min(_RIGHT, top)
    axes.plot([low, high], [low, high], color=_PALE, linewidth=0.8, linestyle=(0, (1, 3)), zorder=1)
    axes.annotate(
        "FMR = FNMR", (high, high), (-14, -3), textcoords="offset points", color=_PALE, fontsize=8, ha="right",
        va="top",
    )  # fmt: skip
    axes.axvline(_MARKED_FMR, color=_PALE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.annotate(
        "FMR 1/1000", (_MARKED_FMR, top), (4, -4), textcoords="offset points", color=_PALE, fontsize=8, va="top"
    )


def _percent(rate: float, _: float) -> str:
    return f"{100 * rate:.10f}".rstrip("0").rstrip(".") + " %"


def _ticks(low: float, high: float, steps: Sequence[int]) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for decade in decades for step in steps if low <= (tick := step * 10.0**decade) <= high]


def _curve(axes: Axes, line: _Line) -> None:
    found, left = line.curve, 1 / line.impostor
    fmr, fnmr = _steps(found, left)
    drawn = fnmr > 0
    above = 4 if line.pooled else 3
    axes.plot(
        fmr[drawn], fnmr[drawn], color=line.colour, linestyle=line.stroke, linewidth=line.width, zorder=above,
        drawstyle="steps-post", solid_capstyle="round",
    )  # fmt: skip
    ring, dot = found.lowest_fnmr(0.0), found.lowest_fnmr(_MARKED_FMR)
    if ring > 0:
        axes.plot(left, ring, "o", markersize=5, color=line.colour, markerfacecolor=_PAPER, zorder=above + 2)
    if dot > 0 and left <= _MARKED_FMR:
        axes.plot(
            _MARKED_FMR, dot, "o", markersize=6, color=line.colour, markeredgecolor=_PAPER, zorder=above + 2
        )  # fmt: skip


def _steps(found: Curve, left: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of the lowest FNMR over the FMR that is allowed, from none at ``left`` to 1."""
    allowed = np.unique(found.fmr[found.fmr >= left])
    # Of the thresholds with one FMR the first, lowest, one has the lowest FNMR; rates stand in falling order.
    lowest = found.fnmr[np.searchsorted(-found.fmr, -allowed, side="left")]
    fmr = np.concatenate([[left, left], allowed, [1.0]])
    fnmr = np.concatenate([[found.lowest_fnmr(0.0), found.lowest_fnmr(left)], lowest, [float(found.fnmr.min())]])
    return fmr, fnmr


def _key(figure: Figure, lines: Sequence[_Line], headings: Sequence[str]) -> None:
    """The names beside the curves, with their figures in columns; all sets together first."""
    from matplotlib.lines import Line2D  # noqa: PLC0415 - optional

    shown = sorted(lines, key=lambda line: not line.pooled)[:_MOST_NAMED]
    step = min(0.043, 0.62 / len(shown))
    top, columns = 0.795, (0.86, 0.92, 0.982)
    for x, heading in zip(columns, headings, strict=True):
        figure.text(x, top + 0.042, heading, color=_PALE, fontsize=8, ha="right")
    for number, line in enumerate(shown):
        y = top - step * number
        stroke = Line2D(
            [0.64, 0.665], [y + 0.008] * 2, color=line.colour, linestyle=line.stroke, linewidth=line.width
        )  # fmt: skip
        figure.add_artist(stroke)
        weight = "bold" if line.pooled else "normal"
        figure.text(0.675, y, _short(line.name), color=_INK, fontsize=9, weight=weight)
        for x, value in zip(columns, line.columns, strict=True):
            shown_value = "" if value is None else f"{value:.2f}"
            figure.text(x, y, shown_value, color=_INK, fontsize=9, ha="right", weight=weight)
    if len(lines) > len(shown):
        figure.text(0.675, top - step * len(shown), f"and {len(lines) - len(shown)} more", color=_PALE, fontsize=8)


def _short(name: str, most: int = 24) -> str:
    # matplotlib takes text between dollar signs for mathematics.
    name = name.replace("$", r"\$")
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _told(figure: Figure, words: _Words) -> None:
    figure.text(0.085, 0.935, "Detection error trade-off", color=_INK, fontsize=15, weight="bold")
    figure.text(0.085, 0.893, words.subtitle, color=_PALE, fontsize=9)
    figure.text(0.64, 0.045, words.note, color=_PALE, fontsize=8, linespacing=1.5, va="bottom")
