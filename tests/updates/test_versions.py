"""Versions side by side: whenever the plug is pulled, ``current`` names a complete one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates.versions import RELEASE, Versions
from tests.updates.steps import add, go_back, two, upgrade

ROOT = Path(__file__).resolve().parents[2]
BOOT_CHECK = ROOT / "systemd/boot-check"


def steps(work: Callable[[Versions], None], root: Path) -> list[str]:
    seen: list[str] = []
    two(root)
    work(Versions(root, seen.append))
    return seen


def sound(versions: Versions) -> bool:
    """What ``current`` names is complete, and so is what a trial would go back to."""
    current = versions.current
    folder = versions.root / "current"
    return (
        current in versions.complete()
        and (folder / "program").read_text() == current
        and (versions.trial is None or versions.trial in versions.complete())
    )


def test_an_upgrade_keeps_the_version_before(tmp_path: Path) -> None:
    versions = two(tmp_path)
    upgrade(versions)
    assert (versions.current, versions.trial, versions.complete()) == ("0.3.0", None, ["0.2.0", "0.3.0"])
    assert versions.before() == "0.2.0"


_KILLED_AT = """
import os, signal, sys
from pathlib import Path
from hotspotd.updates.versions import Versions
from tests.updates import steps

left = int(sys.argv[2])

def step(_):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

getattr(steps, sys.argv[3])(Versions(Path(sys.argv[1]), step))
"""


@pytest.mark.parametrize("work", [upgrade, go_back])
def test_killed_at_each_step_a_complete_version_runs(tmp_path: Path, work: Callable[[Versions], None]) -> None:
    names = steps(work, tmp_path / "whole")
    assert len(names) >= (8 if work is upgrade else 3)
    for number, name in enumerate(names):
        root = tmp_path / str(number)
        two(root)
        done = subprocess.run(
            [sys.executable, "-c", _KILLED_AT, str(root), str(number), work.__name__],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, name
        versions = Versions(root)
        assert sound(versions), name
        # Nothing is left in the way of the next attempt.
        if work is upgrade and versions.current != "0.3.0":
            upgrade(versions)
            assert (versions.current, versions.trial) == ("0.3.0", None), name


def test_what_is_not_complete_cannot_run(tmp_path: Path) -> None:
    versions = two(tmp_path)
    (versions.begin("0.3.0") / "program").write_text("half")
    with pytest.raises(UpdateError) as caught:
        versions.switch("0.3.0")
    assert caught.value.reason is Reason.NOT_FOUND
    assert versions.current == "0.2.0"
    assert versions.prune() == ["0.3.0"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 61])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UpdateError):
        Versions(tmp_path).begin(name)


def test_what_runs_is_not_taken_apart(tmp_path: Path) -> None:
    versions = two(tmp_path)
    with pytest.raises(UpdateError) as caught:
        versions.begin("0.2.0")
    assert caught.value.reason is Reason.CONFLICT
    assert (versions.folder("0.2.0") / RELEASE).exists()


def test_two_bad_versions_in_a_row_lead_back_to_the_one_that_worked(tmp_path: Path) -> None:
    versions = two(tmp_path)
    for version in ("0.3.0", "0.4.0"):
        add(versions, version)
        versions.switch(version)
    assert versions.trial == "0.2.0"
    assert versions.before() == "0.2.0"


# What boot-check asks systemd for, in the order of its words: a file says whether the daemon becomes ready.
_SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$0.log"
case "$1" in
is-active) [ -e "$0.ready" ] ;;
show) echo ActiveState=active; echo MainPID=7 ;;
esac
"""


@pytest.mark.parametrize("ready", [True, False])
def test_boot_check_keeps_what_becomes_ready_and_puts_back_what_does_not(tmp_path: Path, ready: bool) -> None:
    versions = two(tmp_path / "opt")
    add(versions, "0.3.0")
    versions.switch("0.3.0")
    units, tools = tmp_path / "units", tmp_path / "bin"
    units.mkdir()
    tools.mkdir()
    (units / "hotspotd.service").write_text("[Unit]\nDescription=0.2.0\n")
    for version in ("0.2.0", "0.3.0"):
        path = versions.folder(version) / "release/systemd/hotspotd-update.path"
        path.write_text(f"[Unit]\nDescription={version}\n")
    (units / "hotspotd-update.path").write_text("[Unit]\nDescription=0.2.0\n")
    (tools / "systemctl").write_text(_SYSTEMCTL)
    (tools / "systemctl").chmod(0o755)
    if ready:
        (tools / "systemctl.ready").touch()
    done = subprocess.run(
        [str(BOOT_CHECK)],
        env={
            "PATH": f"{tools}:/usr/bin:/bin",
            "HOTSPOTD_ROOT": str(versions.root),
            "HOTSPOTD_UNITS": str(units),
            "HOTSPOTD_READY_S": "0",
            "HOTSPOTD_HOLD_S": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (0 if ready else 1), done.stdout + done.stderr
    runs = "0.3.0" if ready else "0.2.0"
    assert (versions.current, versions.trial) == (runs, None)
    # What did not work is nothing to go back to, and does not push out what did.
    assert versions.complete() == (["0.1.0", "0.2.0", "0.3.0"] if ready else ["0.1.0", "0.2.0"])
    assert versions.before() == ("0.2.0" if ready else "0.1.0")
    for unit in ("hotspotd.service", "hotspotd-update.path"):
        assert (units / unit).read_text() == f"[Unit]\nDescription={runs}\n"
    assert "daemon-reload" in (tools / "systemctl.log").read_text()
