"""Carries packets between two TUN devices as a ``Direction`` says, in a thread of its own.

As packets pass here, and not streams, TCP at both ends sees the line's delay, rate, queue and losses as they are. A
proxy of TCP connections would answer for the far end at once and hide them.
"""

from __future__ import annotations

import errno
import os
import selectors
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from lines.medium import Direction

# Largest packet that a device with the usual MTU hands over, and some room.
_PACKET = 2048
_AT_ONCE = 64
# More than any line here holds in flight; reached only by a device that floods.
_MOST_ON_THE_WAY = 100_000


@dataclass(slots=True)
class _Way:
    """From one device to the other."""

    source: int
    target: int
    direction: Direction
    on_the_way: deque[tuple[float, bytes]] = field(default_factory=deque)


class Carrier:
    """Carries between the open devices ``one`` and ``other`` (non-blocking descriptors) until ``stop``."""

    def __init__(self, one: int, other: int, there: Direction, back: Direction) -> None:
        self._ways = (_Way(one, other, there), _Way(other, one, back))
        self._stop = os.eventfd(0, os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self.failure: OSError | None = None
        """What ended the carrying before it was stopped."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is on the way is lost."""
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        os.close(self._stop)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stop, selectors.EVENT_READ, None)
            for way in self._ways:
                selector.register(way.source, selectors.EVENT_READ, way)
            try:
                while True:
                    for key, _ in selector.select(self._until_next()):
                        if key.data is None:
                            return
                        _take(key.data)
                    for way in self._ways:
                        _deliver(way)
            except OSError as error:
                self.failure = error

    def _until_next(self) -> float | None:
        due = [way.on_the_way[0][0] for way in self._ways if way.on_the_way]
        return max(min(due) - time.monotonic(), 0.0) if due else None


def _take(way: _Way) -> None:
    """Put on the line what the device has."""
    for _ in range(_AT_ONCE):
        try:
            packet = os.read(way.source, _PACKET)
        except BlockingIOError:
            return
        # Only IPv4: the devices' own chatter in IPv6 is nobody's traffic.
        if packet[0] >> 4 != 4:
            continue
        arrives = way.direction.put(time.monotonic(), len(packet))
        if arrives is not None and len(way.on_the_way) < _MOST_ON_THE_WAY:
            way.on_the_way.append((arrives, packet))


def _deliver(way: _Way) -> None:
    """Hand over what has arrived. The delay is constant, so packets arrive in the order in which they were sent."""
    now = time.monotonic()
    while way.on_the_way and way.on_the_way[0][0] <= now:
        try:
            os.write(way.target, way.on_the_way.popleft()[1])
        except OSError as error:
            # A device that takes nothing just now loses the packet, as any receiver does.
            if error.errno not in {errno.EAGAIN, errno.ENOBUFS, errno.EIO}:
                raise
