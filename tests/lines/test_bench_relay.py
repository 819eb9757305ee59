"""The short versions of ./scripts/bench relay: everything is measured and everything is answered; no figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def bench(folder: Path, part: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "scripts/bench_relay.py", "--quick", "--only", part, "--json", str(folder / "result.json")],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": f"{_ROOT}:{_ROOT / 'scripts'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))[part]
    return result


@pytest.mark.namespaces
def test_a_travellers_check_is_answered_over_a_thin_line(tmp_path: Path) -> None:
    found = bench(tmp_path, "live")
    assert (found["runs"], found["answered"]) == (2, 2)
    assert 0 < found["p50_s"] <= found["p95_s"] <= found["max_s"]
    # A face and four prints, which travel in one direction only.
    assert found["there_bytes"] > 80_000 > found["back_bytes"] > 0


@pytest.mark.namespaces
def test_a_backlog_drains_while_travellers_come(tmp_path: Path) -> None:
    found = bench(tmp_path, "backlog")
    assert (found["waiting"], found["drained"]) == (6, 6)
    assert found["payload_share"] > 0
    assert 0 < found["wire_share"] <= 1.05
    assert found["live"]["answered"] == found["live"]["runs"]


def test_an_upload_that_is_cut_anywhere_gets_there(tmp_path: Path) -> None:
    found = bench(tmp_path, "cuts")
    assert found["positions"] >= 64
    # Never more than all of it, whatever the link is able to resume.
    assert 0 <= found["again_mean_bytes"] <= found["again_most_bytes"] <= found["whole_bytes"]
