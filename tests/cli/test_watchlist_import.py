"""``hotspotctl watchlist import``: from deliveries to a list in force, by the command line alone."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.biometrics import finger
from hotspotd.domain.document import parse_mrz
from hotspotd.watchlist import Shelf
from hotspotd.watchlist.numbers import Kind, Status
from hotspotd.watchlist.staging import opened

Run = Callable[..., tuple[int, str, str]]

MRZ = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
PEOPLE = """
kind = "person"
[columns]
ref = "reference"
name = "surname"
given = "given_names"
born = "birth_date"
[constants]
notice = "blue"
owner = "UTO"
"""
SLTD = """
kind = "document"
[columns]
ref = "reference"
number = "number"
[constants]
issuer = "UTO"
owner = "UTO"
status = "lost_or_stolen"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with two mappings and two deliveries; one row of the people is bad."""
    (tmp_path / "people.toml").write_text(PEOPLE)
    (tmp_path / "sltd.toml").write_text(SLTD)
    (tmp_path / "people.csv").write_text(
        "ref,name,given,born\nU/1,ERIKSSON,ANNA MARIA,1974-08-12\n=1+1,X,,yesterday\nU/3,DOE,,\n"
    )
    (tmp_path / "sltd.csv").write_text("ref,number\nS/1,L898902C3\n")
    return tmp_path


def test_two_deliveries_become_one_list_that_finds_traveller_and_document(run: Run, site: Path) -> None:
    staging = site / "staging"
    code, out, _ = run(
        "watchlist", "import", "csv", site / "people.csv", "--map", site / "people.toml", "--source", "police",
        "--into", staging, "--json",
    )  # fmt: skip
    assert code == 1
    done = json.loads(out)
    assert (done["counts"]["added"], done["counts"]["rejected"], done["resumed"]) == (2, 1, False)
    (reject,) = [json.loads(line) for line in Path(done["rejects"]).read_text().splitlines()]
    assert (reject["file"], reject["line"], reject["reference"], reject["field"]) == (
        "people.csv", 3, "=1+1", "birth_date",
    )  # fmt: skip
    code, out, _ = run(
        "watchlist", "import", "csv", site / "sltd.csv", "--map", site / "sltd.toml", "--source", "sltd",
        "--into", staging,
    )  # fmt: skip
    assert code == 0
    assert "1 added" in out

    code, out, _ = run("watchlist", "build", staging, site / "lists", "--without-faces")
    assert code == 0
    assert "2 records" in out
    assert "1 numbers" in out
    snapshot = Shelf(site / "lists").open(finger_engine=finger.ENGINE, face_engine=None)
    document = parse_mrz(MRZ)
    today = date(2026, 11, 22)
    (hit,) = snapshot.find_number(Kind.DOCUMENT, document.number, document.issuer, today)
    assert (hit.listing.status, hit.listing.source) == (Status.LOST_OR_STOLEN, "sltd")
    assert [one.reference for one in snapshot.find_name(document, today)] == ["U/1"]
    assert snapshot.record("U/1").source == "police"


def test_two_sources_with_one_reference_are_both_listed(run: Run, site: Path) -> None:
    for source in ("one", "two"):
        run(
            "watchlist", "import", "csv", site / "people.csv", "--map", site / "people.toml", "--source", source,
            "--into", site / "staging",
        )  # fmt: skip
    assert run("watchlist", "build", site / "staging", site / "lists", "--without-faces")[0] == 0
    snapshot = Shelf(site / "lists").open(finger_engine=finger.ENGINE, face_engine=None)
    assert snapshot.record("U/1").source == "one"
    assert snapshot.record("U/1 (two)").source == "two"


def test_rejects_as_a_table_hold_no_formula(run: Run, site: Path) -> None:
    run(
        "watchlist", "import", "csv", site / "people.csv", "--map", site / "people.toml", "--source", "police",
        "--into", site / "staging", "--rejects", site / "rejects.csv",
    )  # fmt: skip
    with (site / "rejects.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["line"], row["reference"]) == ("3", "'=1+1")


def test_a_dry_run_leaves_no_store(run: Run, site: Path) -> None:
    code, out, _ = run(
        "watchlist", "import", "csv", site / "people.csv", "--map", site / "people.toml", "--source", "police",
        "--into", site / "staging", "--dry-run",
    )  # fmt: skip
    assert code == 1
    assert "nothing was changed" in out
    assert not (site / "staging").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--map", "people.toml"), "no name for a source"),
        (("--source", "Police Force", "--map", "people.toml"), "no name for a source"),
        (("--source", "police"), "mapping file"),
        (("--source", "police", "--map", "none.toml"), "none.toml"),
        (("--source", "police", "--map", "people.toml", "--owner", "Utopia"), "owner"),
    ],
)
def test_an_order_that_cannot_be_done_says_why(
    run: Run, site: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], reason: str
) -> None:
    monkeypatch.chdir(site)
    code, _, err = run("watchlist", "import", "csv", "people.csv", "--into", "staging", *arguments)
    assert code == 3
    assert reason in err
    assert not (site / "staging").exists()


def test_a_process_that_was_killed_is_gone_on_with(run: Run, site: Path) -> None:
    rows = 30_000
    path = site / "many.csv"
    path.write_text("ref,name,given,born\n" + "".join(f"U/{n},N{n},G,1970-01-01\n" for n in range(rows)))
    arguments = [
        "watchlist", "import", "csv", str(path), "--map", str(site / "people.toml"), "--source", "police", "--into",
        str(site / "staging"),
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from hotspotd.cli.main import main; sys.exit(main())", *arguments],
        stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        while process.poll() is None and not _lines_taken(site / "staging" / "staging.sqlite"):
            pass
        process.send_signal(signal.SIGKILL)
    finally:
        process.wait()
    assert process.returncode == -signal.SIGKILL
    code, out, _ = run(*arguments, "--json")
    done = json.loads(out)
    assert code == 0
    assert done["resumed"]
    assert done["counts"]["added"] == rows
    with opened(site / "staging") as store:
        assert sum(1 for _ in store.people()) == rows


def _lines_taken(path: Path) -> int:
    if not path.is_file():
        return 0
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        row = database.execute("SELECT line FROM import").fetchone()
    except sqlite3.OperationalError:  # Not laid out yet.
        return 0
    finally:
        database.close()
    return int(row[0]) if row else 0


def test_every_kind_can_be_ordered_and_ends_in_one_list(run: Run, site: Path) -> None:
    deliveries = site / "deliveries"
    deliveries.mkdir()
    (deliveries / "un.xml").write_text(
        "<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><DATAID>1</DATAID><FIRST_NAME>A</FIRST_NAME></INDIVIDUAL>"
        "</INDIVIDUALS></CONSOLIDATED_LIST>"
    )
    (deliveries / "e.json").write_text('{"id": "P-1", "schema": "Person", "properties": {"name": ["B"]}}\n')
    (deliveries / "notices").mkdir()
    (deliveries / "notices" / "n.json").write_text('{"entity_id": "2026/1", "name": "C"}')
    (deliveries / "pictures").mkdir()
    picture = cv2.imencode(".png", np.full((90, 80), 9, np.uint8))[1].tobytes()
    (deliveries / "pictures" / "P-1__face.png").write_bytes(picture)
    (deliveries / "torn.nist").write_bytes(b"1.001:")
    orders = (
        (0, "un", "un.xml"),
        (0, "ftm", "e.json", "--source", "ftm", "--notice", "national", "--owner", "UTO"),
        (0, "interpol", "notices", "--notice", "yellow"),
        (0, "pictures", "pictures", "--source", "ftm"),
        (1, "nist", "torn.nist", "--source", "nist", "--notice", "blue"),
        (1, "inti", "un.xml", "--source", "inti", "--notice", "blue"),
        (3, "ftm", "e.json", "--source", "ftm"),
        (3, "nist", "torn.nist", "--source", "nist"),
        (3, "un", "pictures"),
        (3, "un", "missing.xml"),
    )
    for expected, kind, name, *options in orders:
        code, out, err = run("watchlist", "import", kind, deliveries / name, "--into", site / "staging", *options)
        assert code == expected, (kind, out, err)
    code, out, _ = run("watchlist", "build", site / "staging", site / "lists", "--without-faces")
    assert code == 0
    assert "3 records" in out
    assert "1 pictures" in out
    snapshot = Shelf(site / "lists").open(finger_engine=finger.ENGINE, face_engine=None)
    assert {snapshot.record(one).source for one in ("1", "P-1", "2026/1")} == {"un-sc", "ftm", "interpol-public"}
    assert snapshot.picture("P-1", "face") == picture


def test_a_number_is_listed_under_each_kind_it_was_delivered_as(run: Run, site: Path) -> None:
    (site / "cars.toml").write_text(SLTD.replace('"document"', '"vehicle"'))
    for kind in ("cars", "sltd"):
        run(
            "watchlist", "import", "csv", site / "sltd.csv", "--map", site / f"{kind}.toml", "--source", kind, "--into",
            site / "staging",
        )  # fmt: skip
    code, out, _ = run("watchlist", "build", site / "staging", site / "lists", "--without-faces")
    assert code == 0
    assert "2 numbers" in out
    snapshot = Shelf(site / "lists").open(finger_engine=finger.ENGINE, face_engine=None)
    document = parse_mrz(MRZ)
    for kind in (Kind.DOCUMENT, Kind.VEHICLE):
        assert snapshot.find_number(kind, document.number, document.issuer, date(2026, 11, 22))
