"""Switches that make the gateway misbehave on purpose; they exist only when started with --allow-faults."""

from __future__ import annotations

import asyncio

import msgspec

from hotspotd.gateway.reception import SealedReply


class FaultOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do wrong; a field that is left out stays as it is. The ``_next`` ones count requests."""

    delay_s: float | None = None
    """Wait this long before each search."""
    drop_next: int | None = None
    """Cut the connection before anything is stored."""
    error_next: int | None = None
    """Answer 503 before anything is stored."""
    hang_after_commit_next: int | None = None
    """Store, and never send the receipt."""
    duplicate_next: int | None = None
    """Hand out each of the present replies twice."""
    reorder_next: int | None = None
    """Hand out the present replies newest first."""


class Faults:
    """The present settings."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self._released = asyncio.Event()
        counted = ("drop_next", "error_next", "hang_after_commit_next", "duplicate_next", "reorder_next")
        self._left = dict.fromkeys(counted, 0)

    def order(self, order: FaultOrder) -> None:
        """Take over what ``order`` says."""
        if order.delay_s is not None:
            self.delay_s = order.delay_s
        for name in self._left:
            count = getattr(order, name)
            if count is not None:
                self._left[name] = count

    def take(self, name: str) -> bool:
        """Whether the fault is due for this request; counts it."""
        if self._left[name] <= 0:
            return False
        self._left[name] -= 1
        return True

    def handed_out(self, replies: list[SealedReply]) -> list[SealedReply]:
        """``replies`` as they are handed out; an answer without any leaves the switches as they are."""
        if replies and self.take("reorder_next"):
            replies = [*reversed(replies)]
        if replies and self.take("duplicate_next"):
            replies = [reply for reply in replies for _ in range(2)]
        return replies

    async def hang(self) -> None:
        """Wait until the gateway stops."""
        await self._released.wait()

    def let_go(self) -> None:
        """The gateway stops: whatever hangs goes on."""
        self._released.set()

    async def delay(self) -> None:
        """Wait as long as is set."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
