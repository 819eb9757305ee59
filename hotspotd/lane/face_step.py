"""The second step: guide the traveller until the camera has a face that is good enough."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import cv2
import numpy as np

from drivers.base import Frame
from hotspotd.biometrics.face import FaceEngine, FaceProblem
from hotspotd.domain.encounter import Sample
from hotspotd.domain.verdict import ReferReason
from hotspotd.errors import BiometricError
from hotspotd.events import LaneState, Prompt
from hotspotd.lane.feed import CameraFeed
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Visit
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

_PROMPTS = {
    FaceProblem.NO_FACE: Prompt.LOOK_AT_CAMERA,
    FaceProblem.SEVERAL_FACES: Prompt.ONE_PERSON,
    FaceProblem.TOO_FAR: Prompt.COME_CLOSER,
    FaceProblem.TOO_CLOSE: Prompt.STEP_BACK,
    FaceProblem.OFF_CENTRE: Prompt.MOVE_TO_MIDDLE,
    FaceProblem.TURNED_AWAY: Prompt.LOOK_AT_CAMERA,
    FaceProblem.TILTED: Prompt.HEAD_UPRIGHT,
    FaceProblem.TOO_DARK: Prompt.MORE_LIGHT,
    FaceProblem.TOO_BRIGHT: Prompt.LESS_LIGHT,
    FaceProblem.UNEVEN_LIGHT: Prompt.MORE_LIGHT,
    FaceProblem.EYES_CLOSED: Prompt.OPEN_EYES,
    FaceProblem.MOUTH_OPEN: Prompt.CLOSE_MOUTH,
    FaceProblem.BLURRED: Prompt.HOLD_STILL,
    # The traveller can do little about these; where a site asks for them all the same, another place may help.
    FaceProblem.BUSY_BACKGROUND: Prompt.MOVE_TO_MIDDLE,
    FaceProblem.ODD_COLOUR: Prompt.MORE_LIGHT,
    FaceProblem.COMPRESSED: Prompt.HOLD_STILL,
}

# Of several good frames the best is kept: eyes close and heads move between two of them.
_GOOD_FRAMES = 3


@dataclass(frozen=True, slots=True)
class _Look:
    quality: int
    problem: FaceProblem | None
    sample: Sample | None


class FaceStep:
    """Takes the portrait and the face template of a visit."""

    def __init__(
        self, feed: CameraFeed, engine: FaceEngine, worker: Worker, screen: Screen, least_quality: int
    ) -> None:
        self._feed = feed
        self._engine = engine
        self._worker = worker
        self._screen = screen
        self._least = least_quality

    async def capture(self, visit: Visit, started: float, *, timeout_s: float, device_return_s: float) -> None:
        """Add a face sample to ``visit`` from frames later than ``started`` (monotonic), or note that none came.

        A camera that is away is waited for, ``device_return_s`` at most.
        """
        if not self._feed.is_ready and not await self._camera_returns(device_return_s):
            visit.note(ReferReason.DEVICE_FAULT)
            return
        try:
            async with self._screen.time_limit(timeout_s):
                self._screen.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, attempt=1)
                best = await self._best_of_good(started)
        except TimeoutError:
            visit.note(ReferReason.FACE_NOT_CAPTURED)
            return
        if best.sample is not None:
            visit.samples.append(best.sample)

    async def _camera_returns(self, within_s: float) -> bool:
        try:
            async with self._screen.time_limit(within_s):
                self._screen.show(LaneState.FACE, Prompt.WAIT, attempt=1)
                await self._feed.ready()
        except TimeoutError:
            return False
        return True

    async def _best_of_good(self, after: float) -> _Look:
        good: list[_Look] = []
        while len(good) < _GOOD_FRAMES:
            frame = await self._feed.next(after)
            after = frame.captured_at
            look = await self._worker.run(self._look, frame)
            if look.sample is not None:
                good.append(look)
                self._screen.show(LaneState.FACE, Prompt.HOLD_STILL)
            elif look.problem is not None:
                self._screen.show(LaneState.FACE, _PROMPTS[look.problem])
        return max(good, key=lambda look: look.quality)

    def _look(self, frame: Frame) -> _Look:
        try:
            return self._judge(frame)
        except BiometricError as error:
            log.debug("a frame cannot be used: %s", error)
            return _Look(0, FaceProblem.BLURRED, None)

    def _judge(self, frame: Frame) -> _Look:
        box, quality = self._engine.look(frame.pixels)
        if box is None or quality.problems or quality.score < self._least:
            problem = quality.problems[0] if quality.problems else FaceProblem.BLURRED
            return _Look(quality.score, problem, None)
        portrait = self._engine.portrait(frame.pixels, box)
        decoded = cv2.imdecode(np.frombuffer(portrait, np.uint8), cv2.IMREAD_GRAYSCALE)
        height, width = (0, 0) if decoded is None else decoded.shape
        sample = Sample(
            modality="face",
            media_type="image/jpeg",
            image=portrait,
            width=width,
            height=height,
            quality=quality.score,
            template=self._engine.embed(frame.pixels, box).astype("<f4").tobytes(),
        )
        return _Look(quality.score, None, sample)
