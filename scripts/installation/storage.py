"""Partitions: records and software on one of their own, everything else read-only, the watchlist encrypted.

Each is set up only when a device was named, and nothing is formatted that holds a file system, but for ``--luks``,
whose device is given up on purpose. ``/etc/fstab`` and ``/etc/crypttab`` get lines between two marks.
"""

from __future__ import annotations

import secrets
import shutil
import stat
import tempfile
from pathlib import Path

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates.versions import write_durably
from installation import machine
from installation.machine import run, succeeds
from installation.telling import say

FSTAB, CRYPTTAB = Path("/etc/fstab"), Path("/etc/crypttab")
DATA = Path("/var/lib/hotspotd-data")
CREDENTIALS = Path("/etc/credstore.encrypted")
_BOUND = {
    "state": Path("/var/lib/hotspotd"),
    "software": Path("/opt/hotspotd"),
    "configuration": Path("/etc/hotspotd"),
    "journal": Path("/var/log/journal"),
    # Sealed secrets: written after the root has become read-only, they would be gone with the next boot.
    "credentials": CREDENTIALS,
}
"""Folders of the data partition and where they are seen: all that changes on a kiosk."""
WATCHLIST = Path("/var/lib/hotspotd/watchlist")
_MAPPED = "hotspotd-watchlist"
_OPENED = Path("/dev/mapper") / _MAPPED
_BEGIN, _END = "# hotspotd: begin", "# hotspotd: end"
_OVERLAYROOT = Path("/etc/overlayroot.conf")


def has_data() -> bool:
    """Whether a data partition was set up."""
    return str(DATA) in _marked(FSTAB)


def use_data(device: str) -> None:
    """Mount ``device`` for all that changes, now and from now on. Raises UpdateError."""
    _refuse_no_block_device(device)
    lines = _marked(FSTAB).splitlines()
    if not has_data():
        lines += [_mounted_data(device)]
    before = len(lines)
    for name, place in _BOUND.items():
        line = f"{DATA}/{name} {place} none bind,x-systemd.requires-mounts-for={DATA} 0 0"
        if line not in lines:
            _bind(DATA / name, place)
            lines.append(line)
    if len(lines) > before:
        _mark(FSTAB, lines)
        run("systemctl", "daemon-reload")


def _mounted_data(device: str) -> str:
    """The line of fstab for ``device``, which is mounted; formatted before, where it was empty."""
    kind = run("blkid", "-o", "value", "-s", "TYPE", device, must=False).strip()
    if kind == "":
        run("mkfs.ext4", "-q", "-L", "hotspotd-data", device)
        say(f"made an ext4 file system on {device}")
    elif kind != "ext4":
        raise UpdateError(Reason.CONFLICT, f"{device} holds {kind}", "Give an empty or an ext4 partition: wipefs -a.")
    uuid = run("blkid", "-o", "value", "-s", "UUID", device).strip()
    _stop_the_daemon()
    DATA.mkdir(exist_ok=True)
    run("mount", "-o", "noatime,nodev,nosuid", device, str(DATA))
    # noatime: reading writes nothing. commit=30 delays what nobody waits for; records are synced.
    return f"UUID={uuid} {DATA} ext4 noatime,nodev,nosuid,commit=30,errors=remount-ro 0 2"


def _stop_the_daemon() -> None:
    """What it has open is moved under it; it is started when all is in place."""
    run("systemctl", "stop", "hotspotd.service", must=False)


def _bind(kept: Path, place: Path) -> None:
    """Have ``place`` lie in ``kept``, with what is in it now."""
    place.mkdir(mode=0o700 if place == CREDENTIALS else 0o755, parents=True, exist_ok=True)
    if kept.is_dir():
        run("cp", "-a", "-n", f"{place}/.", str(kept))
    else:
        run("cp", "-a", str(place), str(kept))
    run("mount", "--bind", str(kept), str(place))


def make_root_read_only() -> None:
    """From the next boot on nothing but the data partition is written (overlayroot: changes of all else are lost)."""
    text = (
        "# Written by scripts/install. To change the system: overlayroot-chroot, or boot with overlayroot=disabled.\n"
    )
    # The machine's own key, without which nothing sealed opens: were it made later, the next boot would take it away.
    run("systemd-creds", "setup")
    # Read at each boot by what the package has put into the initramfs.
    write_durably(_OVERLAYROOT, f'{text}overlayroot="tmpfs:recurse=0"\n'.encode())
    say("the root is read-only from the next boot on; to change the system then: overlayroot-chroot")


def use_luks(device: str, key: Path | None) -> None:
    """The watchlist folder on ``device``, encrypted. Raises UpdateError, where there is nothing to keep the key in."""
    if key is None and not machine.TPM.exists():
        raise UpdateError(
            Reason.NO_KEY,
            "this machine has no TPM to keep the key in, and a key on the same card protects nothing",
            "Name a file on a stick that does not stay in the kiosk: --luks-key FILE. Or do without: names and "
            "templates of the list can then be read by whoever takes the card.",
        )
    _refuse_no_block_device(device)
    if _MAPPED in _marked(CRYPTTAB):
        return
    phrase, source = (secrets.token_hex(32), "none") if key is None else (_key(key), _on_its_stick(key, device))
    if _OPENED.exists():
        run("cryptsetup", "close", _MAPPED)  # Of an attempt that broke off.
    run("cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", device, "-", given=phrase)
    uuid = run("cryptsetup", "luksUUID", device).strip()
    run("cryptsetup", "open", "--key-file", "-", device, _MAPPED, given=phrase)
    run("mkfs.ext4", "-q", "-L", "hotspotd-list", str(_OPENED))
    if key is None:
        _enrol_tpm(device, phrase)
    _stop_the_daemon()
    # All of it is there before anything says so: an attempt that breaks off leaves the list where it was.
    _copy_in()
    # headless: nobody is there to be asked for a passphrase.
    options = "tpm2-device=auto" if key is None else "keyfile-timeout=30s"
    _mark(CRYPTTAB, [f"{_MAPPED} UUID={uuid} {source} luks,{options},headless=1,nofail"])
    # The daemon waits for it, and goes on without a list where it does not open.
    options = "noatime,nodev,nosuid,noexec,nofail,x-systemd.before=hotspotd.service,x-systemd.device-timeout=45s"
    _mark(FSTAB, [*_marked(FSTAB).splitlines(), f"{_OPENED} {WATCHLIST} ext4 {options} 0 2"])
    _clear_place()
    run("systemctl", "daemon-reload")
    run("mount", str(WATCHLIST))
    say(f"the watchlist lies on {device}, encrypted, opened by " + ("the TPM" if key is None else f"{key}"))


def _copy_in() -> None:
    """What lies in the list's folder, onto the encrypted partition."""
    WATCHLIST.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hotspotd-list-") as scratch:
        run("mount", str(_OPENED), scratch)
        try:
            run("cp", "-a", f"{WATCHLIST}/.", scratch)
        finally:
            run("umount", scratch)


def _clear_place() -> None:
    """Nothing stays in the list's folder below the partition, and nothing is ever written there again."""
    if any(WATCHLIST.iterdir()):
        for entry in WATCHLIST.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        say("the list that lay in the clear was moved; its traces stay on the card until that is destroyed")
    shutil.chown(WATCHLIST, "hotspotd", "hotspotd")
    WATCHLIST.chmod(0o2770)
    # While it is not mounted, a list that is fetched would be written in the clear.
    run("chattr", "+i", str(WATCHLIST))


def give_back_place() -> None:
    """Let the list's folder be removed where nothing is mounted on it."""
    if _MAPPED in _marked(CRYPTTAB) and not WATCHLIST.is_mount():
        run("chattr", "-i", str(WATCHLIST), must=False)


def _enrol_tpm(device: str, phrase: str) -> None:
    """A key slot that this TPM opens while Secure Boot's state (PCR 7) is as now; a recovery key is shown once."""
    # It must be a file in which one can seek; in memory, and nobody else's.
    with tempfile.NamedTemporaryFile(dir="/run", prefix="hotspotd-luks-") as file:
        file.write(phrase.encode())
        file.flush()
        enroll = ("systemd-cryptenroll", f"--unlock-key-file={file.name}")
        say(f"recovery key of {device}, shown this once: {run(*enroll, '--recovery-key', device).strip()}")
        run(*enroll, "--tpm2-device=auto", "--tpm2-pcrs=7", device)
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


def _on_its_stick(path: Path, device: str) -> str:
    """``FILE:UUID=...`` (crypttab(5)): the stick is looked at when the machine starts, wherever it is plugged in."""
    target, source, uuid = run("findmnt", "-rno", "TARGET,SOURCE,UUID", "-T", str(path.resolve())).split(" ")
    (root,) = run("findmnt", "-rno", "SOURCE", "/").split()
    if _disk(source.strip()) in (_disk(root), _disk(device)):
        raise UpdateError(
            Reason.BAD_VALUE,
            f"{path} lies on a disk of this machine: whoever takes that has both",
            "Put the key on a stick that is taken away after the start.",
        )
    return f"/{path.resolve().relative_to(target)}:UUID={uuid.strip()}"


def _disk(device: str) -> str:
    """The disk that a partition lies on; itself where it is a whole one, or none."""
    return run("lsblk", "-rndo", "PKNAME", device, must=False).strip() or Path(device).name


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
