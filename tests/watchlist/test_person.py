"""A face and fingers of one traveller, each too weak alone, against a list."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics import finger
from hotspotd.domain.candidate import Candidate, ListRecord, Modality
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.watchlist import EnrolledFace, EnrolledFinger, Entry, Probes, Shelf, Snapshot, Thresholds, check
from tests.watchlist.examples import FACE_ENGINE, TODAY, face_of, fmr_of, print_of
from tests.watchlist.test_together import weak_mate

INDEX, MIDDLE = FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE
THRESHOLDS = Thresholds(finger_fmr=1e-4, face_fmr=1e-4)
OTHERS = 40
Face = NDArray[np.float32]


def face_at(similarity: float) -> Face:
    """A face as similar to the wanted one's, face_of(1), as this."""
    other = face_of(50).astype(np.float64)
    other -= (other @ face_of(1)) * face_of(1)
    other /= np.linalg.norm(other)
    return np.asarray(similarity * face_of(1) + (1 - similarity**2) ** 0.5 * other, np.float32)


def entry(reference: str, seed: int, face: Face | None) -> Entry:
    prints = tuple(EnrolledFinger(at, print_of(seed + step).encode()) for step, at in enumerate((INDEX, MIDDLE)))
    listed = ListRecord(reference=reference, notice=Notice.RED, owner="XPO")
    return Entry(listed, fingers=prints, face=None if face is None else EnrolledFace(face))


@pytest.fixture
def listed(tmp_path: Path) -> Snapshot:
    """WANTED, and FACELESS of whom no portrait is listed, among others."""
    entries = [entry("WANTED", 1, face_of(1)), entry("FACELESS", 11, None)]
    entries += [entry(f"O/{number}", 500 + 2 * number, face_of(200 + number)) for number in range(OTHERS)]
    shelf = Shelf(tmp_path / "watchlist")
    shelf.publish(entries, finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="one")
    return shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)


def found(snapshot: Snapshot, face: Face | None, *prints: tuple[FingerPosition, finger.FingerTemplate]) -> (
    dict[str, tuple[Candidate, ...]]
):  # fmt: skip
    hits = check(snapshot, Probes(fingers=prints, face=face), THRESHOLDS, TODAY, face_fmr_of=fmr_of)
    return {hit.record.reference: hit.candidates for hit in hits}


def test_a_face_and_a_finger_too_weak_alone_are_found_together_and_shown_side_by_side(listed: Snapshot) -> None:
    face, index = face_at(0.55), weak_mate(1, 3e-4, 2.5e-3)
    assert not found(listed, face)
    assert not found(listed, None, (INDEX, index))
    candidates = found(listed, face, (INDEX, index))["WANTED"]
    assert [one.modality for one in candidates] == [Modality.FINGER, Modality.FACE, Modality.PERSON]
    together = candidates[-1]
    assert together.fmr is not None
    assert 1e-6 <= together.fmr <= 1e-4
    assert together.detail == "Face and 1 finger together: right index"
    assert 2 < together.score < -np.log10(together.fmr)
    assert [one.detail for one in candidates[:2]] == ["Print, right index, too weak alone", "Face, too weak alone"]


def test_two_fingers_and_the_face_are_one_figure_beside_that_of_the_fingers(listed: Snapshot) -> None:
    index, middle = weak_mate(1, 3e-4, 2.5e-3), weak_mate(2, 3e-4, 2.5e-3)
    candidates = found(listed, face_at(0.6), (INDEX, index), (MIDDLE, middle))["WANTED"]
    assert [one.modality for one in candidates[-2:]] == [Modality.FINGERS, Modality.PERSON]
    fingers, both = candidates[-2:]
    assert both.fmr < fingers.fmr  # type: ignore[operator]


def test_a_face_that_does_not_match_speaks_against_and_that_is_said(listed: Snapshot) -> None:
    candidates = found(listed, face_at(0.05), (INDEX, print_of(1)))["WANTED"]
    assert [one.modality for one in candidates] == [Modality.FINGER, Modality.PERSON]
    alone, both = candidates
    assert both.fmr > alone.fmr  # type: ignore[operator]
    assert both.detail.endswith("; the face does not match")
    # A finger that is enough alone still is.
    weak = weak_mate(1, 2e-5, 1e-4)
    assert [one.modality for one in found(listed, face_at(0.05), (INDEX, weak))["WANTED"]] == [Modality.FINGER]


def test_a_record_without_a_portrait_is_judged_by_the_fingers_alone(listed: Snapshot) -> None:
    candidates = found(listed, face_at(0.0), (INDEX, print_of(11)))["FACELESS"]
    assert [one.modality for one in candidates] == [Modality.FINGER]


def test_people_who_are_not_listed_stay_out_with_face_and_finger(listed: Snapshot) -> None:
    for person in range(40):
        assert not found(listed, face_of(5000 + person), (INDEX, print_of(3000 + person)))


def test_a_longer_list_asks_for_a_surer_face(listed: Snapshot, caplog: pytest.LogCaptureFixture) -> None:
    face = face_at(0.7)
    short = Thresholds(finger_fmr=1e-4, face_fmr=1e-4)
    assert check(listed, Probes(face=face), short, TODAY, face_fmr_of=fmr_of)
    strict = Thresholds(finger_fmr=1e-4, face_fmr=1e-4, face_fpir=1e-3)
    assert strict.of_face(41, 1e-6) == pytest.approx(1e-3 / 41, rel=1e-3)
    assert not check(listed, Probes(face=face), strict, TODAY, face_fmr_of=fmr_of)
    assert check(listed, Probes(face=face_at(0.9)), strict, TODAY, face_fmr_of=fmr_of)
    with caplog.at_level(logging.WARNING):
        assert strict.of_face(1_000_000, 1e-6) == 1e-6
    assert "cannot be held" in caplog.text
