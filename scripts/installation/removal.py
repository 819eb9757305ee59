"""Taking hotspotd off a machine; configuration, keys and records only where that was asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

from hotspotd.updates.versions import ROOT
from installation import storage, system
from installation.machine import run
from installation.telling import say

_OUTCOMES = Path("/run/hotspotd-update")
_STATE = (system.ETC, system.ETC_SCREENS, Path("/var/lib/hotspotd"), Path("/var/lib/hotspotd-screen"))


def remove(*, purge: bool) -> int:
    """Stop and remove everything that was installed; 0."""
    units = ["hotspotd-browser@traveller.service", "hotspotd-browser@guard.service", "hotspotd-screens.service"]
    units += ["hotspotd-update.path", "hotspotd-update.service", "hotspotd-boot-check.service", "hotspotd.service"]
    for unit in units:
        run("systemctl", "disable", "--now", unit, must=False)
    files = [*system.SYSTEM_FILES.values(), system.USERS_FILE, system.WATCHDOG_FILE, system.COMMAND]
    files += [system.UNITS / unit for unit in system.SCREEN_UNITS]
    for path in files:
        path.unlink(missing_ok=True)
    drop_ins = system.UNITS.glob("hotspotd*.service.d")
    for folder in (*drop_ins, system.BOOT_CHECK.parent):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(_OUTCOMES, ignore_errors=True)
    for path in (ROOT / "current", ROOT / "trial"):
        path.unlink(missing_ok=True)
    _empty(ROOT)
    run("systemctl", "daemon-reload")
    if purge:
        storage.give_back_place()
        for secret in storage.CREDENTIALS.glob("hotspotd.*"):
            secret.unlink()
        for folder in _STATE:
            _empty(folder)
        for user in ("hotspotd", "hotspotd-screen"):
            run("userdel", user, must=False)
            run("groupdel", user, must=False)
        say("removed, with configuration, keys and records")
    else:
        say("removed; /etc/hotspotd and /var/lib/hotspotd stay, --purge removes them too")
    storage.say_what_stays()
    return 0


def _empty(folder: Path) -> None:
    """Remove ``folder`` with what is in it; where a partition is mounted there, the folder itself stays."""
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            _empty(entry)
        else:
            entry.unlink()
    if not folder.is_mount():
        folder.rmdir()
