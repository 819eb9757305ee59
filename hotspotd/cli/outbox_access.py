"""What the commands of ``hotspotctl outbox`` share: the records of the kiosk, rows page by page, who does it."""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from hotspotd.cli.doctor import DEFAULT_CONFIG
from hotspotd.cli.records_place import place
from hotspotd.records import Records
from hotspotd.records.handling import MOST_ABOUT_ONE
from hotspotd.records.model import OutboxRow, OutboxState

# What is in memory of a long outbox at a time.
_PAGE = 200


def command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    short: str,
    long: str,
    examples: str,
    codes: str,
) -> argparse.ArgumentParser:
    """A command of the group, with what all of them take."""
    made = commands.add_parser(
        name,
        help=short,
        description=long,
        epilog=f"examples:\n{examples}\nexit codes: {codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"by default {DEFAULT_CONFIG}"
    )
    made.add_argument("--json", action="store_true", help="for programs")
    return made


def add_who(command: argparse.ArgumentParser) -> None:
    """Ask who does it."""
    command.add_argument(
        "--by", type=plain, default=_account(), metavar="WHO", help="for the audit chain; by default your account"
    )


def plain(text: str) -> str:
    """A line of text for the audit chain. Raises ArgumentTypeError."""
    text = text.strip()
    if not text or len(text) > MOST_ABOUT_ONE or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a line of 1 to {MOST_ABOUT_ONE} characters")
    return text


def _account() -> str:
    """Who is at the keyboard, also where sudo stands between."""
    if os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


@asynccontextmanager
async def opened(config_path: Path) -> AsyncIterator[Records]:
    """The records of the kiosk that the configuration describes. Raises ConfigError, RecordsError."""
    database, source = await asyncio.to_thread(place, config_path)
    records = await Records.beside(database, data_key=source)
    try:
        yield records
    finally:
        await records.close()


async def every_row(records: Records, states: Iterable[OutboxState]) -> AsyncIterator[list[OutboxRow]]:
    """The rows of ``states`` page by page."""
    after: str | None = None
    while page := await records.outbox_rows(states, _PAGE, after):
        yield page
        after = page[-1].tcn


def row_as_json(row: OutboxRow) -> dict[str, Any]:
    """A row with its rank in words."""
    fields: dict[str, Any] = msgspec.to_builtins(row)
    return fields | {"rank": row.rank.name.lower()}


def printable(text: str, longest: int | None = None) -> str:
    """``text`` of another side, in which nothing steers a terminal."""
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if longest is None or len(text) <= longest else f"{text[:longest]}…"
