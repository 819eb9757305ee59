"""The local check: an encounter's samples against the watchlist, as a verdict."""

from __future__ import annotations

import logging
import time
from datetime import date

import numpy as np

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.config import MatchingSection
from hotspotd.domain.encounter import Encounter
from hotspotd.domain.verdict import Outcome, ReferReason, Verdict
from hotspotd.errors import HotspotError
from hotspotd.watchlist.check import Probes, Thresholds, check
from hotspotd.watchlist.snapshot import Snapshot

log = logging.getLogger(__name__)


def local_check(
    encounter: Encounter, snapshot: Snapshot | None, faces: FaceEngine | None, matching: MatchingSection, today: date
) -> Verdict:
    """The verdict on ``encounter``. A check that cannot be made refers; it never clears. For a worker thread."""
    began = time.perf_counter()
    reasons = list(encounter.trouble)
    hits = []
    if snapshot is None:
        reasons.append(ReferReason.CHECK_FAILED)
    else:
        thresholds = Thresholds(finger_fmr=matching.finger_fmr, face_fmr=matching.face_fmr)
        try:
            hits = check(
                snapshot,
                _probes(encounter, faces),
                thresholds,
                today,
                face_fmr_of=None if faces is None else faces.false_match_rate,
            )
        except HotspotError as error:
            log.warning("local check: %s", error)
            reasons.append(ReferReason.CHECK_FAILED)
    if hits:
        reasons.insert(0, ReferReason.HIT)
    return Verdict(
        outcome=Outcome.REFER if reasons else Outcome.CLEAR,
        reasons=tuple(reasons),
        hits=tuple(hits),
        compute_ms=round((time.perf_counter() - began) * 1000, 1),
    )


def _probes(encounter: Encounter, faces: FaceEngine | None) -> Probes:
    fingers = []
    face = None
    for sample in encounter.samples:
        if not sample.template:
            continue
        if sample.modality == "finger":
            fingers.append((sample.position, FingerTemplate.decode(sample.template)))
        elif faces is not None:
            face = np.frombuffer(sample.template, "<f4").astype(np.float32)
    return Probes(document=encounter.document, fingers=tuple(fingers), face=face)
