"""The order of bytes on a link, and the bucket of what can wait. Time is the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hotspotd.relay.pace import Pacer, TokenBucket, Turn

LIVE, BACKLOG = 1, 3


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def send(turn: Turn, name: str, pieces: int, sent: list[str], gate: Callable[[], asyncio.Event]) -> None:
    with turn:
        for _ in range(pieces):
            await turn(1)
            sent.append(name)
            await gate().wait()


async def test_what_is_urgent_goes_between_the_pieces_of_what_can_wait() -> None:
    pacer, sent, gate = Pacer(LIVE), [], asyncio.Event()
    backlog = asyncio.create_task(send(pacer.turn(BACKLOG, 3), "backlog", 3, sent, lambda: gate))
    await settle()
    live = asyncio.create_task(send(pacer.turn(LIVE, 2), "live", 2, sent, lambda: gate))
    await settle()
    gate.set()
    await asyncio.gather(backlog, live)
    assert sent == ["backlog", "live", "live", "backlog", "backlog"]
    assert pacer.sent == 5


async def test_of_the_same_rank_the_first_goes_first_and_the_next_follows_its_last_byte() -> None:
    pacer, sent, gate = Pacer(LIVE), [], asyncio.Event()
    first = asyncio.create_task(send(pacer.turn(BACKLOG, 2), "first", 2, sent, lambda: gate))
    await settle()
    second = asyncio.create_task(send(pacer.turn(BACKLOG, 2), "second", 2, sent, lambda: gate))
    await settle()
    assert sent == ["first"]
    gate.set()
    await asyncio.gather(first, second)
    assert sent == ["first", "first", "second", "second"]


async def test_whoever_gives_up_stops_nobody() -> None:
    pacer, sent, gate = Pacer(LIVE), [], asyncio.Event()
    first = asyncio.create_task(send(pacer.turn(LIVE, 9), "first", 9, sent, lambda: gate))
    await settle()
    second = asyncio.create_task(send(pacer.turn(BACKLOG, 1), "second", 1, sent, lambda: gate))
    await settle()
    first.cancel()
    gate.set()
    await second
    assert sent == ["first", "second"]


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def test_the_bucket_lets_its_rate_through_and_no_more() -> None:
    time = Time()
    bucket = TokenBucket(1000.0, lambda: time.now, time.sleep)
    for _ in range(100):
        await bucket.take(500)
    # A second's worth is there at once, and the last piece is on credit.
    assert 48.0 <= time.now <= 50.0


async def test_only_what_can_wait_is_held_back() -> None:
    time = Time()
    pacer = Pacer(LIVE, TokenBucket(10.0, lambda: time.now, time.sleep))
    with pacer.turn(LIVE, 10_000) as live:
        await live(10_000)
    assert time.slept == []
    with pacer.turn(BACKLOG, 200) as backlog:
        await backlog(100)
        await backlog(100)
    assert sum(time.slept) == 9.0
