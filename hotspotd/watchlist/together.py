"""All fingers of a traveller against all prints of one record: found by several that would each not be enough.

A record is looked at where the search of one finger left a lead to it. Then every usable print given is compared with
every usable one listed, whatever the searches had already compared, and the whole is one rate
(``hotspotd.biometrics.finger.fusion``). Looking only where there is a lead makes false matches rarer, never more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger import FingerTemplate, calibration, fusion
from hotspotd.domain.candidate import Candidate, Modality
from hotspotd.domain.finger import FingerPosition
from hotspotd.watchlist.snapshot import LEAD_FMR, Search, Snapshot, called

MOST_RECORDS = 32
"""Records looked at, likeliest first; ten fingers against ten prints of each are 3200 comparisons."""
_DISAGREES = 0.1
"""A finger whose rate is above this is said not to match."""

Prints = Sequence[tuple[FingerPosition | None, FingerTemplate]]


def find_together(snapshot: Snapshot, given: Prints, found: Sequence[Search], max_fmr: float) -> list[Candidate]:
    """Candidates of the records that two or more fingers ``given`` make as sure as ``max_fmr``, likeliest lead first.

    Of each record one of modality FINGERS, and before it those fingers that the search of each alone (``found``) left
    unlisted because they are too weak alone, so that an officer sees them side by side. Blocks: for a worker thread.
    """
    own = _usable(given, fusion.MOST_FINGERS)
    if len(own) < 2:
        return []
    listed_alone = {(one.reference, one.position) for search in found for one in search.candidates}
    candidates: list[Candidate] = []
    for number in _likeliest(found):
        other = _usable(snapshot.prints(number), 2 * fusion.MOST_FINGERS)
        if not other:
            continue
        scores = np.array([finger.search(template, [one for _, one in other]) for _, template in own])
        used = calibration.in_use()
        rates = used.rates(scores)
        fused = fusion.fuse([p for p, _ in own], [p for p, _ in other], rates, used.floor)
        if fused is None or len(fused.pairs) < 2 or fused.rate > max_fmr:
            continue
        reference = snapshot.reference(number)
        for pair in fused.pairs:
            position = other[pair.listed][0] or FingerPosition.UNKNOWN
            rate = float(rates[pair.given, pair.listed])
            if rate <= LEAD_FMR and (reference, position) not in listed_alone:
                candidates.append(
                    Candidate(
                        modality=Modality.FINGER,
                        reference=reference,
                        score=float(scores[pair.given, pair.listed]),
                        fmr=rate,
                        position=position,
                        detail=f"Print, {_named(own[pair.given][0], position)}, too weak alone",
                    )
                )
        candidates.append(
            Candidate(
                modality=Modality.FINGERS,
                reference=reference,
                score=float(sum(scores[pair.given, pair.listed] for pair in fused.pairs)),
                fmr=fused.rate,
                detail=_in_words(fused, given, own, other),
            )
        )
    return candidates


def _usable(prints: Prints, most: int) -> list[tuple[FingerPosition | None, FingerTemplate]]:
    usable = [one for one in prints if one[1].quality >= fusion.USABLE_QUALITY]
    return sorted(usable, key=lambda one: -one[1].quality)[:most]


def _likeliest(found: Sequence[Search]) -> list[int]:
    """Numbers of the records with a lead: the least product of the fingers' lowest rates first."""
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
    words = f"{len(fused.pairs)} fingers together: {', '.join(agreeing)}"
    if not_matching:
        words += f"; not matching: {', '.join(not_matching)}"
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
