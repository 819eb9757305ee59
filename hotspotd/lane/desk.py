"""Where officers' wishes reach a lane: one at a time, only what the lane can do at that moment, never left hanging.

The lane says what may be asked (``offering``) for as long as it can do it, and does it itself (``carry_out``), between
two steps of its own. Whoever asks is told what came of it: done, or why not (CONFLICT where the lane has gone on).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager

from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.officer import LaneAct, LaneOrder
from hotspotd.errors import HotspotError, LaneError, Reason
from hotspotd.events import DeskView, Events


class Desk:
    """The officers' side of one lane. Used from the event loop's thread."""

    def __init__(self, lane: str, events: Events) -> None:
        self._lane = lane
        self._events = events
        self._pending: tuple[LaneOrder, asyncio.Future[None]] | None = None
        self._view = DeskView(lane=lane)
        self.asked = asyncio.Event()
        """Set while an order waits to be carried out."""
        self.shut = asyncio.Event()
        """An officer has closed the lane."""
        self.opened = asyncio.Event()
        """The opposite of ``shut``."""
        self.opened.set()

    @property
    def holder(self) -> str:
        """Who has taken the lane over; empty where nobody has."""
        return self._view.holder

    async def ask(self, order: LaneOrder) -> None:
        """Have ``order`` carried out. Raises LaneError (CONFLICT, BAD_VALUE), and what carrying it out raises."""
        if order.act not in self._view.acts:
            raise LaneError(Reason.CONFLICT, f"{self._lane} cannot do that now", "Look at the lane: it has gone on.")
        if self._pending is not None:
            raise LaneError(Reason.CONFLICT, f"{self._lane} is doing what another officer asked", "Try again.")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending = order, done
        self.asked.set()
        await done

    @contextmanager
    def offering(self, acts: Collection[LaneAct], fingers: tuple[FingerPosition, ...] = ()) -> Iterator[None]:
        """Let ``acts`` be asked for within the context; what was asked and not carried out is refused at its end."""
        self._show(acts=tuple(act for act in LaneAct if act in acts), fingers=fingers)
        try:
            yield
        finally:
            self._show(acts=(), fingers=())
            if self._pending is not None:
                self._answer(LaneError(Reason.CONFLICT, f"{self._lane} has gone on meanwhile", "Look at the lane."))

    async def carry_out(self, work: Callable[[LaneOrder], Awaitable[None]]) -> LaneOrder | None:
        """Do what is asked with ``work``; the order, or ``None`` where nothing was asked or it could not be done."""
        if self._pending is None:
            return None
        order, _ = self._pending
        try:
            await work(order)
        except HotspotError as error:
            self._answer(error)
            return None
        self._answer(None)
        return order

    def _answer(self, error: HotspotError | None) -> None:
        if self._pending is None:
            return
        _, done = self._pending
        self._pending = None
        self.asked.clear()
        if done.done():
            return  # Whoever asked is gone.
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def hold(self, badge: str) -> None:
        """From now on ``badge`` has the lane; empty: nobody."""
        self._show(holder=badge)

    def set_closed(self, *, closed: bool) -> None:
        """Close the lane behind its present traveller, or open it."""
        (self.shut if closed else self.opened).set()
        (self.opened if closed else self.shut).clear()
        self._show(closed=closed)

    def _show(
        self,
        *,
        acts: tuple[LaneAct, ...] | None = None,
        fingers: tuple[FingerPosition, ...] | None = None,
        holder: str | None = None,
        closed: bool | None = None,
    ) -> None:
        before = self._view
        view = DeskView(
            lane=self._lane,
            acts=before.acts if acts is None else acts,
            fingers=before.fingers if fingers is None else fingers,
            holder=before.holder if holder is None else holder,
            closed=before.closed if closed is None else closed,
        )
        if view != before:
            self._view = view
            self._events.publish(view)
