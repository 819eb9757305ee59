"""One lane: one traveller after another, from the document to the result.

The order is fixed: document and its chip, face, fingers, then everything is written down, and only then searched.
Whatever goes wrong on the way is noted in the encounter and refers the traveller; the lane itself goes on. The
traveller's screen shows the same for a hit, for trouble, for a call for help and for an officer who has taken over; for
a hit and for trouble also at the same time. What an officer has done again after all was written down is an encounter
of its own, which refers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from drivers.base import DriverError, Frame, LaneSignal, MrzRead, SignalState
from hotspotd.domain.officer import LaneAct, LaneOrder
from hotspotd.domain.verdict import Outcome, ReferReason
from hotspotd.errors import HotspotError, LaneError, Reason, RecordsError
from hotspotd.events import AlertChanged, DeviceState, DeviceView, LaneState, LaneView, Prompt
from hotspotd.lane.capture import Capture
from hotspotd.lane.desk import Desk
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.document_step import DocumentStep
from hotspotd.lane.feed import CameraFeed
from hotspotd.lane.gateway_step import GatewayStep
from hotspotd.lane.hold import Hold
from hotspotd.lane.officer_step import Going, OfficerStep, audit, check_order
from hotspotd.lane.parts import LaneDevices, LaneParts
from hotspotd.lane.recording import record_and_check
from hotspotd.lane.screen import Screen
from hotspotd.lane.trials import LaneTrials
from hotspotd.lane.visit import Visit
from hotspotd.lane.waiting import first_of, officer_moment
from hotspotd.records.model import AlertState

log = logging.getLogger(__name__)

# How often an idle scanner is asked whether it is still there, and how long it may take to answer.
_IDLE_CHECK_S = 3.0
_IDLE_ANSWER_S = 2.0

_SIGNALS = {
    LaneState.IDLE: SignalState.READY,
    LaneState.GO: SignalState.GO,
    LaneState.OFFICER: SignalState.STOP,
    LaneState.OUT_OF_SERVICE: SignalState.OFF,
}


class Lane:
    """One lane. ``run`` is its life; ``close_gently`` lets the present traveller finish and then ends it."""

    def __init__(self, name: str, devices: LaneDevices, parts: LaneParts) -> None:
        self._name = name
        self._devices = devices
        self._parts = parts
        operation = parts.config.operation
        self._screen = Screen(name, parts.events, parts.clock, operation.attempts, operation.more_time)
        self._documents = DocumentStep(devices.document, devices.needed(operation.required), self._screen, parts.clock)
        self._feed = None if devices.camera is None else CameraFeed(devices.camera)
        self._capture = Capture(devices, parts, self._feed, self._documents, self._screen)
        self._gateway_step = GatewayStep(name, parts, self._capture.fingers, self._screen)
        self._desk = Desk(name, parts.events)
        self._officer = OfficerStep(name, self._desk, self._capture, self._documents, self._screen, parts)
        self._help = asyncio.Event()
        self._closing = asyncio.Event()
        self._hold = Hold(parts.clock.monotonic)
        self.trials = LaneTrials(name, devices, self._feed, self._screen, self._hold)
        """For a technician."""

    # What the pages may ask of the lane (console.controls.LaneControls).

    @property
    def name(self) -> str:
        """The lane's name, as in the configuration."""
        return self._name

    def latest_frame(self) -> Frame | None:
        """The camera's newest frame, or ``None``; never waits."""
        return None if self._feed is None else self._feed.latest()

    async def ask_help(self) -> None:
        """The traveller asked for an officer."""
        self._help.set()

    async def more_time(self) -> None:
        """The traveller asked for more time: the step's time-out begins anew."""
        self._screen.more_time()

    async def order(self, order: LaneOrder) -> None:
        """Do what an officer wants. Raises LaneError (CONFLICT, BAD_VALUE), RecordsError."""
        if order.act in (LaneAct.CLOSE, LaneAct.OPEN):
            check_order(order)
            closed = order.act is LaneAct.CLOSE
            if closed == self._desk.shut.is_set():
                raise LaneError(Reason.CONFLICT, f"{self._name} is {'closed' if closed else 'open'} already")
            await audit(self._parts, self._name, order, self._name)
            self._desk.set_closed(closed=closed)
        else:
            await self._desk.ask(order)

    # The lane's life.

    def close_gently(self) -> None:
        """Take no further traveller; ``run`` ends when the present one is through."""
        self._closing.set()

    async def run(self) -> None:
        """Serve travellers until ``close_gently`` or cancellation; the devices are closed when it ends."""
        async with asyncio.TaskGroup() as group:
            around = [group.create_task(device.run()) for device in self._devices.present()]
            if self._feed is not None:
                around.append(group.create_task(self._feed.run()))
            if self._devices.signal is not None:
                around.append(group.create_task(self._drive_signal(self._devices.signal)))
            await self._serve()
            for task in around:
                task.cancel()

    async def _serve(self) -> None:
        while not self._closing.is_set():
            self._help.clear()
            if self._hold.asked.is_set():
                self._screen.show(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
                await first_of(self._hold.over(), self._closing)
                continue
            if self._desk.shut.is_set():
                self._screen.show(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
                await first_of(self._desk.opened.wait(), self._closing, self._hold.asked)
                continue
            with self._desk.offering([LaneAct.TAKE_OVER]):
                events = (self._help, self._closing, self._desk.asked, self._desk.shut, self._hold.asked)
                arrival = await first_of(self._arrival(), *events)
                visit = Visit(self._parts.clock.now(), arrival=arrival)
                # Somebody who has just come is served: the order is refused, and may be given again.
                taken = None if arrival else await self._desk.carry_out(self._taking_over(visit))
            if arrival is not None or taken is not None:
                await self._one_traveller(visit, taken=taken is not None)
            elif self._help.is_set():
                await self._wait_for_officer(None)
                self._screen.end_visit()
        self._screen.show(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)

    def _taking_over(self, visit: Visit) -> Callable[[LaneOrder], Awaitable[None]]:
        async def take(order: LaneOrder) -> None:
            await self._officer.take_over(order, visit)

        return take

    async def _arrival(self) -> MrzRead:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch_idle_scanner())
            read = await self._documents.arrival()
            watch.cancel()
        return read

    async def _watch_idle_scanner(self) -> None:
        scanner = self._devices.scanner
        while scanner is not None:
            await asyncio.sleep(_IDLE_CHECK_S)
            device = await scanner.ready()
            try:
                async with asyncio.timeout(_IDLE_ANSWER_S):
                    await device.wait_lifted()
            except TimeoutError:
                log.debug("%s: something lies on the idle scanner", self._name)
            except DriverError as error:
                scanner.fault(device, error)

    async def _one_traveller(self, visit: Visit, *, taken: bool) -> None:
        """Serve one traveller, in one visit; or in several, where an officer has things done again."""
        earlier: list[str] = []
        following: Visit | None = visit
        try:
            while following is not None:
                visit = following
                self._screen.begin_visit(visit.encounter_id)
                going = await self._gather(visit, taken=taken)
                if going is Going.ENDED and (visit.is_empty or not visit.is_new):
                    break  # There is nothing that is not written down.
                following, taken = await self._check_and_show(visit, going), True
                if following is not None and not visit.is_new:
                    earlier.append(visit.encounter_id)
        finally:
            self._desk.hold("")
            self._screen.end_visit()
        # Until now the traveller was here: what came meanwhile was no late hit.
        for encounter_id in earlier:
            await self._release(encounter_id)

    async def _gather(self, visit: Visit, *, taken: bool) -> Going:
        """Take everything of ``visit``, with or without an officer."""
        while True:
            if taken:
                if await self._officer.hand_over(visit, self._closing) is Going.ENDED:
                    return Going.ENDED
                self._help.clear()
            with self._desk.offering([LaneAct.TAKE_OVER]):
                broken_off = await self._take(visit)
                view = self._screen.view
                taken = await self._desk.carry_out(self._taking_over(visit)) is not None
            if not taken and self._help.is_set():
                visit.note(ReferReason.HELP_ASKED)
                return Going.ON
            if not taken and (broken_off or self._capture.is_complete(visit)):
                return Going.ON
            asked = view.fingers or ((view.finger,) if view.finger is not None else ())
            visit.interrupted = frozenset(asked if view.state is LaneState.FINGER else ())

    async def _take(self, visit: Visit) -> bool:
        """Take what is left, until somebody asks for something; whether it was broken off by trouble."""
        try:
            await first_of(self._capture.take(visit), self._help, self._desk.asked)
        except HotspotError as error:
            log.warning("%s: the capture was broken off: %s", self._name, error)
            visit.note(ReferReason.DEVICE_FAULT)
            return True
        return False

    async def _check_and_show(self, visit: Visit, going: Going) -> Visit | None:
        """Record, search, show; the visit that follows where an officer has things done again."""
        parts = self._parts
        self._screen.show(LaneState.CHECKING, Prompt.WAIT, finger=None, fingers=(), attempt=1)
        # Decided once: whether a link comes or goes meanwhile must not tell who is looked for.
        wait_s = parts.config.operation.gateway_wait_s if parts.link_up() else 0.0
        encounter = visit.encounter(self._name, parts.config.operation.name, parts.config.device.country)
        with parts.events.subscribe() as news:
            try:
                verdict = await record_and_check(encounter, parts)
            except HotspotError as error:
                # Nothing was acknowledged to anybody: the officer takes over, and hears why.
                log.error("%s: encounter %s could not be recorded: %s", self._name, encounter.encounter_id, error)
                self._say_records(DeviceState.FAULTED, error.what, error.advice)
                await self._hold_back(wait_s)
                return await self._wait_for_officer(visit)
            visit.is_new = False
            self._say_records(DeviceState.READY)
            if verdict.outcome is Outcome.CLEAR:
                try:
                    verdict = await self._gateway_step.answered(visit, encounter, verdict, news, self._help, wait_s)
                except HotspotError as error:
                    log.error("%s: encounter %s: the second capture: %s", self._name, encounter.encounter_id, error)
                    verdict = msgspec.structs.replace(verdict, outcome=Outcome.REFER)
        following = None
        if verdict.outcome is Outcome.CLEAR and not self._help.is_set() and await self._may_go(encounter.encounter_id):
            self._screen.show(LaneState.GO, Prompt.THANK_YOU)
            await first_of(asyncio.sleep(parts.config.operation.result_shown_s), self._help)
            if self._help.is_set():
                following = await self._wait_for_officer(visit)
            return following
        if going is Going.ON:
            await self._hold_back(wait_s)
            following = await self._wait_for_officer(visit)
        if following is None:
            await self._release(encounter.encounter_id)
        return following

    async def _may_go(self, encounter_id: str) -> bool:
        """Let the traveller go, unless the gateway has a hit by now: decided in the records, where hits are stored."""
        try:
            released = await self._parts.records.release_unless_hit(encounter_id)
        except RecordsError as error:
            log.warning("%s: %s", self._name, error)
            return False
        self._say_alerts(encounter_id, released.alerts)
        return released.count == 1

    async def _hold_back(self, wait_s: float) -> None:
        """Go on saying "please wait" until the moment at which every traveller reads that an officer comes.

        Officers have the alert already. Whoever asks for help need not wait.
        """
        lasted_s = self._screen.lasted_s()
        moment_s = officer_moment(lasted_s, wait_s, self._parts.config.operation.officer_after_s)
        await first_of(asyncio.sleep(moment_s - lasted_s), self._help, self._closing)

    async def _wait_for_officer(self, visit: Visit | None) -> Visit | None:
        """Until an officer lets the lane go on; the visit that follows where they take the traveller of ``visit`` over.

        ``None``: help was asked for by somebody of whom nothing was taken.
        """
        self._screen.show(
            LaneState.OFFICER,
            Prompt.OFFICER_COMES,
            finger=None,
            fingers=(),
            attempt=1,
            help_asked=self._help.is_set(),
        )
        acts = [LaneAct.NEXT] if visit is None else [LaneAct.NEXT, LaneAct.TAKE_OVER]
        order = None
        with self._desk.offering(acts):
            while order is None and not self._closing.is_set():
                await first_of(self._closing.wait(), self._desk.asked)
                following = None if visit is None else visit.again(self._parts.clock.now())
                order = await self._desk.carry_out(self._seen_to(visit, following))
        return following if order is not None and order.act is LaneAct.TAKE_OVER else None

    def _seen_to(self, visit: Visit | None, following: Visit | None) -> Callable[[LaneOrder], Awaitable[None]]:
        async def work(order: LaneOrder) -> None:
            if following is not None and order.act is LaneAct.TAKE_OVER:
                await self._officer.take_over(order, following)
            else:
                await audit(self._parts, self._name, order, self._name if visit is None else visit.encounter_id)

        return work

    async def _release(self, encounter_id: str) -> None:
        try:
            self._say_alerts(encounter_id, await self._parts.records.release(encounter_id))
        except RecordsError as error:
            # The encounter stays as if the traveller were here: a hit still raises an alert, only not a late one.
            log.warning("%s: %s", self._name, error)

    def _say_alerts(self, encounter_id: str, alerts: tuple[int, ...]) -> None:
        for alert in alerts:
            self._parts.events.publish(AlertChanged(alert_id=alert, encounter_id=encounter_id, state=AlertState.OPEN))

    def _say_records(self, state: DeviceState, reason: str = "", advice: str = "") -> None:
        self._parts.events.publish(
            DeviceView(lane=self._name, device="records", state=state, reason=reason, advice=advice)
        )

    async def _drive_signal(self, signal: SupervisedDevice[LaneSignal]) -> None:
        """Show the lane's state of now, once on each device: one that waited for its device is another traveller's."""
        shown: tuple[LaneSignal, SignalState] | None = None
        with self._parts.events.subscribe() as news:
            async for _ in news:
                if not signal.is_ready:
                    continue  # That it is ready again is news too.
                device, state = await signal.ready(), self._signal_state()
                if shown == (device, state):
                    continue
                shown = device, state
                try:
                    await device.show(state)
                except DriverError as error:
                    signal.fault(device, error)

    def _signal_state(self) -> SignalState:
        for event in self._parts.events.present():
            if isinstance(event, LaneView) and event.lane == self._name:
                return _SIGNALS.get(event.state, SignalState.BUSY)
        return SignalState.OFF
