"""The local check: an encounter's samples against the watchlist, as a verdict."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import date

import numpy as np

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.config import MatchingSection
from hotspotd.domain.candidate import Hit
from hotspotd.domain.encounter import Encounter
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.verdict import Outcome, ReferReason, Verdict
from hotspotd.errors import BiometricError, HotspotError, Reason, WatchlistError
from hotspotd.watchlist.check import Probes, Thresholds, check_all
from hotspotd.watchlist.snapshot import Snapshot

log = logging.getLogger(__name__)


# Two lists are kept, and a third may come while they are searched.
_MOST_LISTS = 3

InsteadOf = Callable[[Snapshot, WatchlistError], Snapshot | None]
"""From a snapshot that was found damaged to the one to search instead (``LiveWatchlist.instead_of``)."""


def no_other(_damaged: Snapshot, _error: WatchlistError) -> Snapshot | None:
    """There is no other list."""
    return None


def local_check(
    encounter: Encounter,
    snapshot: Snapshot | None,
    faces: FaceEngine | None,
    matching: MatchingSection,
    today: date,
    instead_of: InsteadOf = no_other,
) -> Verdict:
    """The verdict on ``encounter``. A check that cannot be made refers; it never clears. For a worker thread.

    Where the list is found damaged, all of it is searched again in the one before; what was found until then stays.
    """
    began = time.perf_counter()
    reasons = list(encounter.trouble)
    hits: list[Hit] = []
    if snapshot is None:
        reasons.append(ReferReason.CHECK_FAILED)
    else:
        probes, failures = _probes(encounter, faces)
        thresholds = Thresholds(
            finger_fmr=matching.finger_fmr,
            face_fmr=matching.face_fmr,
            face_fpir=matching.face_fpir,
            name_score=matching.name_score,
        )
        fmr_of = None if faces is None else faces.false_match_rate
        for _ in range(_MOST_LISTS):
            found, failed = check_all(snapshot, probes, thresholds, today, face_fmr_of=fmr_of)
            known = {hit.record.reference for hit in found}
            hits = [*found, *(hit for hit in hits if hit.record.reference not in known)]
            damage = next((error for error in failed if _is_damage(error)), None)
            other = instead_of(snapshot, damage) if isinstance(damage, WatchlistError) else None
            if other is None:
                break
            snapshot = other
        for error in (*failures, *failed):
            log.warning("local check: %s", error)
        if failures or failed:
            reasons.append(ReferReason.CHECK_FAILED)
    if hits:
        reasons.insert(0, ReferReason.HIT)
    return Verdict(
        outcome=Outcome.REFER if reasons else Outcome.CLEAR,
        reasons=tuple(reasons),
        hits=tuple(hits),
        compute_ms=round((time.perf_counter() - began) * 1000, 1),
    )


def _is_damage(error: HotspotError) -> bool:
    return isinstance(error, WatchlistError) and error.reason is Reason.DAMAGED


def _probes(encounter: Encounter, faces: FaceEngine | None) -> tuple[Probes, list[HotspotError]]:
    """What can be searched, and why something cannot."""
    fingers: list[tuple[FingerPosition | None, FingerTemplate]] = []
    failures: list[HotspotError] = []
    face = None
    for sample in encounter.samples:
        if not sample.template:
            continue
        if sample.modality == "finger":
            try:
                fingers.append((sample.position, FingerTemplate.decode(sample.template)))
            except BiometricError as error:
                failures.append(error)
        elif sample.modality == "face" and faces is not None:
            face = np.frombuffer(sample.template, "<f4").astype(np.float32)
    return Probes(document=encounter.document, fingers=tuple(fingers), face=face), failures
