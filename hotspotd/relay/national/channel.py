"""The gateway's side of a repository as plain calls that block: for a command, never for the daemon's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.https_session import HttpsSession
from hotspotd.relay.national.deltas import (
    ChunksWanted,
    DeltaReceipt,
    RepositoryState,
    SignedDelta,
    decode_answer,
    decode_state,
    encode_signed,
)

TRIES: Final = 5
"""A line that breaks this often at one request wants a person: the next run goes on there."""
# 100 000 rows take some ten seconds on a small gateway, and another delta may be before them.
_TAKING_S: Final = 120.0
_AGAIN: Final = frozenset((Reason.LINK_DOWN, Reason.LINK_PROTOCOL))
T = TypeVar("T")


class Channel:
    """One repository at one gateway. Make it with ``opened``.

    What the line breaks is asked again, a few times; every request may be repeated. Raises RelayError.
    """

    def __init__(self, runner: asyncio.Runner, link: HttpsSession, repository: str, backoff: Backoff) -> None:
        self._runner = runner
        self._link = link
        self._place = f"repositories/{repository}"
        self._backoff = backoff

    def state(self) -> RepositoryState:
        """Where the gateway is."""
        return decode_state(self._ask(lambda: self._link.exchange("GET", self._place)))

    def offer(self, sequence: int, signed: SignedDelta) -> DeltaReceipt | ChunksWanted:
        """Offer a delta: its receipt when the gateway has all of it, otherwise what is missing."""
        path = f"{self._place}/deltas/{sequence}"
        return decode_answer(
            self._ask(lambda: self._link.exchange("PUT", path, encode_signed(signed), longer_s=_TAKING_S))
        )

    def chunk(self, sequence: int, digest: str, number: int, chunk: bytes) -> None:
        """Send one chunk of a delta that was offered."""
        path = f"{self._place}/deltas/{sequence}/chunks/{number}?of={digest}"
        self._ask(lambda: self._link.exchange("PUT", path, chunk))

    def _ask(self, request: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self._runner.run(self._persistently(request))

    async def _persistently(self, request: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._backoff.reset()
        for _ in range(TRIES - 1):
            try:
                return await request()
            except RelayError as error:
                if error.reason not in _AGAIN:
                    raise
            await asyncio.sleep(self._backoff.next())
        return await request()


@contextmanager
def opened(
    make: Callable[[], Coroutine[Any, Any, HttpsSession]], repository: str, backoff: Backoff
) -> Iterator[Channel]:
    """A channel over the link that ``make`` opens, closed at the end."""
    with asyncio.Runner() as runner:
        link = runner.run(make())
        try:
            yield Channel(runner, link, repository, backoff)
        finally:
            runner.run(link.close())
