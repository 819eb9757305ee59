"""``hotspotctl sbom``: what this software is made of, as a CycloneDX document."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from hotspotd import __version__
from hotspotd.biometrics.models import BUNDLED, load_manifest
from hotspotd.cli.output import Exit, complain
from hotspotd.clock import Clock
from hotspotd.errors import Reason, UpdateError
from hotspotd.updates import bill
from hotspotd.updates.bill import Locked, Part

# An installed version's, a checkout's.
_LOCKS = (
    Path(sys.prefix).parent / "release/requirements.txt",
    Path(__file__).resolve().parents[2] / "requirements/runtime.txt",
)


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = groups.add_parser(
        "sbom",
        help="write what the software is made of",
        description="Writes a CycloneDX 1.6 document: every locked package that is installed, with version, licence,\n"
        "the hashes that were allowed and who asks for it; and the bundled models.",
        epilog="examples:\n"
        "  hotspotctl sbom -o hotspotd.cdx.json\n"
        "  hotspotctl sbom | grep -i gpl\n\n"
        "exit codes: 0 written, 1 written, but something installed is not what was locked, 3 it could not be written",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    command.add_argument("--lock", type=Path, metavar="FILE", help="the lock file; by default this version's own")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> Exit:
    lock = arguments.lock or next((path for path in _LOCKS if path.is_file()), None)
    if lock is None:
        raise UpdateError(Reason.NOT_FOUND, "no lock file beside this installation", "Name it: --lock FILE.")
    packages, problems = _installed(bill.read_lock(lock.read_text(encoding="utf-8")))
    document = bill.bill(__version__, Clock().now().iso(), packages, _models())
    text = json.dumps(document, indent=1) + "\n"
    if arguments.output is None:
        print(text, end="")
    else:
        arguments.output.write_text(text, encoding="utf-8")
    for problem in problems:
        complain(problem)
    return Exit.PROBLEMS if problems else Exit.OK


def _installed(locked: list[Locked]) -> tuple[list[tuple[Locked, list[dict[str, Any]]]], list[str]]:
    """Those that are installed, with licences; and what is installed in another version than any that is locked.

    A package may be locked in several versions, one for each Python.
    """
    found, problems = [], []
    versions: dict[str, list[str]] = {}
    for one in locked:
        versions.setdefault(one.name, []).append(one.version)
    for one in locked:
        try:
            installed = metadata.distribution(one.name)
        except metadata.PackageNotFoundError:
            continue  # Of another system or another Python.
        if installed.version == one.version:
            found.append((one, bill.licences(_told(installed.metadata))))
        elif installed.version not in versions[one.name]:
            problems.append(f"{one.name} {installed.version} is installed, {one.version} is locked")
    return found, problems


def _told(core: metadata.PackageMetadata) -> dict[str, Any]:
    told: dict[str, Any] = {key: core[key] for key in ("License-Expression", "License") if key in core}
    return told | {"Classifier": core.get_all("Classifier") or []}


def _models() -> list[Part]:
    manifests = [load_manifest(path) for path in sorted(BUNDLED.glob("**/*.toml"))]
    return [Part(one.name, one.sha256[:12], one.licence, one.sha256) for one in manifests]
