"""The files that make the daemon a service, read by systemd's own tools where they are installed."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from installation import system

from hotspotd import app
from hotspotd.cli.main import parser
from hotspotd.config import ConsoleSection
from hotspotd.updates import wishes
from hotspotd.updates.versions import ROOT as ROOT_OF_VERSIONS

ROOT = Path(__file__).resolve().parent.parent.parent
SYSTEMD = ROOT / "systemd"


def tool(name: str) -> str:
    """Path of a tool of systemd; the test is skipped where it is absent."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name} on this machine")
    return path


def sections(name: str) -> configparser.ConfigParser:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment, method-assign]  # The documented way to keep case.
    read.read(SYSTEMD / name)
    return read


def service() -> configparser.SectionProxy:
    return sections("hotspotd.service")["Service"]


def test_systemd_takes_every_line_of_the_unit(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    # The program is not installed here; everything else is as it is shipped.
    text = (SYSTEMD / "hotspotd.service").read_text()
    unit = tmp_path / "hotspotd.service"
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    # It exits 0 on an unknown key and tells it on stderr; other units of this machine are not our business.
    told = [line for line in done.stderr.splitlines() if "hotspotd.service" in line]
    assert told == []
    assert done.returncode == 0, done.stderr


def test_an_unknown_key_would_be_told(tmp_path: Path) -> None:
    """What the test above relies on."""
    unit = tmp_path / "hotspotd.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nWatchdogSecs=20\n")
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "WatchdogSecs" in done.stderr


def test_the_unit_is_watched_restarted_and_given_time_to_end_gently() -> None:
    unit = service()
    assert unit["Type"] == "notify"
    assert unit["WatchdogSec"] == "20"
    assert unit["Restart"] == "always"
    assert float(unit["TimeoutStopSec"]) > app.GENTLE_S


def test_the_unit_lets_the_daemon_hear_of_plugged_devices() -> None:
    unit = service()
    # Messages of the kernel and of udev come by netlink, and only into the machine's own network.
    assert "AF_NETLINK" in unit["RestrictAddressFamilies"].split()
    assert unit.get("PrivateNetwork", "no") == "no"


def test_the_unit_starts_the_program_that_is_installed() -> None:
    program, option, config = service()["ExecStart"].split()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert Path(program).name in scripts
    assert (option, config) == ("--config", "/etc/hotspotd/hotspotd.toml")


# The second is root: it writes versions, and starts the daemon anew.
@pytest.mark.parametrize(("name", "tenths"), [("hotspotd.service", 15), ("hotspotd-update.service", 20)])
def test_the_sandbox_is_as_tight_as_was_promised(name: str, tenths: int) -> None:
    unit = str(SYSTEMD / name)
    done = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", f"--threshold={tenths}", "--no-pager", unit],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # It ends with another status above the threshold, which is in tenths.
    assert "Overall exposure level" in done.stdout
    assert done.returncode == 0, done.stdout


def test_the_unit_lets_nothing_listen_but_the_documented_port() -> None:
    lines = (SYSTEMD / "hotspotd.service").read_text().splitlines()
    assert [line for line in lines if line.startswith("SocketBind")] == [
        "SocketBindDeny=any",
        f"SocketBindAllow=tcp:{ConsoleSection().port}",
    ]


def test_wishes_and_outcomes_are_where_both_ends_look_for_them(tmp_path: Path) -> None:
    wished = Path(sections("hotspotd-update.path")["Path"]["PathExists"])
    assert wished.parent == wishes.WISHES
    wishes.write_wish(tmp_path, wishes.new_wish("check"))
    assert [path.name for path in tmp_path.iterdir()] == [wished.name]
    unit = sections("hotspotd-update.service")["Service"]
    assert Path("/run", unit["RuntimeDirectory"]) == wishes.OUTCOMES
    assert (unit["RuntimeDirectoryMode"], unit["RuntimeDirectoryPreserve"]) == ("0755", "yes")
    assert f"-{wishes.WISHES}" in unit["ReadWritePaths"].split()
    assert system.SYSTEM_FILES["hotspotd-update.path"] == wishes.UNIT
    assert "hotspotd-update.service" in system.SYSTEM_FILES
    program, *command = unit["ExecStart"].split()
    assert Path(program).name == "hotspotctl"
    parsed = parser().parse_args(command)
    assert (parsed.root, parsed.wishes, parsed.outcomes) == (ROOT_OF_VERSIONS, wishes.WISHES, wishes.OUTCOMES)


@pytest.mark.parametrize(
    "name",
    [
        "hotspotd-boot-check.service",
        "hotspotd-screens.service",
        "hotspotd-browser@.service",
        "hotspotd-update.service",
        "hotspotd-update.path",
    ],
)
def test_systemd_takes_every_line_of_the_other_units(tmp_path: Path, name: str) -> None:
    unit = tmp_path / name.replace("@", "@guard")
    if unit.suffix == ".path":
        unit.with_suffix(".service").write_text("[Service]\nExecStart=/bin/true\n")
    unit.write_text(re.sub(r"(?m)^(Exec\w+)=\+?\S+", r"\1=/bin/true", (SYSTEMD / name).read_text()))
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if unit.name in line and "nknown" in line] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make users and give folders away")
def test_user_and_folders_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\ndialout:x:20:\nvideo:x:44:\nrender:x:105:\ninput:x:106:\n")
    for name, *options, file in (
        ("systemd-sysusers", "hotspotd.sysusers"),
        ("systemd-tmpfiles", "--create", "hotspotd.tmpfiles"),
    ):
        done = subprocess.run(
            [tool(name), *options, f"--root={tmp_path}", str(SYSTEMD / file)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "nknown" not in done.stderr
    assert "hotspotd:x:" in (tmp_path / "etc/passwd").read_text()
    assert re.search(r"^dialout:.*:hotspotd$", (tmp_path / "etc/group").read_text(), re.MULTILINE)
    assert (tmp_path / "etc/hotspotd/tls").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "var/lib/hotspotd/software").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "var/lib/hotspotd/watchlist").stat().st_mode & 0o7777 == 0o2770


def test_udev_takes_the_rules() -> None:
    udevadm = tool("udevadm")
    done = subprocess.run(
        [udevadm, "verify", str(SYSTEMD / "60-hotspotd.rules")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "Unknown command verb" in done.stderr:
        pytest.skip("udevadm of this machine cannot verify (older than 254)")
    assert done.returncode == 0, done.stdout + done.stderr
