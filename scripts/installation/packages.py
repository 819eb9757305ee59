"""Packages of the OS: what is missing is installed with apt, or named where there is no network."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from hotspotd.errors import Reason, UpdateError
from installation.telling import say

BASE = ("python3-venv", "python3-systemd", "libgomp1")
SCREENS = ("weston", "chromium", "fonts-noto-core", "kbd", "libpam-systemd")
DRIVERS = {
    "chip": ("pcscd", "python3-pyscard"),
    "libfprint": ("python3-gi", "gir1.2-fprint-2.0"),
    "gpio": ("python3-gpiozero", "python3-lgpio"),
    "picamera2": ("python3-picamera2",),
}
"""What drivers need of the OS; docs/devices.md says which device needs which."""
READ_ONLY = ("overlayroot", "busybox")
"""overlayroot's part of the initramfs needs a grep there, and without one leaves the root as it is."""
TPM = ("tpm2-tools",)
"""It needs the libraries by which systemd speaks to a TPM, which systemd only suggests, and which have many names."""
LUKS = ("cryptsetup", "systemd-cryptsetup")
"""The latter is a package of its own from Debian 13 on; before that its program comes with systemd."""
_OPENER = Path("/usr/lib/systemd/systemd-cryptsetup")


def require(names: tuple[str, ...], *, offline: bool) -> None:
    """Have the packages ``names``. Raises UpdateError: NOT_FOUND offline, FAILED."""
    missing = [name for name in names if not _installed(name)]
    if not missing:
        return
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if offline:
        raise UpdateError(
            Reason.NOT_FOUND,
            f"packages of the OS are missing: {' '.join(missing)}",
            f"Bring them by stick or image, or once with a network: {command}",
        )
    say(f"installing packages of the OS: {' '.join(missing)}")
    _apt("update", "-qq")
    _apt("install", "-y", "-qq", "--no-install-recommends", *missing)


def for_luks() -> tuple[str, ...]:
    """``LUKS``, without what systemd itself brings on this machine."""
    return LUKS[:1] if _OPENER.exists() else LUKS


def _installed(name: str) -> bool:
    command = ["dpkg-query", "-W", "-f=${Status}", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout == "install ok installed"


def _apt(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UpdateError(
            Reason.FAILED,
            f"apt-get {arguments[0]}: {' '.join(done.stderr.split())[-400:]}",
            "Look at the network and the package sources, or install from a bundle: --offline BUNDLE.",
        )
