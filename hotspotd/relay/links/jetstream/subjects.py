"""Names on a NATS broker: who publishes what to which subject, and in which stream it lies. Pure.

    hotspot.DEVICE.in.TCN   HOTSPOT_IN    sealed messages of a device, each under its own control number
    hotspot.DEVICE.ack      HOTSPOT_IN    which replies the device holds now, sealed
    hotspot.DEVICE.out      HOTSPOT_OUT   receipts, replies and refusals for a device
    hotspot.DEVICE.ping     no stream     answered by the gateway while it is connected

DEVICE is the name of the device, TCN its control number with ``=`` for each full stop. Both streams are work queues:
what is acknowledged is erased. The broker lets each device touch its own subjects only (docs/relay-nats.md).
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from hotspotd.errors import ConfigError, Reason, RelayError
from hotspotd.relay.links.wire import TCN_PATTERN

STREAM_IN: Final = "HOTSPOT_IN"
STREAM_OUT: Final = "HOTSPOT_OUT"
SUBJECTS_IN: Final = ("hotspot.*.in.*", "hotspot.*.ack")
SUBJECTS_OUT: Final = ("hotspot.*.out",)
SUBJECTS_PING: Final = "hotspot.*.ping"
KIND_HEADER: Final = "Hotspot-Kind"
TCR_HEADER: Final = "Hotspot-Tcr"
CURSOR_HEADER: Final = "Hotspot-Cursor"
"""The gateway's own cursor of a reply; nothing else has one."""
ACK_KIND: Final = "ack"

DUPLICATE_WINDOW_S: Final = 120
"""How long the broker remembers a Nats-Msg-Id. A message that may be lost is sent again after more than this."""

KEPT_S: Final = 7 * 86_400
"""How long the broker keeps what nobody fetched, and how long a seal counts that waits there. Below LONGEST_VALID."""

GATEWAY_INBOX: Final = "_INBOX_GATEWAY"
"""Below this the broker answers the gateway; no device's name leads there."""

_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DEFAULT_PORT = 4222


def place(url: str) -> tuple[str, int]:
    """Host and port of ``nats://HOST[:PORT]``. Raises ConfigError (BAD_VALUE)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _DEFAULT_PORT
    except ValueError:
        host, port = None, 0
    else:
        if parts.scheme != "nats" or parts.username is not None or parts.path not in {"", "/"} or parts.query:
            host = None
    if not host:
        raise ConfigError(Reason.BAD_VALUE, f"{url[:80]!r}: no place of a broker", "Write nats://HOST:PORT.")
    return host, port


def sent(device: str, tcn: str) -> str:
    """Where ``device`` publishes the message ``tcn``. Raises RelayError (BAD_TRANSACTION) for no control number."""
    if not TCN_PATTERN.fullmatch(tcn):
        raise RelayError(Reason.BAD_TRANSACTION, "the control number has characters that are not allowed")
    return f"hotspot.{_named(device)}.in.{tcn.replace('.', '=')}"


def acknowledged(device: str) -> str:
    """Where ``device`` says which replies it holds."""
    return f"hotspot.{_named(device)}.ack"


def outgoing(device: str) -> str:
    """Where ``device`` finds what is for it."""
    return f"hotspot.{_named(device)}.out"


def pinged(device: str) -> str:
    """Where ``device`` asks whether the gateway is there."""
    return f"hotspot.{_named(device)}.ping"


def parse(subject: str) -> tuple[str, str]:
    """Device and control number of a subject of HOTSPOT_IN; no control number: an acknowledgement.

    Raises RelayError (BAD_TRANSACTION) for any other.
    """
    match subject.split("."):
        case ["hotspot", device, "ack"] if _DEVICE.fullmatch(device):
            return device, ""
        case ["hotspot", device, "in", number] if _DEVICE.fullmatch(device):
            tcn = number.replace("=", ".")
            if TCN_PATTERN.fullmatch(tcn):
                return device, tcn
    raise RelayError(Reason.BAD_TRANSACTION, "broker: a message under a name that no device has")


def inbox(device: str) -> str:
    """Below this the broker answers ``device``."""
    return f"_INBOX.{_named(device)}"


def _named(device: str) -> str:
    if not _DEVICE.fullmatch(device):
        raise RelayError(Reason.BAD_TRANSACTION, "broker: not the name of a device")
    return device
