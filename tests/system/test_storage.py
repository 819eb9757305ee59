"""``--data`` and ``--luks`` on a real block device: a file behind a loop device, for a Debian in a folder.

Each step has a mount namespace of its own, as after a power cut: what it mounted is gone, what it wrote is not.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.container import plain_root

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
_INSIDE = """
mkdir -p "$1/checkout"
# Nothing runs here that would have to read fstab anew.
ln -sf /bin/true "$1/usr/local/bin/systemctl"
mount --bind "$2" "$1/checkout"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount --rbind /sys "$1/sys"
exec chroot "$1" env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/checkout:/checkout/scripts sh -ec "$3"
"""
_USE = "python3 -c 'import sys; from installation import storage; storage.use_data(sys.argv[1])'"
_PLACES = ("/var/lib/hotspotd", "/opt/hotspotd", "/etc/hotspotd", "/var/log/journal")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A plain Debian 12, in which nothing is mounted yet."""
    made = tmp_path / "root"
    subprocess.run(["cp", "-a", "--reflink=auto", str(plain_root("bookworm")), str(made)], check=True)
    return made


@pytest.fixture
def device(tmp_path: Path) -> Iterator[str]:
    """An empty block device of 64 MB."""
    image = tmp_path / "card"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    done = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=True)
    yield done.stdout.strip()
    subprocess.run(["losetup", "--detach", done.stdout.strip()], check=True)


def inside(root: Path, script: str, *, fails: bool = False) -> str:
    """What a shell said in ``root``; it must end with 0, or must not where it ``fails``."""
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _INSIDE, "inside"]
    done = subprocess.run([*command, str(root), str(ROOT), script], capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_changes_lies_on_the_data_partition_and_is_there_after_a_restart(root: Path, device: str) -> None:
    state = root / "var/lib/hotspotd"
    state.mkdir(parents=True)
    (state / "records.sqlite").write_text("from before")
    said = inside(root, f"{_USE} {device}; echo kept > /etc/hotspotd/kept; {_USE} {device}")
    assert said.count("made an ext4 file system") == 1
    # What was written then is on the partition alone.
    assert not (root / "etc/hotspotd/kept").exists()
    shown = inside(
        root, "mount -a; cat /etc/hotspotd/kept /var/lib/hotspotd/records.sqlite; findmnt -rno TARGET,OPTIONS"
    )
    assert shown.startswith("kept\nfrom before")
    mounted = dict(line.split(" ", 1) for line in shown.splitlines() if " " in line and line.startswith("/"))
    for place in _PLACES:
        assert {"noatime", "nodev", "nosuid"} <= set(mounted[place].split(",")), place


def test_a_partition_that_holds_something_else_is_left_alone(root: Path, device: str) -> None:
    said = inside(root, f"mkswap -q {device}; {_USE} {device}", fails=True)
    assert f"{device} holds swap" in said
    assert inside(root, f"blkid -o value -s TYPE {device}; cat /etc/fstab || true").startswith("swap\n")
    assert "hotspotd" not in inside(root, "cat /etc/fstab || true")
    assert "is no block device" in inside(root, f"{_USE} /etc/hostname", fails=True)
