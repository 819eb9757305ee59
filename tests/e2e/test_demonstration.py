"""The whole appliance as separate processes: what ./scripts/demo --once plays, played here."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(600)
async def test_every_traveller_of_the_demonstration_ends_as_expected(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "demonstration",
        "--once",
        "--json",
        str(tmp_path / "result.json"),
        "--keep",
        str(tmp_path / "world"),
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT / "scripts")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    result = json.loads((tmp_path / "result.json").read_text())
    assert [row["name"][0] for row in result["travellers"]] == list("abcdefghi")
    for row in result["travellers"]:
        assert {"name", "expected", "local", "gateway", "ok", "local_ms"} <= row.keys()
        assert row["ok"], row
    log = (tmp_path / "world" / "logs" / "hotspotd.log").read_text()
    # Nothing personal is ever logged.
    assert not [name for name in ("KOVAC", "NOVAK", "X1000003") if name in log]
