"""One set measured: every picture enrolled, every pair compared, both timed on one thread.

Templates live only as long as the set is measured; what stays is scores, times and the names of what failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import msgspec
import numpy as np

from hotspotd.biometrics.finger.comparison import prepare, search
from hotspotd.biometrics.finger.evaluation.pairs import Index, Mask, Pairs, pairs_of
from hotspotd.biometrics.finger.evaluation.rates import NO_SCORE, Labelled, Scores
from hotspotd.biometrics.finger.evaluation.sets import Image, Picture
from hotspotd.biometrics.finger.extraction import extract
from hotspotd.biometrics.finger.template import FingerTemplate
from hotspotd.errors import BiometricError, Reason

Tick = Callable[[int], None]
"""Told how many pictures, then how many pairs, were done since it was last told."""

_UNFIT = frozenset((Reason.NO_FINGER, Reason.BAD_IMAGE, Reason.UNREADABLE, Reason.TOO_LARGE))
"""Reasons that lie in the picture. Any other, a missing model say, would fail every picture: the run ends with it."""


class Failure(msgspec.Struct, frozen=True):
    """A picture without a template: its file, the reason for machines, and in words."""

    picture: str
    reason: str
    what: str

    @property
    def unreadable(self) -> bool:
        """Whether it was not even a picture."""
        return self.reason != Reason.NO_FINGER


@dataclass(frozen=True)
class Measured:
    """A set's scores and times.

    ``scores`` (pairs,) are NO_SCORE where a template was missing; ``dpis`` the resolutions that pictures had;
    ``extract_s`` [s] of each template; ``compare_s`` [s] for ``compared`` comparisons in all.
    """

    pictures: Sequence[Picture]
    pairs: Pairs
    scores: Scores
    failures: Sequence[Failure]
    dpis: Sequence[int]
    extract_s: Sequence[float]
    compare_s: float
    compared: int

    def labelled(self, impostors: Mask) -> Labelled:
        """The genuine scores, and those of the chosen ``impostors`` (pairs,)."""
        pairs = self.pairs
        return Labelled(
            self.scores[pairs.genuine],
            self.scores[impostors],
            pairs.finger[pairs.first[pairs.genuine]],
            np.stack([pairs.finger[pairs.first[impostors]], pairs.finger[pairs.second[impostors]]]),
        )

    @property
    def impostor_scores(self) -> Scores:
        """Scores of all comparisons of different fingers that could be made."""
        scores = self.scores[self.pairs.impostor]
        return scores[np.isfinite(scores)]


def measure(
    pictures: Sequence[Picture],
    alter: Callable[[Image], Image] | None = None,
    *,
    enrolled: Tick | None = None,
    scored: Tick | None = None,
) -> Measured:
    """Enrol ``pictures``, each put through ``alter`` first, and compare every two of them.

    A picture that cannot be read or shows no print is a Failure; BiometricError is raised for what is not the
    picture's fault. OpenCV is kept to one thread meanwhile, for honest times.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        templates, failures, dpis, extract_s = _enrol(pictures, alter, enrolled)
        pairs = pairs_of([one.finger for one in pictures])
        scores, compare_s = _compare(templates, pairs, scored)
    finally:
        cv2.setNumThreads(threads)
    compared = int(np.isfinite(scores).sum())
    return Measured(pictures, pairs, scores, failures, sorted(dpis), extract_s, compare_s, compared)


def together(sets: Sequence[Labelled]) -> Labelled:
    """Several sets under one threshold; their fingers stay different ones."""
    shifts = np.cumsum([0, *(_fingers(one) for one in sets)])
    return Labelled(
        np.concatenate([one.genuine for one in sets]),
        np.concatenate([one.impostor for one in sets]),
        np.concatenate([one.genuine_finger + shift for one, shift in zip(sets, shifts, strict=False)]),
        np.concatenate([one.impostor_fingers + shift for one, shift in zip(sets, shifts, strict=False)], axis=1),
    )


def _fingers(scores: Labelled) -> int:
    return 1 + int(max(scores.genuine_finger.max(), scores.impostor_fingers.max()))


def _enrol(
    pictures: Sequence[Picture], alter: Callable[[Image], Image] | None, tick: Tick | None
) -> tuple[list[FingerTemplate | None], list[Failure], set[int], list[float]]:
    templates: list[FingerTemplate | None] = []
    failures: list[Failure] = []
    dpis: set[int] = set()
    times: list[float] = []
    warm = False
    for picture in pictures:
        template = None
        try:
            image, dpi = picture.read()
            dpis.add(dpi)
            if alter:
                image = alter(image)
            if not warm:
                # Loading the model and filling caches is no picture's time.
                extract(image, dpi)
                warm = True
            began = time.perf_counter()
            template = extract(image, dpi)
            times.append(time.perf_counter() - began)
        except BiometricError as error:
            if error.reason not in _UNFIT:
                raise
            failures.append(Failure(picture.name, error.reason.value, error.what))
        templates.append(template)
        if tick:
            tick(1)
    return templates, failures, dpis, times


def _compare(templates: Sequence[FingerTemplate | None], pairs: Pairs, tick: Tick | None) -> tuple[Scores, float]:
    """Score of each pair, and how long comparing took, without what is made once for each template."""
    for template in templates:
        if template is not None:
            prepare(template)
    scores = np.full(len(pairs), NO_SCORE)
    spent = 0.0
    starts = np.searchsorted(pairs.first, np.arange(len(templates) + 1))
    for number, probe in enumerate(templates):
        begin, end = int(starts[number]), int(starts[number + 1])
        if probe is not None:
            rows: Index = np.arange(begin, end)
            there = np.array([templates[place] is not None for place in pairs.second[rows]], dtype=bool)
            references = [found for place in pairs.second[rows[there]] if (found := templates[place]) is not None]
            began = time.perf_counter()
            found_scores = search(probe, references)
            spent += time.perf_counter() - began
            scores[rows[there]] = found_scores
        if tick:
            tick(end - begin)
    return scores, spent
