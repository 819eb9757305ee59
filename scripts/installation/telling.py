"""What the installer says: one line for each thing that it changed, and errors that say what to do."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """One line on standard output."""
    print(text, flush=True)


def fail(text: str) -> None:
    """One line on standard error."""
    print(f"install: {text}", file=sys.stderr)
