"""Tells systemd how the service is: the datagram protocol of sd_notify(3), without a library.

Without ``NOTIFY_SOCKET`` everything here does nothing, so that the daemon runs the same from a shell. A message
that systemd's socket has no room for is dropped and told at WARNING: waiting for it would block the event loop.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

logger = logging.getLogger(__name__)

# systemd reads at most one page from a datagram; a status longer than this is nothing for one line anyway.
_LONGEST_STATUS = 400


class Notifier:
    """Sends to the socket that ``NOTIFY_SOCKET`` names: a path, or ``@`` and an abstract name."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address: str | None = None
        address = environment.get("NOTIFY_SOCKET")
        if not address:
            return
        if not address.startswith(("/", "@")):
            logger.warning("NOTIFY_SOCKET is neither a path nor abstract: systemd is told nothing")
            return
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    @property
    def enabled(self) -> bool:
        """Whether there is somebody to tell."""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """Start-up is done: with ``Type=notify`` units that wait for this one may start."""
        self.send("READY=1", *_status(status))

    def stopping(self, status: str = "") -> None:
        """Shutdown has begun."""
        self.send("STOPPING=1", *_status(status))

    def alive(self, status: str = "") -> None:
        """Feed the watchdog."""
        self.send("WATCHDOG=1", *_status(status))

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self.send(*_status(status))

    def send(self, *assignments: str) -> None:
        """Send ``NAME=value`` assignments, without line ends, in one message."""
        if self._address is None:
            return
        try:
            self._socket.sendto("\n".join(assignments).encode(), self._address)
        except OSError as error:
            logger.warning("systemd was not told %s: %s", ", ".join(assignments), error.strerror)

    def close(self) -> None:
        """Let go of the socket; may be called twice."""
        if self._address is not None:
            self._address = None
            self._socket.close()


def _status(status: str) -> list[str]:
    return ["STATUS=" + " ".join(status.split())[:_LONGEST_STATUS]] if status else []


def watchdog_period_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """Within how many seconds systemd wants to hear from this process; ``None`` when it doesn't watch it."""
    try:
        period = int(environment["WATCHDOG_USEC"]) / 1e6
        watched = int(environment.get("WATCHDOG_PID") or os.getpid())
    except KeyError:
        return None
    except ValueError:
        logger.warning("WATCHDOG_USEC or WATCHDOG_PID is not a number: the watchdog is not fed")
        return None
    return period if period > 0 and watched == os.getpid() else None
