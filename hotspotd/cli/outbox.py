"""``hotspotctl outbox``: what is on its way to the gateway, what stands still and why, and getting it going again.

Works beside a running daemon, on its database.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.text import Text

from hotspotd.cli import outbox_export
from hotspotd.cli.outbox_access import add_who, command, every_row, opened, printable, row_as_json
from hotspotd.cli.output import Exit, complain, people, print_json, print_table
from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.records.model import OutboxDetail, OutboxRow, OutboxState, QueueState

_MEANING = {
    OutboxState.QUEUED: "waits for a link",
    OutboxState.SENDING: "was handed to a link; the gateway's receipt has not come",
    OutboxState.RECEIVED: "the gateway holds it; its reply has not come",
    OutboxState.ANSWERED: "done",
    OutboxState.EXPIRED: "its deadline passed before it could go",
    OutboxState.QUARANTINED: "set aside: the gateway will not take it as it is; somebody has to look",
}
_UNFINISHED: tuple[OutboxState, ...] = tuple(state for state in OutboxState if state is not OutboxState.ANSWERED)
_STYLES = {OutboxState.QUARANTINED: "bold red", OutboxState.EXPIRED: "yellow", OutboxState.ANSWERED: "green"}
_LONGEST = 60


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser(
        "outbox",
        help="what waits for the gateway, and what was set aside",
        description="Looks at the outbox of this kiosk, beside a running daemon or without one.",
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    listing = command(
        commands,
        "list",
        "list what is not done yet",
        "Lists rows in the order in which they came, and how much waits.",
        "  hotspotctl outbox list\n  hotspotctl outbox list --state quarantined --json\n",
        "0 nothing is set aside, 1 something is and needs a person, 3 could not look",
    )
    listing.add_argument(
        "--state",
        action="append",
        choices=[state.value for state in OutboxState],
        help="may be repeated; by default all but answered",
    )
    listing.add_argument("--limit", type=_count, default=100, metavar="N", help="at most so many rows (100)")
    listing.add_argument("--after", metavar="TCN", help="only rows that came after this one")
    listing.set_defaults(run=_list)

    show = command(
        commands,
        "show",
        "show one row: state, attempts, error, link, receipt",
        "Shows everything about a row but what is in it. With --payload it writes that, and nothing else, to standard\n"
        "output: personal data. Who did so goes into the audit chain.",
        "  hotspotctl outbox show UTO00000042\n  hotspotctl outbox show UTO00000042 --payload > nps.xml\n",
        "0 shown, 1 its payload is not here any more, 3 there is no such row, or could not look",
    )
    show.add_argument("tcn", metavar="TCN")
    show.add_argument("--payload", action="store_true", help="write what is in it to standard output: personal data")
    add_who(show)
    show.set_defaults(run=_show)

    retry = command(
        commands,
        "retry",
        "queue rows again that were set aside",
        "Queues rows again as if they had never been tried: after what stopped them was mended. A running daemon\n"
        "sends them within seconds. Who did so goes into the audit chain.",
        "  hotspotctl outbox retry UTO00000042 --by mjones\n  hotspotctl outbox retry --all-quarantined\n",
        "0 all are queued, 1 some could not be, 3 none could be tried",
    )
    retry.add_argument("tcns", metavar="TCN", nargs="*")
    retry.add_argument("--all-quarantined", action="store_true", help="every row that is set aside")
    add_who(retry)
    retry.set_defaults(run=_retry, parser=retry)
    outbox_export.add_to(commands)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("a number from 1 to 1000000")
    return int(text)


# --- list ---------------------------------------------------------------------------------------------------------


def _list(arguments: argparse.Namespace) -> Exit:
    states = [OutboxState(state) for state in arguments.state] if arguments.state else list(_UNFINISHED)
    queue, rows = asyncio.run(_read(arguments, states))
    if arguments.json:
        print_json(queue_as_json(queue) | {"rows": [row_as_json(row) for row in rows]})
    else:
        _print_rows(queue, rows, states, arguments.limit)
    return Exit.PROBLEMS if queue.states[OutboxState.QUARANTINED] else Exit.OK


async def _read(arguments: argparse.Namespace, states: list[OutboxState]) -> tuple[QueueState, list[OutboxRow]]:
    async with opened(arguments.config) as records:
        if arguments.after is not None:
            await records.outbox_detail(arguments.after)  # A number that is none would list everything.
        return await records.queue_state(), await records.outbox_rows(states, arguments.limit, arguments.after)


def _print_rows(queue: QueueState, rows: Sequence[OutboxRow], states: Sequence[OutboxState], limit: int) -> None:
    now = Clock().now().at
    if rows:
        print_table(
            ("tcn", "state", "rank", "kind", "lane", "age", "tries", "link", "bytes", "last error"),
            [
                (
                    row.tcn,
                    Text(row.state, style=_STYLES.get(row.state, "")),
                    row.rank.name.lower(),
                    row.kind,
                    row.lane,
                    _age(row.created_at, now),
                    str(row.attempts),
                    row.link,
                    str(row.size),
                    printable(row.last_error, _LONGEST),
                )
                for row in rows
            ],
        )
    if len(rows) == limit:
        people().print(f"There may be more: --after {rows[-1].tcn}")
    oldest = "" if queue.oldest is None else f", the oldest since {_age(queue.oldest, now)}"
    people().print(f"{queue.waiting} rows wait ({queue.waiting_bytes} bytes{oldest})")
    if aside := queue.states[OutboxState.QUARANTINED]:
        people().print(f"{aside} set aside: see each with 'outbox show TCN', queue it with 'outbox retry TCN'")
    if not rows:
        people().print(f"No row is {', '.join(states)}")


def queue_as_json(queue: QueueState) -> dict[str, Any]:
    """What waits and what became of the rest, for programs."""
    return {
        "waiting": queue.waiting,
        "waiting_bytes": queue.waiting_bytes,
        "oldest": queue.oldest,
        "last_error": queue.last_error,
        "states": {state.value: count for state, count in queue.states.items()},
        "ranks": {rank.name.lower(): count for rank, count in queue.ranks.items()},
    }


def _age(since: str, now: datetime) -> str:
    seconds = max((now - datetime.fromisoformat(since)).total_seconds(), 0.0)
    for most, size, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


# --- show ---------------------------------------------------------------------------------------------------------


def _show(arguments: argparse.Namespace) -> Exit:
    detail, payload = asyncio.run(_look_into(arguments))
    if arguments.payload:
        if not payload:
            complain(f"{detail.tcn} is {detail.state}: its payload is not here any more")
            return Exit.PROBLEMS
        sys.stdout.buffer.write(payload)
    elif arguments.json:
        print_json(row_as_json(detail) | {"meaning": _MEANING[detail.state]})
    else:
        print_table(("", ""), [(name, text) for name, text in _about(detail) if text])
    return Exit.OK


async def _look_into(arguments: argparse.Namespace) -> tuple[OutboxDetail, bytes]:
    async with opened(arguments.config) as records:
        detail = await records.outbox_detail(arguments.tcn)
        if not (arguments.payload and detail.held):
            return detail, b""
        await records.payloads_read([detail.tcn], "viewed", arguments.by)
        return detail, (await records.outbox_item(detail.tcn)).payload


def _about(detail: OutboxDetail) -> list[tuple[str, str | Text]]:
    return [
        ("tcn", detail.tcn),
        ("state", Text(f"{detail.state}: {_MEANING[detail.state]}", style=_STYLES.get(detail.state, ""))),
        ("kind, rank", f"{detail.kind}, {detail.rank.name.lower()}"),
        ("lane", detail.lane),
        ("encounter", detail.encounter_id or ""),
        ("came at", detail.created_at),
        ("deadline", detail.deadline or ""),
        ("tries", str(detail.attempts)),
        ("link", detail.link),
        ("last error", printable(detail.last_error) + (f" ({detail.failed_at})" if detail.last_error else "")),
        ("payload", f"{detail.size} bytes" + ("" if detail.held else ", dropped since")),
        ("receipt", "" if detail.receipt is None else f"{detail.received_at}: {printable(detail.receipt)}"),
    ]


# --- retry --------------------------------------------------------------------------------------------------------


def _retry(arguments: argparse.Namespace) -> Exit:
    if bool(arguments.tcns) == arguments.all_quarantined:
        arguments.parser.error("name rows (TCN ...), or say --all-quarantined")
    done, failed = asyncio.run(_retry_all(arguments))
    if arguments.json:
        print_json({"queued": done, "not_queued": failed})
    else:
        print(f"{len(done)} queued again" + (f": {', '.join(done[:20])}" if done else ""))
        for tcn, why in failed.items():
            complain(f"{tcn}: {why}")
    return Exit.PROBLEMS if failed else Exit.OK


async def _retry_all(arguments: argparse.Namespace) -> tuple[list[str], dict[str, str]]:
    done: list[str] = []
    failed: dict[str, str] = {}
    async with opened(arguments.config) as records:
        tcns = arguments.tcns
        if arguments.all_quarantined:
            tcns = [row.tcn async for page in every_row(records, [OutboxState.QUARANTINED]) for row in page]
        for tcn in dict.fromkeys(tcns):
            try:
                await records.outbox_retry(tcn, arguments.by)
            except RecordsError as error:
                if error.reason not in (Reason.NOT_FOUND, Reason.CONFLICT):
                    raise
                failed[tcn] = str(error)
            else:
                done.append(tcn)
    return done, failed
