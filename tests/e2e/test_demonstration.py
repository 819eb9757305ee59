"""The whole appliance as separate processes: what ./scripts/demo --once plays, played here."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.drivers.pcscd import need_pcscd

_ROOT = Path(__file__).resolve().parents[2]


async def _played(folder: Path, *options: str) -> list[dict[str, object]]:
    """What the demonstration wrote of its travellers; it ended well."""
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
    rows: list[dict[str, object]] = json.loads((folder / "result.json").read_text())["travellers"]
    return rows


@pytest.mark.timeout(600)
async def test_every_traveller_of_the_demonstration_ends_as_expected(tmp_path: Path) -> None:
    rows = await _played(tmp_path)
    assert [str(row["name"])[0] for row in rows] == list("abcdefghi")
    for row in rows:
        assert {"name", "expected", "local", "gateway", "ok", "local_ms"} <= row.keys()
        assert row["ok"], row
    log = (tmp_path / "world" / "logs" / "hotspotd.log").read_text()
    # Nothing personal is ever logged.
    assert not [name for name in ("KOVAC", "NOVAK", "X1000003") if name in log]


@pytest.mark.timeout(300)
async def test_travellers_with_chips_in_their_passports_end_as_expected(tmp_path: Path) -> None:
    await asyncio.to_thread(need_pcscd)
    assert [row["ok"] for row in await _played(tmp_path, "--document", "chip", "--only", "ab")] == [True, True]
    with closing(sqlite3.connect(tmp_path / "world" / "records.db")) as records:
        states = records.execute("SELECT chip ->> '$.state', chip ->> '$.copy_checked' FROM encounter").fetchall()
    assert states == [("authentic", 1), ("authentic", 1)]
