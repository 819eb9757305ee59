"""The whole appliance as separate processes: what ./scripts/demo --once plays, played here."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from demonstration.travellers import TRAVELLERS
from demonstration.world import DEVICE

from hotspotd.records import Records
from hotspotd.records.data_key import beside
from tests.drivers.libfprint_bench import need_libfprint
from tests.drivers.pcscd import need_pcscd

_ROOT = Path(__file__).resolve().parents[2]


async def play(folder: Path, *options: str) -> list[dict[str, Any]]:
    """The travellers' rows of ``./scripts/demo --once`` with these options."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "demonstration",
        "--once",
        "--json",
        str(folder / "result.json"),
        "--keep",
        str(folder / "world"),
        *options,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT / "scripts")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    result = json.loads((folder / "result.json").read_text())
    rows: list[dict[str, Any]] = result["travellers"]
    for row in rows:
        assert {"name", "expected", "local", "gateway", "ok", "local_ms"} <= row.keys()
        assert row["ok"], row
    return rows


@pytest.mark.timeout(600)
async def test_every_traveller_of_the_demonstration_ends_as_expected(tmp_path: Path) -> None:
    rows = await play(tmp_path)
    by_key = {row["name"][0]: row for row in rows}
    assert list(by_key) == list("abcdefghijk")
    # Fibre while it is whole, LTE while it is cut; what went by neither at first went by LTE when that was back.
    carried = {key: row["link"] for key, row in by_key.items() if key != "g"}
    assert carried == dict.fromkeys("abcdehij", "fibre") | dict.fromkeys("fk", "lte")
    assert by_key["f"]["alerts"] == ["late"]
    assert by_key["f"]["certainty"] == "confirmed by the owner"
    assert all("the fibre was used again when it was back" in by_key[key]["notes"] for key in "fk")
    log = (tmp_path / "world" / "logs" / "hotspotd.log").read_text()
    # Nothing personal is ever logged.
    assert not [name for name in ("KOVAC", "NOVAK", "X1000003") if name in log]
    assert await asyncio.to_thread(_told_by_the_disk, tmp_path / "world") == []
    await asyncio.to_thread(_audited, tmp_path / "world")


def _told_by_the_disk(world: Path) -> list[str]:
    """Travellers who can be found in the kiosk's own files: the database, its log, its keys, what is beside them."""
    files = [path for path in world.glob("records.db*") if path.is_file()]
    assert world / "records.db.keys" in files
    words = [word for one in TRAVELLERS for word in (one.surname, one.number, *one.mrz()) if len(word) > 4]
    codes = ("utf-8", "utf-16-le", "utf-16-be")
    held = {path: path.read_bytes() for path in files}
    told = [(word, path) for word in words for code in codes for path in files if word.encode(code) in held[path]]
    pictures = [(mark, path) for mark in (b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n") for path in files]
    return [f"{word} in {path.name}" for word, path in told] + [
        f"a picture in {path.name}" for mark, path in pictures if mark in held[path]
    ]


def _audited(world: Path) -> None:
    """The audit chain is whole, says what was done, names nobody, and is what the gateway has checkpoints of."""
    exported = subprocess.run(
        [sys.executable, "-m", "hotspotd.gateway.checkpoints", "export", DEVICE, "--config", world / "gateway.toml"],
        capture_output=True,
        check=True,
    )
    (world / "checkpoints.jsonl").write_bytes(exported.stdout)
    arguments = ["--config", str(world / "hotspotd.toml"), "--checkpoints", str(world / "checkpoints.jsonl")]
    verify = "import sys; from hotspotd.cli.main import main; sys.exit(main(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", verify, "audit", "verify", *arguments], check=True)
    with closing(sqlite3.connect(world / "records.db")) as records:
        entries = records.execute("SELECT event, subject, actor, detail, at FROM audit").fetchall()
        notes = records.execute("SELECT text, sealed FROM audit_note").fetchall()
    events = {entry[0] for entry in entries}
    assert {"daemon.started", "configuration.used", "key.used", "watchlist.in_force"} <= events
    assert {"encounter.recorded", "encounter.checked", "encounter.answered", "alert.raised"} <= events
    # The first daemon was killed.
    assert [entry[0] for entry in entries].count("daemon.started") == 2
    # A thumbprint may have any three letters in it.
    said = str(([entry for entry in entries if not entry[0].startswith("key.")], notes)).upper()
    for one in TRAVELLERS:
        assert not [
            word for word in (one.surname, one.given_names, one.number, one.birth_date, *one.mrz()) if word in said
        ], one.key


@pytest.mark.timeout(600)
async def test_the_whole_lane_works_with_another_scanner_and_documents_before_a_camera(tmp_path: Path) -> None:
    rows = await play(tmp_path, "--scanner", "sbi", "--document", "camera", "--only", "ch")
    assert [row["local"] for row in rows] == ["refer", "clear"]


@pytest.mark.system
@pytest.mark.timeout(600)
async def test_the_whole_lane_works_with_a_third_scanner_and_chips_in_the_passports(tmp_path: Path) -> None:
    need_libfprint()
    await asyncio.to_thread(need_pcscd)
    rows = await play(tmp_path, "--scanner", "libfprint", "--document", "chip", "--only", "bch")
    assert [row["local"] for row in rows] == ["refer", "refer", "clear"]
    database = tmp_path / "world" / "records.db"
    records = await Records.beside(database, data_key=beside(database))
    chips = [(await records.encounter(row.encounter_id)).encounter.chip for row in await records.recent()]
    await records.close()
    assert [(chip.state, chip.copy_checked) for chip in chips if chip] == [("authentic", True)] * 3
