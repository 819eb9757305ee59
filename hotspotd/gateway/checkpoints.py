"""``python -m hotspotd.gateway.checkpoints``: how far devices' audit chains are, and checkpoints for an auditor."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from hotspotd.errors import GatewayError, HotspotError, Reason
from hotspotd.gateway.config import load
from hotspotd.gateway.storage import Store, open_store

_EPILOG: Final = """\
examples:
  python -m hotspotd.gateway.checkpoints show --config gateway.toml
  python -m hotspotd.gateway.checkpoints export KIOSK-01 --config gateway.toml > kiosk-01.jsonl
  hotspotctl audit verify --database records.db --checkpoints kiosk-01.jsonl --trust-anchors ca.pem

The gateway may run meanwhile. An exported line is one checkpoint with its device's seal.

exit status:
  0  done        1  a device's checkpoints contradict each other
  2  wrong use   3  it could not be done: database, configuration, or no such device
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(_run(options, load(options.config).store.place(options.config)))
    except HotspotError as error:
        sys.stderr.write(f"{error}\n")
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hotspotd.gateway.checkpoints",
        description="Checkpoints of devices' audit chains.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    show = commands.add_parser("show", help="every device's chains, and what contradicts another")
    show.add_argument("--json", action="store_true", help="as JSON, for programs")
    export = commands.add_parser("export", help="a device's checkpoints as they were sealed, one in a line")
    export.add_argument("device", metavar="DEVICE")
    for command in (show, export):
        command.add_argument("--config", type=Path, required=True, metavar="FILE", help="the gateway's configuration")
    return parser


async def _run(options: argparse.Namespace, place: str | Path) -> int:
    store = await open_store(place)
    try:
        if options.command == "show":
            return await _show(store, as_json=options.json)
        return await _export(store, options.device)
    finally:
        await store.close()


async def _show(store: Store, *, as_json: bool) -> int:
    states = await store.checkpoints.states()
    if as_json:
        sys.stdout.write(msgspec.json.encode(states).decode() + "\n")
    for state in () if as_json else states:
        found = ", ".join(f"{count} {kind}" for kind, count in state.findings.items())
        sys.stdout.write(
            f"{state.device}  chain {state.chain[:12]}  checkpoint {state.number}, entry {state.seq}, of {state.at}"
            f"{'  CONTRADICTED: ' + found if found else ''}\n"
        )
    return 1 if any(state.findings for state in states) else 0


async def _export(store: Store, device: str) -> int:
    found = False
    async for kept in store.checkpoints.of(device):
        found = True
        sys.stdout.write(msgspec.json.encode(kept).decode() + "\n")
    if not found:
        raise GatewayError(Reason.NOT_FOUND, f"no checkpoint of a device {device!r} is here", "List them: show.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
