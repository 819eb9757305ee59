"""What repositories hold becomes a source of watchlists, and a record can be traced to who brought it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from hotspotd.biometrics import finger
from hotspotd.clock import Clock
from hotspotd.gateway.config import RepositorySection
from hotspotd.gateway.intake import __main__ as command
from hotspotd.gateway.intake import giving
from hotspotd.watchlist import Probes, Shelf, Thresholds, check
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.source import Source
from tests.gateway.bench import Certificates, GatewayBench, NumberSearch
from tests.gateway.office import REPOSITORY, Office, passport
from tests.relay.travellers import document

CONFIG = """
bureau.country = "UTO"
server = { certificate = "a", key = "b", trust_anchors = "c" }
store.database = "gateway.db"
watchlist.folder = "list"
[intake]
database = "national.db"
[[intake.repositories]]
name = "uto-sltd"
owner = "UTO"
devices = ["kiosk-1"]
[[intake.repositories]]
name = "rur-all"
owner = "RUR"
devices = ["kiosk-2"]
"""
RULES = {
    "uto-sltd": RepositorySection(name="uto-sltd", owner="UTO", devices=("kiosk-1",)),
    "rur-all": RepositorySection(name="rur-all", owner="RUR", devices=("kiosk-2",)),
}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
async def config(tmp_path: Path, certificates: Certificates) -> Path:
    """A gateway's file beside a database that two offices have filled."""
    bench = GatewayBench(tmp_path / "gateway.db", certificates, NumberSearch())
    bench.repositories = RULES
    bench.clock = Clock(wall=lambda: datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    await bench.start()
    try:
        office = Office(tmp_path, certificates, "kiosk-1", lambda: bench.url)
        await office.submit([passport(1, reference="A/1"), passport(2, reference="", expires="2026-11-25")])
        await office.submit([passport(1, reference="A/1", status="stolen_blank"), passport(2, reference="")])
        other = Office(tmp_path, certificates, "kiosk-2", lambda: bench.url)
        other.repository = "rur-all"
        plate = {"kind": "vehicle", "number": "RU-R 123", "issuer": "RUR", "status": "wanted", "category": "VW Golf"}
        await other.submit([passport(5, reference="A/1", reason="Fire at the registry"), plate])
    finally:
        await bench.stop()
    path = tmp_path / "gateway.toml"
    await asyncio.to_thread(path.write_text, CONFIG)
    return path


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        code = command.main([*map(str, arguments), "--config", str(config)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_documents_are_found_in_a_list_that_is_built_from_what_was_submitted(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("export", tmp_path / "source", "--as", "records", "--json")
    assert code == 0
    assert json.loads(out)["counts"] == {"document": 3, "left behind": 1}
    enroller = Enroller(None)
    source = Source(tmp_path / "source", enroller)
    Shelf(tmp_path / "lists").publish(
        source.entries(), finger_engine=enroller.finger_engine, face_engine=None, version="1"
    )
    assert source.problems == []
    snapshot = Shelf(tmp_path / "lists").open(finger_engine=finger.ENGINE, face_engine=None)
    for number, reference, reason in (
        ("X0000001", "A/1 (2)", "Stolen blank"),
        ("X0000002", "uto-sltd/document/UTO/X0000002", "Lost, or stolen from the bearer"),
        ("X0000005", "A/1", "Fire at the registry"),
    ):
        probes = Probes(document=document(number))
        (hit,) = check(snapshot, probes, Thresholds(finger_fmr=1e-4, face_fmr=1e-5), date(2026, 11, 22))
        assert (hit.record.reference, hit.record.reason) == (reference, reason)
        assert hit.record.source in RULES
        assert hit.record.since == "2026-11-22"


def test_every_kind_is_given_as_numbers_with_where_it_came_from(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("export", tmp_path / "source")
    assert code == 0
    assert "1 vehicle" in out
    numbers = {row["number"]: row for row in rows(tmp_path / "source" / giving.NUMBERS)}
    assert numbers["RU-R 123"] == {
        "kind": "vehicle", "number": "RU-R 123", "issuer": "RUR", "status": "wanted", "owner": "RUR",
        "purpose": "VW Golf", "source": "rur-all", "expires": "2036-11-22",
    }  # fmt: skip
    origins = {row["reference"]: row for row in rows(tmp_path / "source" / giving.PROVENANCE)}
    assert origins["rur-all/vehicle/RUR/RUR123"]["listed"] == "2026-11-22"
    assert sorted(path.name for path in (tmp_path / "source").iterdir()) == [giving.NUMBERS, giving.PROVENANCE]


def test_a_record_is_traced_to_the_deltas_that_brought_and_last_named_it(run: Run) -> None:
    code, out, _ = run("explain", "X0000001", "--json")
    assert code == 0
    (told,) = json.loads(out)
    assert (told["repository"], told["owner"], told["here since"]) == (REPOSITORY, "UTO", "2026-11-22")
    assert told["brought by"].startswith("delta 1, kiosk-1, 2026-11-22T12:00")
    assert told["last named by"].startswith("delta 2, kiosk-1")
    assert told["counts until"] == "2036-11-22"
    code, out, _ = run("explain", "A/1", "--json")
    assert {one["repository"] for one in json.loads(out)} == {"uto-sltd", "rur-all"}
    code, out, _ = run("explain", "uto-sltd/document/UTO/X0000002")
    assert code == 0
    assert "uto-sltd" in out


def test_every_delta_can_be_checked_again(run: Run, config: Path) -> None:
    code, out, _ = run("verify")
    assert code == 0
    assert out == "rur-all: 1 deltas: whole\nuto-sltd: 2 deltas: whole\n"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE delta SET signed = CAST(replace(signed, 'J', 'K') AS BLOB) WHERE sequence = 2", "delta 2: "),
        ("DELETE FROM delta WHERE sequence = 1", "delta 2 does not follow delta 0"),
        ("DELETE FROM delta WHERE sequence = 2", "the repository is at delta 2, and its deltas end at 1"),
        ("UPDATE delta SET certificate = x'00'", "delta 1: cannot be read"),
        (
            "UPDATE delta SET certificate = (SELECT certificate FROM delta WHERE device = 'kiosk-2')",
            "delta 1: the delta's signature is not that of the device's certificate",
        ),
    ],
)
def test_a_delta_that_was_changed_or_taken_out_is_found(run: Run, config: Path, change: str, problem: str) -> None:
    database = sqlite3.connect(config.parent / "national.db")
    with database:
        database.execute(change)
    database.close()
    code, out, err = run("verify", "--json")
    assert code == 1
    assert "uto-sltd" in err
    assert problem in {chain["repository"]: chain["problem"] for chain in json.loads(out)}["uto-sltd"]


def test_what_is_not_there_is_said(run: Run, config: Path) -> None:
    code, _, err = run("explain", "X9999999")
    assert code == 1
    assert "no repository holds" in err
    code, out, _ = run("show")
    assert code == 0
    assert out == "rur-all: delta 1, 2 records\nuto-sltd: delta 2, 2 records\n"
    (config.parent / "national.db").unlink()
    code, _, err = run("show")
    assert code == 1
    assert "not there" in err
