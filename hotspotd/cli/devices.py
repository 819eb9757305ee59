"""``hotspotctl devices``: what is configured, what is plugged in, and whether one of them does its work."""

from __future__ import annotations

import argparse
import asyncio

import msgspec
from rich.console import Console
from rich.status import Status
from rich.text import Text

from drivers import finding, registry
from hotspotd.cli import device_trial
from hotspotd.cli.output import Exit, people, print_json, print_table
from hotspotd.config import load
from hotspotd.devices.look import Look, Presence, look
from hotspotd.devices.named import NamedDevice, named

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
    device_trial.add_to(commands)


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "list",
        help="the configured devices, and how each of them is",
        description="Opens each device that the configuration names, asks who it is, and closes it.",
        epilog="example: hotspotctl devices list --config ./lane.toml --json\n\n"
        "exit codes: 0 all are ready or in use, 1 one is absent or faulted, 3 there is no configuration",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    device_trial.add_config(command)
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


def _list(arguments: argparse.Namespace) -> Exit:
    devices = named(load(arguments.config))
    with _working("opening each device"):
        looks = asyncio.run(_look_at_all(devices))
    bad = any(seen.state in {Presence.ABSENT, Presence.FAULTED} for seen in looks)
    if arguments.json:
        print_json({"ok": not bad, "config": str(arguments.config), "devices": looks})
    else:
        rows = [(seen.name, seen.driver, seen.address, _STATES[seen.state], _seen(seen)) for seen in looks]
        print_table(("device", "driver", "address", "", "found"), rows)
    return Exit.PROBLEMS if bad else Exit.OK


def _working(words: str) -> Status:
    """Says that something goes on, on standard error and a terminal only."""
    return Console(stderr=True).status(words)


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
    with _working("asking what is there" if arguments.ask else "looking what is there"):
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
