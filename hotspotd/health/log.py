"""Where log records go: the journal with its fields under systemd, one readable line each on a terminal.

Under systemd (``JOURNAL_STREAM`` names our stderr) the journal's own handler is used where the OS has the Python
bindings; otherwise lines carry the ``<priority>`` prefix that the journal understands (sd-daemon(3)). Exceptions
that reach the top of a thread or of the process are logged too: nothing dies in silence.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

IDENTIFIER = "hotspotd"
# syslog(3) levels.
_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
_DEBUG_PRIORITY = 7
# Libraries that tell at INFO what is of no use on a kiosk: every page fetched, every socket opened.
_TALKATIVE = ("aiohttp.access", "asyncio", "aiosqlite")

logger = logging.getLogger(__name__)


class TerminalFormatter(logging.Formatter):
    """``2026-11-22 09:15:02.117 WARNING hotspotd.relay.courier: message``, in local time."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")


class PriorityFormatter(logging.Formatter):
    """``<4>hotspotd.relay.courier: message``; each line of a traceback carries its prefix."""

    def __init__(self) -> None:
        super().__init__("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record with the priority before each line."""
        prefix = f"<{priority(record.levelno)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


def priority(level: int) -> int:
    """The syslog priority, 2 (critical) to 7 (debug), of a logging level."""
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG_PRIORITY)


def set_up(level: str, *, stream: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> None:
    """Send everything from ``level`` (debug, info, warning, error) up to the journal or to ``stream`` (stderr)."""
    stream = stream or sys.stderr
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.addHandler(_handler(stream, environment))
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_thread_death


def under_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether ``stream`` is the one systemd connected to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
        found = os.fstat(stream.fileno())
        return (int(device), int(inode)) == (found.st_dev, found.st_ino)
    except (ValueError, OSError):  # Not set, not numbers, or a stream without a descriptor.
        return False


def _handler(stream: TextIO, environment: Mapping[str, str]) -> logging.Handler:
    handler: logging.Handler
    if not under_journal(stream, environment):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(TerminalFormatter())
        return handler
    try:
        from systemd.journal import JournalHandler  # noqa: PLC0415  # The OS's package; not everywhere.
    except ImportError:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(PriorityFormatter())
        return handler
    handler = JournalHandler(SYSLOG_IDENTIFIER=IDENTIFIER)
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    return handler


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logger.critical("uncaught, the process ends", exc_info=(kind, error, trace))


def _log_thread_death(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None or arguments.exc_type is SystemExit:
        return
    name = arguments.thread.name if arguments.thread else "unknown"
    logger.critical("thread %s died", name, exc_info=(arguments.exc_type, arguments.exc_value, arguments.exc_traceback))
