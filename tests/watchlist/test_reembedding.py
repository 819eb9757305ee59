"""A list is embedded anew by another face model; nothing else of it changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine, synthetic
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import EnrolledFace, Entry, Shelf, layout
from hotspotd.watchlist.reembedding import reembed
from tests.watchlist.examples import FACE_ENGINE, entries, face_of

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return FaceEngine.open()


def jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Two people with portraits, embedded by an engine of long ago, one of them without a face in it."""
    rng = np.random.default_rng(5)
    wall = np.full((300, 300, 3), 190, np.uint8)
    people = [
        Entry(
            ListRecord(reference=f"XPO/F{number}", notice=Notice.BLUE, owner="XPO"),
            face=EnrolledFace(face_of(number), jpeg(picture)),
        )
        for number, picture in enumerate((synthetic.picture(synthetic.person(5), rng), wall))
    ]
    shelf = Shelf(tmp_path / "lists")
    # The portraits of the examples are no pictures.
    others = [Entry(entry.record, entry.documents, entry.fingers) for entry in entries()]
    shelf.publish([*others, *people], finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="old")
    return shelf


def test_a_face_is_found_by_the_new_model(shelf: Shelf, engine: FaceEngine) -> None:
    before = shelf.current()
    assert before is not None
    told: list[tuple[int, int]] = []
    path, problems = reembed(shelf, engine, "new", lambda done, of: told.append((done, of)))
    assert [(problem.reference, problem.rejected) for problem in problems] == [("XPO/F1", False)]
    assert told[-1] == (2, 2)
    snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=engine.engine)
    assert (snapshot.version, snapshot.counts["faces"]) == ("new", 1)
    probe = synthetic.picture(synthetic.person(5), np.random.default_rng(6))
    embedding = engine.embed(probe, engine.detect(probe)[0])
    assert snapshot.search_face(embedding, 0.5, TODAY, engine.false_match_rate).candidates[0].reference == "XPO/F0"
    layout.verify(path, layout.read_manifest(path))
    for name in layout.read_manifest(before).files:
        if name not in (layout.FACES, layout.BLOCKS):
            assert (before / name).read_bytes() == (path / name).read_bytes()
    assert shelf.rollback() == before


def test_a_version_that_is_there_is_refused(shelf: Shelf, engine: FaceEngine) -> None:
    with pytest.raises(WatchlistError) as caught:
        reembed(shelf, engine, "old")
    assert caught.value.reason is Reason.CONFLICT


def test_without_a_list_there_is_nothing_to_embed(tmp_path: Path, engine: FaceEngine) -> None:
    with pytest.raises(WatchlistError) as caught:
        reembed(Shelf(tmp_path), engine, "new")
    assert caught.value.reason is Reason.NOT_FOUND
