"""One traveller against one list."""

from __future__ import annotations

import pytest

from hotspotd.domain.candidate import Modality
from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition
from hotspotd.watchlist import Probes, Snapshot, Thresholds, check
from tests.watchlist.examples import TODAY, face_of, fmr_of, print_of

THRESHOLDS = Thresholds(finger_fmr=1e-4, face_fmr=1e-5)


def test_no_probes_no_hits(snapshot: Snapshot) -> None:
    assert check(snapshot, Probes(), THRESHOLDS, TODAY) == []


def test_all_candidates_of_a_record_make_one_hit_and_urgent_notices_come_first(
    snapshot: Snapshot, document: Document
) -> None:
    probes = Probes(
        document=document,
        fingers=(
            (FingerPosition.LEFT_THUMB, print_of(4)),
            (FingerPosition.RIGHT_INDEX, print_of(1, shake=1.5)),
            (FingerPosition.LEFT_INDEX, print_of(2, shake=1.5)),
        ),
        face=face_of(1),
    )
    hits = check(snapshot, probes, THRESHOLDS, TODAY, face_fmr_of=fmr_of)
    assert [hit.record.reference for hit in hits] == ["XPO/1", "SLTD/3", "XPO/4"]
    found = [candidate.modality for candidate in hits[0].candidates]
    assert found == [Modality.NAME, Modality.FINGER, Modality.FINGER, Modality.FACE, Modality.FINGERS, Modality.PERSON]


def test_a_face_needs_its_engines_rates(snapshot: Snapshot) -> None:
    with pytest.raises(ValueError, match="false_match_rate"):
        check(snapshot, Probes(face=face_of(1)), THRESHOLDS, TODAY)
