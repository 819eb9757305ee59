"""What the unit's credential lines do under a real systemd: a container with its own PID 1 over this machine's /usr.

Run by ./scripts/test --system. Needs root and the Debian package systemd-container.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hotspotd.provisioning import credentials
from hotspotd.provisioning.secrets import DATA_KEY, DEVICE_KEY, new_secret, written

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
_SECRET_OF_THE_MACHINE = Path("/var/lib/systemd/credential.secret")
_UNIT = """
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
StandardOutput=file:/out/said
ExecStart=/bin/sh -c 'for one in device-key data-key; do cat $CREDENTIALS_DIRECTORY/$one || echo none; done'
StandardError=null
ExecStopPost=/bin/sh -c '/bin/systemctl --force --force poweroff > /dev/null'
{lines}
"""


def _system(root: Path) -> Path:
    """The least that systemd boots from; returns where sealed credentials go."""
    for folder in ("usr", "etc/systemd/system", "var/lib/systemd", "tmp", "run", "proc", "sys", "dev", "out"):
        (root / folder).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    shutil.copy("/etc/os-release", root / "etc/os-release")
    shutil.copy("/etc/machine-id", root / "etc/machine-id")
    shutil.copy(_SECRET_OF_THE_MACHINE, root / "var/lib/systemd/credential.secret")
    shipped = (ROOT / "systemd/hotspotd.service").read_text().splitlines()
    lines = [line for line in shipped if line.startswith("LoadCredential")]
    assert len(lines) == 2
    (root / "etc/systemd/system/probe.service").write_text(_UNIT.format(lines="\n".join(lines)))
    return root / "etc/credstore.encrypted"


def test_the_unit_is_handed_what_is_sealed_and_starts_without_what_is_not(tmp_path: Path) -> None:
    assert os.geteuid() == 0, "needs root"
    assert shutil.which("systemd-nspawn"), "apt-get install systemd-container"
    secret, root = new_secret(), tmp_path / "root"
    first = credentials.seal(DEVICE_KEY, written(secret), store=tmp_path / "first", key="host")
    store = _system(root)
    store.mkdir(mode=0o700)
    shutil.copy(first, credentials.sealed_file(DEVICE_KEY, store))
    assert not credentials.sealed_file(DATA_KEY, store).exists()
    subprocess.run(
        [
            *("systemd-nspawn", "--quiet", f"--directory={root}", "--bind-ro=/usr", "--boot", "--link-journal=no"),
            *("--register=no", "--keep-unit", "systemd.unit=probe.service"),
        ],
        timeout=120,
        check=False,  # It powers itself off.
        stdin=subprocess.DEVNULL,
    )
    assert (root / "out/said").read_text().split() == [secret.hex(), "none"]
