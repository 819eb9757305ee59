"""The machine's network as it is: interfaces, addresses, and whether the gateway's name is known. Blocking.

It is not set from a page: a mistake would cut the line on which the page is shown, and the password of a wireless
network would have to pass through it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from hotspotd.config import RelaySection
from hotspotd.upkeep.hardware import ROOT
from hotspotd.upkeep.tools import run

COMMANDS = (
    "nmcli device status",
    'sudo nmcli --ask device wifi connect "NAME OF THE NETWORK"',
    "sudo nmtui",
)
"""With which somebody at the machine sets the network."""


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """One network interface; ``kind`` is wired or wireless."""

    name: str
    kind: str
    up: bool
    addresses: tuple[str, ...] = ()


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway of a link: whether its name leads somewhere."""

    link: str
    name: str
    addresses: tuple[str, ...] = ()
    problem: str = ""


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; ``problem``: why the addresses are not known."""

    interfaces: tuple[Interface, ...]
    hosts: tuple[Host, ...]
    problem: str = ""


def network(relay: RelaySection, root: Path = ROOT) -> Network:
    """The network now."""
    done = run("ip", "-json", "address")
    held = _addresses(done.out) if done.ok else {}
    interfaces = tuple(
        Interface(
            name=place.name,
            kind="wireless" if (place / "wireless").exists() else "wired",
            up=_text(place / "operstate") == "up",
            addresses=held.get(place.name, ()),
        )
        for place in sorted((root / "sys/class/net").glob("*"))
        # Only what is a device: no loopback, bridge or tunnel.
        if (place / "device").exists()
    )
    return Network(interfaces=interfaces, hosts=tuple(_hosts(relay)), problem=done.problem)


def _addresses(text: str) -> dict[str, tuple[str, ...]]:
    try:
        rows = json.loads(text)
    except ValueError:
        return {}
    return {
        str(row.get("ifname")): tuple(
            str(one.get("local")) for one in row.get("addr_info", []) if one.get("scope") == "global"
        )
        for row in rows
    }


def _hosts(relay: RelaySection) -> Iterable[Host]:
    for link in relay.in_order():
        name = urlsplit(link.url).hostname or ""
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError as error:
            yield Host(link=link.name, name=name, problem=error.strerror or "not found")
        else:
            yield Host(link=link.name, name=name, addresses=tuple(sorted({str(one[4][0]) for one in found})))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
