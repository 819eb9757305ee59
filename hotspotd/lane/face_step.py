"""The second step: guide the traveller until the camera has a face that is good enough."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.base import Frame
from hotspotd.biometrics import picture_size
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

# So many good frames become one template; the best of them gives the portrait.
_GOOD_FRAMES = 3
# Frames that are less like the best one than this false match rate are left out: somebody else may have stepped in.
_SAME_FACE_FMR = 0.1


@dataclass(frozen=True, slots=True)
class Look:
    """A good face in one frame."""

    quality: int
    embedding: NDArray[np.float32]
    portrait: bytes


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

        A camera that is away is waited for until ``device_return_s`` after it went.
        """
        if not self._feed.is_ready and not await self._camera_returns(self._feed.patience(device_return_s)):
            visit.note(ReferReason.DEVICE_FAULT)
            return
        try:
            async with self._screen.time_limit(timeout_s):
                self._screen.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, attempt=1)
                good = await self._good_frames(started)
                visit.samples.append(await self._worker.run(fused, self._engine, good))
        except TimeoutError:
            visit.note(ReferReason.FACE_NOT_CAPTURED)

    async def _camera_returns(self, within_s: float) -> bool:
        if not within_s:
            return False
        try:
            # No time of the traveller's runs here: none is shown, and none can be asked for.
            async with asyncio.timeout(within_s):
                self._screen.show(LaneState.FACE, Prompt.WAIT, attempt=1)
                await self._feed.ready()
        except TimeoutError:
            return False
        return True

    async def _good_frames(self, after: float) -> list[Look]:
        """So many good faces as are fused, telling the traveller what to change until then."""
        good: list[Look] = []
        while len(good) < _GOOD_FRAMES:
            frame = await self._feed.next(after)
            after = frame.captured_at
            seen = await self._worker.run(look, self._engine, frame, self._least)
            if isinstance(seen, Look):
                good.append(seen)
                self._screen.show(LaneState.FACE, Prompt.HOLD_STILL)
            else:
                self._screen.show(LaneState.FACE, _PROMPTS[seen])
        return good


def look(engine: FaceEngine, frame: Frame, least_quality: int) -> Look | FaceProblem:
    """The face in ``frame``, or the one thing to change. Blocks."""
    try:
        # A camera's own smaller stream tells that nobody is there, at a fraction of the work.
        if frame.preview is not None and not engine.detect(frame.preview):
            return FaceProblem.NO_FACE
        box, quality = engine.look(frame.pixels)
        if box is None or quality.problems or quality.score < least_quality:
            return quality.problems[0] if quality.problems else FaceProblem.BLURRED
        portrait = engine.portrait(frame.pixels, box)
        return Look(quality.score, engine.embed(frame.pixels, box), portrait)
    except BiometricError as error:
        log.debug("a frame cannot be used: %s", error)
        return FaceProblem.BLURRED


def fused(engine: FaceEngine, good: Sequence[Look]) -> Sample:
    """The best frame's portrait, with one template of all frames that show the same face."""
    best = max(good, key=lambda one: one.quality)
    same = [one.embedding for one in good if _alike(engine, one.embedding, best.embedding)]
    width, height = picture_size.size_of(best.portrait)
    return Sample(
        modality="face",
        media_type="image/jpeg",
        image=best.portrait,
        width=width,
        height=height,
        quality=best.quality,
        template=engine.fuse(same).astype("<f4").tobytes(),
    )


def _alike(engine: FaceEngine, one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return engine.false_match_rate(engine.similarity(one, other)) <= _SAME_FACE_FMR
