"""A read-only root and an encrypted list: what the doctor says where they are in force, and where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotspotd.upkeep.checks import partitions
from hotspotd.upkeep.checks.finding import Check, State, Subject, examine

_ASKED = '# Written by scripts/install.\noverlayroot="tmpfs:recurse=0"\n'
_TAB = "# hotspotd: begin\nhotspotd-watchlist UUID=1 none luks,tpm2-device=auto,headless=1,nofail\n# hotspotd: end\n"
_PLAIN = "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n"
_OVERLAID = "overlayroot / overlay rw,relatime,lowerdir=/media/root-ro 0 0\n"
_OPEN = "/dev/mapper/hotspotd-watchlist /var/lib/hotspotd/watchlist ext4 rw,noatime 0 0\n"


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of a machine lie that was set up in no particular way."""
    for name in ("OVERLAYROOT", "CRYPTTAB", "MOUNTS"):
        monkeypatch.setattr(partitions, name, tmp_path / name)
    (tmp_path / "MOUNTS").write_text("sysfs /sys sysfs rw 0 0\n" + _PLAIN)
    return tmp_path


@pytest.mark.parametrize("check", [partitions.read_only_root, partitions.encrypted_list])
def test_what_nobody_asked_for_is_not_told(etc: Path, check: Check) -> None:
    assert examine(check, Subject()) == []
    # As the package brings it.
    (etc / "OVERLAYROOT").write_text('overlayroot_cfgdisk="disabled"\noverlayroot=""\n')
    (etc / "CRYPTTAB").write_text("# <target name> <source device> <key file> <options>\n")
    assert examine(check, Subject()) == []


@pytest.mark.parametrize(("mounts", "state"), [(_PLAIN, State.WARNING), (_PLAIN + _OVERLAID, State.WORKS)])
def test_a_read_only_root_is_looked_at_and_not_believed(etc: Path, mounts: str, state: State) -> None:
    (etc / "OVERLAYROOT").write_text(_ASKED)
    (etc / "MOUNTS").write_text(mounts)
    (finding,) = examine(partitions.read_only_root, Subject())
    assert (finding.name, finding.state) == ("read-only root", state)


@pytest.mark.parametrize(("mounts", "state"), [(_PLAIN, State.FAILS), (_PLAIN + _OPEN, State.WORKS)])
def test_a_list_whose_partition_is_shut_is_told(etc: Path, mounts: str, state: State) -> None:
    (etc / "CRYPTTAB").write_text(_TAB)
    (etc / "MOUNTS").write_text(mounts)
    (finding,) = examine(partitions.encrypted_list, Subject())
    assert (finding.name, finding.state) == ("encrypted list", state)
