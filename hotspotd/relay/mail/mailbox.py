"""What is taken out of a mailbox: mails that can be read as messages. The rest is deleted and counted.

Anybody can write to an address. So the work of one look is bounded, a large mail is fetched only where its headers say
that it may be one of ours, and a mail that the host cannot give out holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.mail.host import MailHost
from hotspotd.relay.mail.pop3 import HostRefusalError, Listed, Pop3, session
from hotspotd.relay.mail.smime import longest_mail, may_be_ours

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 16
_MOST_BYTES = 32 * 1024 * 1024
_MOST_DELETED = 512
# A round trip for the headers alone costs less than so many bytes that nobody wants.
_WORTH_A_LOOK = 16 * 1024

Read = TypeVar("Read")


@dataclass(slots=True)
class Fetched(Generic[Read]):
    """What one look gave: mails by their names in the mailbox, what was wrong with others, whether there are more.

    ``gone`` are those of the names to be deleted that the mailbox no longer holds.
    """

    mails: list[tuple[str, Read]] = field(default_factory=list)
    junk: list[RelayError] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    more: bool = False


class Mailbox(Generic[Read]):
    """One mailbox. ``read`` makes something of a mail, in a thread; what it raises RelayError for is junk.

    ``junk`` counts what was deleted unread, by reason.
    """

    def __init__(self, host: MailHost, read: Callable[[bytes], Read], most: int) -> None:
        self._host = host
        self._read = read
        self._longest = longest_mail(most)
        self.junk: Counter[str] = Counter()

    def move(self, host: MailHost) -> None:
        """Look at ``host`` from now on, or as it says."""
        self._host = host

    async def look(self, done: Collection[str], held: Collection[str], room: int = _MOST_AT_ONCE) -> Fetched[Read]:
        """Delete the mails named in ``done``, fetch at most ``room`` others that are not in ``held``, oldest first.

        What was fetched before the connection broke is returned all the same: on a bad line that is progress. Raises
        RelayError.
        """
        found: Fetched[Read] = Fetched()
        try:
            async with session(self._host) as pop3:
                gone = await self._work(pop3, frozenset(done), held, min(room, _MOST_AT_ONCE), found)
                await pop3.quit()
        except RelayError as error:
            if not found.mails:
                raise
            logger.debug("mailbox: broken off after %d mails: %s", len(found.mails), error)
            # Nothing was deleted: all of that is met again.
            return Fetched(mails=found.mails, more=True)
        found.gone = gone
        for one in found.junk:
            self.set_aside(one)
        return found

    def set_aside(self, error: RelayError) -> None:
        """Count a mail that is deleted unread. The first of a kind is a warning, repeats whisper."""
        level = logging.DEBUG if self.junk[error.reason.value] else logging.WARNING
        logger.log(level, "mailbox: a mail is deleted: %s", error)
        self.junk[error.reason.value] += 1

    async def _work(
        self, pop3: Pop3, done: frozenset[str], held: Collection[str], room: int, found: Fetched[Read]
    ) -> set[str]:
        """Fills ``found``; returns what of ``done`` will be gone with the end of the session."""
        listing = await pop3.listing()
        finished = [listed for listed in listing if listed.uid in done]
        for listed in finished[:_MOST_DELETED]:
            await pop3.delete(listed.number)
        fetched = 0
        for listed in listing:
            if listed.uid in done or listed.uid in held:
                continue
            size = 0 if listed.size > self._longest else listed.size
            full = len(found.mails) >= room or len(found.junk) >= _MOST_AT_ONCE
            if full or (fetched and fetched + size > _MOST_BYTES):
                # Not so where the reader's hands are full: looking again would not help.
                found.more = room > 0
                break
            fetched += size
            await self._take(pop3, listed, found)
        return set(done) - {listed.uid for listed in finished[_MOST_DELETED:]}

    async def _take(self, pop3: Pop3, listed: Listed, found: Fetched[Read]) -> None:
        try:
            mail = await self._mail(pop3, listed)
        except HostRefusalError as error:
            logger.debug("mailbox: a mail cannot be fetched: %s", error)
            return
        try:
            found.mails.append((listed.uid, await asyncio.to_thread(self._reading, mail)))
        except RelayError as error:
            found.junk.append(error)
            await pop3.delete(listed.number)

    def _reading(self, mail: bytes | None) -> Read:
        if mail is None:
            raise RelayError(Reason.UNSIGNED, "mail: too large, or not a signed and encrypted message")
        return self._read(mail)

    async def _mail(self, pop3: Pop3, listed: Listed) -> bytes | None:
        """The mail; ``None`` for one that is not worth fetching."""
        if listed.size > self._longest:
            return None
        if listed.size > _WORTH_A_LOOK:
            headers = await pop3.headers(listed.number)
            if headers and not may_be_ours(headers):
                return None
        return await pop3.retrieve(listed)
