"""Partitions: records and software on one of their own, everything else read-only, the watchlist encrypted.

Each is set up only when a device was named, and nothing is formatted that holds a file system, but for ``--luks``,
whose device is given up on purpose. ``/etc/fstab`` and ``/etc/crypttab`` get lines between two marks.
"""

from __future__ import annotations

import secrets
import stat
from pathlib import Path

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates.versions import write_durably
from installation import packages
from installation.machine import run, succeeds
from installation.telling import say

FSTAB, CRYPTTAB = Path("/etc/fstab"), Path("/etc/crypttab")
DATA = Path("/var/lib/hotspotd-data")
_BOUND = {
    "state": Path("/var/lib/hotspotd"),
    "software": Path("/opt/hotspotd"),
    "configuration": Path("/etc/hotspotd"),
    "journal": Path("/var/log/journal"),
}
"""Folders of the data partition and where they are seen: all that changes on a kiosk."""
WATCHLIST = Path("/var/lib/hotspotd/watchlist")
_MAPPED = "hotspotd-watchlist"
_BEGIN, _END = "# hotspotd: begin", "# hotspotd: end"
_OVERLAYROOT = Path("/etc/overlayroot.conf")


def has_data() -> bool:
    """Whether a data partition was set up."""
    return str(DATA) in _marked(FSTAB)


def use_data(device: str) -> None:
    """Mount ``device`` for all that changes, now and from now on. Raises UpdateError."""
    _refuse_no_block_device(device)
    if has_data():
        return
    kind = run("blkid", "-o", "value", "-s", "TYPE", device, must=False).strip()
    if kind == "":
        run("mkfs.ext4", "-q", "-L", "hotspotd-data", device)
        say(f"made an ext4 file system on {device}")
    elif kind != "ext4":
        raise UpdateError(Reason.CONFLICT, f"{device} holds {kind}", "Give an empty or an ext4 partition: wipefs -a.")
    uuid = run("blkid", "-o", "value", "-s", "UUID", device).strip()
    # noatime: reading writes nothing. commit=30 delays what nobody waits for; records are synced.
    lines = [f"UUID={uuid} {DATA} ext4 noatime,nodev,nosuid,commit=30,errors=remount-ro 0 2"]
    lines += [
        f"{DATA}/{name} {place} none bind,x-systemd.requires-mounts-for={DATA} 0 0" for name, place in _BOUND.items()
    ]
    DATA.mkdir(exist_ok=True)
    run("mount", "-o", "noatime,nodev,nosuid", device, str(DATA))
    for name, place in _BOUND.items():
        place.mkdir(parents=True, exist_ok=True)
        run("cp", "-a", "-n", f"{place}/.", str(DATA / name)) if (DATA / name).is_dir() else run(
            "cp", "-a", str(place), str(DATA / name)
        )
        run("mount", "--bind", str(DATA / name), str(place))
    _mark(FSTAB, lines)
    run("systemctl", "daemon-reload")


def make_root_read_only(offline: bool) -> None:
    """From the next boot on nothing but the data partition is written (overlayroot: changes of all else are lost)."""
    packages.require(packages.READ_ONLY, offline=offline)
    text = (
        "# Written by scripts/install. To change the system: overlayroot-chroot, or boot with overlayroot=disabled.\n"
    )
    write_durably(_OVERLAYROOT, f'{text}overlayroot="tmpfs:recurse=0"\n'.encode())
    run("update-initramfs", "-u")
    say("the root is read-only from the next boot on; to change the system then: overlayroot-chroot")


def use_luks(device: str, key: Path | None) -> None:
    """The watchlist folder on ``device``, encrypted. Raises UpdateError, where there is nothing to keep the key in."""
    tpm = Path("/dev/tpmrm0").exists()
    if not tpm and key is None:
        raise UpdateError(
            Reason.NO_KEY,
            "this machine has no TPM to keep the key in, and a key on the same card protects nothing",
            "Name a file on a stick that does not stay in the kiosk: --luks-key FILE. Or do without: names and "
            "templates of the list can then be read by whoever takes the card.",
        )
    _refuse_no_block_device(device)
    if _MAPPED in _marked(CRYPTTAB):
        return
    packages.require(tuple(name for name in packages.LUKS if packages.exists(name)), offline=False)
    phrase = secrets.token_hex(32) if key is None else _key(key)
    run("cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", device, "-", given=phrase)
    uuid = run("cryptsetup", "luksUUID", device).strip()
    run("cryptsetup", "open", "--key-file", "-", device, _MAPPED, given=phrase)
    run("mkfs.ext4", "-q", "-L", "hotspotd-list", f"/dev/mapper/{_MAPPED}")
    if tpm:
        _enrol_tpm(device, phrase)
    source = "none" if tpm else str(key)
    options = "tpm2-device=auto,nofail" if tpm else "keyfile-timeout=30s,nofail"
    _mark(CRYPTTAB, [f"{_MAPPED} UUID={uuid} {source} luks,{options}"])
    lines = [line for line in _marked(FSTAB).splitlines() if line]
    _mark(FSTAB, [*lines, f"/dev/mapper/{_MAPPED} {WATCHLIST} ext4 noatime,nodev,nosuid,noexec,nofail 0 2"])
    WATCHLIST.mkdir(parents=True, exist_ok=True)
    run("systemctl", "daemon-reload")
    run("mount", str(WATCHLIST))
    say(f"the watchlist lies on {device}, encrypted" + (", opened by the TPM" if tpm else f", opened by {key}"))


def _enrol_tpm(device: str, phrase: str) -> None:
    """A key slot that this TPM opens while Secure Boot's state (PCR 7) is as now; a recovery key is shown once."""
    enroll = ("systemd-cryptenroll", "--unlock-key-file=/dev/stdin")
    say(run(*enroll, "--recovery-key", device, given=phrase).strip())
    run(*enroll, "--tpm2-device=auto", "--tpm2-pcrs=7", device, given=phrase)
    run("cryptsetup", "luksKillSlot", "--batch-mode", device, "0")


def _key(path: Path) -> str:
    text = path.read_text(encoding="ascii")
    if len(text) < 32 or path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UpdateError(
            Reason.BAD_VALUE,
            f"{path} is too short or open to others",
            f"openssl rand -hex 32 >{path}; chmod 600 {path}",
        )
    return text


def say_what_stays() -> None:
    """Partitions stay as they are: they may hold records."""
    for path in (FSTAB, CRYPTTAB):
        if _marked(path):
            say(f"the lines of hotspotd in {path} stay, and so do the partitions that they name")


def _refuse_no_block_device(device: str) -> None:
    path = Path(device)
    if not path.exists() or not stat.S_ISBLK(path.stat().st_mode):
        raise UpdateError(Reason.NOT_FOUND, f"{device} is no block device", "lsblk shows those of this machine.")
    if succeeds("findmnt", "--source", device) and not has_data():
        raise UpdateError(Reason.CONFLICT, f"{device} is mounted", f"umount {device}")


def _marked(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text.partition(_BEGIN + "\n")[2].partition(_END)[0]


def _mark(path: Path, lines: list[str]) -> None:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, _, rest = text.partition(_BEGIN + "\n")
    after = rest.partition(_END + "\n")[2] if rest else ""
    if before and not before.endswith("\n"):
        before += "\n"
    block = "".join(f"{line}\n" for line in [_BEGIN, *lines, _END])
    write_durably(path, (before + block + after).encode())
    say(f"changed {path}")
