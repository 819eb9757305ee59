"""One face against one: every two pictures of a set, and the ten folds of LFW.

A failure to enrol counts as a non-match in every rate. Scores of different people are counted in GRAINS classes, so
that a hundred million comparisons take no memory; a threshold lies between two classes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.evaluation.measure import Enrolled
from hotspotd.biometrics.face.evaluation.people import Pair
from hotspotd.biometrics.finger.evaluation.rates import NO_SCORE, Curve, Scores, equal_error_rate, percent

GRAINS: Final = 1 << 18
"""Classes of scores from -1 to 1."""
FARS: Final = (1e-2, 1e-3, 1e-4)
FOLDS: Final = 10
_MOST_DRAWN: Final = 3000
"""Pairs of each kind that are drawn, as many as LFW's file lists."""
_BLOCK: Final = 512
_SEED: Final = 2007


class Rate(msgspec.Struct, frozen=True):
    """TAR [%] where FAR (0..1) is at most ``far``; None where so few impostor comparisons cannot tell."""

    far: float
    tar: float | None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Error rates in percent. ``fmr_bound95``: the FMR may still be this where no false match was seen."""

    eer: float
    tar: tuple[Rate, ...]
    genuine: int
    impostor: int
    fmr_bound95: float


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """Share [%] of pairs told rightly by the threshold that is best for the other folds: mean and its standard error.

    ``source``: ``file``, or ``drawn`` where the pairs were drawn from the set. ``found_only`` leaves out pairs with a
    picture without a face.
    """

    source: str
    folds: int
    pairs: int
    accuracy: float
    standard_error: float
    found_only: float


class Compared:
    """Scores of pairs: the genuine ones (g,), and how many impostors fall into each class of scores."""

    def __init__(self, genuine: Scores, classes: NDArray[np.int64], impostor: int) -> None:
        self.genuine = genuine
        self.impostor = impostor
        filled = np.flatnonzero(classes)
        # A threshold above each class that holds something, and one below all.
        thresholds = np.concatenate([[-1.0], (filled + 1) * (2.0 / GRAINS) - 1.0, [np.inf]])
        total = int(classes.sum())
        above = np.concatenate([[total], total - np.cumsum(classes[filled]), [0]])
        fnmr = np.searchsorted(np.sort(genuine), thresholds, side="left") / max(1, len(genuine))
        self.curve = Curve(thresholds, above / max(1, impostor), fnmr)

    def fmr(self, score: float) -> float:
        """Share of the impostor comparisons that reach ``score``, or lie in its class."""
        at = int(np.searchsorted(self.curve.thresholds, score, side="right")) - 1
        return float(self.curve.fmr[max(0, at)])

    def fnmr(self, score: float) -> float:
        """Share of the genuine comparisons that do not."""
        return float((self.genuine < score).mean())

    def rates(self) -> Verification:
        """The figures."""
        return Verification(
            eer=percent(equal_error_rate(self.curve.fmr, self.curve.fnmr)),
            tar=tuple(Rate(far, self._tar(far)) for far in FARS),
            genuine=len(self.genuine),
            impostor=self.impostor,
            fmr_bound95=percent(min(1.0, 3.0 / self.impostor)),
        )

    def _tar(self, far: float) -> float | None:
        return None if self.impostor * far < 1 else percent(1.0 - self.curve.lowest_fnmr(far))


def compare_all(enrolled: Enrolled) -> Compared:
    """Every two pictures, once."""
    person, there = enrolled.person, enrolled.there
    genuine: list[Scores] = []
    classes = np.zeros(GRAINS, np.int64)
    impostor = 0
    for begin in range(0, len(person), _BLOCK):
        rows = np.arange(begin, min(begin + _BLOCK, len(person)))
        scores = enrolled.embeddings[rows] @ enrolled.embeddings.T
        later = rows[:, None] < np.arange(len(person))[None, :]
        both = there[rows][:, None] & there[None, :]
        same = person[rows][:, None] == person[None, :]
        genuine.append(np.where(both, scores, NO_SCORE)[later & same].astype(np.float64))
        impostor += int((later & ~same).sum())
        classes += _classes(scores[later & ~same & both])
    return Compared(np.concatenate(genuine), classes, impostor)


def impostor_scores(enrolled: Enrolled) -> Scores:
    """Scores of every two pictures of different people that show a face, for a calibration."""
    rows, person = enrolled.embeddings[enrolled.there], enrolled.person[enrolled.there]
    found = [
        (rows[number] @ rows[number + 1 :].T)[person[number + 1 :] != person[number]] for number in range(len(rows))
    ]
    return np.concatenate([np.zeros(0, np.float32), *found]).astype(np.float64)


def compare_pairs(enrolled: Enrolled, pairs: Sequence[Pair]) -> Compared:
    """The pairs of a file."""
    scores, same = _scored(enrolled, pairs), np.array([pair.same for pair in pairs], np.bool_)
    others = scores[~same]
    return Compared(scores[same], _classes(others[np.isfinite(others)]), len(others))


def accuracy(enrolled: Enrolled, pairs: Sequence[Pair], source: str) -> Accuracy | None:
    """Ten-fold accuracy on ``pairs``; None where they are not in two folds at least."""
    fold = np.array([pair.fold for pair in pairs], np.intp)
    same = np.array([pair.same for pair in pairs], np.bool_)
    scores = _scored(enrolled, pairs)
    there = np.isfinite(scores)
    folds = np.unique(fold)
    if len(folds) < 2:
        return None
    shares, found = [], []
    for one in folds:
        threshold = _best_threshold(scores[fold != one], same[fold != one])
        right = (scores >= threshold) == same
        shares.append(float(right[fold == one].mean()))
        found.append(right[(fold == one) & there])
    return Accuracy(
        source=source,
        folds=len(folds),
        pairs=len(pairs),
        accuracy=percent(float(np.mean(shares))),
        standard_error=percent(float(np.std(shares, ddof=1)) / len(folds) ** 0.5),
        found_only=percent(float(np.mean([part.mean() for part in found if len(part)]))),
    )


def drawn_pairs(enrolled: Enrolled) -> list[Pair]:
    """Pairs like those of LFW's file, the same each time: people dealt into ten folds, as many pairs of each kind.

    Of a person every two pictures, MOST_DRAWN pairs in all; empty where fewer than ten people have two pictures.
    """
    rng = np.random.default_rng(_SEED)
    people = int(enrolled.person.max()) + 1
    counts = np.bincount(enrolled.person, minlength=people)
    if int((counts > 1).sum()) < FOLDS:
        return []
    fold_of = np.empty(people, np.intp)
    # Those with several pictures first: each fold gets genuine pairs.
    order = rng.permutation(people)
    fold_of[order[np.argsort(counts[order] < 2, kind="stable")]] = np.arange(people) % FOLDS
    genuine: list[tuple[int, int]] = []
    for one in np.flatnonzero(counts > 1):
        pictures = np.flatnonzero(enrolled.person == one)
        genuine += itertools.combinations(pictures.tolist(), 2)
    chosen = np.sort(rng.permutation(len(genuine))[:_MOST_DRAWN])
    pairs = []
    for first, second in (genuine[at] for at in chosen):
        pairs.append(Pair(first, second, True, int(fold_of[enrolled.person[first]])))
    wanted = np.bincount([pair.fold for pair in pairs], minlength=FOLDS)
    for fold in range(FOLDS):
        members = np.flatnonzero(fold_of[enrolled.person] == fold)
        drawn: set[tuple[int, int]] = set()
        tries = 0
        while len(drawn) < wanted[fold] and tries < 100 * wanted[fold]:
            tries += 1
            a, b = sorted(int(one) for one in rng.choice(members, 2, replace=False))
            if enrolled.person[a] != enrolled.person[b]:
                drawn.add((a, b))
        pairs += [Pair(a, b, False, fold) for a, b in sorted(drawn)]
    return pairs


def _scored(enrolled: Enrolled, pairs: Sequence[Pair]) -> Scores:
    first = np.array([pair.first for pair in pairs], np.intp)
    second = np.array([pair.second for pair in pairs], np.intp)
    scores = (enrolled.embeddings[first].astype(np.float64) * enrolled.embeddings[second]).sum(axis=1)
    return np.asarray(np.where(enrolled.there[first] & enrolled.there[second], scores, NO_SCORE))


def _best_threshold(scores: Scores, same: NDArray[np.bool_]) -> float:
    """The threshold that tells most of these pairs rightly, midway between two scores."""
    order = np.argsort(scores, kind="stable")
    ordered, kinds = scores[order], same[order]
    # Below each place all are taken for different, from it on for the same.
    right = np.concatenate([[0], np.cumsum(~kinds)]) + np.concatenate([np.cumsum(kinds[::-1])[::-1], [0]])
    possible = np.flatnonzero(np.concatenate([[True], ordered[1:] > ordered[:-1], [True]]))
    at = int(possible[np.argmax(right[possible])])
    below = ordered[at - 1] if at > 0 else -1.0
    above = ordered[at] if at < len(ordered) else 1.0
    return float((max(below, -1.0) + above) / 2)


def _classes(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    places = ((scores.astype(np.float64) + 1.0) * (GRAINS / 2)).astype(np.int64)
    return np.bincount(places.clip(0, GRAINS - 1), minlength=GRAINS).astype(np.int64)
