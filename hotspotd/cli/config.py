"""``hotspotctl config``: whether a configuration can be used."""

from __future__ import annotations

import argparse
from pathlib import Path

from hotspotd.biometrics.face import calibration as face_calibration
from hotspotd.biometrics.finger import calibration
from hotspotd.cli.output import Exit, complain
from hotspotd.config import Config, load, resolve
from hotspotd.devices.named import driver_problems
from hotspotd.errors import BiometricError, ConfigError, Reason
from hotspotd.upkeep import profiles


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser("config", help="check a configuration", description="Looks at configurations.")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    check = commands.add_parser(
        "check",
        help="say whether the daemon would take a file",
        description="Reads a configuration as the daemon would, the name and address of each driver in it, and the\n"
        "calibrations that it names. Opens no device and needs no running daemon.",
        epilog="example: hotspotctl config check /etc/hotspotd/hotspotd.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> Exit:
    try:
        config, choice = profiles.with_choice(arguments.file, load(arguments.file))
    except ConfigError as error:
        complain(str(error))
        return Exit.CANNOT if error.reason is Reason.UNREADABLE and not arguments.file.is_file() else Exit.PROBLEMS
    problems = [*driver_problems(config), *_calibration_problems(config, arguments.file)]
    for problem in problems:
        complain(f"{arguments.file}: {problem}")
    if problems:
        return Exit.PROBLEMS
    lanes = ", ".join(lane.name for lane in config.lanes)
    operation = (
        f"operation {config.operation.name}, chosen at /set-up" if choice else f"operation {config.operation.name}"
    )
    print(f"{arguments.file}: fine. {config.device.name}, {config.device.mode}; {operation}; lanes: {lanes}")
    return Exit.OK


def _calibration_problems(config: Config, path: Path) -> list[str]:
    """What is wrong with the calibrations that are named; whether a face model fits is seen when it is opened."""
    matching, problems = config.matching, []
    try:
        if matching.finger_calibration is not None:
            calibration.read(resolve(path, matching.finger_calibration), matching.finger_fmr)
    except BiometricError as error:
        problems.append(f"matching.finger_calibration: {error}")
    try:
        if matching.face_calibration is not None:
            face_calibration.read(resolve(path, matching.face_calibration), strictest=matching.face_fmr)
    except BiometricError as error:
        problems.append(f"matching.face_calibration: {error}")
    return problems
