"""A line as a model: what becomes of a packet that is put on it, and when it is at the other end. Pure.

The model is a modem and what is behind it: packets wait in a queue of so many bytes (what does not fit is dropped),
go out one after the other at the line's rate, are on their way for a constant time, and some are lost there.
A lost packet has used its share of the rate.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What a line is like, the same in both directions.

    ``rate_bit_s`` counts whole IP packets; ``round_trip_s`` is without queue and transmission, half of it each way;
    ``loss`` is the share of packets lost each way; ``queue_s`` is how long a byte waits in a full queue.
    """

    rate_bit_s: float = 64_000
    round_trip_s: float = 0.6
    loss: float = 0.02
    queue_s: float = 1.5

    @property
    def queue_bytes(self) -> int:
        """Bytes that may wait; never less than two full packets."""
        return max(int(self.rate_bit_s / 8 * self.queue_s), 3000)


@dataclass(slots=True)
class Count:
    """Packets and bytes of one direction; ``carried`` are those that used the line, the lost ones among them."""

    carried: int = 0
    carried_bytes: int = 0
    lost: int = 0
    dropped: int = 0
    """Found the queue full, or the line down."""


class Direction:
    """One direction of a line. Times are seconds of any one clock."""

    def __init__(self, kind: Kind, chance: random.Random) -> None:
        self.count = Count()
        self.up = True
        self._kind = kind
        self._chance = chance
        self._free_at = 0.0

    def put(self, now: float, size: int) -> float | None:
        """When a packet of ``size`` bytes put on the line ``now`` arrives; None for one that never does."""
        waiting = max(self._free_at - now, 0.0) * self._kind.rate_bit_s / 8
        if not self.up or waiting + size > self._kind.queue_bytes:
            self.count.dropped += 1
            return None
        self._free_at = max(now, self._free_at) + size * 8 / self._kind.rate_bit_s
        self.count.carried += 1
        self.count.carried_bytes += size
        if self._chance.random() < self._kind.loss:
            self.count.lost += 1
            return None
        return self._free_at + self._kind.round_trip_s / 2
