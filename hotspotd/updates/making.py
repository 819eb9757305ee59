"""A bundle made of a checkout: the package built, its locked wheels fetched for one architecture and one Python.

Wheels are checked against the hashes of ``requirements/runtime.txt`` when they are fetched and again where they are
installed. The kernels are compiled here: for another architecture by Debian's cross compiler. What is packed makes the
version's name: ``0.2.0+`` and eight digits of the content's hash, so that two bundles of one name are one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hotspotd import __version__
from hotspotd.errors import Reason, UpdateError
from hotspotd.updates import bundle as bundles
from hotspotd.updates.bundle import Bundle

MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
PYTHONS: Final = ("3.11", "3.12", "3.13")
"""Debian 12 has 3.11, Debian 13 has 3.13."""
_GLIBC: Final = tuple(range(36, 16, -1))
"""Of Debian 12, and what older wheels ask for."""
_MINUTES_30: Final = 1_800.0
_RELEASE: Final = ("systemd", "config", "docs", "LICENSE", "README.md")
_INSTALLER: Final = (
    "scripts/install",
    "hotspotd/__init__.py",
    "hotspotd/errors.py",
    *(f"hotspotd/updates/{name}.py" for name in ("__init__", "versions", "bundle", "building", "making")),
)

_CHOOSE: Final = """
import re, sys
from pip._vendor.packaging.markers import Marker
source, target, python, machine = sys.argv[1:]
where = {"python_version": python, "python_full_version": python + ".0", "platform_machine": machine}
with open(source) as lock, open(target, "w") as chosen:
    for one in re.findall(r"(?m)^[^ #].*(?:\\n .*)*", lock.read()):
        requirement, semicolon, marker = one.partition(" \\\\\\n")[0].partition(" ; ")
        if not semicolon or Marker(marker).evaluate(where):
            chosen.write(one.replace(semicolon + marker, "") + "\\n")
"""
"""Run by the pip that fetches: writes the locked requirements that count for another Python and machine, bare."""


def make(checkout: Path, target: Path, architecture: str, python: str) -> Bundle:
    """Write a bundle of ``checkout`` to ``target``; what it says of itself. Needs the network and a C compiler.

    Raises UpdateError: UNREADABLE without a checkout, FAILED with what the tool that failed said; OSError.
    """
    if not (checkout / "pyproject.toml").is_file():
        raise UpdateError(Reason.UNREADABLE, f"{checkout} is no checkout", "Run it from one, or install --offline.")
    with tempfile.TemporaryDirectory(prefix="hotspotd-bundle-") as scratch:
        folder = Path(scratch, "bundle")
        wheels, release = folder / "wheels", folder / "release"
        wheels.mkdir(parents=True)
        tool = _tool(Path(scratch, "tool"), checkout)
        _fetch(tool, checkout, wheels, architecture, python)
        _package(tool, checkout, wheels, architecture, Path(scratch, "sources"))
        _lay_release(checkout, release)
        return bundles.pack(Bundle(_name(folder), architecture, python), folder, target)


def _tool(folder: Path, checkout: Path) -> Path:
    """An environment that builds the package: pip and the locked setuptools."""
    _run([sys.executable, "-m", "venv", str(folder)])
    python = folder / "bin/python"
    locked = str(checkout / "requirements/build.txt")
    _run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", locked])
    return python


def _fetch(tool: Path, checkout: Path, wheels: Path, architecture: str, python: str) -> None:
    platforms = [f"manylinux_2_{minor}_{MACHINES[architecture]}" for minor in _GLIBC]
    platforms += [f"manylinux2014_{MACHINES[architecture]}", f"linux_{MACHINES[architecture]}"]
    command = [str(tool), "-m", "pip", "download", "-q", "--disable-pip-version-check", "--only-binary=:all:"]
    command += [f"--platform={platform}" for platform in platforms]
    command += [f"--python-version={python}", "--implementation=cp", "--require-hashes", "--no-deps"]
    # pip judges a requirement's marker by the Python that it runs on, whichever it fetches for.
    chosen = tool.parents[1] / "chosen.txt"
    locked = checkout / "requirements/runtime.txt"
    _run([str(tool), "-c", _CHOOSE, str(locked), str(chosen), python, MACHINES[architecture]])
    _run([*command, "-r", str(chosen), "-d", str(wheels)])


def _package(tool: Path, checkout: Path, wheels: Path, architecture: str, sources: Path) -> None:
    """Our own package as a wheel, built of a copy: nothing of an earlier build gets into it."""
    left_out = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
    for name in ("hotspotd", "drivers"):
        shutil.copytree(checkout / name, sources / name, ignore=left_out)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(checkout / name, sources / name)
    environment = {"SOURCE_DATE_EPOCH": "1700000000"}
    if architecture != bundles.machine():
        compiler = f"{MACHINES[architecture]}-linux-gnu-gcc"
        if shutil.which(compiler) is None:
            raise UpdateError(
                Reason.FAILED,
                f"no {compiler} to compile the kernels for {architecture}",
                f"apt-get install gcc-{compiler.removesuffix('-gcc').replace('_', '-')} libc6-dev-{architecture}-cross",
            )
        environment |= {"CC": compiler, "_PYTHON_HOST_PLATFORM": f"linux-{MACHINES[architecture]}"}
    command = [
        str(tool),
        "-m",
        "pip",
        "wheel",
        "-q",
        "--disable-pip-version-check",
        "--no-build-isolation",
        "--no-deps",
    ]
    _run([*command, "-w", str(wheels), str(sources)], environment)
    if not list(wheels.glob("hotspotd-*-abi3-*.whl")):
        raise UpdateError(Reason.FAILED, "the kernels were not compiled", "apt-get install gcc libc6-dev")


def _lay_release(checkout: Path, release: Path) -> None:
    release.mkdir()
    for name in _RELEASE:
        source = checkout / name
        if source.is_dir():
            shutil.copytree(source, release / name, ignore=shutil.ignore_patterns("screens", "examples", "__pycache__"))
        else:
            shutil.copy(source, release / name)
    shutil.copytree(checkout / "scripts/installation", release / "scripts/installation", ignore=_compiled)
    for name in _INSTALLER:
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkout / name, release / name)
    shutil.copy(checkout / "requirements/runtime.txt", release / "requirements.txt")


def _compiled(_: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__"}


def _name(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"{__version__}+{digest.hexdigest()[:8]}"


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> None:
    # With the caller's environment: how the package index is reached is set up there.
    done = subprocess.run(  # noqa: S603  # Our own commands, each a list.
        command,
        capture_output=True,
        text=True,
        timeout=_MINUTES_30,
        check=False,
        env={**os.environ, "PYTHONPATH": "", **(environment or {})},
    )
    if done.returncode != 0:
        told = " ".join((done.stderr or done.stdout).split())[-800:]
        raise UpdateError(Reason.FAILED, f"{Path(command[0]).name} {' '.join(command[1:4])}: {told}", "Try again.")
