"""What a serial line does to the bytes on it: nothing, delay, loss, or noise. Seeded where chance has a part."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

# A false start of an R30x packet that claims the most content there can be.
_FALSE_START = bytes.fromhex("ef01ffffffff020102")


class Line:
    """A clean line. Subclasses are the others."""

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        """Pieces in which a device's packet reaches the host, each with the pause [s] that follows it."""
        yield data, 0.0

    def incoming(self, data: bytes) -> bytes:
        """What reaches the device of what the host has written."""
        return data


class ByteLine(Line):
    """One byte at a time."""

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        """Single bytes."""
        for place in range(len(data)):
            yield data[place : place + 1], 0.0


class SlowLine(Line):
    """Pieces of ``size`` bytes with ``pause`` seconds between them."""

    def __init__(self, size: int = 100, pause: float = 0.002) -> None:
        self._size = size
        self._pause = pause

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        """Pieces and pauses."""
        for place in range(0, len(data), self._size):
            yield data[place : place + self._size], self._pause


class PacedLine(Line):
    """The pace of a real line: 10 bits a byte at ``baud``."""

    def __init__(self, baud: int) -> None:
        self.baud = baud
        self._free_at = 0.0

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        """The whole packet, then the time that its bytes take on the line."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + len(data) * 10 / self.baud
        yield data, self._free_at - now


class LossyLine(Line):
    """Loses or changes about one byte in ``one_in``, both ways, ``at_most`` times in all."""

    def __init__(self, seed: int, one_in: int = 5_000, at_most: int = 3) -> None:
        self._random = random.Random(seed)  # noqa: S311  # Repeatable noise, not a secret.
        self._one_in = one_in
        self.left = at_most

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        """What is left of the packet."""
        yield self._damage(data), 0.0

    def incoming(self, data: bytes) -> bytes:
        """What is left of it."""
        return self._damage(data)

    def _damage(self, data: bytes) -> bytes:
        if not self.left or self._random.random() > len(data) / self._one_in:
            return data
        self.left -= 1
        place = self._random.randrange(len(data))
        change = bytes([data[place] ^ self._random.randrange(1, 256)]) if self._random.random() < 0.5 else b""
        return data[:place] + change + data[place + 1 :]


class GarbageLine(Line):
    """Noise before about one packet in ``one_in``, now and then with a false start of an R30x packet in it."""

    def __init__(self, seed: int, one_in: int = 4) -> None:
        self._random = random.Random(seed)  # noqa: S311  # Repeatable noise, not a secret.
        self._one_in = one_in

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        """Noise, then the packet."""
        if self._random.randrange(self._one_in) == 0:
            noise = self._random.randbytes(self._random.randrange(1, 40))
            data = noise + (_FALSE_START if self._random.random() < 0.3 else b"") + data
        yield data, 0.0


class UnpluggingLine(Line):
    """Dead from byte number ``drops_at`` on, counted both ways: ``dropped`` is called once, to pull the plug.

    Without ``drops_at`` it only counts. ``mend`` makes it a clean line again.
    """

    def __init__(self, drops_at: int | None, dropped: Callable[[], None]) -> None:
        self._drops_at = drops_at
        self._dropped = dropped
        self.passed = 0
        self.dead = False

    def mend(self) -> None:
        """The plug is in again, and stays."""
        self.dead, self._drops_at = False, None

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        """What still gets through."""
        yield self._through(data), 0.0

    def incoming(self, data: bytes) -> bytes:
        """What still gets through."""
        return self._through(data)

    def _through(self, data: bytes) -> bytes:
        if self.dead:
            return b""
        if self._drops_at is not None and self.passed + len(data) > self._drops_at:
            data = data[: self._drops_at - self.passed]
            self.dead = True
            self._dropped()
        self.passed += len(data)
        return data


KINDS = ("clean", "bytes", "slow", "lossy", "garbage")


def line(kind: str, seed: int = 0) -> Line:
    """The line of this kind. Raises KeyError on an unknown one."""
    match kind:
        case "clean":
            return Line()
        case "bytes":
            return ByteLine()
        case "slow":
            return SlowLine()
        case "lossy":
            return LossyLine(seed)
        case "garbage":
            return GarbageLine(seed)
    raise KeyError(kind)
