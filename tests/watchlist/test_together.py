"""Several fingers of one traveller, each too weak alone, against a list."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.domain.candidate import Candidate, ListRecord, Modality
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.watchlist import EnrolledFinger, Entry, Probes, Shelf, Snapshot, Thresholds, check
from tests.watchlist.examples import TODAY, print_of

INDEX, MIDDLE, RING = FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE, FingerPosition.RIGHT_RING
THUMB = FingerPosition.RIGHT_THUMB
THRESHOLDS = Thresholds(finger_fmr=1e-4, face_fmr=1e-5)
OTHERS = 60

Print = tuple[FingerPosition | None, FingerTemplate]


def weak_mate(seed: int, low: float, high: float) -> FingerTemplate:
    """A print of the finger ``seed`` whose false match rate against it lies from ``low`` to ``high``."""
    listed = print_of(seed)
    for drawn in range(20):
        stranger = print_of(90_000 + 100 * seed + drawn)
        for kept in range(8, 40):
            mixed = dataclasses.replace(
                listed,
                x=np.concatenate([listed.x[:kept], stranger.x[kept:]]),
                y=np.concatenate([listed.y[:kept], stranger.y[kept:]]),
                angle=np.concatenate([listed.angle[:kept], stranger.angle[kept:]]),
            )
            if low <= finger.false_match_rate(finger.compare(mixed, listed)) <= high:
                return mixed
    raise AssertionError("no print so weak was drawn")


def record(reference: str, prints: Sequence[tuple[FingerPosition, FingerTemplate]]) -> Entry:
    listed = ListRecord(reference=reference, notice=Notice.RED, owner="XPO")
    return Entry(listed, fingers=tuple(EnrolledFinger(position, one.encode()) for position, one in prints))


@pytest.fixture
def listed(tmp_path: Path) -> Snapshot:
    """The person WANTED by right index and middle, among others of whom the same fingers are known."""
    entries = [record("WANTED", [(INDEX, print_of(1)), (MIDDLE, print_of(2))])]
    entries += [record(f"O/{n}", [(INDEX, print_of(500 + n)), (MIDDLE, print_of(700 + n))]) for n in range(OTHERS)]
    shelf = Shelf(tmp_path / "watchlist")
    shelf.publish(entries, finger_engine=finger.ENGINE, face_engine=None, version="one")
    return shelf.open(finger_engine=finger.ENGINE, face_engine=None)


def found(snapshot: Snapshot, *fingers: Print) -> dict[str, tuple[Candidate, ...]]:
    hits = check(snapshot, Probes(fingers=fingers), THRESHOLDS, TODAY)
    return {hit.record.reference: hit.candidates for hit in hits}


def test_two_fingers_too_weak_alone_are_found_together_and_shown_side_by_side(listed: Snapshot) -> None:
    index, middle = weak_mate(1, 3e-4, 2.5e-3), weak_mate(2, 3e-4, 2.5e-3)
    assert not found(listed, (INDEX, index))
    assert not found(listed, (MIDDLE, middle))
    candidates = found(listed, (INDEX, index), (MIDDLE, middle))["WANTED"]
    assert [(one.modality, one.position) for one in candidates] == [
        (Modality.FINGER, INDEX),
        (Modality.FINGER, MIDDLE),
        (Modality.FINGERS, None),
    ]
    together = candidates[-1]
    assert together.fmr is not None
    assert together.fmr <= THRESHOLDS.finger_fmr
    assert together.detail == "2 fingers together: right index, right middle"
    assert together.score == pytest.approx(sum(one.score for one in candidates[:-1]), abs=1e-4)
    assert all(one.fmr is not None and one.fmr > THRESHOLDS.finger_fmr for one in candidates[:-1])


def test_fingers_in_the_wrong_order_are_found_together_and_that_is_said(listed: Snapshot) -> None:
    index, middle = weak_mate(1, 2e-5, 2e-4), weak_mate(2, 2e-5, 2e-4)
    assert not found(listed, (MIDDLE, index))
    assert not found(listed, (INDEX, middle))
    candidates = found(listed, (MIDDLE, index), (INDEX, middle))["WANTED"]
    assert [one.modality for one in candidates] == [Modality.FINGER, Modality.FINGER, Modality.FINGERS]
    assert "right index (given as right middle)" in candidates[-1].detail


def test_a_finger_that_is_not_listed_or_not_readable_does_no_harm_and_is_named(listed: Snapshot) -> None:
    index, middle = weak_mate(1, 3e-4, 2e-3), weak_mate(2, 3e-4, 2e-3)
    plain = found(listed, (INDEX, index), (MIDDLE, middle))["WANTED"][-1]
    unreadable = dataclasses.replace(print_of(3), quality=5)
    more = found(listed, (THUMB, print_of(4)), (INDEX, index), (RING, unreadable), (MIDDLE, middle))["WANTED"][-1]
    assert more.fmr == plain.fmr
    assert more.detail.endswith("; not compared: right thumb, right ring")


def test_a_good_print_of_another_finger_speaks_against(listed: Snapshot) -> None:
    index = weak_mate(1, 2e-5, 1e-4)
    alone = found(listed, (INDEX, index))["WANTED"]
    assert [one.modality for one in alone] == [Modality.FINGER]
    candidates = found(listed, (INDEX, index), (MIDDLE, print_of(9)))["WANTED"]
    # One finger that is enough alone still is; the set is not.
    assert candidates == alone


def test_one_strong_finger_and_one_that_does_not_match_say_so(listed: Snapshot) -> None:
    candidates = found(listed, (INDEX, print_of(1)), (MIDDLE, print_of(9)))["WANTED"]
    assert [one.modality for one in candidates] == [Modality.FINGER, Modality.FINGERS]
    alone, together = candidates
    assert together.fmr > alone.fmr  # type: ignore[operator]
    assert together.detail == "2 fingers together: right index; not matching: right middle"


def test_people_who_are_not_listed_stay_out_with_two_fingers(listed: Snapshot) -> None:
    for person in range(30):
        assert not found(listed, (INDEX, print_of(3000 + person)), (MIDDLE, print_of(4000 + person)))


def test_two_prints_of_one_finger_are_not_two_fingers(listed: Snapshot) -> None:
    once, again = weak_mate(1, 3e-4, 2.5e-3), weak_mate(1, 3e-4, 2.5e-3)
    assert not found(listed, (INDEX, once), (INDEX, again))


def test_an_expired_record_is_not_found_by_several_fingers_either(tmp_path: Path) -> None:
    expired = ListRecord(reference="OLD", notice=Notice.RED, owner="XPO", expires="2026-11-21")
    prints = tuple(EnrolledFinger(at, print_of(seed).encode()) for at, seed in ((INDEX, 1), (MIDDLE, 2)))
    shelf = Shelf(tmp_path / "watchlist")
    shelf.publish([Entry(expired, fingers=prints)], finger_engine=finger.ENGINE, face_engine=None, version="one")
    snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=None)
    assert not found(snapshot, (INDEX, print_of(1)), (MIDDLE, print_of(2)))
