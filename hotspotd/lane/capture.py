"""The steps of one visit, in their order; only those that are not through yet, so that a visit can be gone on with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hotspotd.domain.finger import FingerPosition
from hotspotd.lane.chip_step import ChipStep, PortraitStep
from hotspotd.lane.document_step import DocumentStep
from hotspotd.lane.face_step import FaceStep
from hotspotd.lane.feed import CameraFeed
from hotspotd.lane.finger_step import FingerStep
from hotspotd.lane.liveness_step import LivenessStep
from hotspotd.lane.parts import LaneDevices, LaneParts
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Step, Visit


class Capture:
    """Takes what a visit still lacks. Steps of devices that the lane does not have are left out."""

    def __init__(
        self,
        devices: LaneDevices,
        parts: LaneParts,
        feed: CameraFeed | None,
        documents: DocumentStep,
        screen: Screen,
    ) -> None:
        self._parts = parts
        self._screen = screen
        self._documents = documents
        operation, matching = parts.config.operation, parts.config.matching
        self._chip = (
            ChipStep(devices.chip, parts.authorities, parts.images, screen, parts.clock, operation.chip)
            if devices.chip is not None and operation.chip != "off"
            else None
        )
        self._portrait = (
            PortraitStep(parts.faces, parts.images, matching.portrait_fmr or matching.face_fmr)
            if self._chip is not None and parts.faces is not None
            else None
        )
        self._face = (
            FaceStep(feed, parts.faces, parts.images, screen, matching.face_quality)
            if feed is not None and parts.faces is not None and operation.face
            else None
        )
        self._liveness = (
            LivenessStep(feed, parts.faces, parts.passive_liveness, parts.images, screen, parts.config.liveness)
            if self._face is not None
            and feed is not None
            and parts.faces is not None
            and parts.config.liveness.mode != "off"
            else None
        )
        self.fingers = (
            None
            if devices.scanner is None
            else FingerStep(devices.scanner, parts.images, screen, matching.finger_quality)
        )
        """The step of the fingers, which the gateway may ask for once more."""

    @property
    def takes_face(self) -> bool:
        """Whether a face is taken here."""
        return self._face is not None

    def positions(self, visit: Visit) -> tuple[FingerPosition, ...]:
        """The fingers that are asked of this traveller; none of a child."""
        operation, age = self._parts.config.operation, visit.age()
        asked = self.fingers is not None and (age is None or age >= operation.youngest_for_fingers)
        return operation.positions() if asked else ()

    def is_complete(self, visit: Visit) -> bool:
        """Whether nothing is left to be taken."""
        return visit.done == set(Step)

    async def take(self, visit: Visit) -> Visit:
        """Every step that ``visit`` still lacks. Raises HotspotError where one cannot be made at all."""
        steps: dict[Step, Callable[[Visit], Awaitable[None]]] = {
            Step.DOCUMENT: self._take_document,
            Step.CHIP: self._take_chip,
            Step.FACE: self._take_face,
            Step.PORTRAIT: self._compare_portrait,
            Step.LIVENESS: self._check_liveness,
            Step.FINGERS: self._take_fingers,
        }
        for step, take in steps.items():
            if step not in visit.done:
                visit.step = step
                await take(visit)
                visit.done.add(step)
        visit.step = None
        return visit

    async def _take_document(self, visit: Visit) -> None:
        operation = self._parts.config.operation
        first, visit.arrival = visit.arrival, None
        await self._documents.settle(visit, first, operation.attempts, operation.step_timeout_s)
        self.greet(visit)
        if not self.positions(visit):
            self._screen.without_fingers()

    def greet(self, visit: Visit) -> None:
        """The page may speak the traveller's language from the next view on, where the document tells it."""
        if visit.document is not None and visit.document.nationality:
            self._screen.greet(visit.document.nationality)

    async def _take_chip(self, visit: Visit) -> None:
        if self._chip is not None:
            visit.chip = None
            visit.drop("portrait")
            operation, chip = self._parts.config.operation, self._parts.config.chip
            await self._chip.read(visit, attempts=operation.attempts, timeout_s=chip.timeout_s)

    async def _take_face(self, visit: Visit) -> None:
        if self._face is not None:
            visit.drop("face")
            operation = self._parts.config.operation
            await self._face.capture(
                visit,
                self._parts.clock.monotonic(),
                timeout_s=operation.step_timeout_s,
                device_return_s=operation.device_return_s,
            )

    async def _compare_portrait(self, visit: Visit) -> None:
        if self._portrait is not None:
            visit.portrait = None
            await self._portrait.compare(visit)

    async def _check_liveness(self, visit: Visit) -> None:
        if self._liveness is not None:
            visit.liveness = None
            started = self._parts.clock.monotonic()
            await self._liveness.check(visit, started, timeout_s=self._parts.config.operation.step_timeout_s)

    async def _take_fingers(self, visit: Visit) -> None:
        if self.fingers is None:
            return
        # What an officer broke off is taken anew, unless the officer has said meanwhile that it cannot be had.
        visit.samples = [
            one for one in visit.samples if one.position not in visit.interrupted or one.missing is not None
        ]
        visit.interrupted = frozenset()
        taken = visit.fingers()
        left = tuple(position for position in self.positions(visit) if position not in taken)
        if left:
            operation = self._parts.config.operation
            await self.fingers.capture(
                visit,
                left,
                attempts=operation.attempts,
                timeout_s=operation.step_timeout_s,
                device_return_s=operation.device_return_s,
            )
