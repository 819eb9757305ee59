"""``hotspotctl devices test``: one device does its work, and what came of it is told."""

from __future__ import annotations

import argparse
import asyncio
from functools import partial
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from drivers import registry
from drivers.base import DriverError, DriverReason
from hotspotd.cli.doctor import DEFAULT_CONFIG
from hotspotd.cli.output import Exit, complain, people, print_json, print_table
from hotspotd.cli.picture import blocks
from hotspotd.config import Config, load
from hotspotd.devices.named import NamedDevice, chosen, unnamed
from hotspotd.devices.trial import try_device
from hotspotd.devices.trial_result import Patience, Trial
from hotspotd.upkeep.engines import face_engine
from hotspotd.workers import Worker


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "test",
        help="have one device do its work, with picture, quality and timing",
        description="Opens a device, has it do its work once and closes it: a camera gives frames for some seconds, a\n"
        "scanner a print, a reader a document, a light shows each of its states. Nothing is kept, and of a\n"
        "document nothing personal is shown.",
        epilog="examples:\n"
        "  hotspotctl devices test lane-1/scanner --picture print.png\n"
        "  hotspotctl devices test --driver v4l2 --address v4l2:///dev/v4l/by-id/usb-046d_C920-video-index0\n"
        "  hotspotctl devices test --kind camera --driver replay --address replay:///folder --json\n\n"
        "exit codes: 0 it did its work, 1 it did not, 3 it is in use, or there is no such device",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "name", nargs="?", metavar="NAME", help="as in the configuration: LANE/document, LANE/camera ..."
    )
    command.add_argument("--driver", metavar="D", help="a driver, where no configuration names the device")
    command.add_argument("--address", metavar="A", help="its address")
    command.add_argument(
        "--kind", choices=[kind.section for kind in registry.KINDS], help="where drivers of several kinds are called D"
    )
    add_config(command)
    command.add_argument(
        "--limit", type=_seconds, default=30.0, metavar="S", help="wait so long for what is presented (30)"
    )
    command.add_argument("--seconds", type=_seconds, default=3.0, metavar="S", help="count frames for so long (3)")
    command.add_argument(
        "--picture", type=_picture, metavar="FILE", help="write the picture there, as PNG or JPEG by its suffix"
    )
    command.add_argument("--json", action="store_true", help="print the results as JSON")
    command.set_defaults(run=_test)


def add_config(command: argparse.ArgumentParser) -> None:
    """Add the option that says which configuration is meant."""
    command.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"by default {DEFAULT_CONFIG}"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("give seconds, above 0 and up to 3600")
    return seconds


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in {".png", ".jpg", ".jpeg"}:
        raise argparse.ArgumentTypeError("give a file that ends in .png or .jpg")
    return path


def _test(arguments: argparse.Namespace) -> Exit:
    try:
        device, config = _asked_for(arguments)
    except DriverError as error:
        complain(str(error))
        return Exit.USAGE
    if device is None:
        complain("give NAME, or --driver and --address")
        return Exit.USAGE
    patience = Patience(presented_s=arguments.limit, frames_s=arguments.seconds)
    worker = Worker("trial")
    try:
        faces = partial(face_engine, config, None if config is None else arguments.config)
        trial, picture = asyncio.run(try_device(device, worker=worker, faces=faces, patience=patience, say=complain))
    finally:
        worker.close()
    written = None if arguments.picture is None or picture is None else _write(arguments.picture, picture)
    if arguments.json:
        print_json({**msgspec.structs.asdict(trial), "picture": written})
    else:
        _print_trial(trial)
        if picture is not None and people().is_terminal:
            people().print(blocks(picture))
        if written:
            people().print(f"picture written to {written}")
    if trial.reason == DriverReason.BUSY:
        return Exit.CANNOT
    return Exit.OK if trial.ok else Exit.PROBLEMS


def _asked_for(arguments: argparse.Namespace) -> tuple[NamedDevice | None, Config | None]:
    if arguments.driver or arguments.address:
        if arguments.name or not (arguments.driver and arguments.address):
            return None, None
        return unnamed(arguments.driver, arguments.address, arguments.kind), None
    if arguments.name is None:
        return None, None
    config = load(arguments.config)
    return chosen(config, arguments.name), config


def _write(path: Path, picture: NDArray[np.uint8]) -> str:
    colours = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    path.write_bytes(cv2.imencode(path.suffix.lower(), colours)[1].tobytes())
    return str(path)


def _print_trial(trial: Trial) -> None:
    size = f"{trial.width} x {trial.height}" if trial.width else ""
    facts = (
        ("device", f"{trial.name} ({trial.driver}, {trial.address})"),
        ("model", " ".join(part for part in (trial.model, trial.serial) if part)),
        ("opened in", _unit(trial.open_s, "s")),
        ("first after", _unit(trial.first_s, "s")),
        ("frames", _unit(trial.frames_per_s, "a second")),
        (
            "picture",
            ", ".join(
                part for part in (size, _unit(trial.dpi, "dpi"), _unit(trial.grey_levels, "grey levels")) if part
            ),
        ),
        ("document", trial.document or ""),
        ("quality", _unit(trial.quality, "of 100")),
        ("remarks", "; ".join(trial.remarks)),
        ("problem", trial.problem),
        ("advice", trial.advice),
    )
    rows: list[tuple[str, str | Text]] = [(name, text) for name, text in facts if text]
    rows.append(("result", Text("works", style="green") if trial.ok else Text("DOES NOT WORK", style="bold red")))
    print_table(("", ""), rows)


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value} {unit}"
