"""One traveller against one list: every probe searched, candidates gathered by record. Used by lane and gateway.

Each finger is searched alone, and so is the face; then all that is of one record is taken together (``together``): the
record is listed where any of these is enough.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.calibration import fmr_for_fpir, fpir
from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.domain.candidate import Candidate, Hit, ListRecord, Modality
from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.errors import HotspotError
from hotspotd.watchlist.numbers import Kind, NumberHit, issuer_code
from hotspotd.watchlist.snapshot import NAME_SCORE, Search, Snapshot
from hotspotd.watchlist.together import GivenFace, Limits, find_together

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Probes:
    """What a traveller gives: what isn't there is not searched. ``face`` is a (d,) float32 embedding."""

    document: Document | None = None
    fingers: tuple[tuple[FingerPosition | None, FingerTemplate], ...] = ()
    face: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The highest false match rate at which a candidate is listed: of one comparison, of several fingers together.

    Face and fingers together are held to the stricter of the two. With ``face_fpir`` a face is listed only where a
    search of the whole list would find somebody else no more often than this, however long the list is.
    """

    finger_fmr: float
    face_fmr: float
    face_fpir: float | None = None
    name_score: float = NAME_SCORE
    """The lowest score of a name that is listed: a probability."""

    def of_face(self, listed: int, lowest: float) -> float:
        """The rate of one comparison of a face with ``listed`` others; no less than ``lowest``, the least claimed."""
        if self.face_fpir is None:
            return self.face_fmr
        wanted = min(self.face_fmr, fmr_for_fpir(self.face_fpir, listed))
        if wanted < lowest:
            _say_unheld(self.face_fpir, listed, lowest)
        return max(wanted, lowest)


@lru_cache(maxsize=16)
def _say_unheld(wanted: float, listed: int, lowest: float) -> None:
    """Once for each list: what its faces can be searched at."""
    held = fpir(lowest, listed)
    log.warning(
        "%d faces are listed: a false positive rate of %g a search cannot be held, %g can", listed, wanted, held
    )


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
    faces: list[GivenFace] = []
    things: list[Hit] = []

    def one_finger(position: FingerPosition | None, template: FingerTemplate) -> list[Candidate]:
        found.append(snapshot.search_finger(template, position, thresholds.finger_fmr, today))
        return found[-1].candidates

    def one_face(embedding: NDArray[np.float32], fmr_of: Callable[[float], float]) -> list[Candidate]:
        at_most = thresholds.of_face(snapshot.searched_faces, fmr_of(1.0))
        search = snapshot.search_face(embedding, at_most, today, fmr_of)
        faces.append(GivenFace(embedding, search, fmr_of))
        return search.candidates

    def all_together() -> list[Candidate]:
        limits = Limits(thresholds.finger_fmr, min(thresholds.finger_fmr, thresholds.face_fmr))
        return find_together(snapshot, probes.fingers, found, limits, faces[0] if faces else None)

    def by_number(of: Document) -> list[Candidate]:
        things.extend(document_hits(snapshot, of, today))
        return []

    if document is not None:
        searches.append(partial(snapshot.find_document, document, today))
        searches.append(partial(by_number, document))
        searches.append(partial(snapshot.find_name, document, today, thresholds.name_score))
    searches += [partial(one_finger, position, template) for position, template in probes.fingers]
    if face is not None:
        if face_fmr_of is None:
            raise ValueError("a face is searched with the face engine's false_match_rate")
        searches.append(partial(one_face, face, face_fmr_of))
    if probes.fingers and len(probes.fingers) + (face is not None) > 1:
        searches.append(all_together)
    candidates: list[Candidate] = []
    failures: list[HotspotError] = []
    for search in searches:
        try:
            candidates += search()
        except HotspotError as error:
            failures.append(error)
    hits, unread = _gathered(snapshot, candidates)
    return sorted([*things, *hits], key=_rank), failures + unread


def document_hits(snapshot: Snapshot, document: Document, today: date) -> list[Hit]:
    """What is listed by the document's number (SLTD), as hits: no person, only the document and how it came there.

    None without an issuer: the same number of another one is another document.
    """
    if not issuer_code(Kind.DOCUMENT, document.issuer):
        return []
    found = snapshot.find_number(Kind.DOCUMENT, document.number, document.issuer, today)
    return [_of_document(one, document) for one in found]


def _of_document(found: NumberHit, document: Document) -> Hit:
    record = ListRecord(
        reference=found.reference,
        notice=Notice.SLTD,
        owner=found.listing.owner,
        document_number=document.number,
        document_issuer=document.issuer,
        reason=found.reason,
        expires=found.expires.isoformat() if found.expires else None,
    )
    candidate = Candidate(modality=Modality.DOCUMENT, reference=found.reference, score=1.0, detail=found.detail)
    return Hit(record=record, candidates=(candidate,))


def _gathered(snapshot: Snapshot, candidates: list[Candidate]) -> tuple[list[Hit], list[HotspotError]]:
    by_record: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_record.setdefault(candidate.reference, []).append(candidate)
    hits: list[Hit] = []
    failures: list[HotspotError] = []
    for reference, found in by_record.items():
        try:
            hits.append(Hit(record=snapshot.record(reference), candidates=tuple(found)))
        except HotspotError as error:
            failures.append(error)
    return hits, failures


def _rank(hit: Hit) -> tuple[int, float, str]:
    # A document agrees or doesn't; a name alone is the weakest lead, however well it agrees.
    surest = min(_doubt(candidate) for candidate in hit.candidates)
    return hit.record.notice.urgency, surest, hit.record.reference


def _doubt(candidate: Candidate) -> float:
    if candidate.fmr is not None:
        return candidate.fmr
    return 2.0 - candidate.score if candidate.modality == "name" else 0.0
