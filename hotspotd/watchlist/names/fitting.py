"""The three numbers of ``scoring``, fitted on labelled pairs of names, and how much of them is luck.

Logistic regression of the label on ``worst`` and ``missing`` of an alignment, by Newton's method with a small ridge.
Cross-validation fits on some pairs and scores the others, so that no pair is scored by numbers that have seen it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_RIDGE: Final = 0.1
_STEPS: Final = 50

Measures = NDArray[np.float64]
"""(n, 2): ``worst`` and ``missing`` of each pair."""
Labels = NDArray[np.bool_]
"""(n,): whether the pair is of one person."""


class Fit(NamedTuple):
    """Log odds of a pair at even odds: ``same_name`` less so much for each measure."""

    same_name: float
    per_worst: float
    per_missing: float

    def log_odds(self, measures: Measures) -> NDArray[np.float64]:
        """Of each pair (n,)."""
        odds: NDArray[np.float64] = self.same_name - measures @ np.array([self.per_worst, self.per_missing])
        return odds


def fit(measures: Measures, labels: Labels) -> Fit:
    """The numbers that make ``labels`` likeliest, brought to even odds. ValueError unless both labels occur."""
    share = float(labels.mean()) if len(labels) else 0.0
    if not 0 < share < 1:
        raise ValueError("pairs of one person and of two are needed")
    design = np.column_stack([np.ones(len(labels)), measures])
    ridge = _RIDGE * np.diag([0.0, *measures.var(axis=0)])
    weights = np.zeros(3)
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (labels - expected) - ridge @ weights
        curve = (design.T * (expected * (1 - expected))) @ design + ridge + 1e-9 * np.eye(3)
        weights = weights + np.linalg.solve(curve, slope)
    return Fit(float(weights[0] - np.log(share / (1 - share))), float(-weights[1]), float(-weights[2]))


def held_out(measures: Measures, labels: Labels, folds: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Log odds of each pair (n,) by a fit on the other folds. ValueError where a fold leaves one label only."""
    fold = rng.permutation(len(labels)) % folds
    odds = np.zeros(len(labels))
    for one in range(folds):
        odds[fold == one] = fit(measures[fold != one], labels[fold != one]).log_odds(measures[fold == one])
    return odds


def best_f1(scores: NDArray[np.float64], labels: Labels) -> tuple[float, float]:
    """The highest F1 of all thresholds, and that threshold: pairs with this score or a higher one match.

    0 and infinity where no pair is of one person.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    found = np.cumsum(labels[order])
    f1 = 2 * found / (np.arange(1, len(scores) + 1) + labels.sum()) if len(scores) else np.zeros(0)
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)]
    f1 = np.where(last_of_equals, f1, 0.0)
    if not labels.any():
        return 0.0, float("inf")
    at = int(np.argmax(f1))
    return float(f1[at]), float(ranked[at])
