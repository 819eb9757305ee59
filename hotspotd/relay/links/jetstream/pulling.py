"""Messages of a consumer, asked for in batches."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from nats.aio.msg import Msg

from hotspotd.errors import Reason, RelayError

if TYPE_CHECKING:
    from hotspotd.relay.links.jetstream.connection import Connection

_NO_MESSAGES = frozenset(("404", "408"))
_HEARTBEAT = "100"
# The broker takes no shorter waits without calling them none at all.
_SHORTEST_WAIT_S = 0.1


class Pulling:
    """What a consumer gives, asked for in batches; one request is open at a time."""

    def __init__(self, connection: Connection, subject: str, batch: int, timeout_s: float) -> None:
        self.inbox = connection.new_inbox()
        self._connection = connection
        self._subject = subject
        self._batch = batch
        self._timeout_s = timeout_s
        # The broker sends no more than was asked for, and one word at the end of each request.
        self._queue: asyncio.Queue[Msg] = asyncio.Queue(4 * batch)
        self._news = asyncio.Event()
        self._wanted = 0
        self._until = 0.0

    async def arrived(self, message: Msg) -> None:
        """For the subscription. More than was asked for ends the connection."""
        self._queue.put_nowait(message)
        self._news.set()

    async def next(self, wait_s: float) -> list[Msg]:
        """What has come, waiting at most ``wait_s`` for the first. Raises RelayError, also where all is silent."""
        wait_s = max(wait_s, _SHORTEST_WAIT_S)
        give_up = asyncio.get_running_loop().time() + wait_s
        if not self._wanted:
            await self._request(wait_s, give_up)
        found: list[Msg] = []
        while self._wanted and not (found and self._queue.empty()):
            message = await self._message(give_up)
            if message is None:
                break
            status = (message.headers or {}).get("Status")
            if status is None:
                self._wanted -= 1
                found.append(message)
            elif status in _NO_MESSAGES:
                self._wanted = 0
            elif status != _HEARTBEAT:
                raise RelayError(Reason.LINK_PROTOCOL, f"broker: gives no messages (status {status[:3]})")
        return found

    async def _request(self, wait_s: float, until: float) -> None:
        request = {"batch": self._batch, "expires": int(wait_s * 1e9)}
        await self._connection.publish(self._subject, json.dumps(request).encode(), self.inbox)
        self._wanted = self._batch
        self._until = until

    async def _message(self, give_up: float) -> Msg | None:
        """The next one; ``None`` when the caller's time is up before the broker's."""
        early = give_up < self._until
        try:
            async with asyncio.timeout_at(give_up if early else self._until + self._timeout_s):
                while self._queue.empty():
                    # What comes is taken without waiting: whoever is cancelled while it waits takes nothing away.
                    self._news.clear()
                    await self._connection.guard(self._news.wait())
        except TimeoutError as error:
            if early:
                return None
            raise RelayError(Reason.LINK_DOWN, "broker: does not answer any more") from error
        return self._queue.get_nowait()
