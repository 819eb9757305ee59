"""The short version of ./scripts/faults --transactions: nothing is lost, nothing comes twice, and both would show."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

_SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
_SIZE = ("--transactions", "120", "--kills", "4", "--seed", "3")


def campaign(folder: Path) -> tuple[int, dict[str, Any]]:
    """Exit status and figures of a campaign in ``folder``, begun there or gone on with."""
    done = subprocess.run(
        [sys.executable, "-m", "demonstration.faults", *_SIZE, "--keep", str(folder)],
        env={**os.environ, "PYTHONPATH": f"{_SCRIPTS}:{_SCRIPTS.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_twice_through_kills_crashes_and_faults_and_what_was_would_be_found(tmp_path: Path) -> None:
    status, found = campaign(tmp_path)
    assert (status, found["ok"]) == (0, True), found
    assert found["transactions"] >= 120
    assert found["answered_once"] == found["transactions"]
    assert found["kills"] == 4
    assert [found[kind] for kind in ("lost", "processed_twice", "answered_twice", "unrecorded", "unchecked")] == [0] * 5

    # Somebody loses a row, and processes another twice: the same campaign, gone on with, says so.
    with closing(sqlite3.connect(tmp_path / "records.db")) as records, records:
        records.execute("DELETE FROM outbox WHERE tcn = (SELECT min(tcn) FROM outbox)")
    with closing(sqlite3.connect(tmp_path / "gateway.db")) as inbox, inbox:
        inbox.execute("UPDATE inbox SET processed = 2 WHERE id = (SELECT max(id) FROM inbox)")
    status, found = campaign(tmp_path)
    assert (status, found["ok"]) == (1, False)
    assert (found["lost"], found["processed_twice"], found["unrecorded"]) == (1, 1, 1)
    assert found["kills"] == 4
