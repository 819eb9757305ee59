"""A bundle's content made into a version folder: its own environment, built without network, tried before it counts.

VERSION/venv/       Python environment on the OS's Python, with the OS's bindings (systemd, GObject, libcamera)
VERSION/release/    units, rules, configuration, installer and guides of this version
VERSION/release.json  written last
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates import bundle as bundles
from hotspotd.updates.versions import Versions

PYTHON: Final = Path("/usr/bin/python3")
_BUILD_S: Final = 1_800.0
"""Compiling hundreds of modules on a slow card takes minutes."""
_TRY_S: Final = 120.0
_ROOM: Final = 3.0
"""A version takes so many times its bundle's bytes while it is made."""


@dataclass(frozen=True)
class Builder:
    """Makes versions in ``versions`` with ``python``, by default the OS's."""

    versions: Versions
    python: Path = PYTHON
    config: Path = Path("/etc/hotspotd/hotspotd.toml")

    def build(self, path: Path) -> str:
        """The version in the bundle ``path``, complete and tried; its name. At once where it is complete already.

        Raises UpdateError: UNREADABLE, DAMAGED, WRONG_VERSION, STORAGE_FULL, FAILED; OSError.
        """
        bundle = bundles.read(path)
        bundle.refuse_elsewhere()
        if bundle.version in self.versions.complete():
            return bundle.version
        self._room(path)
        folder = self.versions.begin(bundle.version)
        bundles.unpack(path, folder)
        self.versions.step("unpacked")
        self._environment(folder)
        self.versions.step("built")
        shutil.rmtree(folder / "wheels")
        shutil.rmtree(folder / "debs", ignore_errors=True)
        self._try(folder, bundle.version)
        self.versions.finish(
            bundle.version,
            {"version": bundle.version, "architecture": bundle.architecture, "python": bundle.python},
        )
        return bundle.version

    def _room(self, path: Path) -> None:
        self.versions.root.mkdir(parents=True, exist_ok=True)
        wanted, free = int(path.stat().st_size * _ROOM), shutil.disk_usage(self.versions.root).free
        if free < wanted:
            raise UpdateError(
                Reason.STORAGE_FULL,
                f"{free >> 20} MB are free in {self.versions.root}, {wanted >> 20} MB are needed",
                "Make room: hotspotctl update status shows the versions.",
            )

    def _environment(self, folder: Path) -> None:
        venv = folder / "venv"
        run([str(self.python), "-m", "venv", "--system-site-packages", str(venv)], _BUILD_S)
        pip = [str(venv / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index"]
        pip += ["--no-cache-dir", "--ignore-installed"]
        wheels = folder / "wheels"
        locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(folder / "release/requirements.txt")]
        run([*pip, "--find-links", str(wheels), *locked], _BUILD_S)
        run([*pip, "--no-deps", *map(str, sorted(wheels.glob("hotspotd-*.whl")))], _BUILD_S)

    def _try(self, folder: Path, version: str) -> None:
        """All of it can be loaded, and it takes the configuration that this kiosk has."""
        bin_folder = folder / "venv/bin"
        said = run([str(bin_folder / "hotspotd"), "--version"], _TRY_S).split()[-1]
        if version.partition("+")[0] != said:
            raise UpdateError(Reason.DAMAGED, f"the bundle of {version} holds hotspotd {said}", "Make it again.")
        if self.config.is_file():
            run([str(bin_folder / "hotspotctl"), "config", "check", str(self.config)], _TRY_S)


def run(command: list[str], limit_s: float) -> str:
    """What ``command`` printed. Raises UpdateError (FAILED), with the end of what it complained of."""
    # Nothing of the caller's environment stands in for a module or redirects an index.
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "PIP_CONFIG_FILE": "/dev/null"}
    try:
        done = subprocess.run(  # noqa: S603  # Our own commands, each a list.
            command, capture_output=True, text=True, timeout=limit_s, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError(Reason.FAILED, f"{command[0]}: {error}", "Look at the machine: disk, memory.") from error
    if done.returncode != 0:
        told = " ".join((done.stderr or done.stdout).split())[-600:]
        raise UpdateError(Reason.FAILED, f"{' '.join(command[:4])}: {told}", "Nothing was switched.")
    return done.stdout
