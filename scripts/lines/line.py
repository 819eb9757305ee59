"""A thin and far line between two network namespaces, one for the kiosk and one for the gateway. Linux, needs root.

Each namespace has one TUN device; ``Carrier`` carries packets between them as ``Kind`` says. Rate, queue, delay and
loss are those of ``medium.Direction``. ``tc tbf`` on the devices would give the same rate, but a queue in the sender's
own kernel pushes back on its TCP as no modem does, so connections would hinder each other less than on a real line;
``shaper="tbf"`` has it for comparison. The kernel's ``netem`` is not needed.

Everything is gone when the context ends. What a killed process left behind (namespaces are named for the process
that made them) is removed by the next one.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import re
import signal
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from lines.carrier import Carrier
from lines.medium import Direction, Kind

KIOSK_ADDRESS, GATEWAY_ADDRESS = "10.213.0.1", "10.213.0.2"
CONGESTION = "reno"
"""What TCP does at both ends, whatever this machine's default is. Kiosks and gateways have cubic, which on a line that
holds a few packets does as reno does (RFC 9438, 4.3), but which some kernels do not let a namespace choose."""

Shaper = Literal["line", "tbf"]

_TUN = Path("/dev/net/tun")
_NAMESPACES = Path("/run/netns")
_NAME = re.compile(r"hsd(\d+)-\d+[kg]")
# linux/if_tun.h, sched.h.
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_MTU = 1500
_UNSHAPED_BIT_S = 1e9
_numbers = count()


class LineError(Exception):
    """The line cannot be laid; the message says what is missing, in one line."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """One end of the line."""

    name: str

    def command(self, *arguments: str) -> tuple[str, ...]:
        """The command that runs ``arguments`` in here."""
        return ("ip", "netns", "exec", self.name, *arguments)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in here for as long as the context lasts; sockets made meanwhile stay in here."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        here = os.open(_NAMESPACES / self.name, os.O_RDONLY)
        try:
            _set_namespace(here)
            try:
                yield
            finally:
                _set_namespace(home)
        finally:
            os.close(here)
            os.close(home)


class Line:
    """``with Line(kind) as line``: processes started with ``line.kiosk.command(...)`` reach GATEWAY_ADDRESS over it."""

    def __init__(
        self, kind: Kind | None = None, *, seed: int = 1, congestion: str = CONGESTION, shaper: Shaper = "line"
    ) -> None:
        self.kind = kind or Kind()
        self._congestion = congestion
        self._shaper = shaper
        # Where tbf shapes, its queue is the only one: here nothing waits.
        model = self.kind if shaper == "line" else replace(self.kind, rate_bit_s=_UNSHAPED_BIT_S)
        self.there, self.back = (Direction(model, random.Random(f"{seed}/{way}")) for way in ("there", "back"))
        base = f"hsd{os.getpid()}-{next(_numbers)}"
        self.kiosk, self.gateway = Namespace(f"{base}k"), Namespace(f"{base}g")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Lay it. Raises LineError."""
        _need_root()
        remove_stale()
        with ExitStack() as stack:
            self._lay(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Take it away, with what still runs at its ends."""
        self._stack.close()

    def cut(self) -> None:
        """From now on packets vanish, in both directions; nobody is told."""
        self.there.up = self.back.up = False

    def mend(self) -> None:
        """Carry packets again."""
        self.there.up = self.back.up = True

    def _lay(self, stack: ExitStack) -> None:
        devices: list[int] = []
        ends = ((self.kiosk, KIOSK_ADDRESS, GATEWAY_ADDRESS), (self.gateway, GATEWAY_ADDRESS, KIOSK_ADDRESS))
        for namespace, own, other in ends:
            _ip("netns", "add", namespace.name)
            stack.callback(_remove, namespace.name)
            devices.append(_open_tun(namespace.name))
            stack.callback(os.close, devices[-1])
            _ip("link", "set", namespace.name, "netns", namespace.name)
            inside = ("-n", namespace.name)
            _ip(*inside, "link", "set", "lo", "up")
            _ip(*inside, "address", "add", own, "peer", other, "dev", namespace.name)
            _ip(*inside, "link", "set", namespace.name, "mtu", str(_MTU), "up")
            if self._shaper == "tbf":
                self._shape(namespace.name)
            with namespace.entered():
                _write(Path("/proc/sys/net/ipv4/tcp_congestion_control"), self._congestion)
        carrier = Carrier(devices[0], devices[1], self.there, self.back)
        carrier.start()
        stack.callback(carrier.stop)

    def _shape(self, name: str) -> None:
        queue, rate = str(self.kind.queue_bytes), f"{int(self.kind.rate_bit_s)}bit"
        arguments = ("root", "tbf", "rate", rate, "burst", str(_MTU + 100), "limit", queue)
        _run("tc", "-n", name, "qdisc", "add", "dev", name, *arguments)


def remove_stale() -> None:
    """Remove namespaces of processes that are gone, and end what still runs in them."""
    for path in _NAMESPACES.glob("hsd*") if _NAMESPACES.is_dir() else ():
        found = _NAME.fullmatch(path.name)
        if found is not None and not Path("/proc", found[1]).exists():
            _remove(path.name)


def _remove(name: str) -> None:
    for process in _ip("netns", "pids", name).split():
        try:
            os.kill(int(process), signal.SIGKILL)
        except ProcessLookupError:
            continue
    _ip("netns", "delete", name)


def _need_root() -> None:
    if os.geteuid() != 0:
        raise LineError("The line is made of network namespaces: run this as root.")
    if not _TUN.exists():
        raise LineError(f"No {_TUN} here: mkdir -p {_TUN.parent} && mknod {_TUN} c 10 200")


def _open_tun(name: str) -> int:
    """The descriptor of a new TUN device. It is made here and moved: the descriptor stays with it."""
    try:
        device = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise LineError(f"{_TUN}: {error.strerror}: the kernel has no TUN devices") from error
    try:
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        os.close(device)
        raise LineError(f"no TUN device can be made ({error.strerror}): this needs CAP_NET_ADMIN") from error
    return device


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise LineError(f"no {command[0]} here: apt-get install --no-install-recommends iproute2") from error
    except subprocess.CalledProcessError as error:
        raise LineError(f"{' '.join(command)}: {error.stderr.strip()}") from error
    return done.stdout


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise LineError(f"{path}: {text}: {error.strerror}") from error


def _set_namespace(descriptor: int) -> None:
    # os.setns came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise LineError(f"setns: {os.strerror(ctypes.get_errno())}")
