"""``hotspotctl device decommission``: the device loses its keys and all that it holds."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from hotspotd.cli.device_place import CONFIG
from hotspotd.cli.output import Exit, complain
from hotspotd.clock import Clock
from hotspotd.config import Config, load, resolve
from hotspotd.errors import RecordsError
from hotspotd.provisioning.decommission import Belongings, erase_all, in_use
from hotspotd.provisioning.secrets import DEVICE_KEY
from hotspotd.records import Records
from hotspotd.records.data_key import beside
from hotspotd.records.vault import keys_path


def add_decommission(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "decommission",
        help="erase keys, records and watchlist: the device is nobody's afterwards",
        description="Erases the device's keys (overwritten, first of all), its records and its watchlist. Cannot be\n"
        "undone. What waits for the gateway is lost: see hotspotctl outbox list. Stop hotspotd before, and\n"
        "revoke the device at the gateway afterwards.",
        epilog="examples:\n  systemctl disable --now hotspotd && hotspotctl device decommission\n"
        "  hotspotctl device decommission --yes KIOSK-01",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--config", type=Path, default=CONFIG, metavar="FILE", help=f"by default {CONFIG}")
    command.add_argument("--yes", default="", metavar="NAME", help="the device's name, instead of typing it when asked")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> Exit:
    config = load(arguments.config)
    belongings = _belongings(arguments.config, config)
    if in_use(belongings.database):
        complain("hotspotd runs. Stop it: systemctl disable --now hotspotd")
        return Exit.CANNOT
    name = config.device.name
    typed: str = arguments.yes
    if not typed and sys.stdin.isatty():
        print(f"Keys, records and watchlist of {name} will be erased for ever.")
        typed = input(f"Type {name} to go on: ")
    if typed != name:
        complain(f"nothing was erased: type {name}, or give --yes {name}")
        return Exit.USAGE
    waiting = asyncio.run(_note(belongings.database)) if belongings.database.exists() else 0
    if waiting:
        print(f"{waiting} messages that had not reached the gateway are erased with the rest.")
    count = erase_all(belongings, lambda path: print(f"erased {path}"))
    print(f"{name}: {count} files and folders erased. Revoke it at the gateway:")
    print(f'  python -m hotspotd.gateway.devices revoke {name} --reason "decommissioned" --config gateway.toml')
    return Exit.OK


def _belongings(path: Path, config: Config) -> Belongings:
    relay = config.relay
    database = resolve(path, config.records.database)
    watchlist = resolve(path, config.watchlist.folder)
    listed = watchlist.with_name(f"{watchlist.name}.key")
    others = (
        resolve(path, config.records.data_key) if config.records.data_key else beside(database).path,
        keys_path(database),
        resolve(path, config.watchlist.key) if config.watchlist.key else listed,
    )
    if relay.identity:
        folder = resolve(path, relay.identity)
        return Belongings(folder, (folder / DEVICE_KEY, *others), database, watchlist)
    _, certificate, key = relay.files(path)
    return Belongings(None, (key, *others, certificate), database, watchlist)


async def _note(database: Path) -> int:
    """Write the end into the audit chain, for whoever has a copy of it; returns how many messages wait.

    A database that cannot be read is erased all the same.
    """
    try:
        records = await Records.beside(database, Clock())
    except RecordsError as error:
        complain(f"{error}; it is erased all the same")
        return 0
    try:
        await records.audited("device.decommissioned", subject="device", actor="technician")
        return (await records.queue_state()).waiting
    finally:
        await records.close()
