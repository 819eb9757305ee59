"""Whose bytes go next on one link: those of what is most urgent, then of what began first; and no more of what can wait
than the link may spend on it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

_BURST_S = 1.0


class TokenBucket:
    """Lets ``rate`` bytes a second through, and what was saved up in one second of silence at once."""

    def __init__(
        self,
        rate: float,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._sleep = sleep
        self._tokens = rate * _BURST_S
        self._at = monotonic()

    async def take(self, size: int) -> None:
        """Wait until ``size`` bytes may go. More than a second's worth goes on credit, and is waited for next time."""
        self._fill()
        while self._tokens < 0:
            await self._sleep(-self._tokens / self._rate)
            self._fill()
        self._tokens -= size

    def _fill(self) -> None:
        now = self._monotonic()
        self._tokens = min(self._tokens + (now - self._at) * self._rate, self._rate * _BURST_S)
        self._at = now


class Pacer:
    """The order of one link. ``bucket`` is for ranks above ``unlimited``; ``None``: the link may carry what it can."""

    def __init__(self, unlimited: int, bucket: TokenBucket | None = None) -> None:
        self._unlimited = unlimited
        self._bucket = bucket
        self._numbers = itertools.count()
        self._turns: list[Turn] = []
        self.sent = 0
        """Bytes of messages let through since the start."""

    def turn(self, rank: int, size: int) -> Turn:
        """A turn for a message of ``size`` bytes; a lower ``rank`` is more urgent. Use it as a context."""
        return Turn(self, (rank, next(self._numbers)), size)

    def enter(self, turn: Turn) -> None:
        """``turn`` wants to send."""
        self._turns.append(turn)
        self._turns.sort(key=lambda one: one.place)

    def leave(self, turn: Turn) -> None:
        """``turn`` has sent all, or gives up: the next one goes on."""
        if turn in self._turns:
            self._turns.remove(turn)
            if self._turns:
                self._turns[0].go_on.set()

    async def grant(self, turn: Turn, size: int) -> None:
        """Wait until ``turn`` is the first and may send ``size`` bytes."""
        while self._turns and self._turns[0] is not turn and turn in self._turns:
            turn.go_on.clear()
            await turn.go_on.wait()
        if self._bucket is not None and turn.place[0] > self._unlimited:
            await self._bucket.take(size)
        self.sent += size


class Turn:
    """One message's place in the order. Called with a number of bytes before they are sent."""

    def __init__(self, pacer: Pacer, place: tuple[int, int], size: int) -> None:
        self.place = place
        self.go_on = asyncio.Event()
        self._pacer = pacer
        self._left = size

    async def __call__(self, size: int) -> None:
        """Wait until ``size`` bytes may go. With the last ones the next message has its turn."""
        await self._pacer.grant(self, size)
        self._left -= size
        if self._left <= 0:
            self._pacer.leave(self)

    def __enter__(self) -> Self:
        self._pacer.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pacer.leave(self)
