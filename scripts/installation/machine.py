"""The machine that is installed on: known or refused, and commands on it."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates.bundle import machine

KNOWN_RELEASES = ("12", "13")
TPM = Path("/dev/tpmrm0")
_LIMIT_S = 900.0


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """The assignments of os-release(5)."""
    lines = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, _, value in lines}


def refuse_unknown() -> None:
    """Raises UpdateError (WRONG_VERSION) on a system that this was not made for."""
    said = os_release()
    debian = "debian" in (said.get("ID"), *said.get("ID_LIKE", "").split())
    if not debian or said.get("VERSION_ID") not in KNOWN_RELEASES or machine() not in ("amd64", "arm64"):
        raise UpdateError(
            Reason.WRONG_VERSION,
            f"this is {said.get('PRETTY_NAME', 'an unknown system')} on {platform.machine()}",
            "Debian 12 and 13 and Raspberry Pi OS of the same age are known, 64 bit, arm64 and amd64.",
        )
    if not Path("/run/systemd/system").is_dir():
        raise UpdateError(
            Reason.WRONG_VERSION, "systemd does not run here", "Boot the machine; a chroot is not enough."
        )


def run(*command: str, must: bool = True, given: str | None = None) -> str:
    """What ``command`` printed. Raises UpdateError (FAILED) where it fails and ``must`` succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False, input=given)
    if must and done.returncode != 0:
        told = " ".join((done.stderr or done.stdout).split())[-400:]
        raise UpdateError(Reason.FAILED, f"{' '.join(command)}: {told}", "Mend that, and run scripts/install again.")
    return done.stdout


def root_is_read_only() -> bool:
    """Whether what is written outside the data partition is gone with the next boot (overlayroot)."""
    return run("findmnt", "-rno", "FSTYPE", "/", must=False).strip() == "overlay"


def succeeds(*command: str) -> bool:
    """Whether ``command`` ends with 0."""
    return subprocess.run(command, capture_output=True, timeout=_LIMIT_S, check=False).returncode == 0
