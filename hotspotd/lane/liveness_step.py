"""After the portrait: is a live face before the camera? A model looks at it, the head is turned, or both.

Whatever does not pass refers the traveller: a check that failed, and one that could not be made. What the traveller
reads is the same either way, and nothing is ever said about it. The sides are chosen once for a visit: whoever waits
for another pair of sides waits in vain.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drivers.base import Frame
from hotspotd.biometrics.face import FaceBox, FaceEngine
from hotspotd.biometrics.face.liveness import HeadTurn, PassiveLiveness, Side, Turning
from hotspotd.config import LivenessSection
from hotspotd.domain.liveness import Liveness, LivenessCheck, LivenessDetail, LivenessState
from hotspotd.domain.verdict import ReferReason
from hotspotd.errors import BiometricError
from hotspotd.events import LaneState, Prompt
from hotspotd.lane.feed import CameraFeed
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Visit
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

ACTIVE_ENGINE = "head-turn-1"
"""Raised whenever the same frames would give other scores; recorded with each."""

Method = Literal["passive", "active"]

_PROMPTS = {Side.LEFT: Prompt.TURN_LEFT, Side.RIGHT: Prompt.TURN_RIGHT}
# The median of so many frames is judged by the model: one with closed eyes or a reflection does not decide.
_PASSIVE_FRAMES = 3
# A turn that nobody made, or that could not be followed, is asked for again so often.
_TRIES = 3
# The head is back when the eyes are nearer than this to where they were [eye distances]; or after so many frames that
# show a face: the traveller may have shifted.
_BACK = 0.3
_LONGEST_BACK = 15

_DETAILS = {Turning.CUT: LivenessDetail.LOST, Turning.LOST: LivenessDetail.LOST}


@dataclass(frozen=True, slots=True)
class _Result:
    state: LivenessState
    score: float | None = None
    detail: LivenessDetail | None = None


@dataclass(slots=True)
class _Course:
    """Where one traveller's check is. ``alike`` holds how like the portrait each face was that looked ahead."""

    portrait: NDArray[np.float32]
    after: float
    home: tuple[float, float] | None = None
    alike: list[float] = field(default_factory=list)


class LivenessStep:
    """The checks that the configuration asks for; ``passive`` is None where its model could not be opened."""

    def __init__(
        self,
        feed: CameraFeed,
        engine: FaceEngine,
        passive: PassiveLiveness | None,
        worker: Worker,
        screen: Screen,
        settings: LivenessSection,
    ) -> None:
        self._feed = feed
        self._engine = engine
        self._passive = passive
        self._worker = worker
        self._screen = screen
        self._settings = settings

    async def check(self, visit: Visit, started: float, *, timeout_s: float) -> None:
        """Record in ``visit`` what became of each check, from frames later than ``started`` (monotonic)."""
        asked: list[Method] = ["passive"] if self._settings.passive else []
        asked += ["active"] if self._settings.active else []
        # First of all: whatever breaks the visit off, the record says that nothing was passed.
        broken_off = _Result(LivenessState.NOT_DONE, detail=LivenessDetail.BROKEN_OFF)
        checks = {one: self._record(one, broken_off) for one in asked}
        visit.liveness = Liveness(checks=tuple(checks.values()))
        portrait = next((sample.template for sample in visit.samples if sample.modality == "face"), b"")
        for one in asked:
            result = _Result(LivenessState.NOT_DONE, detail=LivenessDetail.NO_FACE)
            if portrait:
                course = _Course(np.frombuffer(portrait, "<f4").astype(np.float32), started)
                try:
                    result = await (self._passively(course, timeout_s) if one == "passive" else self._actively(course))
                except BiometricError as error:
                    log.warning("a liveness check could not be made: %s", error)
                    result = _Result(LivenessState.NOT_DONE, detail=LivenessDetail.NO_MODEL)
            checks[one] = self._record(one, result)
            visit.liveness = Liveness(checks=tuple(checks.values()))
            if result.state is LivenessState.FAILED:
                break
        state = visit.liveness.state
        if state is LivenessState.FAILED:
            visit.note(ReferReason.LIVENESS_FAILED)
        elif state is LivenessState.NOT_DONE and not (portrait == b"" and visit.trouble):
            # Without a portrait the traveller is referred already, for a reason that says more.
            visit.note(ReferReason.LIVENESS_NOT_DONE)

    def _record(self, method: Method, result: _Result) -> LivenessCheck:
        passive = method == "passive"
        model = "" if self._passive is None else self._passive.name
        return LivenessCheck(
            method=method,
            state=result.state,
            threshold=self._settings.passive_threshold if passive else self._settings.active_threshold,
            score=None if result.score is None else round(result.score, 4),
            detail=result.detail,
            engine=model if passive else ACTIVE_ENGINE,
        )

    # A model looks.

    async def _passively(self, course: _Course, timeout_s: float) -> _Result:
        if self._passive is None:
            return _Result(LivenessState.NOT_DONE, detail=LivenessDetail.NO_MODEL)
        scores: list[float] = []
        try:
            async with self._screen.time_limit(timeout_s):
                self._screen.show(LaneState.FACE, Prompt.HOLD_STILL, attempt=1)
                while len(scores) < _PASSIVE_FRAMES:
                    frame, box = await self._next_face(course)
                    scores.append(await self._worker.run(self._passive.score, frame.pixels, box))
                    course.alike.append(await self._worker.run(self._likeness, course.portrait, frame, box))
        except TimeoutError:
            return _Result(LivenessState.NOT_DONE, detail=LivenessDetail.NO_FACE)
        score = float(np.median(scores))
        if score < self._settings.passive_threshold:
            return _Result(LivenessState.FAILED, score, LivenessDetail.LIKE_AN_ATTACK)
        return self._if_the_same(course, score)

    # The head turns.

    async def _actively(self, course: _Course) -> _Result:
        scores: list[float] = []
        for side in [secrets.choice(list(Side)) for _ in range(self._settings.turns)]:
            result = await self._one_side(course, side)
            if result.state is not LivenessState.PASSED:
                return result
            scores.append(result.score or 0.0)
        if await self._look_ahead(course) is None:
            return _Result(LivenessState.NOT_DONE, min(scores), LivenessDetail.NO_FACE)
        return self._if_the_same(course, min(scores))

    async def _one_side(self, course: _Course, side: Side) -> _Result:
        detail = LivenessDetail.NO_FACE
        for attempt in range(1, _TRIES + 1):
            ahead = await self._look_ahead(course)
            if ahead is None:
                break
            threshold = self._settings.active_threshold
            turn = await self._worker.run(HeadTurn, ahead[0].pixels, ahead[1], side, threshold)
            try:
                async with self._screen.time_limit(self._settings.turn_timeout_s):
                    self._screen.show(LaneState.FACE, _PROMPTS[side], attempt=attempt)
                    while turn.state is Turning.WAITING:
                        frame = await self._next(course)
                        await self._worker.run(turn.add, frame.pixels)
            except TimeoutError:
                if turn.moved:
                    return _Result(LivenessState.FAILED, turn.score, LivenessDetail.FLAT)
            if turn.state is Turning.DONE:
                return _Result(LivenessState.PASSED, turn.score)
            if turn.state is Turning.WRONG_WAY:
                return _Result(LivenessState.FAILED, 0.0, LivenessDetail.WRONG_WAY)
            detail = _DETAILS.get(turn.state, LivenessDetail.NO_MOVEMENT)
        return _Result(LivenessState.NOT_DONE, detail=detail)

    async def _look_ahead(self, course: _Course) -> tuple[Frame, FaceBox] | None:
        """The first frame in which the face looks at the camera again; None where it does not in time."""
        try:
            async with self._screen.time_limit(self._settings.turn_timeout_s):
                self._screen.show(LaneState.FACE, Prompt.HOLD_STILL if course.home is None else Prompt.LOOK_AHEAD)
                for _ in range(_LONGEST_BACK):
                    frame, box = await self._next_face(course)
                    middle = np.mean(np.array(box.eyes), axis=0)
                    if course.home is None or np.hypot(*(middle - course.home)) < _BACK * box.eye_distance:
                        break
        except TimeoutError:
            return None
        course.home = course.home or (float(middle[0]), float(middle[1]))
        course.alike.append(await self._worker.run(self._likeness, course.portrait, frame, box))
        return frame, box

    # Both.

    async def _next(self, course: _Course) -> Frame:
        frame = await self._feed.next(course.after)
        course.after = frame.captured_at
        return frame

    async def _next_face(self, course: _Course) -> tuple[Frame, FaceBox]:
        while True:
            frame = await self._next(course)
            faces = await self._worker.run(self._engine.detect, frame.pixels)
            if faces:
                return frame, faces[0]

    def _likeness(self, portrait: NDArray[np.float32], frame: Frame, box: FaceBox) -> float:
        return self._engine.similarity(self._engine.embed(frame.pixels, box), portrait)

    def _if_the_same(self, course: _Course, score: float) -> _Result:
        """Passed, if the face that was judged is the one of the portrait: no photo for one and a head for the other."""
        rate = self._engine.false_match_rate(float(np.median(course.alike)))
        if rate > self._settings.same_face_fmr:
            return _Result(LivenessState.FAILED, score, LivenessDetail.OTHER_FACE)
        return _Result(LivenessState.PASSED, score)
