"""One face against a gallery that may not hold its owner: open-set identification (ISO/IEC 19795-1, 1:N).

*Gallery*: of every person with enough pictures, ``gallery`` of them fused into one template. *Probes with mates*:
their other pictures, ``frames`` of them fused into one. *Probes without mates*: those of people with fewer pictures,
and every probe with a mate once more, its owner taken out of the gallery. A person's pictures take turns in the
gallery, MOST_ROUNDS rounds at most; all searches count together.

FPIR is the share of searches without a mate whose best candidate reaches the threshold, FNIR the share of searches
with one whose mate is not the best candidate or does not reach it. A probe without a face finds nothing: it counts in
FNIR, and not in FPIR. People whose gallery pictures show no face are in no gallery, and their probes count in FNIR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.evaluation.measure import Enrolled
from hotspotd.biometrics.finger.evaluation.rates import NO_SCORE, Curve, Scores, percent

FPIRS: Final = (1e-2, 3e-3)
MOST_ROUNDS: Final = 10


class AtFpir(msgspec.Struct, frozen=True, kw_only=True):
    """FNIR [%] at a threshold that lets ``false_positives`` searches through, a share of at most ``fpir`` (0..1).

    None where there are fewer searches without a mate than tell so small a share.
    """

    fpir: float
    fnir: float | None
    false_positives: int
    threshold: float | None


class Identification(msgspec.Struct, frozen=True, kw_only=True):
    """Rates in percent; ``people`` in the gallery of ``gallery`` pictures each, probes of ``frames`` pictures.

    ``mated`` searches, ``nonmated`` ones, and ``outsiders`` among these: of people who are in no gallery.
    """

    gallery: int
    frames: int
    people: int
    rounds: int
    mated: int
    nonmated: int
    outsiders: int
    rank1: float
    fnir: tuple[AtFpir, ...]


@dataclass(frozen=True)
class Searched:
    """Of each search with a mate its score and the best other's (m,), and of each without the best score (n,)."""

    mate: Scores
    other: Scores
    nonmated: Scores
    outsiders: int
    people: int
    rounds: int
    gallery: int
    frames: int

    def curve(self) -> Curve:
        """FPIR and FNIR over the threshold."""
        ordered = np.sort(self.nonmated)
        thresholds = np.concatenate([ordered[:1], np.nextafter(np.unique(ordered), np.inf), [np.inf]])
        fpir = (len(ordered) - np.searchsorted(ordered, thresholds, side="left")) / len(ordered)
        first = np.sort(np.where(self.mate > self.other, self.mate, NO_SCORE))
        return Curve(thresholds, fpir, np.searchsorted(first, thresholds, side="left") / len(first))

    def rates(self) -> Identification:
        """The figures."""
        return Identification(
            gallery=self.gallery,
            frames=self.frames,
            people=self.people,
            rounds=self.rounds,
            mated=len(self.mate),
            nonmated=len(self.nonmated),
            outsiders=self.outsiders,
            rank1=percent(float((self.mate > self.other).mean())),
            fnir=tuple(self._at(fpir) for fpir in FPIRS),
        )

    def _at(self, fpir: float) -> AtFpir:
        allowed = int(fpir * len(self.nonmated) + 1e-9)
        if not allowed:
            return AtFpir(fpir=fpir, fnir=None, false_positives=0, threshold=None)
        limit = float(np.sort(self.nonmated)[-allowed - 1])
        hit = (self.mate > self.other) & (self.mate > limit)
        return AtFpir(
            fpir=fpir, fnir=percent(1 - float(hit.mean())), false_positives=allowed, threshold=round(limit, 6)
        )


def identify(enrolled: Enrolled, gallery: int = 1, frames: int = 1) -> Searched | None:
    """Search every probe; None where nobody has ``gallery`` + ``frames`` pictures, or only one person has."""
    people = [np.flatnonzero(enrolled.person == number) for number in range(int(enrolled.person.max()) + 1)]
    enough = [number for number, pictures in enumerate(people) if len(pictures) >= gallery + frames]
    if len(enough) < 2:
        return None
    rounds = min(MOST_ROUNDS, max(len(people[number]) // gallery for number in enough))
    outside = [
        probe for number, one in enumerate(people) if number not in set(enough) for probe in _groups(one, frames)
    ]
    mates, others, nonmated, outsiders = [], [], [], 0
    for turn in range(rounds):
        listed, probes, owners = [], [], []
        for place, number in enumerate(enough):
            pictures = people[number]
            start = turn % (len(pictures) // gallery) * gallery
            listed.append(pictures[start : start + gallery])
            rest = np.concatenate([pictures[:start], pictures[start + gallery :]])
            for group in _groups(rest, frames):
                probes.append(group)
                owners.append(place)
        templates, enrolled_there = _fused(enrolled, listed)
        mate, other, there = _search(enrolled, probes, np.array(owners), templates, enrolled_there)
        _, strange, strange_there = _search(enrolled, outside, np.full(len(outside), -1), templates, enrolled_there)
        mates.append(mate)
        others.append(other)
        nonmated += [other[there], strange[strange_there]]
        outsiders += int(strange_there.sum())
    return Searched(
        mate=np.concatenate(mates),
        other=np.concatenate(others),
        nonmated=np.concatenate(nonmated),
        outsiders=outsiders,
        people=len(enough),
        rounds=rounds,
        gallery=gallery,
        frames=frames,
    )


def _groups(pictures: NDArray[np.intp], frames: int) -> list[NDArray[np.intp]]:
    """So many pictures at a time; what is left over is not used."""
    return [pictures[at : at + frames] for at in range(0, len(pictures) - frames + 1, frames)]


def _fused(enrolled: Enrolled, groups: list[NDArray[np.intp]]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Direction of the mean of each group's embeddings, as ``FaceEngine.fuse``; zeros where there is none."""
    sums = np.array([enrolled.embeddings[group].sum(axis=0) for group in groups], np.float64)
    sums = sums.reshape(-1, enrolled.embeddings.shape[1])
    lengths = np.linalg.norm(sums, axis=1)
    there = np.array([enrolled.there[group].any() for group in groups], np.bool_) & (lengths > 1e-6)
    return np.asarray(sums / np.where(there, lengths, 1.0)[:, None], np.float32), there


def _search(
    enrolled: Enrolled,
    groups: list[NDArray[np.intp]],
    owners: NDArray[np.intp],
    templates: NDArray[np.float32],
    listed: NDArray[np.bool_],
) -> tuple[Scores, Scores, NDArray[np.bool_]]:
    """Of each probe the mate's score, the best other's, and whether it shows a face."""
    probes, there = _fused(enrolled, groups)
    scores = (probes @ templates.T).astype(np.float64)
    scores[:, ~listed] = NO_SCORE
    scores[~there] = NO_SCORE
    mated = np.flatnonzero(owners >= 0)
    mate = np.full(len(groups), NO_SCORE)
    mate[mated] = scores[mated, owners[mated]]
    scores[mated, owners[mated]] = NO_SCORE
    return mate, scores.max(axis=1, initial=NO_SCORE), there
