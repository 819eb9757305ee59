"""What scripts/install is told, what it refuses, and what it writes; ``tests/system`` runs it whole."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

import pytest
from installation import packages, storage, system
from installation.__main__ import _require, main, parser

from hotspotd.errors import Reason, UpdateError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (["--purge"], "--purge goes with --uninstall"),
        (["--read-only-root"], "needs --data"),
        (["--luks-key", "/stick/key"], "goes with --luks"),
        (["--drivers", "r30x"], "needs no packages"),
        (["--screens", "lobby=HDMI-A-1"], "traveller=OUTPUT"),
        (["--screens", "guard=../../etc"], "traveller=OUTPUT"),
    ],
)
def test_what_makes_no_sense_is_refused(told: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(told)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_screens_are_named_by_their_outputs() -> None:
    options = parser().parse_args(["--screens", "traveller=HDMI-A-1,guard=DP-2"])
    assert options.screens == {"traveller": "HDMI-A-1", "guard": "DP-2"}
    with pytest.raises(argparse.ArgumentTypeError):
        system.outputs("")


def test_every_file_that_is_laid_is_there() -> None:
    others = ("hotspotd.sysusers", "watchdog.conf", "screens.ini", system.START_PAGE)
    names = [*system.SYSTEM_FILES, *system.SCREEN_UNITS, *others]
    assert sorted(path.name for path in (ROOT / "systemd").iterdir()) == sorted(names)


def test_a_file_is_written_only_where_it_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a/b.conf"
    assert system.put(path, "one\n")
    assert not system.put(path, "one\n")
    assert system.put(path, "two\n")
    assert path.read_text() == "two\n"
    assert capsys.readouterr().out.count("wrote") == 2


def test_lines_of_ours_are_replaced_and_those_of_others_stay(tmp_path: Path) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text("UUID=1 / ext4 defaults 0 1")
    for lines in (["one"], ["two", "three"]):
        storage._mark(fstab, lines)
    assert fstab.read_text() == "UUID=1 / ext4 defaults 0 1\n# hotspotd: begin\ntwo\nthree\n# hotspotd: end\n"
    assert storage._marked(fstab) == "two\nthree\n"


def test_without_a_tpm_no_key_is_left_on_the_card() -> None:
    with pytest.raises(UpdateError) as caught:
        storage.use_luks("/nonexistent", None)
    # With a TPM the next thing is that there is no such device.
    there = Path("/dev/tpmrm0").exists()
    assert caught.value.reason is (Reason.NOT_FOUND if there else Reason.NO_KEY)


def test_offline_all_that_is_missing_is_named_and_nothing_is_asked_of_apt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    for name, does in (("dpkg-query", "exit 1"), ("apt-get", f"touch {asked}"), ("apt-cache", f"touch {asked}")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(packages, "_OPENER", tmp_path / "systemd-cryptsetup")
    told = ["--offline", "a.tar", "--data", "/dev/a", "--read-only-root", "--luks", "/dev/b", "--drivers", "chip"]
    with pytest.raises(UpdateError) as caught:
        _require(parser().parse_args(told))
    assert caught.value.reason is Reason.NOT_FOUND
    for name in ("python3-venv", "pcscd", "cryptsetup", "systemd-cryptsetup", "overlayroot", "busybox"):
        assert f" {name}" in caught.value.what
        assert f" {name}" in caught.value.advice
    assert not asked.exists()


def test_what_systemd_brings_to_open_a_partition_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "systemd-cryptsetup"
    monkeypatch.setattr(packages, "_OPENER", program)
    assert packages.for_luks() == packages.LUKS
    program.touch()
    assert packages.for_luks() == ("cryptsetup",)


def test_it_runs_with_nothing_but_the_oss_python() -> None:
    done = subprocess.run([ROOT / "scripts/install", "--help"], capture_output=True, text=True, check=True, cwd="/")
    assert "--offline BUNDLE" in done.stdout
    assert "examples:" in done.stdout
