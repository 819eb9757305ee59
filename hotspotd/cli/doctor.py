"""``hotspotctl doctor``: what works on this machine and what doesn't, why, and what to do about it."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.text import Text

from hotspotd.cli.output import Exit, people, print_json, print_table
from hotspotd.upkeep.checks import hardware, machine, partitions, place
from hotspotd.upkeep.checks.devices import devices
from hotspotd.upkeep.checks.finding import Check, Finding, State, Subject, examine
from hotspotd.upkeep.checks.gateway import certificates, gateway

DEFAULT_CONFIG = Path("/etc/hotspotd/hotspotd.toml")

CHECKS: tuple[Check, ...] = (
    machine.python,
    machine.opencv,
    machine.face_model,
    machine.liveness,
    machine.finger_calibration,
    machine.nfiq2,
    machine.sqlite,
    machine.systemd_bindings,
    machine.browser,
    machine.arabic_fonts,
    machine.clock,
    hardware.temperature,
    hardware.throttling,
    partitions.read_only_root,
    partitions.encrypted_list,
    place.configuration,
    place.free_space,
    place.durable_write,
    place.data_key,
    hardware.wear,
    place.watchlist,
    devices,
    certificates,
    gateway,
)

_MARKS = {
    State.WORKS: Text("works", style="green"),
    State.WARNING: Text("warning", style="yellow"),
    State.FAILS: Text("FAILS", style="bold red"),
    State.NOT_CHECKED: Text("not checked", style="dim"),
}


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = groups.add_parser(
        "doctor",
        help="say what works on this machine and what doesn't",
        description="Tries everything the daemon needs: software, model, database, devices, gateway, watchlist,\n"
        "screen. Changes nothing: what it writes to try the disk it removes. A device that a running\n"
        "daemon holds is said to be in use.",
        epilog="examples:\n"
        "  hotspotctl doctor\n"
        "  hotspotctl doctor --config ./lane.toml --json\n\n"
        "exit codes: 0 everything works or only warns, 1 something fails",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--config", type=Path, metavar="FILE", help=f"by default {DEFAULT_CONFIG}, where it exists")
    command.add_argument("--json", action="store_true", help="print the findings as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> Exit:
    path = arguments.config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    subject = Subject.read(path)
    findings = [finding for check in CHECKS for finding in examine(check, subject)]
    fails = any(finding.state is State.FAILS for finding in findings)
    if arguments.json:
        print_json({"ok": not fails, "config": None if path is None else str(path), "findings": findings})
    else:
        print_table(("what", "", "found"), [(one.name, _MARKS[one.state], _words(one)) for one in findings])
        people().print(_verdict(findings))
    return Exit.PROBLEMS if fails else Exit.OK


def _words(finding: Finding) -> Text:
    words = Text(finding.text)
    if finding.advice and finding.state is not State.WORKS:
        words.append(f"\n→ {finding.advice}", style="italic")
    return words


def _verdict(findings: list[Finding]) -> str:
    counted = {state: sum(one.state is state for one in findings) for state in State}
    return ", ".join(f"{number} {state.value.replace('_', ' ')}" for state, number in counted.items() if number)
