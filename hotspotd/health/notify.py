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
    """Sends to the socket at ``address`` (a path, or ``@`` and an abstract name); ``None`` sends nothing."""

    def __init__(self, address: str | None) -> None:
        self._address: str | None = None
        if address is None:
            return
        if not address.startswith(("/", "@")):
            logger.warning("NOTIFY_SOCKET is neither a path nor abstract: systemd is told nothing")
            return
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Notifier:
        """For the socket systemd named in ``NOTIFY_SOCKET``, if it did."""
        return cls(environment.get("NOTIFY_SOCKET") or None)

    @property
    def enabled(self) -> bool:
        """Whether there is somebody to tell."""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """Start-up is done: with ``Type=notify`` units that wait for this one may start."""
        self._send("READY=1", status)

    def stopping(self, status: str = "") -> None:
        """Shutdown has begun."""
        self._send("STOPPING=1", status)

    def alive(self, status: str = "") -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1", status)

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self._send("", status)

    def close(self) -> None:
        """Let go of the socket; may be called twice."""
        if self._address is not None:
            self._address = None
            self._socket.close()

    def _send(self, assignment: str, status: str) -> None:
        if self._address is None:
            return
        lines = [assignment] if assignment else []
        if status:
            lines.append("STATUS=" + " ".join(status.split())[:_LONGEST_STATUS])
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            logger.warning("systemd was not told %s: %s", assignment or "the status", error.strerror)


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
