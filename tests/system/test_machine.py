"""``scripts/install`` on a whole machine: TPM and encrypted list, read-only root and power cuts, screens, watchdog.

The tests of a class go on where the one before ended, as the days of a kiosk do.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from installation import packages

from hotspotd.updates import bundle as bundles
from hotspotd.updates import making
from tests.system.container import CONFIG, PYTHONS, VENV, running
from tests.system.machine import Machine, disk_of, empty_disk, furnished, machine

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
_INSTALL = "/root/release/scripts/install --offline /mnt/hotspotd.tar"
_LIST = "/var/lib/hotspotd/watchlist"
_KEPT = "/var/lib/hotspotd/kept"


@pytest.fixture(scope="module", params=sorted(PYTHONS))
def disk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A disk on which the daemon is installed and may start, and the bundle that it came from."""
    folder = tmp_path_factory.mktemp("made")
    bundle = folder / "hotspotd.tar"
    making.make(ROOT, bundle, bundles.machine(), PYTHONS[request.param])
    root = folder / "root"
    # What scripts/install names where there is no network; Debian 12 has the program of the last one in another.
    named = (*packages.SCREENS, *packages.READ_ONLY, *packages.TPM, *packages.LUKS)
    plain = furnished(request.param, named if request.param == "trixie" else named[:-1])
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


@pytest.fixture(scope="class")
def kiosk(disk: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine beside whose disk are two empty ones, /dev/vdb for data and /dev/vdc for the list."""
    folder = tmp_path_factory.mktemp("machine") / "kiosk"
    with machine(folder, disk[0]) as made:
        shutil.copy(disk[1], made.share)
        empty_disk(folder / "data", 3 << 30)
        empty_disk(folder / "list", 128 << 20)
        yield made


def on(kiosk: Machine, *, chip: str = "", without: str = "") -> None:
    """Switch it on, with its own disks but the one named ``without``."""
    disks = [kiosk.folder / name for name in ("data", "list", "stick") if name != without]
    kiosk.switch_on(chip=chip, disks=tuple(path for path in disks if path.exists()))


def install(kiosk: Machine, *options: str, fails: bool = False) -> str:
    kiosk.shell("mountpoint -q /mnt || mount -t 9p -o trans=virtio,ro share /mnt")
    return kiosk.shell(" ".join((_INSTALL, *options)), fails=fails)


def state(kiosk: Machine, unit: str) -> str:
    return kiosk.run("systemctl", "is-active", unit, fails=None).strip()


def mounted(kiosk: Machine, place: str) -> str:
    """What is mounted there: source and kind; empty if nothing is."""
    return kiosk.run("findmnt", "-rno", "SOURCE,FSTYPE", place, fails=None).strip()


def doctor(kiosk: Machine) -> dict[str, str]:
    """What the doctor says of partitions."""
    said = json.loads(kiosk.shell("hotspotctl doctor --json 2>/dev/null", fails=None))
    found = {finding["name"]: finding["state"] for finding in said["findings"]}
    return {name: found[name] for name in ("read-only root", "encrypted list") if name in found}


class TestWithATpm:
    def test_a_technician_sets_everything_up_at_once(self, kiosk: Machine) -> None:
        on(kiosk, chip="own")
        kiosk.shell(f"mkdir -p {_LIST}; echo somebody > {_LIST}/of-before; echo kept > {_KEPT}")
        said = install(
            kiosk,
            "--data /dev/vdb --luks /dev/vdc --read-only-root",
            "--screens traveller=Virtual-1,guard=Virtual-2 --lane lane-1",
        )
        assert re.search(r"recovery key of /dev/vdc, shown this once: ([a-z]{8}-){7}[a-z]{8}\n", said), said
        assert "the list that lay in the clear was moved" in said
        assert "the daemon is ready" in said
        # The recovery key and the chip's: the one that both were made with is gone.
        slots = re.findall(r"^  (\d): luks2$", kiosk.run("cryptsetup", "luksDump", "/dev/vdc"), re.MULTILINE)
        assert slots == ["1", "2"]
        kiosk.power_off()

    def test_after_a_restart_all_is_in_its_place(self, kiosk: Machine) -> None:
        on(kiosk, chip="own")
        assert mounted(kiosk, "/") == "overlayroot overlay"
        assert mounted(kiosk, _LIST) == "/dev/mapper/hotspotd-watchlist ext4"
        assert kiosk.shell(f"cat {_LIST}/of-before {_KEPT}") == "somebody\nkept\n"
        assert state(kiosk, "hotspotd.service") == "active"
        assert kiosk.run("systemctl", "show", "--value", "-p", "RuntimeWatchdogUSec").strip() == "14s"
        assert doctor(kiosk) == {"read-only root": "works", "encrypted list": "works"}

    def test_each_page_is_on_its_screen(self, kiosk: Machine) -> None:
        # Paper and night: the grounds of the traveller's and of the officers' page, as blue, green, red. The page where
        # a browser begins has the same, and next to nothing on it.
        grounds = {0: (239, 246, 250), 1: (26, 21, 17)}
        end = time.monotonic() + 420
        while not all(0.3 < shown(kiosk, head, colour) < 0.98 for head, colour in grounds.items()):
            assert time.monotonic() < end, kiosk.run("journalctl", "-b", "--no-pager", "-u", "hotspotd*")
            time.sleep(2)
        # Who sits at a screen can read neither configuration nor records.
        as_screen = ("setpriv", "--reuid=hotspotd-screen", "--regid=hotspotd-screen", "--init-groups")
        for place in ("/etc/hotspotd/hotspotd.toml", "/var/lib/hotspotd/records.sqlite"):
            assert "Permission denied" in kiosk.run(*as_screen, "cat", place, fails=True)

    def test_a_power_cut_takes_away_what_is_not_kept_and_nothing_else(self, kiosk: Machine) -> None:
        # Sealed now, when the root is read-only: keys that a next boot took away would take the records with them.
        identity = CONFIG.partition("trust_anchors")[0] + 'identity = "/var/lib/hotspotd/identity"\n'
        kiosk.shell(f"cat > /root/identity.toml <<'END'\n{identity}END")
        file = "/var/lib/hotspotd/records.sqlite.data-key"
        seal = ("hotspotctl", "device", "seal", "--config", "/root/identity.toml", "--data-key-file", file)
        assert "data-key: sealed in /etc/credstore.encrypted/hotspotd.data-key" in kiosk.run(*seal)
        kiosk.shell("for place in /etc /usr /var/lib/hotspotd; do echo written > $place/probe; done; sync")
        kiosk.cut_power()
        on(kiosk, chip="own")
        left = kiosk.shell("ls /etc/probe /usr/probe /var/lib/hotspotd/probe 2>/dev/null", fails=True)
        assert left == "/var/lib/hotspotd/probe\n"
        # Its records open with the key that was sealed: there is no other one.
        kiosk.run("test", "-e", file, fails=True)
        assert state(kiosk, "hotspotd.service") == "active"

    def test_a_kernel_that_hangs_is_started_anew_by_the_machines_watchdog(self, kiosk: Machine) -> None:
        kiosk.hang()
        kiosk.waits_for_event("WATCHDOG", at_most_s=120)
        kiosk.wait_until_up()
        assert state(kiosk, "hotspotd.service") == "active"
        assert mounted(kiosk, _LIST) == "/dev/mapper/hotspotd-watchlist ext4"
        kiosk.power_off()

    def test_in_another_machine_neither_list_nor_secrets_open(self, kiosk: Machine) -> None:
        on(kiosk, chip="thief")
        assert mounted(kiosk, _LIST) == ""
        assert "not permitted" in kiosk.shell(f"touch {_LIST}/in-the-clear", fails=True)
        kiosk.run("systemd-creds", "decrypt", "/etc/credstore.encrypted/hotspotd.data-key", "-", fails=True)
        assert state(kiosk, "hotspotd.service") != "active"


class TestWithAKeyOnAStick:
    def test_a_key_that_stays_in_the_machine_is_refused(self, kiosk: Machine) -> None:
        empty_disk(kiosk.folder / "stick", 16 << 20)
        on(kiosk)
        kiosk.shell(
            "mkfs.ext4 -q /dev/vdd; mkdir /stick; mount /dev/vdd /stick; umask 077;"
            "od -An -N 32 -t x1 /dev/urandom | tr -d ' \\n' | tee /stick/list.key > /root/list.key"
        )
        assert "no TPM" in install(kiosk, "--luks /dev/vdc", fails=True)
        said = install(kiosk, "--luks /dev/vdc --luks-key /root/list.key", fails=True)
        assert "lies on a disk of this machine" in said
        assert kiosk.run("blkid", "/dev/vdc", fails=True) == "", "nothing has been made of it"

    def test_the_stick_opens_the_list_at_each_start(self, kiosk: Machine) -> None:
        said = install(kiosk, "--luks /dev/vdc --luks-key /stick/list.key")
        assert "the daemon is ready" in said
        kiosk.shell(f"echo somebody > {_LIST}/in-it")
        kiosk.power_off()
        on(kiosk)
        assert kiosk.run("cat", f"{_LIST}/in-it") == "somebody\n"

    def test_without_the_stick_the_daemon_runs_without_a_list(self, kiosk: Machine) -> None:
        kiosk.power_off()
        on(kiosk, without="stick")
        assert mounted(kiosk, _LIST) == ""
        assert kiosk.run("ls", "-A", _LIST) == ""
        assert doctor(kiosk) == {"encrypted list": "fails"}
        assert state(kiosk, "hotspotd.service") == "active"
        assert "no current watchlist" in kiosk.run("journalctl", "-b", "--no-pager", "-u", "hotspotd")
        # Nothing is written where the list would lie in the clear, and the folder can still be taken away.
        assert "not permitted" in kiosk.shell(f"touch {_LIST}/in-the-clear", fails=True)
        install(kiosk, "--uninstall --purge")
        assert "No such file" in kiosk.run("ls", _LIST, fails=True)


def shown(kiosk: Machine, head: int, colour: tuple[int, int, int]) -> float:
    """The share of a screen that has ``colour`` (blue, green, red)."""
    picture = cv2.imread(str(kiosk.picture(head, kiosk.folder / f"{head}.ppm")))
    assert picture is not None
    return float((picture == colour).all(axis=2).mean())
