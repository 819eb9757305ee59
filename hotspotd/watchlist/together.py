"""All of a traveller against all of one record: found by several samples that would each not be enough.

A record is looked at where the search of one finger or of the face left a lead to it. Then every usable print given is
compared with every usable one listed, whatever the searches had already compared, and the whole is one rate
(``hotspotd.biometrics.finger.fusion``); with the face's it is one rate of the person (``hotspotd.biometrics.person``).
Looking only where there is a lead makes false matches rarer, never more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hotspotd.biometrics import finger, person
from hotspotd.biometrics.finger import FingerTemplate, calibration, fusion
from hotspotd.domain.candidate import Candidate, Modality
from hotspotd.domain.finger import FingerPosition
from hotspotd.watchlist.faces import Embedding, RateOf
from hotspotd.watchlist.snapshot import LEAD_FMR, Search, Snapshot, called

MOST_RECORDS = 32
"""Records looked at, likeliest first; ten fingers against ten prints of each are 3200 comparisons."""
_DISAGREES = 0.1
"""A finger or face whose rate is above this is said not to match."""

Prints = Sequence[tuple[FingerPosition | None, FingerTemplate]]


@dataclass(frozen=True, slots=True)
class GivenFace:
    """A face that was searched: its embedding, what the search of it alone found, and what a similarity is worth."""

    embedding: Embedding
    found: Search
    rate_of: RateOf


@dataclass(frozen=True, slots=True)
class Limits:
    """The highest rate at which several fingers together, and face and fingers together, are listed."""

    fingers: float
    person: float


@dataclass(frozen=True, slots=True)
class _Fingers:
    """All fingers given against all of one record: one rate, its words, and each finger as a candidate."""

    rate: float
    score: float
    count: int
    words: str
    leads: tuple[Candidate, ...]


def find_together(
    snapshot: Snapshot, given: Prints, found: Sequence[Search], limits: Limits, face: GivenFace | None = None
) -> list[Candidate]:
    """Candidates of the records that several samples together make as sure as ``limits``, likeliest lead first.

    Of each record one of modality FINGERS where two or more fingers are enough, one of PERSON where face and fingers
    are, and before them the samples that a search of each alone (``found``, ``face.found``) left unlisted because they
    are too weak alone, so that an officer sees them side by side. Blocks: for a worker thread.
    """
    own = _usable(given, fusion.MOST_FINGERS)
    if len(own) + (face is not None) < 2 or not own:
        return []
    searches = [*found, *([] if face is None else [face.found])]
    listed = {(one.modality, one.reference, one.position) for search in searches for one in search.candidates}
    candidates: list[Candidate] = []
    for number in _likeliest(searches):
        reference = snapshot.reference(number)
        prints = _compared(snapshot, number, reference, given, own)
        if prints is None:
            continue
        shown: list[Candidate] = []
        if prints.count > 1 and prints.rate <= limits.fingers:
            shown.append(_of_fingers(reference, prints))
        like = None if face is None else _face(snapshot, number, reference, face)
        if like is not None and like.fmr is not None:
            rate = person.together(like.fmr, prints.rate)
            if rate <= limits.person:
                shown.append(_of_person(reference, prints, like, rate))
        if not shown:
            continue
        # The face beside the fingers only where it had a part in it.
        alone = [*prints.leads, *([like] if like and shown[-1].modality is Modality.PERSON else [])]
        candidates += [one for one in alone if _is_lead(one) and (one.modality, reference, one.position) not in listed]
        candidates += shown
    return candidates


def _compared(snapshot: Snapshot, number: int, reference: str, given: Prints, own: Prints) -> _Fingers | None:
    """``own`` prints against those of one record; None where none of them can be compared."""
    other = _usable(snapshot.prints(number), 2 * fusion.MOST_FINGERS)
    if not other:
        return None
    scores = np.array([finger.search(template, [one for _, one in other]) for _, template in own])
    used = calibration.in_use()
    rates = used.rates(scores)
    fused = fusion.fuse([p for p, _ in own], [p for p, _ in other], rates, used.floor)
    if fused is None:
        return None
    leads = tuple(
        Candidate(
            modality=Modality.FINGER,
            reference=reference,
            score=float(scores[pair.given, pair.listed]),
            fmr=float(rates[pair.given, pair.listed]),
            position=other[pair.listed][0] or FingerPosition.UNKNOWN,
            given=None if own[pair.given][0] == other[pair.listed][0] else own[pair.given][0],
            detail=f"Print, {_named(own[pair.given][0], other[pair.listed][0])}, too weak alone",
        )
        for pair in fused.pairs
    )
    words = _in_words(fused, given, own, other)
    return _Fingers(fused.rate, float(sum(one.score for one in leads)), len(fused.pairs), words, leads)


def _face(snapshot: Snapshot, number: int, reference: str, face: GivenFace) -> Candidate | None:
    """The face against the likest of one record's, at that one's rate times their number; None without one."""
    similarities = [float(np.dot(face.embedding, one)) for one in snapshot.faces(number)]
    if not similarities:
        return None
    best = max(similarities)
    rate = min(1.0, face.rate_of(best) * len(similarities))
    return Candidate(modality=Modality.FACE, reference=reference, score=best, fmr=rate, detail="Face, too weak alone")


def _of_fingers(reference: str, prints: _Fingers) -> Candidate:
    return Candidate(
        modality=Modality.FINGERS,
        reference=reference,
        score=prints.score,
        fmr=prints.rate,
        detail=f"{prints.count} fingers together: {prints.words}",
    )


def _of_person(reference: str, prints: _Fingers, like: Candidate, rate: float) -> Candidate:
    """``score``: how many times likelier this is for the person than for somebody else, at most, as a power of ten."""
    count = "1 finger" if prints.count == 1 else f"{prints.count} fingers"
    against = "; the face does not match" if like.fmr is not None and like.fmr > _DISAGREES else ""
    return Candidate(
        modality=Modality.PERSON,
        reference=reference,
        score=math.log10(person.most_likelihood_ratio(rate)),
        fmr=rate,
        detail=f"Face and {count} together: {prints.words}{against}",
    )


def _is_lead(one: Candidate) -> bool:
    return one.fmr is not None and one.fmr <= LEAD_FMR


def _usable(prints: Prints, most: int) -> list[tuple[FingerPosition | None, FingerTemplate]]:
    usable = [one for one in prints if one[1].quality >= fusion.USABLE_QUALITY]
    return sorted(usable, key=lambda one: -one[1].quality)[:most]


def _likeliest(found: Iterable[Search]) -> list[int]:
    """Numbers of the records with a lead: the least product of the samples' lowest rates first."""
    doubt: dict[int, float] = {}
    for search in found:
        for number, rate in search.leads.items():
            doubt[number] = doubt.get(number, 0.0) + math.log(rate)
    return sorted(doubt, key=lambda number: (doubt[number], number))[:MOST_RECORDS]


def _in_words(fused: fusion.Fused, given: Prints, own: Prints, other: Prints) -> str:
    agreeing: list[str] = []
    not_matching: list[str] = []
    for pair in fused.pairs:
        named = _named(own[pair.given][0], other[pair.listed][0])
        (not_matching if pair.rate > _DISAGREES else agreeing).append(named)
    words = ", ".join(agreeing)
    if not_matching:
        words += f"{'; ' if words else ''}not matching: {', '.join(not_matching)}"
    compared = {own[pair.given][0] for pair in fused.pairs}
    left_out = dict.fromkeys(called(position) for position, _ in given if position and position not in compared)
    if left_out:
        words += f"; not compared: {', '.join(left_out)}"
    return words


def _named(given: FingerPosition | None, listed: FingerPosition | None) -> str:
    named = called(listed) if listed else "finger unknown"
    if given and listed != given:
        named += f" (given as {called(given)})"
    return named
