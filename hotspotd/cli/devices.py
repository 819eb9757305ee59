"""``hotspotctl devices``: what is configured, what is plugged in, and whether one of them does its work."""

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

from drivers import finding, registry
from drivers.base import DriverError
from hotspotd.cli.doctor import DEFAULT_CONFIG
from hotspotd.cli.output import Exit, complain, people, print_json, print_table
from hotspotd.cli.picture import blocks
from hotspotd.cli.watchlist import face_engine
from hotspotd.config import Config, load
from hotspotd.devices.look import Look, Presence, look
from hotspotd.devices.named import NamedDevice, chosen, named, unnamed
from hotspotd.devices.trial import Patience, Trial, try_device
from hotspotd.errors import ConfigError, Reason
from hotspotd.workers import Worker

_STATES = {
    Presence.READY: Text("ready", style="green"),
    Presence.IN_USE: Text("in use", style="yellow"),
    Presence.ABSENT: Text("ABSENT", style="bold red"),
    Presence.FAULTED: Text("FAULTED", style="bold red"),
}


class Fit(msgspec.Struct, frozen=True):
    """A driver that takes a found device. ``sure``: None where nobody asked, else whether the device answered."""

    section: str
    driver: str
    sure: bool | None = None
    said: str = ""


class Plugged(msgspec.Struct, frozen=True):
    """One found device."""

    bus: str
    what: str
    address: str
    fits: tuple[Fit, ...]


class Trouble(msgspec.Struct, frozen=True):
    """A bus that could not be looked at."""

    bus: str
    problem: str
    advice: str


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser(
        "devices",
        help="list, find and try the devices of the lanes",
        description="Looks at cameras, scanners, readers and lights. A device belongs to one program at a time:\n"
        "what a running daemon holds is said to be in use.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    _add_list(commands)
    _add_probe(commands)
    _add_test(commands)


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "list",
        help="the configured devices, and how each of them is",
        description="Opens each device that the configuration names, asks who it is, and closes it.",
        epilog="example: hotspotctl devices list --config ./lane.toml --json\n\n"
        "exit codes: 0 all are ready or in use, 1 one is absent or faulted, 3 there is no configuration",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_config(command)
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.set_defaults(run=_list)


def _add_probe(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "probe",
        help="what is plugged in, and what to write into the configuration for it",
        description="Looks for serial ports, USB cameras, camera modules, fingerprint scanners, card readers and\n"
        "keyboards, and names for each the drivers that take it. Needs no configuration. What is at the other end\n"
        "of a serial port cannot be seen: --ask opens each port with the drivers that make sure of their device,\n"
        "which writes to it.",
        epilog="examples:\n"
        "  hotspotctl devices probe\n"
        "  hotspotctl devices probe --bus serial --ask\n\n"
        "exit codes: 0 something was found, 1 nothing was",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--bus", choices=tuple(finding.FINDERS), help="look at this one only")
    command.add_argument("--ask", action="store_true", help="write to devices, to be sure what they are")
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.set_defaults(run=_probe)


def _add_test(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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
    _add_config(command)
    command.add_argument(
        "--limit", type=_seconds, default=30.0, metavar="S", help="wait so long for what is presented (30)"
    )
    command.add_argument("--seconds", type=_seconds, default=3.0, metavar="S", help="count frames for so long (3)")
    command.add_argument(
        "--picture", type=Path, metavar="FILE", help="write the picture there, as PNG or JPEG by its suffix"
    )
    command.add_argument("--json", action="store_true", help="print the results as JSON")
    command.set_defaults(run=_test)


def _add_config(command: argparse.ArgumentParser) -> None:
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


def _list(arguments: argparse.Namespace) -> Exit:
    looks = asyncio.run(_look_at_all(named(load(arguments.config))))
    bad = any(seen.state in {Presence.ABSENT, Presence.FAULTED} for seen in looks)
    if arguments.json:
        print_json({"ok": not bad, "config": str(arguments.config), "devices": looks})
    else:
        rows = [(seen.name, seen.driver, seen.address, _STATES[seen.state], _seen(seen)) for seen in looks]
        print_table(("device", "driver", "address", "", "found"), rows)
    return Exit.PROBLEMS if bad else Exit.OK


async def _look_at_all(devices: list[NamedDevice]) -> list[Look]:
    return list(await asyncio.gather(*(look(device) for device in devices)))


def _seen(seen: Look) -> Text:
    if seen.state is Presence.READY:
        return Text(" ".join(part for part in (seen.model, seen.serial) if part))
    words = Text(seen.problem)
    if seen.advice:
        words.append(f"\n→ {seen.advice}", style="italic")
    return words


def _probe(arguments: argparse.Namespace) -> Exit:
    buses = (arguments.bus,) if arguments.bus else tuple(finding.FINDERS)
    plugged, troubles = asyncio.run(_search(buses, ask=arguments.ask))
    if arguments.json:
        print_json({"devices": plugged, "not_looked_at": troubles})
    else:
        _print_plugged(plugged)
        for trouble in troubles:
            advice = f" → {trouble.advice}" if trouble.advice else ""
            people().print(Text(f"{trouble.bus}: not looked at: {trouble.problem}{advice}", style="dim"))
    return Exit.OK if plugged else Exit.PROBLEMS


async def _search(buses: tuple[str, ...], *, ask: bool) -> tuple[list[Plugged], list[Trouble]]:
    plugged, troubles = [], []
    for searched in await asyncio.gather(*(finding.search(bus) for bus in buses)):
        if searched.problem:
            troubles.append(Trouble(searched.bus, searched.problem, searched.advice))
        for found in searched.found:
            answers = {answer.row: answer for answer in await finding.ask(searched.bus, found)} if ask else {}
            fits = [_fit(row, answers.get(row)) for row in registry.on_bus(searched.bus)]
            plugged.append(Plugged(searched.bus, found.what, found.address, tuple(fits)))
    return plugged, troubles


def _fit(row: registry.Row, answer: finding.Answer | None) -> Fit:
    if answer is None:
        return Fit(row.kind.section, row.name)
    return Fit(row.kind.section, row.name, not answer.problem, answer.problem or answer.model)


def _print_plugged(plugged: list[Plugged]) -> None:
    rows = []
    for one in plugged:
        fits = Text("\n").join([_fit_words(fit) for fit in one.fits]) if one.fits else Text("no driver here takes it")
        rows.append((one.bus, one.what, one.address, fits))
    if rows:
        print_table(("bus", "device", "address", "driver"), rows)
    else:
        people().print("Nothing was found.")


def _fit_words(fit: Fit) -> Text:
    words = Text(f"{fit.driver} ({fit.section})", style={True: "green", False: "dim", None: ""}[fit.sure])
    if fit.sure is not None:
        words.append(f": {fit.said}")
    return words


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
    if trial.reason == "busy":
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
    if path.suffix.lower() not in {".png", ".jpg", ".jpeg"}:
        raise ConfigError(Reason.BAD_VALUE, f"{path}: no format is known by {path.suffix!r}", "Call it .png or .jpg.")
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
