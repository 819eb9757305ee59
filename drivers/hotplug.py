"""Notices that something was plugged in, from the kernel's uevents and from udev's, without udev's library.

Linux sends a datagram to a netlink multicast group for each device that comes or goes: group 1 is the kernel's own,
group 2 udev's, sent once the rules have run (linux/netlink.h, lib/kobject_uevent.c; systemd, libudev monitor format).
Both are listened to. Udev's is the one that counts where it runs: only then do the links under /dev/serial/by-id exist
and have ports their group; the kernel's is the only one in a container. Whoever may read neither is told so once and
goes on without: a plugged device is then found by the next look of its supervisor.

Only root may send to these groups. All the same a message is a hint to look again, and nothing more.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)

_NETLINK_KOBJECT_UEVENT = 15
KERNEL_GROUP = 1
UDEV_GROUP = 2
# The kernel's messages have at most 2 KiB of variables (UEVENT_BUFFER_SIZE), udev's at most 8 KiB in all.
_LARGEST = 8192
# Messages taken in one turn of the event loop: at start-up a hub full of devices sends hundreds.
_AT_ONCE = 64

_UDEV_PREFIX = b"libudev\0"
_UDEV_MAGIC = 0xFEEDCAFE
# prefix, magic (big-endian), then in the machine's order: size of the header, offset and length of the properties.
_UDEV_HEADER = struct.Struct("=8s4sIII")
_COMES = frozenset({"add", "bind"})


@dataclass(frozen=True, slots=True)
class Uevent:
    """One message: ``action`` (add, remove, bind ...), ``subsystem`` (tty, usb ...), ``node``: a file in /dev."""

    action: str
    subsystem: str
    node: str = ""

    @property
    def appears(self) -> bool:
        """Whether something that has a file in /dev has come."""
        return self.action in _COMES and bool(self.node)


def parse(datagram: bytes) -> Uevent | None:
    """What a datagram of either group says; ``None`` for one that says nothing."""
    if datagram.startswith(_UDEV_PREFIX):
        if len(datagram) < _UDEV_HEADER.size:
            return None
        _, magic, _, start, length = _UDEV_HEADER.unpack_from(datagram)
        if int.from_bytes(magic, "big") != _UDEV_MAGIC or start < _UDEV_HEADER.size:
            return None
        content = datagram[start : start + length]
    else:
        # ``add@/devices/...``, then the variables.
        head, _, content = datagram.partition(b"\0")
        if b"@" not in head:
            return None
    variables = dict(part.partition("=")[::2] for part in content.decode("utf-8", "replace").split("\0") if "=" in part)
    if "ACTION" not in variables or "SUBSYSTEM" not in variables:
        return None
    # The kernel gives the name under /dev, udev the whole path.
    node = variables.get("DEVNAME", "")
    return Uevent(variables["ACTION"], variables["SUBSYSTEM"], node.removeprefix("/dev/"))


class HotplugMonitor:
    """Calls ``appeared`` on the event loop whenever something was plugged in, from ``start`` to ``close``."""

    def __init__(self, appeared: Callable[[], None]) -> None:
        self._appeared = appeared
        self._socket: socket.socket | None = None

    def start(self) -> bool:
        """Listen; False, and logged, where this machine does not let us. Call it from the event loop."""
        try:
            listening = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _NETLINK_KOBJECT_UEVENT
            )
        except (AttributeError, OSError) as error:  # No such family in this system's Python, or not permitted.
            _log.info("plugged devices are not noticed at once: %s", error)
            return False
        try:
            listening.bind((0, KERNEL_GROUP | UDEV_GROUP))
        except OSError as error:
            listening.close()
            _log.info("plugged devices are not noticed at once: %s", error.strerror)
            return False
        self._socket = listening
        asyncio.get_running_loop().add_reader(listening, self._readable)
        return True

    def close(self) -> None:
        """Stop listening; may be called twice."""
        listening, self._socket = self._socket, None
        if listening is not None:
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()

    def _readable(self) -> None:
        listening = self._socket
        came = False
        with contextlib.suppress(BlockingIOError):
            for _ in range(_AT_ONCE):
                if listening is None:
                    return
                try:
                    event = parse(listening.recv(_LARGEST))
                except OSError as error:
                    if error.errno != errno.ENOBUFS:
                        raise
                    came = True  # More came than the socket holds: something that matters may have been among it.
                    continue
                came = came or (event is not None and event.appears)
        if came:
            self._appeared()
