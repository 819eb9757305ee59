"""One lane: one traveller after another, from the document to the result.

The order is fixed: document and its chip, face, fingers, then everything is written down, and only then searched.
Whatever goes wrong on the way is noted in the encounter and refers the traveller; the lane itself goes on. The
traveller's screen shows the same for a hit, for trouble and for a call for help.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec

from drivers.base import DriverError, Frame, LaneSignal, MrzRead, SignalState
from hotspotd.domain.verdict import Outcome, ReferReason
from hotspotd.errors import HotspotError, RecordsError
from hotspotd.events import (
    AlertChanged,
    DeviceState,
    DeviceView,
    LaneState,
    LaneView,
    Prompt,
)
from hotspotd.lane.chip_step import ChipStep, PortraitStep
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.document_step import DocumentStep
from hotspotd.lane.face_step import FaceStep
from hotspotd.lane.feed import CameraFeed
from hotspotd.lane.finger_step import FingerStep
from hotspotd.lane.gateway_step import GatewayStep
from hotspotd.lane.hold import Hold
from hotspotd.lane.liveness_step import LivenessStep
from hotspotd.lane.parts import LaneDevices, LaneParts
from hotspotd.lane.recording import record_and_check
from hotspotd.lane.screen import Screen
from hotspotd.lane.trials import LaneTrials
from hotspotd.lane.visit import Visit
from hotspotd.lane.waiting import first_of
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
        operation, matching = parts.config.operation, parts.config.matching
        self._screen = Screen(name, parts.events, parts.clock, operation.attempts)
        self._documents = DocumentStep(devices.document, devices.needed(operation.required), self._screen, parts.clock)
        self._chip_step = (
            ChipStep(devices.chip, parts.authorities, parts.images, self._screen, parts.clock, operation.chip)
            if devices.chip is not None and operation.chip != "off"
            else None
        )
        self._portrait_step = (
            PortraitStep(parts.faces, parts.images, matching.portrait_fmr or matching.face_fmr)
            if self._chip_step is not None and parts.faces is not None
            else None
        )
        self._feed = None if devices.camera is None else CameraFeed(devices.camera)
        self._face_step = (
            FaceStep(self._feed, parts.faces, parts.images, self._screen, matching.face_quality)
            if self._feed is not None and parts.faces is not None and operation.face
            else None
        )
        self._liveness_step = (
            LivenessStep(
                self._feed, parts.faces, parts.passive_liveness, parts.images, self._screen, parts.config.liveness
            )
            if self._face_step is not None
            and self._feed is not None
            and parts.faces is not None
            and parts.config.liveness.mode != "off"
            else None
        )
        self._finger_step = (
            None
            if devices.scanner is None
            else FingerStep(devices.scanner, parts.images, self._screen, matching.finger_quality)
        )
        self._gateway_step = GatewayStep(name, parts, self._finger_step, self._screen)
        self._help = asyncio.Event()
        self._taken_over = asyncio.Event()
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

    async def clear_officer(self) -> None:
        """An officer has taken the traveller over: the lane goes on to the next."""
        if self._screen.view.state is LaneState.OFFICER:
            self._taken_over.set()

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
            self._taken_over.clear()
            if self._hold.asked.is_set():
                self._screen.show(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
                await first_of(self._hold.over(), self._closing)
                continue
            arrival = await first_of(self._arrival(), self._help, self._closing, self._hold.asked)
            if arrival is not None:
                await self._one_traveller(arrival)
            elif self._help.is_set():
                await self._wait_for_officer()
        self._screen.show(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)

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

    async def _one_traveller(self, arrival: MrzRead) -> None:
        visit = Visit(self._parts.clock.now())
        self._screen.begin_visit(visit.encounter_id)
        try:
            try:
                await first_of(self._capture(visit, arrival), self._help)
            except HotspotError as error:
                log.warning("%s: the capture was broken off: %s", self._name, error)
                visit.note(ReferReason.DEVICE_FAULT)
            if self._help.is_set():
                visit.note(ReferReason.HELP_ASKED)
            await self._check_and_show(visit)
        finally:
            self._screen.end_visit()

    async def _capture(self, visit: Visit, arrival: MrzRead) -> Visit:
        operation = self._parts.config.operation
        await self._documents.settle(visit, arrival, operation.attempts, operation.step_timeout_s)
        if visit.document is not None and visit.document.nationality:
            self._screen.greet(visit.document.nationality)
        if self._chip_step is not None:
            await self._chip_step.read(visit, attempts=operation.attempts, timeout_s=self._parts.config.chip.timeout_s)
        if self._face_step is not None:
            await self._face_step.capture(
                visit,
                self._parts.clock.monotonic(),
                timeout_s=operation.step_timeout_s,
                device_return_s=operation.device_return_s,
            )
        if self._portrait_step is not None:
            await self._portrait_step.compare(visit)
        if self._liveness_step is not None:
            await self._liveness_step.check(visit, self._parts.clock.monotonic(), timeout_s=operation.step_timeout_s)
        age = visit.age()
        if self._finger_step is not None and (age is None or age >= operation.youngest_for_fingers):
            await self._finger_step.capture(
                visit,
                operation.positions(),
                attempts=operation.attempts,
                timeout_s=operation.step_timeout_s,
                device_return_s=operation.device_return_s,
            )
        return visit

    async def _check_and_show(self, visit: Visit) -> None:
        parts = self._parts
        self._screen.show(LaneState.CHECKING, Prompt.WAIT, finger=None, fingers=(), attempt=1)
        encounter = visit.encounter(self._name, parts.config.operation.name, parts.config.device.country)
        with parts.events.subscribe() as news:
            try:
                verdict = await record_and_check(encounter, parts)
            except HotspotError as error:
                # Nothing was acknowledged to anybody: the officer takes over, and hears why.
                log.error("%s: encounter %s could not be recorded: %s", self._name, encounter.encounter_id, error)
                self._say_records(DeviceState.FAULTED, error.what, error.advice)
                await self._wait_for_officer()
                return
            self._say_records(DeviceState.READY)
            if verdict.outcome is Outcome.CLEAR:
                try:
                    verdict = await self._gateway_step.answered(visit, encounter, verdict, news, self._help)
                except HotspotError as error:
                    log.error("%s: encounter %s: the second capture: %s", self._name, encounter.encounter_id, error)
                    verdict = msgspec.structs.replace(verdict, outcome=Outcome.REFER)
        if verdict.outcome is Outcome.CLEAR and not self._help.is_set() and await self._may_go(encounter.encounter_id):
            self._screen.show(LaneState.GO, Prompt.THANK_YOU)
            await first_of(asyncio.sleep(parts.config.operation.result_shown_s), self._help)
            if self._help.is_set():
                await self._wait_for_officer()
        else:
            await self._wait_for_officer()
            await self._release(encounter.encounter_id)

    async def _may_go(self, encounter_id: str) -> bool:
        """Let the traveller go, unless the gateway has a hit by now: decided in the records, where hits are stored."""
        try:
            released = await self._parts.records.release_unless_hit(encounter_id)
        except RecordsError as error:
            log.warning("%s: %s", self._name, error)
            return False
        self._say_alerts(encounter_id, released.alerts)
        return released.count == 1

    async def _wait_for_officer(self) -> None:
        self._screen.show(LaneState.OFFICER, Prompt.OFFICER_COMES, finger=None, fingers=(), attempt=1)
        await first_of(self._taken_over.wait(), self._closing)

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
