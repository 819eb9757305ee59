"""``hotspotctl outbox export``: rows of the outbox as files, for whoever has to look into them elsewhere.

Personal data leaves the device by this: who asked and why is in the audit chain before the first byte is written.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from hotspotd.cli.outbox_access import add_who, command, every_row, opened, plain, row_as_json
from hotspotd.cli.output import Exit, complain, print_json
from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.model import Kind, OutboxRow, OutboxState
from hotspotd.relay.links.wire import TCN_PATTERN
from hotspotd.watchlist.layout import fsync_folder

_INDEX = "index.json"
# Those that have their payload.
_WITH_PAYLOAD = tuple(state for state in OutboxState if state not in (OutboxState.ANSWERED, OutboxState.EXPIRED))


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    export = command(
        commands,
        "export",
        "write rows as files, to look into them elsewhere",
        "Writes each row as FOLDER/TCN.xml (INT-I; TCN.json for what is no transaction) and, last, index.json: what\n"
        "was wrong with each, its size and SHA-256. By default the rows set aside. FOLDER must be new or empty.\n"
        "The files hold personal data: only you may read them, and who took them and why goes into the audit chain.",
        "  hotspotctl outbox export /media/stick/aside --reason 'gateway refuses, sent to the bureau'\n"
        "  hotspotctl outbox export ./one UTO00000042 --by mjones --reason 'ticket 4711'\n",
        "0 all were written, or there was nothing to write, 1 some have no payload any more, 3 not written",
    )
    export.add_argument("folder", type=Path, metavar="FOLDER")
    export.add_argument("tcns", metavar="TCN", nargs="*", help="these rows, whatever their state")
    export.add_argument(
        "--state",
        action="append",
        choices=[state.value for state in _WITH_PAYLOAD],
        help="rows in this state instead; may be given several times",
    )
    export.add_argument("--reason", type=plain, required=True, metavar="WHY", help="for the audit chain")
    add_who(export)
    export.set_defaults(run=_export, parser=export)


def _export(arguments: argparse.Namespace) -> Exit:
    if arguments.tcns and arguments.state:
        arguments.parser.error("name rows (TCN ...), or a --state, not both")
    written, without = asyncio.run(_write_rows(arguments))
    if arguments.json:
        print_json({"folder": str(arguments.folder), "rows": written, "without_payload": without})
    elif written:
        print(f"{arguments.folder}: {len(written)} rows and {_INDEX}")
    else:
        print("Nothing to write.")
    for tcn in without:
        complain(f"{tcn}: its payload is not here any more")
    return Exit.PROBLEMS if without else Exit.OK


async def _write_rows(arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    folder, written, without = arguments.folder, [], []
    async with opened(arguments.config) as records:
        made = False
        async for page in _pages(records, arguments):
            held = [row for row in page if (await records.outbox_detail(row.tcn)).held]
            without += [row.tcn for row in page if row not in held]
            if held and not made:
                await asyncio.to_thread(_make_empty, folder)
                made = True
            await records.payloads_read([row.tcn for row in held], "exported", arguments.by, arguments.reason)
            for row in held:
                item = await records.outbox_item(row.tcn)
                name = _file_name(row)
                await asyncio.to_thread(_write, folder / name, item.payload)
                about = {"file": name, "bytes": len(item.payload), "sha256": hashlib.sha256(item.payload).hexdigest()}
                written.append(row_as_json(row) | about)
    if written:
        index = {
            "exported_at": Clock().now().iso(),
            "by": arguments.by,
            "reason": arguments.reason,
            "rows": written,
        }
        await asyncio.to_thread(_write, folder / _INDEX, msgspec.json.format(msgspec.json.encode(index), indent=2))
    return written, without


async def _pages(records: Records, arguments: argparse.Namespace) -> AsyncIterator[list[OutboxRow]]:
    if arguments.tcns:
        # All of them first: what is misspelt is told before anything is written.
        yield [await records.outbox_detail(tcn) for tcn in dict.fromkeys(arguments.tcns)]
        return
    states = [OutboxState(state) for state in arguments.state or (OutboxState.QUARANTINED,)]
    async for page in every_row(records, states):
        yield page


def _file_name(row: OutboxRow) -> str:
    if not TCN_PATTERN.fullmatch(row.tcn):
        raise RecordsError(Reason.DAMAGED, f"records: {row.tcn!r} is no control number", "Report this.")
    return f"{row.tcn}.xml" if row.kind is Kind.TRANSACTION else f"{row.tcn}.json"


def _make_empty(folder: Path) -> None:
    """Raises RecordsError (CONFLICT) for a folder with something in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise RecordsError(Reason.CONFLICT, f"{folder}: is not empty", "Nothing is overwritten: name a new folder.")


def _write(path: Path, data: bytes) -> None:
    """Put ``data`` there whole or not at all, for the owner only."""
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    fsync_folder(path.parent)
