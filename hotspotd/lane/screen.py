"""What a lane shows: one view at a time, published whenever it changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from hotspotd.clock import Clock
from hotspotd.events import Events, LaneState, LaneView, Prompt


class Screen:
    """The view of one lane. Steps change it with ``show``; a running time-out can be begun anew ``more_time`` times."""

    def __init__(self, lane: str, events: Events, clock: Clock, attempts: int, more_time: int) -> None:
        self._events = events
        self._clock = clock
        self._view = LaneView(
            lane=lane,
            state=LaneState.STARTING,
            prompt=Prompt.WAIT,
            attempts=attempts,
            since=clock.now().iso(),
        )
        self._timeout: asyncio.Timeout | None = None
        self._limit = 0.0
        self._most = more_time
        self._left = 0
        self._came = clock.monotonic()

    @property
    def view(self) -> LaneView:
        """What is shown now."""
        return self._view

    def show(self, state: LaneState, prompt: Prompt, **changes: object) -> None:
        """Show ``prompt`` in ``state``; ``changes`` are further fields of LaneView."""
        if state is not self._view.state:
            changes["since"] = self._clock.now().iso()
            self._came = self._clock.monotonic()
        more = self._timeout is not None and self._left > 0
        view = msgspec.structs.replace(
            self._view, state=state, prompt=prompt, time_left_s=self._left_s(), more_time=more, **changes
        )
        if view != self._view:
            self._publish(view)

    def _publish(self, view: LaneView) -> None:
        self._view = view
        self._events.publish(view)

    def lasted_s(self) -> float:
        """How long the present state has been shown [s]."""
        return self._clock.monotonic() - self._came

    def begin_visit(self, encounter_id: str) -> None:
        """A traveller has come: from here on views belong to this encounter."""
        self._view = msgspec.structs.replace(self._view, encounter_id=encounter_id)

    def greet(self, nationality: str) -> None:
        """The traveller's nationality is known; the page may speak their language from the next view on."""
        self._view = msgspec.structs.replace(self._view, nationality=nationality)

    def without_fingers(self) -> None:
        """No fingers are asked of this traveller; the page leaves the step out from the next view on."""
        self._view = msgspec.structs.replace(self._view, fingers_asked=False)

    def end_visit(self) -> None:
        """The traveller has left: nothing of the encounter stays on the screen."""
        self._view = msgspec.structs.replace(
            self._view,
            encounter_id=None,
            nationality=None,
            finger=None,
            fingers=(),
            attempt=1,
            fingers_asked=True,
            help_asked=False,
        )

    @asynccontextmanager
    async def time_limit(self, seconds: float) -> AsyncIterator[None]:
        """The time that the traveller has, which is shown: TimeoutError when the block takes longer than ``seconds``.

        It can be counted anew by ``more_time``, so many times.
        """
        self._limit, self._left = seconds, self._most
        try:
            async with asyncio.timeout(seconds) as timeout:
                self._timeout = timeout
                yield
        finally:
            self._timeout = None

    def more_time(self) -> None:
        """Begin the running time-out anew; nothing where none is running, or where it was begun anew too often."""
        if self._timeout is None or self._timeout.expired() or not self._left:
            return
        self._left -= 1
        self._timeout.reschedule(asyncio.get_running_loop().time() + self._limit)
        left_s = self._left_s()
        self._publish(msgspec.structs.replace(self._view, time_left_s=left_s, more_time=self._left > 0))

    def _left_s(self) -> float | None:
        when = None if self._timeout is None else self._timeout.when()
        return None if when is None else round(max(0.0, when - asyncio.get_running_loop().time()), 1)
