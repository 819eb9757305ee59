"""Error rates of the name scorer on labelled pairs: CSV with columns ``name1``, ``name2`` and ``is_match``."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.names import fitting, scoring
from hotspotd.watchlist.names.forms import NameForm, form

MOST_PAIRS: Final = 1_000_000
FOLDS: Final = 5
REPEATS: Final = 20
_BINS: Final = 5
_LABELS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_COLUMNS: Final = ("name1", "name2", "is_match")
OPERATING: Final = 0.5
"""The probability at even odds from which two names count as one person's."""


class LabelledPair(NamedTuple):
    """Two names, and whether people say that they are one person's."""

    left: str
    right: str
    same: bool


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is no labelled pair."""

    line: int
    what: str


class AtThreshold(msgspec.Struct, frozen=True, kw_only=True):
    """Rates in [0, 1] of taking pairs with at least this probability for one person."""

    threshold: float
    f1: float
    precision: float
    recall: float


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs with a probability from ``begin`` to ``end``: how many, mean probability, and share that match."""

    begin: float
    end: float
    pairs: int
    mean: float
    matched: float


class CrossValidated(msgspec.Struct, frozen=True, kw_only=True):
    """Best F1 where the three numbers are fitted anew on other pairs of the file, and on the very same pairs."""

    folds: int
    repeats: int
    best_f1: float
    spread: float
    resubstituted: float
    same_name: float
    per_worst: float
    per_missing: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found. ``calibration_error``: mean distance of probability and share, weighted by pairs, of
    the bins, after the prior is brought to the share of matches in the file.
    """

    path: str
    pairs: int
    matches: int
    left_out: tuple[LeftOut, ...]
    best: AtThreshold
    operating: AtThreshold
    calibration: tuple[Bin, ...]
    calibration_error: float
    cross_validated: CrossValidated | None
    us_per_pair: float


def read_pairs(path: Path) -> tuple[list[LabelledPair], list[LeftOut]]:
    """The pairs in ``path``, other columns left alone, and the lines that are none.

    Raises WatchlistError: UNREADABLE for a file that is not there or not UTF-8, BAD_VALUE without the three columns.
    """
    pairs: list[LabelledPair] = []
    left_out: list[LeftOut] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if missing := [one for one in _COLUMNS if one not in (rows.fieldnames or ())]:
                raise WatchlistError(
                    Reason.BAD_VALUE, f"{path}: no column {', '.join(missing)}", "name1,name2,is_match are needed."
                )
            for row in rows:
                same = _LABELS.get((row["is_match"] or "").strip().lower())
                if same is None:
                    left_out.append(LeftOut(line=rows.line_num, what="is_match is neither true nor false"))
                elif not (row["name1"] or "").strip() or not (row["name2"] or "").strip():
                    left_out.append(LeftOut(line=rows.line_num, what="a name is missing"))
                elif len(pairs) == MOST_PAIRS:
                    raise WatchlistError(Reason.TOO_LARGE, f"{path}: more than {MOST_PAIRS} pairs", "Split the file.")
                else:
                    pairs.append(LabelledPair(row["name1"], row["name2"], same))
    except OSError as error:
        raise WatchlistError(Reason.UNREADABLE, f"{path}: {error.strerror}", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise WatchlistError(Reason.UNREADABLE, f"{path}: {error}", "Save it as CSV in UTF-8.") from error
    return pairs, left_out


def measure(
    pairs: Sequence[LabelledPair], *, scored: Callable[[], object] = lambda: None
) -> tuple[fitting.Measures, float]:
    """Both measures of each pair (n, 2), and microseconds of the processor a pair; ``scored`` is called after each.

    A pair of which one name has no letters is as different as can be.
    """
    found = np.ones((len(pairs), 2))
    busy = 0.0
    for number, pair in enumerate(pairs):
        began = time.thread_time()
        left, right = form(pair.left), form(pair.right)
        found[number] = _measures(left, right)
        busy += time.thread_time() - began
        scored()
    return found, busy / max(len(pairs), 1) * 1e6


def _measures(left: NameForm, right: NameForm) -> tuple[float, float]:
    compared = scoring.compare_names(left, right)
    return (compared[1].worst, compared[1].missing) if compared else (1.0, 1.0)


def report(
    path: Path, pairs: Sequence[LabelledPair], left_out: Sequence[LeftOut], measures: fitting.Measures, us: float
) -> Report:
    """The rates of ``measures``. Raises WatchlistError(BAD_VALUE) without a pair."""
    if not pairs:
        raise WatchlistError(Reason.BAD_VALUE, f"{path}: no labelled pair", "name1,name2,is_match are needed.")
    labels = np.array([pair.same for pair in pairs])
    shipped = fitting.Fit(scoring.SAME_NAME, scoring.PER_WORST, scoring.PER_MISSING)
    odds = shipped.log_odds(measures)
    probabilities = _probabilities(odds)
    _, best = fitting.best_f1(probabilities, labels)
    bins, error = calibration(odds, labels)
    return Report(
        path=str(path),
        pairs=len(pairs),
        matches=int(labels.sum()),
        left_out=tuple(left_out),
        best=at_threshold(probabilities, labels, best),
        operating=at_threshold(probabilities, labels, OPERATING),
        calibration=bins,
        calibration_error=error,
        cross_validated=_cross_validated(measures, labels),
        us_per_pair=us,
    )


def _probabilities(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-odds)))


def at_threshold(scores: NDArray[np.float64], labels: fitting.Labels, threshold: float) -> AtThreshold:
    """Precision, recall and F1 where scores from ``threshold`` on match; 0 where there is nothing to divide by."""
    taken = scores >= threshold
    right = float((taken & labels).sum())
    precision, recall = right / max(float(taken.sum()), 1.0), right / max(float(labels.sum()), 1.0)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return AtThreshold(threshold=min(threshold, 1.0), f1=f1, precision=precision, recall=recall)


def calibration(odds: NDArray[np.float64], labels: fitting.Labels) -> tuple[tuple[Bin, ...], float]:
    """Probabilities beside what happened, in bins of equal width; the prior is that of ``labels``."""
    share = np.clip(labels.mean(), 1e-3, 1 - 1e-3)
    probabilities = _probabilities(odds + np.log(share / (1 - share)))
    which = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    bins = tuple(
        Bin(
            begin=one / _BINS,
            end=(one + 1) / _BINS,
            pairs=int((which == one).sum()),
            mean=float(probabilities[which == one].mean()),
            matched=float(labels[which == one].mean()),
        )
        for one in range(_BINS)
        if (which == one).any()
    )
    return bins, sum(one.pairs * abs(one.mean - one.matched) for one in bins) / len(labels)


def _cross_validated(measures: fitting.Measures, labels: fitting.Labels) -> CrossValidated | None:
    if min(labels.sum(), (~labels).sum()) < 2 * FOLDS:
        return None
    found = [
        fitting.best_f1(fitting.held_out(measures, labels, FOLDS, np.random.default_rng(one)), labels)[0]
        for one in range(REPEATS)
    ]
    whole = fitting.fit(measures, labels)
    return CrossValidated(
        folds=FOLDS,
        repeats=REPEATS,
        best_f1=float(np.mean(found)),
        spread=float(np.std(found)),
        resubstituted=fitting.best_f1(whole.log_odds(measures), labels)[0],
        same_name=whole.same_name,
        per_worst=whole.per_worst,
        per_missing=whole.per_missing,
    )
