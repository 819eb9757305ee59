"""Answers what the store holds unprocessed, in worker threads, each transaction once.

A transaction that was stored and not processed when the process died is processed by the next one. One that
has brought the process down three times is answered with an error instead of being tried for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import cv2

from hotspotd.clock import Clock, Stamp
from hotspotd.errors import BiometricError, GatewayError, HotspotError, Reason
from hotspotd.gateway.search import Search
from hotspotd.gateway.storage import Store
from hotspotd.gateway.storage.base import Found, Taken
from hotspotd.relay import images
from hotspotd.relay.inquiry import MOST_HITS, SEARCHED, Responder, compose_error, compose_result, read_inquiry
from hotspotd.relay.inti import reader, xml6
from hotspotd.relay.inti.check import check
from hotspotd.relay.inti.transaction import FieldError, Transaction
from hotspotd.relay.links.wire import digest

logger = logging.getLogger(__name__)

_MAX_RUNS = 3
_MOST_ERRORS = 20
_STORAGE_RETRY_S = 2.0
_NOT_PROCESSABLE = FieldError(code="999", text="NOT PROCESSABLE")

# What a search may raise over a transaction that is not as it should be; the answer is an ERR. Anything else is
# a fault of ours that ends the process, which is started again and tries the transaction a bounded number of times.
_FAILURES = (HotspotError, cv2.error, ValueError, ArithmeticError, LookupError, MemoryError)


class Processor:
    """Runs searches for a store. ``delay`` is awaited before each: the fault switch of the same name."""

    def __init__(
        self,
        store: Store,
        search: Search,
        responder: Responder,
        *,
        clock: Clock,
        threads: int,
        delay: Callable[[], Awaitable[None]],
        answered: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._search = search
        self._responder = responder
        self._clock = clock
        self._threads = threads
        self._delay = delay
        self._answered = answered
        self._sleep = sleep
        self._busy: set[int] = set()
        self._something = asyncio.Event()

    def wake(self) -> None:
        """There is a new transaction."""
        self._something.set()

    async def run(self) -> None:
        """Process until cancelled."""
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="search")
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._threads):
                    group.create_task(self._work(pool))
        finally:
            # Not waited for: a search that runs would hold up the loop, and is begun again by the next process.
            pool.shutdown(wait=False, cancel_futures=True)

    async def _work(self, pool: ThreadPoolExecutor) -> None:
        while True:
            self._something.clear()
            try:
                if not await self._next(pool):
                    await self._something.wait()
            except GatewayError as error:
                logger.warning("%s; trying again", error)
                await self._sleep(_STORAGE_RETRY_S)

    async def _next(self, pool: ThreadPoolExecutor) -> bool:
        taken = await self._store.begin(self._busy)
        if taken is None:
            return False
        self._busy.add(taken.id)
        try:
            await self._delay()
            loop = asyncio.get_running_loop()
            body, found = await loop.run_in_executor(pool, self._answer, taken, self._clock.now())
            await self._store.finish(taken, body, self._clock.now().iso(), found)
        except (asyncio.CancelledError, GatewayError):
            # Neither is the transaction's doing: a disk that is full for a day must not use its runs up.
            try:
                await self._store.give_back(taken)
            except GatewayError as error:
                # It counts as a run then, of which there are several; what it ended with is what matters.
                logger.warning("transaction %s could not be given back (%s)", taken.tcn, error)
            raise
        finally:
            self._busy.discard(taken.id)
        self._answered(taken.device)
        return True

    def _answer(self, taken: Taken, now: Stamp) -> tuple[bytes, Found | None]:
        """The reply, as INT-I XML, and what was found where that is something. Runs in a thread."""
        package = xml6.read(taken.body)
        request = reader.transaction(package)
        # Made from what is answered, so that an answer made again has the same number.
        tcn = "R" + digest(f"{taken.device}/{taken.tcn}".encode())[:31]
        if taken.runs > _MAX_RUNS:
            logger.error("transaction %s was begun %d times and never ended; answered with ERR", taken.tcn, taken.runs)
            return compose_error(request, tcn, [_NOT_PROCESSABLE], self._responder, now), None
        faults = check(package, images.size_of)
        if faults:
            logger.info("transaction %s of %s: %s", taken.tcn, taken.device, "; ".join(map(str, faults[:_MOST_ERRORS])))
        stopping = [fault.as_error() for fault in faults if not fault.tolerated][:_MOST_ERRORS]
        if stopping and request.header.tot in SEARCHED:
            return compose_error(request, tcn, stopping, self._responder, now), None
        try:
            hits = self._search(read_inquiry(request), now.at.date())
        except _FAILURES as error:
            logger.warning("transaction %s cannot be searched: %s", taken.tcn, _plainly(error))
            return compose_error(request, tcn, [_field_error(request, error)], self._responder, now), None
        logger.info("transaction %s of %s: %d hits", taken.tcn, taken.device, len(hits))
        try:
            body = compose_result(request, tcn, hits, self._responder, now)
        except _FAILURES as error:
            # The list holds what cannot be sent; the transaction is as it should be.
            logger.error("the hits of transaction %s cannot be sent: %s", taken.tcn, _plainly(error))
            return compose_error(request, tcn, [_NOT_PROCESSABLE], self._responder, now), None
        return body, Found(header=request.header, hits=tuple(hits[:MOST_HITS])) if hits else None


def _plainly(error: Exception) -> str:
    return str(error) if isinstance(error, HotspotError) else type(error).__name__


def _field_error(request: Transaction, error: Exception) -> FieldError:
    """The INT-I error code that says what is wrong."""
    if request.header.tot not in SEARCHED:
        return FieldError(code="116", field="TOT", text="NOT SEARCHED HERE")
    if isinstance(error, BiometricError):
        return FieldError(code="501", text="INSUFFICIENT QUALITY")
    if isinstance(error, HotspotError) and error.reason is Reason.TOO_LARGE:
        return FieldError(code="118", text="IMAGE SIZE")
    if isinstance(error, HotspotError) and error.reason is Reason.BAD_TRANSACTION:
        return FieldError(code="117", text="INVALID RECORD DATA")
    return _NOT_PROCESSABLE
