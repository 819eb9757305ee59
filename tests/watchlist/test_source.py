"""A source folder: what becomes an entry, and what is left out and told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger import synthetic
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import Entry
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.source import Source

GOOD = {
    "reference": "XPO/1",
    "notice": "red",
    "owner": "XPO",
    "surname": "ERIKSSON",
    "given_names": "ANNA",
    "birth_date": "1974-08-12",
}


@pytest.fixture(scope="module")
def print_png() -> bytes:
    """An encoded synthetic print."""
    image = synthetic.impression(synthetic.master(5), np.random.default_rng(5), synthetic.Condition.GOOD)
    return cv2.imencode(".png", image)[1].tobytes()


def read(folder: Path, *rows: dict[str, Any] | str) -> tuple[list[Entry], Source]:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "records.jsonl").write_text("\n".join(lines) + "\n")
    source = Source(folder, Enroller())
    return list(source.entries()), source


def test_a_row_becomes_an_entry_with_its_documents_and_prints(tmp_path: Path, print_png: bytes) -> None:
    (tmp_path / "prints").mkdir()
    (tmp_path / "prints" / "1.png").write_bytes(print_png)
    row = GOOD | {
        "documents": [{"number": "L898902C3", "issuer": "UTO"}],
        "fingers": {"right_index": "prints/1.png"},
        "finger_dpi": 500,
    }
    (entry,), source = read(tmp_path, row)
    assert source.problems == []
    assert entry.record.surname == "ERIKSSON"
    assert entry.documents[0].number == "L898902C3"
    assert entry.fingers[0].position is FingerPosition.RIGHT_INDEX
    assert entry.fingers[0].picture == print_png
    assert len(finger.FingerTemplate.decode(entry.fingers[0].template)) > 10


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{not json", "JSON"),
        ("[]", "object"),
        ("\x00", "JSON"),
        (GOOD | {"surnmae": "X"}, "surnmae"),
        (GOOD | {"notice": "pink"}, "notice"),
        (GOOD | {"owner": "Interpol"}, "owner"),
        (GOOD | {"reference": ""}, "reference"),
        (GOOD | {"reference": "x" * 61}, "reference"),
        (GOOD | {"birth_date": "12.08.1974"}, "birth_date"),
        (GOOD | {"birth_date": "1974-02-30"}, "birth_date"),
        (GOOD | {"expires": "2026-11"}, "expires"),
        (GOOD | {"expires": "0000-01-01"}, "expires"),
        (GOOD | {"document_number": "L898902C3"}, "document_issuer"),
        (GOOD | {"documents": [{"number": "<<", "issuer": "UTO"}]}, "documents[0]"),
        (GOOD | {"documents": [{"number": "1", "issuer": "UTO"}] * 65}, "documents"),
        (GOOD | {"surname": "x" * 501}, "surname: at most 500 printable characters"),
        (GOOD | {"given_names": "ANNA\nMARIA"}, "given_names: at most 500"),
        (GOOD | {"reason": "Wanted\x01"}, "reason: at most 500"),
        (GOOD | {"reason": "\ufffe"}, "reason: at most 500"),
        (GOOD | {"reference": "XPO\x00"}, "reference: at most 500"),
        (GOOD | {"nationality": "U\x7fO"}, "nationality: at most 500"),
        (GOOD | {"document_number": "1" * 501, "document_issuer": "UTO"}, "document_number: at most 500"),
        (GOOD | {"documents": [{"number": "1\x1b[2J", "issuer": "UTO"}]}, "documents[0].number: at most 500"),
        (GOOD | {"documents": [{"number": "1", "issuer": "U" * 501}]}, "documents[0].issuer: at most 500"),
        (GOOD | {"fingers": {"right_index": "1\x00.png"}}, "fingers: at most 500"),
        (GOOD | {"portrait": "1\x00.jpg"}, "portrait: at most 500"),
        (GOOD | {"finger_dpi": 72}, "finger_dpi"),
        (GOOD | {"aliases": ["x" * 501]}, "other_names: at most 500"),
        (GOOD | {"aliases": ["A\x00"]}, "other_names: at most 500"),
        (GOOD | {"aliases": ["x"] * 129}, "other_names: more than 128"),
        (GOOD | {"cautions": ["bites"]}, "cautions"),
        (GOOD | {"other_birth_dates": ["12.08.1974"]}, "other_birth_dates"),
        (GOOD | {"review": "2026"}, "review"),
        (GOOD | {"surname": "-", "given_names": ""}, "nothing to search by"),
        (GOOD | {"reason": "x" * 70_000}, "line longer"),
        ({key: value for key, value in GOOD.items() if key != "notice"}, "notice"),
    ],
)
def test_a_bad_row_is_left_out_with_line_and_reason_and_stops_no_other(
    tmp_path: Path, row: dict[str, Any] | str, reason: str
) -> None:
    found, source = read(tmp_path, GOOD | {"reference": "before"}, row, "", GOOD | {"reference": "after"})
    assert [entry.record.reference for entry in found] == ["before", "after"]
    (problem,) = source.problems
    assert problem.rejected
    assert problem.line == 2
    assert reason in problem.what
    assert source.rows == 3


def test_texts_as_long_as_allowed_in_any_script_are_kept(tmp_path: Path) -> None:
    texts = {"reason": "x" * 500, "surname": "Дьяченко", "given_names": "Zoë Ñuñez 花子"}
    (entry,), source = read(tmp_path, GOOD | texts)
    assert source.problems == []
    assert {key: getattr(entry.record, key) for key in texts} == texts


def test_aliases_and_other_names_are_both_kept(tmp_path: Path) -> None:
    other = [{"full": "Анна", "kind": "original"}]
    (entry,), source = read(tmp_path, GOOD | {"aliases": ["ANN DOE"], "other_names": other, "cautions": ["armed"]})
    assert source.problems == []
    assert [(name.text, name.kind.value) for name in entry.record.other_names] == [
        ("Анна", "original"),
        ("ANN DOE", "alias"),
    ]


def test_a_reference_that_was_there_before_is_left_out(tmp_path: Path) -> None:
    found, source = read(tmp_path, GOOD, GOOD | {"surname": "OTHER"})
    assert [entry.record.surname for entry in found] == ["ERIKSSON"]
    assert (source.problems[0].line, source.problems[0].reference) == (2, "XPO/1")


def test_a_picture_that_cannot_be_enrolled_is_left_out_of_its_row(tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "blank.png").write_bytes(cv2.imencode(".png", np.full((300, 300), 255, np.uint8))[1].tobytes())
    (tmp_path.parent / "outside.png").write_bytes(b"x")
    fingers = {
        "right_thumb": "missing.png",
        "right_index": "torn.png",
        "right_middle": "blank.png",
        "right_ring": "../outside.png",
        "sixth": "blank.png",
    }
    (entry,), source = read(tmp_path, GOOD | {"fingers": fingers, "portrait": "torn.png"})
    assert entry.record.reference == "XPO/1"
    assert entry.fingers == ()
    assert entry.face is None
    assert [problem.what.split(":")[0] for problem in source.problems] == [*fingers, "portrait"]
    assert not any(problem.rejected for problem in source.problems)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, print_png: bytes) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(print_png)
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "link.png").symlink_to(outside)
    (entry,), source = read(folder, GOOD | {"fingers": {"right_index": "link.png"}})
    assert entry.fingers == ()
    assert "outside the source folder" in source.problems[0].what


def test_a_folder_without_a_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WatchlistError) as error:
        list(Source(tmp_path, Enroller()).entries())
    assert error.value.reason is Reason.UNREADABLE
