"""The short version of ./scripts/bench outbox: every writer is measured beside raw SQLite. No figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def test_every_writer_is_measured_beside_raw_sqlite(tmp_path: Path) -> None:
    options = ("--rounds", "1", "--count", "16", "--folder", str(tmp_path), "--json", str(tmp_path / "result.json"))
    done = subprocess.run(
        [sys.executable, "scripts/bench_outbox.py", *options],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": f"{_ROOT}:{_ROOT / 'scripts'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert found["writers"] == 16
    for size in ("200 bytes", "64000 bytes"):
        median = found[size]["median"]
        assert median.keys() == {"raw", "one", "many", "encounter", "many encounters"}
        assert all(one["per_second"] > 0 and one["of_raw"] > 0 for one in median.values())
        assert median["raw"]["of_raw"] == 1
    # Nothing of it stays behind.
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
