"""Replies that go out by mail: each sent when there is one, and again until its device says that it holds it.

A mail host may lose one mail and deliver the next, so that devices acknowledge each reply for itself. The store's
acknowledgement speaks for all replies before as well: it is given as far as there is no gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.doors.post_office import DOOR
from hotspotd.gateway.reception import Reception, SealedReply
from hotspotd.relay.mail import smime

logger = logging.getLogger(__name__)

_AT_ONCE = 16
_LOOKED_AT = 64
_MOST_REMEMBERED = 4096

Send = Callable[[str, str, bytes, str], Awaitable[None]]
"""Device, seal, content, cursor. Raises RelayError."""


class MailedReplies:
    """The replies of one reception. ``again_s``: after how long one that is not acknowledged is sent again."""

    def __init__(
        self,
        reception: Reception,
        send: Send,
        monotonic: Callable[[], float],
        poll_s: float,
        again_s: float,
    ) -> None:
        self._reception = reception
        self._send = send
        self._monotonic = monotonic
        self._poll_s = poll_s
        self._again_s = again_s
        self._sent: dict[tuple[str, str], float] = {}
        """When a reply was sent, by device and cursor."""
        self._held: dict[str, set[str]] = {}
        """Cursors that devices hold, beyond one that they do not."""
        self._known: set[str] = set()

    async def push(self) -> None:
        """Send what is new, and what is due again; where there is nothing, wait. Raises RelayError, GatewayError."""
        self._reception.news(DOOR).clear()
        found = await self._reception.to_push(DOOR, _AT_ONCE, valid=smime.VALID)
        for device, reply in found:
            await self._give(device, reply)
            await self._reception.pushed(device, reply.cursor)
        await self._give_again()
        if not found:
            # Bureau officers may decide in a process of their own: looked for all the same now and then.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._reception.news(DOOR).wait()

    async def wrote(self, device: str) -> None:
        """``device`` has written. What the process before this one may have sent to it is sent again in time."""
        if device in self._known:
            return
        self._known.add(device)
        for reply in await self._reception.replies(device, _LOOKED_AT, valid=smime.VALID):
            self._sent.setdefault((device, reply.cursor), self._monotonic())

    async def acknowledge(self, device: str, cursors: tuple[str, ...]) -> None:
        """``device`` holds the replies with these cursors. Raises GatewayError."""
        held = self._held.pop(device, set()) | set(cursors)
        for cursor in cursors:
            self._sent.pop((device, cursor), None)
        waiting = await self._reception.replies(device, _LOOKED_AT, valid=smime.VALID)
        last = ""
        for reply in waiting:
            if reply.cursor not in held:
                break
            last = reply.cursor
        if last:
            await self._reception.acknowledge(device, last)
        # What is beyond the gap waits for it; what is not in sight is told again with the mail that is sent again.
        if beyond := held & {reply.cursor for reply in waiting}:
            self._held[device] = beyond

    async def _give(self, device: str, reply: SealedReply) -> None:
        """One that cannot be carried now is tried again with those that are due, so that it holds up no other."""
        try:
            await self._send(device, reply.seal, reply.content, reply.cursor)
        except RelayError as error:
            if error.reason is Reason.LINK_DOWN:
                raise
            logger.warning("mail: a reply to %s is not sent: %s", device, error)
        while len(self._sent) >= _MOST_REMEMBERED:
            self._sent.pop(next(iter(self._sent)))
        self._sent[device, reply.cursor] = self._monotonic()

    async def _give_again(self) -> None:
        before = self._monotonic() - self._again_s
        due = {names for names, at in self._sent.items() if at <= before}
        for device in {device for device, _ in due}:
            waiting = await self._reception.replies(device, _LOOKED_AT, valid=smime.VALID)
            for reply in waiting:
                if (device, reply.cursor) in due and reply.cursor not in self._held.get(device, ()):
                    await self._give(device, reply)
                    due.discard((device, reply.cursor))
        for names in due:
            # Acknowledged by another way, or not in sight.
            self._sent.pop(names, None)
