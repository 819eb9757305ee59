"""One traveller against one list: every probe searched, candidates gathered by record. Used by lane and gateway.

Each finger is searched alone, and then those of one record are taken together (``together``): the record is listed
where either is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.domain.candidate import Candidate, Hit
from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import HotspotError
from hotspotd.watchlist.snapshot import Search, Snapshot
from hotspotd.watchlist.together import find_together


@dataclass(frozen=True, slots=True)
class Probes:
    """What a traveller gives: what isn't there is not searched. ``face`` is a (d,) float32 embedding."""

    document: Document | None = None
    fingers: tuple[tuple[FingerPosition | None, FingerTemplate], ...] = ()
    face: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The highest false match rate at which a candidate is listed: of one comparison, of several fingers together."""

    finger_fmr: float
    face_fmr: float


def check(
    snapshot: Snapshot,
    probes: Probes,
    thresholds: Thresholds,
    today: date,
    *,
    face_fmr_of: Callable[[float], float] | None = None,
) -> list[Hit]:
    """The records that the probes point at: the most urgent notice first, then the surest match.

    ``face_fmr_of`` is the face engine's ``false_match_rate``; ValueError when a face is given without it.
    Blocks: for a worker thread.
    """
    hits, failures = check_all(snapshot, probes, thresholds, today, face_fmr_of=face_fmr_of)
    if failures:
        raise failures[0]
    return hits


def check_all(
    snapshot: Snapshot,
    probes: Probes,
    thresholds: Thresholds,
    today: date,
    *,
    face_fmr_of: Callable[[float], float] | None = None,
) -> tuple[list[Hit], list[HotspotError]]:
    """As ``check``, but a search that fails takes nothing from the others: their hits, and what failed."""
    document, face = probes.document, probes.face
    searches: list[Callable[[], list[Candidate]]] = []
    found: list[Search] = []

    def one_finger(position: FingerPosition | None, template: FingerTemplate) -> list[Candidate]:
        found.append(snapshot.search_finger(template, position, thresholds.finger_fmr, today))
        return found[-1].candidates

    def all_fingers() -> list[Candidate]:
        return find_together(snapshot, probes.fingers, found, thresholds.finger_fmr)

    if document is not None:
        searches.append(partial(snapshot.find_document, document, today))
        searches.append(partial(snapshot.find_name, document, today))
    searches += [partial(one_finger, position, template) for position, template in probes.fingers]
    if len(probes.fingers) > 1:
        searches.append(all_fingers)
    if face is not None:
        if face_fmr_of is None:
            raise ValueError("a face is searched with the face engine's false_match_rate")
        searches.append(partial(snapshot.find_face, face, thresholds.face_fmr, today, face_fmr_of))
    candidates: list[Candidate] = []
    failures: list[HotspotError] = []
    for search in searches:
        try:
            candidates += search()
        except HotspotError as error:
            failures.append(error)
    return _gathered(snapshot, candidates), failures


def _gathered(snapshot: Snapshot, candidates: list[Candidate]) -> list[Hit]:
    by_record: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_record.setdefault(candidate.reference, []).append(candidate)
    hits = [Hit(record=snapshot.record(reference), candidates=tuple(found)) for reference, found in by_record.items()]
    return sorted(hits, key=_rank)


def _rank(hit: Hit) -> tuple[int, float, str]:
    # A document agrees or doesn't; a name alone is the weakest lead, however exactly it agrees.
    surest = min(_doubt(candidate) for candidate in hit.candidates)
    return hit.record.notice.urgency, surest, hit.record.reference


def _doubt(candidate: Candidate) -> float:
    if candidate.fmr is not None:
        return candidate.fmr
    return 1.0 if candidate.modality == "name" else 0.0
