"""``scripts/install`` on a whole machine: TPM and encrypted list, read-only root and power cuts, screens, watchdog.

The tests of a class go on where the one before ended, as the days of a kiosk do.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotspotd.updates import bundle as bundles
from hotspotd.updates import making
from tests.system.container import CONFIG, PYTHONS, VENV, running
from tests.system.machine import Machine, disk_of, empty_disk, furnished, machine

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
# What scripts/install names where there is no network; the second of LUKS is Debian 13's alone.
_PACKAGES = {
    "bookworm": "weston chromium fonts-noto-core kbd libpam-systemd overlayroot tpm2-tools cryptsetup",
    "trixie": "weston chromium fonts-noto-core kbd libpam-systemd overlayroot tpm2-tools cryptsetup systemd-cryptsetup",
}
_INSTALL = "/root/release/scripts/install --offline /mnt/hotspotd.tar"
_LIST = "/var/lib/hotspotd/watchlist"


@pytest.fixture(scope="module", params=sorted(PYTHONS))
def disk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A disk on which the daemon is installed and may start, and the bundle that it came from."""
    folder = tmp_path_factory.mktemp("made")
    bundle = folder / "hotspotd.tar"
    making.make(ROOT, bundle, bundles.machine(), PYTHONS[request.param])
    root = folder / "root"
    plain = furnished(request.param, tuple(_PACKAGES[request.param].split()))
    subprocess.run(["cp", "-a", "--reflink=auto", str(plain), str(root)], check=True)
    shutil.copy(bundle, root / "mnt")
    # In a container, where building takes no time; the machine does the rest.
    with running(root, folder / "console") as container:
        container.run("tar", "-xf", "/mnt/hotspotd.tar", "-C", "/root", "release")
        container.run("sh", "-ec", _INSTALL)
        (root / "etc/hotspotd/hotspotd.toml").write_text(CONFIG)
        container.run(f"{VENV}/python", "-m", "hotspotd.gateway.authority", "/etc/hotspotd/tls", "--device", "kiosk")
    (root / "mnt/hotspotd.tar").unlink()
    made = disk_of(root, folder / "disk")
    shutil.rmtree(root)
    return made, bundle


@pytest.fixture(scope="module")
def kiosk(disk: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with an empty data partition and an empty one for the list beside its disk."""
    folder = tmp_path_factory.mktemp("machine") / "machine"
    with machine(folder, disk[0]) as made:
        shutil.copy(disk[1], made.share)
        empty_disk(folder / "data", 3 << 30)
        empty_disk(folder / "list", 128 << 20)
        yield made
