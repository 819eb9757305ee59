"""Statistics for the gateway: for each hour that is over, one message of numbers. Nothing about a person is in it.

Promises that an hour is told once, also over restarts, and only while the clock is trusted. Hours in which nothing
happened are not told; neither are those of more than a week ago. What was recorded while the clock was not trusted is
in no hour.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from hotspotd.clock import Clock, Stamp
from hotspotd.domain.identifiers import new_tcn
from hotspotd.errors import RecordsError
from hotspotd.events import DeviceState, DeviceView, Events, Missed
from hotspotd.records import Records
from hotspotd.records.counts import HourCounts, OperationCounts
from hotspotd.records.model import Kind, OutboxItem, Rank

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
WORTH = timedelta(days=7)
"""How long an hour is of use to the gateway: the deadline of its message."""
# What began in an hour has its result, and is on disk, so long after its end.
_SETTLED = timedelta(minutes=5)
_LOOK_EVERY_S = 60.0


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Answer times in seconds."""

    count: int
    median_s: float
    p95_s: float


class OperationReport(msgspec.Struct, frozen=True, kw_only=True):
    """One operation in one hour; ``OperationCounts`` says what counts where. ``hits`` are alerts about hits."""

    operation: str
    encounters: int
    clear: int
    referred: int
    reasons: dict[str, int]
    hits: dict[str, int]
    answers: dict[str, int]
    answer_in_lane: Times | None
    answer_later: Times | None


class HourReport(msgspec.Struct, frozen=True, kw_only=True):
    """The message."""

    hour: str
    operations: tuple[OperationReport, ...]
    device_faults: dict[str, int]


def hour_report(begin: str, counts: HourCounts) -> HourReport:
    """The message about the hour that began at ``begin``."""
    operations = tuple(_operation(name, of) for name, of in sorted(counts.operations.items()))
    return HourReport(hour=begin, operations=operations, device_faults=counts.device_faults)


def _operation(name: str, counts: OperationCounts) -> OperationReport:
    return OperationReport(
        operation=name,
        encounters=counts.encounters,
        clear=counts.clear,
        referred=counts.referred,
        reasons=counts.reasons,
        hits={kind: counts.alerts.get(kind, 0) for kind in ("local", "gateway", "late")},
        answers=counts.answers,
        answer_in_lane=_times(counts.lane_s),
        answer_later=_times(counts.later_s),
    )


def _times(seconds: list[float]) -> Times | None:
    if not seconds:
        return None
    ordered = sorted(seconds)

    def share(percent: int) -> float:
        # Nearest rank: a time that was really measured.
        return round(ordered[max(0, -(-percent * len(ordered) // 100) - 1)], 3)

    return Times(count=len(ordered), median_s=share(50), p95_s=share(95))


class Statistics:
    """Tells the gateway, hour by hour. ``run`` it once; ``wake`` is called when there is something in the outbox."""

    def __init__(
        self,
        records: Records,
        events: Events,
        clock: Clock,
        country: str,
        wake: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._records = records
        self._events = events
        self._clock = clock
        self._country = country
        self._wake = wake
        self._sleep = sleep
        self._complained = False

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._note_faults(), name="statistics-faults")
            group.create_task(self._tell_for_ever(), name="statistics-hours")

    async def tell_closed_hours(self) -> int:
        """Put a message for each hour that is over and was not told into the outbox; how many. Raises RecordsError."""
        now = self._clock.now()
        if not now.trusted:
            return 0
        told = await self._records.told_through()
        if told is None or datetime.fromisoformat(told) > now.at + WORTH:
            # The first time; or the clock was far ahead once, and what it said then is no reason to be silent.
            await self._records.tell_hour(told, _iso(_full_hour(now.at)), None)
            return 0
        closed = _full_hour(now.at - _SETTLED)
        begin = max(datetime.fromisoformat(told), closed - WORTH)
        sent = 0
        while begin < closed:
            counts = await self._records.counted(_iso(begin), _iso(begin + HOUR))
            item = None if counts.empty else self._item(begin, counts, now)
            end = _iso(begin + HOUR)
            await self._records.tell_hour(told, end, item)
            told, begin = end, begin + HOUR
            sent += item is not None
        if sent:
            self._wake()
        return sent

    def _item(self, begin: datetime, counts: HourCounts, now: Stamp) -> OutboxItem:
        return OutboxItem(
            tcn=new_tcn(self._country, now.at),
            kind=Kind.STATISTICS,
            rank=Rank.STATISTICS,
            payload=msgspec.json.encode(hour_report(_iso(begin), counts)),
            created_at=now.iso(),
            deadline=_iso(begin + HOUR + WORTH),
        )

    async def _tell_for_ever(self) -> None:
        while True:
            try:
                await self.tell_closed_hours()
            except RecordsError as error:
                self._complain(error)
            else:
                self._complained = False
            await self._sleep(_LOOK_EVERY_S)

    async def _note_faults(self) -> None:
        failed: set[tuple[str, str]] = set()
        with self._events.subscribe() as subscription:
            async for event in subscription:
                if isinstance(event, Missed):
                    failed.clear()  # Who came back meanwhile is not known: rather one too many than none any more.
                if not isinstance(event, DeviceView):
                    continue
                device = (event.lane, event.device)
                if event.state is DeviceState.READY:
                    failed.discard(device)
                elif event.state is DeviceState.FAULTED and device not in failed:
                    failed.add(device)
                    await self._note_fault(event)

    async def _note_fault(self, event: DeviceView) -> None:
        try:
            await self._records.note_device_fault(event.lane, event.device)
        except RecordsError as error:
            self._complain(error)

    def _complain(self, error: RecordsError) -> None:
        log.log(logging.DEBUG if self._complained else logging.WARNING, "statistics: %s", error)
        self._complained = True


def _full_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _iso(at: datetime) -> str:
    return Stamp(at, trusted=True).iso()
