"""What lies outside of the version folders: users, folders, rules, units, limits; and the daemon's start.

A file is written only where it differs, so that a second run changes nothing and says nothing.
"""

from __future__ import annotations

import argparse
import grp
import re
import shutil
import tomllib
from pathlib import Path

from hotspotd.updates.versions import ROOT, Versions, write_durably
from installation.machine import run, succeeds
from installation.telling import fail, say

ETC = Path("/etc/hotspotd")
ETC_SCREENS = Path("/etc/hotspotd-screens")
"""Apart from the daemon's, which the screens' user may not look into."""
CONFIG = ETC / "hotspotd.toml"
UNITS = Path("/etc/systemd/system")
DROP_IN = UNITS / "hotspotd.service.d/machine.conf"
BOOT_CHECK = Path("/usr/local/lib/hotspotd/boot-check")
COMMAND = Path("/usr/local/bin/hotspotctl")
SYSTEM_FILES = {
    "hotspotd.tmpfiles": Path("/etc/tmpfiles.d/hotspotd.conf"),
    "60-hotspotd.rules": Path("/etc/udev/rules.d/60-hotspotd.rules"),
    "50-hotspotd-time.rules": Path("/etc/polkit-1/rules.d/50-hotspotd-time.rules"),
    "journald.conf": Path("/etc/systemd/journald.conf.d/hotspotd.conf"),
    "boot-check": BOOT_CHECK,
    "hotspotd.service": UNITS / "hotspotd.service",
    "hotspotd-boot-check.service": UNITS / "hotspotd-boot-check.service",
    "hotspotd-update.service": UNITS / "hotspotd-update.service",
    "hotspotd-update.path": UNITS / "hotspotd-update.path",
}
USERS_FILE = Path("/etc/sysusers.d/hotspotd.conf")
WATCHDOG_FILE = Path("/etc/systemd/system.conf.d/hotspotd.conf")
START_PAGE = "start.html"
SCREEN_UNITS = ("hotspotd-screens.service", "hotspotd-browser@.service")
SCREENS = ("traveller", "guard")
_OUTPUT = re.compile(r"[A-Za-z0-9_-]{1,40}")


def outputs(text: str) -> dict[str, str]:
    """``traveller=HDMI-A-1,guard=HDMI-A-2``: which screen is shown where; one of them may be left out."""
    found = dict(part.partition("=")[::2] for part in text.split(","))
    if not found or not set(found) <= set(SCREENS) or not all(_OUTPUT.fullmatch(name) for name in found.values()):
        raise argparse.ArgumentTypeError("wanted: traveller=OUTPUT,guard=OUTPUT, as named in /sys/class/drm")
    return found


def put(path: Path, text: str, mode: int = 0o644) -> bool:
    """Have ``text`` in ``path``; whether that changed anything."""
    if path.is_file() and path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, text.encode(), mode)
    say(f"wrote {path}")
    return True


def lay_users(release: Path) -> None:
    """The daemon's user and the screens', and the folders."""
    put(USERS_FILE, (release / "systemd/hotspotd.sysusers").read_text(encoding="utf-8"))
    run("systemd-sysusers", str(USERS_FILE))


def lay(release: Path, *, watchdog: bool) -> None:
    """Rules, units, limits, command; and the configuration, where there is none yet."""
    for name, path in SYSTEM_FILES.items():
        source = release / "systemd" / name
        changed = put(path, source.read_text(encoding="utf-8"), 0o755 if source.stat().st_mode & 0o100 else 0o644)
        if changed and name == "journald.conf":
            run("systemctl", "try-restart", "systemd-journald.service")
    if watchdog:
        put(WATCHDOG_FILE, (release / "systemd/watchdog.conf").read_text(encoding="utf-8"))
    ETC.mkdir(exist_ok=True)
    if not CONFIG.exists():
        shutil.copy(release / "config/hotspotd.toml", CONFIG)
        say(f"wrote {CONFIG}: an example, change it to this kiosk")
    target = ROOT / "current/venv/bin/hotspotctl"
    if not COMMAND.is_symlink() or COMMAND.readlink() != target:
        COMMAND.unlink(missing_ok=True)
        COMMAND.symlink_to(target)
    _lay_drop_in()


def _lay_drop_in() -> None:
    """What differs from machine to machine: the ports, and groups that only some systems have."""
    console = tomllib.loads(CONFIG.read_text(encoding="utf-8")).get("console", {})
    ports = [console.get("port", 8480)]
    if console.get("network_host"):
        ports.append(console.get("network_port", 8443))
    lines = ["# Written by scripts/install for this machine.", "[Service]"]
    lines += ["SocketBindAllow=", *(f"SocketBindAllow=tcp:{port}" for port in ports)]
    groups = [name for name in ("gpio", "plugdev") if _group(name)]
    if groups:
        lines.append(f"SupplementaryGroups={' '.join(groups)}")
    put(DROP_IN, "\n".join(lines) + "\n")


def _group(name: str) -> bool:
    return any(entry.gr_name == name for entry in grp.getgrall())


def lay_screens(release: Path, shown: dict[str, str], lane: str) -> None:
    """Weston and one browser for each screen that is shown."""
    ini = (release / "systemd/screens.ini").read_text(encoding="utf-8")
    for screen in SCREENS:
        ini = ini.replace(f"@{screen.upper()}@", shown.get(screen, "none"))
    put(ETC_SCREENS / "screens.ini", ini)
    put(ETC_SCREENS / START_PAGE, (release / "systemd" / START_PAGE).read_text(encoding="utf-8"))
    port = tomllib.loads(CONFIG.read_text(encoding="utf-8")).get("console", {}).get("port", 8480)
    pages = {"traveller": f"traveller/{lane}", "guard": "guard"}
    for unit in SCREEN_UNITS:
        put(UNITS / unit, (release / "systemd" / unit).read_text(encoding="utf-8"))
    run("systemctl", "daemon-reload")
    for screen in SCREENS:
        unit = f"hotspotd-browser@{screen}.service"
        if screen in shown:
            put(ETC_SCREENS / f"{screen}.env", f"URL=http://127.0.0.1:{port}/{pages[screen]}\n")
            run("systemctl", "enable", unit)
        else:
            run("systemctl", "disable", unit, must=False)
    run("systemctl", "enable", "hotspotd-screens.service")


def apply() -> None:
    """Have systemd and udev take up what was written."""
    run("systemd-tmpfiles", "--create", str(SYSTEM_FILES["hotspotd.tmpfiles"]))
    run("systemctl", "daemon-reload")
    # Where no devices are managed, as in a container, there is nobody to tell.
    if Path("/run/udev/control").exists():
        run("udevadm", "control", "--reload")
        run("udevadm", "trigger")
    run("systemctl", "enable", "hotspotd.service", "hotspotd-boot-check.service", "hotspotd-update.path")
    # One that was there before goes by its old words, and may have given up.
    run("systemctl", "restart", "hotspotd-update.path")


def start(versions: Versions) -> bool:
    """Start what was installed, where the kiosk is configured; whether it works. On trial: judged by boot-check."""
    if problem := _not_configured():
        say(f"not started: {problem}")
        say(f"next: nano {CONFIG}; hotspotctl doctor; systemctl start hotspotd")
        versions.confirm()  # Nothing can be judged.
        return True
    if versions.trial is not None:
        say("starting the new version; it is watched until it has been ready for half a minute")
        if succeeds("systemctl", "start", "hotspotd-boot-check.service"):
            return True
        fail(f"the new version does not work; {versions.current} runs again: journalctl -u hotspotd-boot-check")
        return False
    if succeeds("systemctl", "start", "hotspotd.service"):
        say("the daemon is ready")
        return True
    fail("the daemon does not start: systemctl status hotspotd, hotspotctl doctor")
    return False


def _not_configured() -> str:
    """Why the daemon cannot run yet: its certificate is not there. Empty where it can."""
    relay = tomllib.loads(CONFIG.read_text(encoding="utf-8")).get("relay", {})
    place = CONFIG.parent / str(relay.get("certificate", ""))
    return "" if place.is_file() else f"the kiosk is not enrolled, there is no {place}"
