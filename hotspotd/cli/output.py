"""What commands give back: exit codes for scripts, tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import IntEnum

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    PROBLEMS = 1
    """The command did its work and found problems."""
    USAGE = 2
    CANNOT = 3
    """The command could not do its work."""


def people() -> Console:
    """Where people read: standard output, coloured on a terminal only, never cut off in a pipe."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, emoji=False)


def print_json(value: object) -> None:
    """``value`` as indented JSON on standard output."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """A table of plain texts; nothing in them is taken for markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    people().print(table)


def complain(text: str) -> None:
    """One line on standard error."""
    print(f"hotspotctl: {text}", file=sys.stderr)
