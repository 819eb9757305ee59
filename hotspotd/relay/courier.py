"""Carries transactions from the outbox to the gateway and its replies back into the records.

Promises:
- A row leaves the outbox only when the gateway's own receipt for it (its control number, its hash) or its reply to
  it is stored.
- A reply is stored before it is acknowledged, which is done by asking for what comes after it. Nothing of that is
  kept here: after a restart the gateway hands out again whatever was not acknowledged, and a copy changes nothing.
- One row that the gateway refuses, or that it never manages to take, is set aside and stops no other.
- A gateway that does not want this device is asked rarely; one that is not there with growing delays.
Doesn't: decide when the traveller has waited long enough, or show anything; it publishes what changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from hotspotd.clock import Clock
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome
from hotspotd.errors import Reason, RecordsError, RelayError
from hotspotd.events import Events, LinkView
from hotspotd.records.model import OutboxItem
from hotspotd.records.records import Records
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.compose import read_answer
from hotspotd.relay.links.base import Link, Reply
from hotspotd.relay.links.wire import check_receipt, digest
from hotspotd.relay.telling import AnswerTelling

logger = logging.getLogger(__name__)

# The gateway refused the transaction for what it is: sending it again would change nothing.
_HOPELESS = frozenset((Reason.BAD_TRANSACTION, Reason.TOO_LARGE, Reason.CONFLICT))
# Nobody is there, or nobody who wants us: the next row would fare no better.
_NO_LINK = frozenset((Reason.LINK_DOWN, Reason.LINK_REFUSED))

# More rows than this in trouble at once is trouble of the gateway's: it is left alone for a while.
_MOST_IN_TROUBLE = 32


@dataclass(frozen=True, slots=True)
class Patience:
    """How patient the courier is; seconds. ``row_tries``: answered failures until one row is set aside."""

    first_s: float = 1.0
    longest_s: float = 60.0
    poll_s: float = 20.0
    row_tries: int = 8
    batch: int = 16


@dataclass(slots=True)
class _Trouble:
    """A row that the gateway answered for, and did not take."""

    tries: int
    not_before: float
    others_then: int
    """Rows the gateway had taken when this one first failed."""
    backoff: Backoff


class Courier:
    """One courier for one device and one link. ``run`` it once."""

    def __init__(
        self,
        records: Records,
        link: Link,
        events: Events,
        clock: Clock,
        patience: Patience | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._records = records
        self._link = link
        self._events = events
        self._clock = clock
        self._patience = patience or Patience()
        self._sleep = sleep
        self._new_row = asyncio.Event()
        self._link_came_up = asyncio.Event()
        self._link_up = False
        self._last_error = ""
        self._complained = False
        self._telling = AnswerTelling(events)
        self._received = 0
        self._trouble: dict[str, _Trouble] = {}
        self._cut_on = ""

    @property
    def link_up(self) -> bool:
        """Whether the last exchange with the gateway went well."""
        return self._link_up

    def wake(self) -> None:
        """There is a new row in the outbox."""
        self._new_row.set()

    async def run(self) -> None:
        """Carry until cancelled."""
        await self._show()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forever(self._send_due), name="courier-send")
            group.create_task(self._forever(self._fetch_replies), name="courier-replies")

    async def _forever(self, work: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff(self._patience.first_s, self._patience.longest_s)
        while True:
            try:
                await work()
                backoff.reset()
                continue
            except RelayError as error:
                if error.reason is Reason.LINK_REFUSED:
                    backoff.jump()
                await self._link_failed(error)
            except RecordsError as error:
                # The lane and the watchdog report storage; here it is only a reason to wait.
                logger.warning("courier: %s", error)
            await self._pause(backoff.next())

    async def _pause(self, seconds: float) -> None:
        """Wait; when the other direction finds the link up, only for the shortest delay.

        Not for none: a link that takes questions and drops transactions would be asked without a pause.
        """
        self._link_came_up.clear()
        shortest = min(self._patience.first_s, seconds)
        await self._sleep(shortest)
        await _first(self._sleep(seconds - shortest), self._link_came_up.wait())

    async def _send_due(self) -> None:
        """Send every row that is due, then wait for the next. Raises RelayError when there is no link."""
        self._new_row.clear()
        now = self._clock.monotonic()
        items = await self._records.outbox_due(self._patience.batch + len(self._trouble))
        due = [item for item in items if item.tcn not in self._trouble or self._trouble[item.tcn].not_before <= now]
        # The row on which the link broke last goes last: if the line is too slow for it, the others still go.
        due.sort(key=lambda item: item.tcn == self._cut_on)
        for item in due:
            await self._send(item)
        if not due:
            await self._idle()

    async def _idle(self) -> None:
        """Wait for a new row, or until the earliest row in trouble is due again."""
        if not self._trouble:
            await self._new_row.wait()
            return
        seconds = min(trouble.not_before for trouble in self._trouble.values()) - self._clock.monotonic()
        await _first(self._sleep(max(seconds, 0.0)), self._new_row.wait())

    async def _send(self, item: OutboxItem) -> None:
        try:
            raw = await self._link.send(item.tcn, item.payload)
            check_receipt(raw, item.tcn, item.payload)
        except RelayError as error:
            await self._not_sent(item, error)
            return
        await self._records.outbox_receipt(item.tcn, raw)
        self._trouble.pop(item.tcn, None)
        self._received += 1
        await self._link_worked()
        await self._show()

    async def _not_sent(self, item: OutboxItem, error: RelayError) -> None:
        if error.reason in _HOPELESS:
            logger.warning("courier: transaction %s is set aside: %s", item.tcn, error)
            await self._set_aside(item.tcn, str(error))
            return
        await self._records.outbox_failed(item.tcn, str(error))
        if error.reason in _NO_LINK:
            self._cut_on = item.tcn
            raise error
        trouble = self._trouble.get(item.tcn)
        if trouble is None:
            logger.warning("courier: transaction %s was not taken: %s", item.tcn, error)
            backoff = Backoff(self._patience.first_s, self._patience.longest_s)
            trouble = self._trouble[item.tcn] = _Trouble(0, 0.0, self._received, backoff)
        else:
            logger.debug("courier: transaction %s was not taken again: %s", item.tcn, error)
        if len(self._trouble) > _MOST_IN_TROUBLE:
            raise error
        trouble.tries += 1
        trouble.not_before = self._clock.monotonic() + trouble.backoff.next()
        # Only a row that fails while others pass is to blame; otherwise it is the gateway that is ill.
        if trouble.tries >= self._patience.row_tries and self._received > trouble.others_then:
            logger.warning("courier: transaction %s is set aside after %d tries", item.tcn, trouble.tries)
            await self._set_aside(item.tcn, f"not taken in {trouble.tries} tries while others were: {error}")

    async def _set_aside(self, tcn: str, reason: str) -> None:
        await self._records.outbox_quarantine(tcn, reason)
        self._trouble.pop(tcn, None)
        await self._show()

    async def _fetch_replies(self) -> None:
        """Fetch replies for ever, each stored before the next question acknowledges it. Raises RelayError."""
        cursor = ""
        while True:
            # A link that has not answered yet is asked without waiting, so that it shows as up at once.
            wait_s = self._patience.poll_s if self._link_up else 0.0
            replies = await self._link.replies(cursor, wait_s)
            await self._link_worked()
            asked = cursor
            for reply in replies:
                await self._store(reply)
                cursor = reply.cursor
            if replies and cursor == asked:
                raise RelayError(Reason.LINK_PROTOCOL, "gateway: sends what was acknowledged again and again")

    async def _store(self, reply: Reply) -> None:
        answer = await asyncio.to_thread(_answer_in, reply)
        stored = await self._records.store_answer(answer, reply.payload)
        before = self._telling.trouble
        self._telling.tell(answer, stored)
        if self._telling.trouble != before:
            await self._show()

    async def _link_worked(self) -> None:
        if self._link_up:
            return
        if self._complained:
            logger.info("courier: the gateway answers again")
        self._link_up, self._complained, self._last_error = True, False, ""
        self._link_came_up.set()
        await self._show()

    async def _link_failed(self, error: RelayError) -> None:
        if self._complained:
            logger.debug("courier: %s", error)
        else:
            logger.warning("courier: %s", error)
        self._complained = True
        self._link_up, self._last_error = False, str(error)
        await self._show()

    async def _show(self) -> None:
        """Publish how the link is and what waits for it."""
        try:
            queue = await self._records.queue_state()
        except RecordsError as error:
            logger.debug("courier: %s", error)
            return
        oldest_s = None
        if queue.oldest is not None:
            oldest_s = max((self._clock.wall() - datetime.fromisoformat(queue.oldest)).total_seconds(), 0.0)
        self._events.publish(
            LinkView(
                up=self._link_up,
                queued=queue.waiting,
                oldest_s=oldest_s,
                last_error=self._last_error,
                trouble=self._telling.trouble,
            )
        )


def _answer_in(reply: Reply) -> GatewayAnswer:
    """The answer in a reply. One that cannot be read is an error to what it answers: kept, shown, acknowledged."""
    try:
        return read_answer(reply.payload)
    except RelayError as error:
        logger.warning("courier: a reply to %s cannot be read: %s", reply.tcr, error)
        return GatewayAnswer(
            outcome=GatewayOutcome.ERROR,
            tcn=f"unreadable-{digest(reply.payload)[:24]}",
            tcr=reply.tcr,
            text="The gateway's answer cannot be read.",
        )


async def _first(*waits: Awaitable[object]) -> None:
    """Until the first of ``waits`` is over; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
