"""A Debian in a folder, booted by systemd-nspawn with its own PID 1, and commands in it.

The plain root is made once by debootstrap and kept in HOTSPOTD_ROOTS (by default /var/tmp/hotspotd-roots), so that the
next run is faster; each test gets a copy.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOTS = Path(os.environ.get("HOTSPOTD_ROOTS", "/var/tmp/hotspotd-roots"))
# What a plain installation has, and what the daemon needs of the OS: the container has no network.
_PACKAGES = "systemd,systemd-sysv,dbus,udev,python3,python3-venv,python3-systemd,libgomp1,passwd"
# Where debootstrap's own default is out of reach.
_MIRROR = os.environ.get("HOTSPOTD_MIRROR", "")
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
CONFIG = """
[device]
name = "kiosk"
organisation = "Border Police"
country = "UTO"
[[lanes]]
name = "lane-1"
document = { driver = "mrz-serial", address = "serial:///nowhere/at/all" }
[operation]
name = "test"
[watchlist]
folder = "/var/lib/hotspotd/watchlist"
[records]
database = "/var/lib/hotspotd/records.sqlite"
[relay]
url = "https://127.0.0.1:1"
trust_anchors = "tls/ca.pem"
certificate = "tls/kiosk.pem"
key = "tls/kiosk.key"
"""
"""A kiosk without devices, network or list."""
VENV = "/opt/hotspotd/current/venv/bin"
"""The Python of the version that runs."""
# In a mount namespace of its own: nspawn wants a tmpfs for its runtime folder, and systemd the unified hierarchy.
_BOOT = """
mkdir -p /run/systemd/nspawn && mount -t tmpfs tmpfs /run/systemd/nspawn || exit 1
if ! grep -q '^cgroup2 /sys/fs/cgroup ' /proc/mounts; then
  umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup || exit 1
fi
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn -q -D "$1" --boot --private-network --register=no --keep-unit --machine="$2" --console=pipe \\
  --capability=CAP_BPF,CAP_PERFMON,CAP_NET_ADMIN --system-call-filter=bpf
"""
_BOOT_S = 60.0


def plain_root(suite: str) -> Path:
    """A fresh Debian ``suite``: made once, then only copied."""
    root = ROOTS / suite
    if not root.is_dir():
        unfinished = ROOTS / f".{suite}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        ROOTS.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", suite, str(unfinished)]
        subprocess.run([*command, *filter(None, [_MIRROR])], check=True, stdout=subprocess.DEVNULL)
        unfinished.rename(root)
    return root


class Container:
    """A booted one."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root = root
        self._leader = leader

    def run(self, *command: str, fails: bool = False) -> str:
        """What ``command`` printed; it must end with 0, or must not where it ``fails``."""
        done = subprocess.run(
            ["nsenter", "-t", str(self._leader), "-a", "--", *command], capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"{command}: {done.returncode}\n{said}\n{self.journal()}"
        return said

    def shows(self, unit: str, key: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", key, unit).strip()

    def waits_until(self, unit: str, key: str, *, other_than: str) -> str:
        """The property once it has changed, at most 100 s."""
        end = time.monotonic() + 100
        while (value := self.shows(unit, key)) == other_than:
            assert time.monotonic() < end, self.journal()
        return value

    def waits_for(self, path: Path, good: Callable[[str], bool]) -> str:
        """What stands in ``path`` once that is ``good``, at most 100 s."""
        end = time.monotonic() + 100
        while True:
            # Through its own mounts: /run is one.
            command = ["nsenter", "-t", str(self._leader), "-a", "--", "cat", f"/{path}"]
            text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            if text and good(text):
                return text
            assert time.monotonic() < end, self.journal()
            time.sleep(0.2)

    def journal(self) -> str:
        """The end of its journal."""
        command = ["nsenter", "-t", str(self._leader), "-a", "--", "journalctl", "--no-pager", "-n", "60"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@contextmanager
def booted(suite: str, folder: Path) -> Iterator[Container]:
    """A copy of the plain root, booted until all units have come up; powered off and removed afterwards."""
    root = folder / f"hotspotd-{suite}"
    subprocess.run(["cp", "-a", "--reflink=auto", str(plain_root(suite)), str(root)], check=True)
    try:
        with running(root, folder / "console") as container:
            yield container
    finally:
        shutil.rmtree(root)


@contextmanager
def running(root: Path, said: Path) -> Iterator[Container]:
    """``root`` itself, booted until all units have come up; powered off afterwards. What it says goes to ``said``."""
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", _BOOT, "boot", str(root), root.name]
    with said.open("wb") as console:
        nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    try:
        container = Container(root, _leader(nspawn, said))
        container.run("systemctl", "is-system-running", "--wait")
        yield container
    finally:
        # It asks its PID 1 to power off; a second one would kill.
        nspawn.send_signal(signal.SIGTERM)
        try:
            nspawn.wait(60)
        except subprocess.TimeoutExpired:
            nspawn.kill()
            nspawn.wait()


def _leader(nspawn: subprocess.Popen[bytes], console: Path) -> int:
    """The container's PID 1, once its bus answers."""
    end = time.monotonic() + _BOOT_S
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
    while time.monotonic() < end and nspawn.poll() is None:
        for pid in children.read_text().split():
            command = ["nsenter", "-t", pid, "-a", "--", "busctl", "status"]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return int(pid)
        time.sleep(0.2)
    raise AssertionError(console.read_text(errors="replace"))
