"""``hotspotctl watchlist``: from a source folder to a list in force, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import cv2
import numpy as np

from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face import synthetic as faces
from hotspotd.biometrics.finger import synthetic as prints
from hotspotd.domain.finger import FingerPosition
from hotspotd.watchlist import Probes, Shelf, Thresholds, check, layout
from tests.cli.conftest import RECORD, write_rows

Run = Callable[..., tuple[int, str, str]]


def test_a_listed_finger_and_face_are_found_by_another_picture_of_them(run: Run, source: Path, tmp_path: Path) -> None:
    master, person = prints.master(3), faces.person(3)
    rng = np.random.default_rng(3)
    listed = prints.impression(master, rng, prints.Condition.GOOD)
    cv2.imwrite(str(source / "print.png"), listed)
    cv2.imwrite(str(source / "face.png"), cv2.cvtColor(faces.picture(person, rng), cv2.COLOR_RGB2BGR))
    write_rows(source, RECORD | {"fingers": {"right_index": "print.png"}, "portrait": "face.png"})

    code, out, _ = run("watchlist", "build", source, tmp_path / "lists", "--version", "one")
    assert code == 0
    assert "1 records" in out
    assert "1 faces" in out

    engine = FaceEngine.open()
    snapshot = Shelf(tmp_path / "lists").open(finger_engine=finger.ENGINE, face_engine=engine.engine)
    seen = faces.picture(person, rng)
    probes = Probes(
        fingers=(
            (FingerPosition.RIGHT_INDEX, finger.extract(prints.impression(master, rng, prints.Condition.GOOD), 500)),
        ),
        face=engine.embed(seen, engine.detect(seen)[0]),
    )
    (hit,) = check(
        snapshot,
        probes,
        Thresholds(finger_fmr=1e-3, face_fmr=0.5),
        date(2026, 11, 22),
        face_fmr_of=engine.false_match_rate,
    )
    assert {candidate.modality.value for candidate in hit.candidates} == {"finger", "face", "person"}


def test_what_is_left_out_is_told_and_the_rest_is_built(run: Run, source: Path, tmp_path: Path) -> None:
    write_rows(source, RECORD, "{broken", RECORD | {"reference": "XPO/2", "fingers": {"right_index": "none.png"}})
    code, out, _ = run("watchlist", "build", source, tmp_path / "lists", "--without-faces")
    assert code == 1
    assert "2 records" in out
    assert "JSON is malformed" in out
    assert "right_index" in out

    code, out, _ = run(
        "watchlist", "build", source, tmp_path / "lists", "--without-faces", "--version", "two", "--json"
    )
    assert code == 1
    result = json.loads(out)
    assert result["counts"]["records"] == 2
    assert [(problem["line"], problem["rejected"]) for problem in result["problems"]] == [(2, True), (3, False)]


def test_a_source_without_a_usable_row_changes_nothing(run: Run, source: Path, tmp_path: Path) -> None:
    run("watchlist", "build", source, tmp_path / "lists", "--without-faces", "--version", "one")
    write_rows(source, "{broken")
    code, _, err = run("watchlist", "build", source, tmp_path / "lists", "--without-faces", "--version", "two")
    assert code == 3
    assert "none can be used" in err
    current = Shelf(tmp_path / "lists").current()
    assert current is not None
    assert current.name == "snapshot-one"


def test_a_source_that_is_not_there_cannot_be_built(run: Run, tmp_path: Path) -> None:
    code, _, err = run("watchlist", "build", tmp_path / "none", tmp_path / "lists", "--without-faces")
    assert code == 3
    assert "records.jsonl" in err


def test_shows_lists_goes_back_and_names_damage(run: Run, source: Path, tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    assert run("watchlist", "show", lists)[0] == 3
    for version in ("one", "two"):
        assert run("watchlist", "build", source, lists, "--without-faces", "--version", version)[0] == 0
    code, out, _ = run("watchlist", "show", lists, "--json")
    assert code == 0
    assert [(one["role"], one["version"]) for one in json.loads(out)["lists"]] == [
        ("current", "two"),
        ("previous", "one"),
    ]

    code, out, _ = run("watchlist", "rollback", lists)
    assert code == 0
    assert "snapshot-one is current" in out

    (lists / "snapshot-one" / layout.NAMES).write_bytes(b"torn")
    code, out, _ = run("watchlist", "show", lists)
    assert code == 1
    assert layout.NAMES in out


def test_a_list_is_embedded_anew(run: Run, source: Path, tmp_path: Path) -> None:
    person = faces.person(3)
    portrait = faces.picture(person, np.random.default_rng(3))
    cv2.imwrite(str(source / "face.png"), cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))
    write_rows(source, RECORD | {"portrait": "face.png"})
    lists = tmp_path / "lists"
    assert run("watchlist", "build", source, lists, "--without-faces", "--version", "one")[0] == 0
    code, out, _ = run("watchlist", "reembed", lists, "--version", "two", "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["version"], found["counts"]["faces"], found["problems"]) == ("two", 1, [])
    assert found["face_engine"] == FaceEngine.open().engine
    assert Shelf(lists).current() == Path(found["folder"])
