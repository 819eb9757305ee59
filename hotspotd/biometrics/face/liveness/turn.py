"""One turn of the head, judged while it is made: the active check, which needs no model.

The traveller looks at the camera and is asked to turn the head to one side. Points on the face are followed
(``tracks``); what they say about its shape (``relief``) becomes a score from 0 to 1. A flat picture that is moved,
turned or tilted, and one that is bent, move otherwise than a head, however they are held. What is round passes: this
says nothing against masks, busts and dolls, and nothing against a screen that shows a head turning the way that was
asked for.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.detect import FaceBox
from hotspotd.biometrics.face.liveness.relief import LEAST_POINTS, Relief, measure
from hotspotd.biometrics.face.liveness.tracks import Tracks

# A score of one half: so much of the movement, in face widths, that no bent sheet explains ...
_BEYOND = 0.014
# ... and a body so many times better an explanation than any bent sheet.
_GAIN = 3.0
# Points of one step that are lost or jump: another face was put in, or it went too fast to be followed.
_MOST_LOST = 0.6
_LONGEST_STEP = 0.35
# Less than this is no movement [face widths]: a person who stands still sways by half of it.
_MOVED = 0.06


class Side(StrEnum):
    """Which way to turn: the traveller's own left or right. The camera sees the left on the picture's right."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def sign(self) -> int:
        """1 where what is near moves to the picture's right."""
        return 1 if self is Side.LEFT else -1


class Turning(StrEnum):
    """How a turn stands."""

    WAITING = "waiting"
    """Nothing can be said yet: no movement, or not enough of it."""
    DONE = "done"
    """A head turned the way it was asked to."""
    WRONG_WAY = "wrong_way"
    """A head turned the other way."""
    CUT = "cut"
    """From one frame to the next the face was another or somewhere else."""
    LOST = "lost"
    """Too few points of the face could be followed."""


def score_of(relief: Relief | None) -> float:
    """How much like a turning head the points moved, from 0 to 1; 0 where nothing is known."""
    if relief is None or abs(relief.across) < abs(relief.down):
        return 0.0
    weakest = max(0.0, min(relief.beyond / _BEYOND, (relief.gain_paper - 1) / (_GAIN - 1)))
    return weakest / (1 + weakest)


class HeadTurn:
    """One turn, from a frame in which the face looks at the camera. Not thread-safe; ``add`` takes 10 to 60 ms."""

    def __init__(self, rgb: NDArray[np.uint8], box: FaceBox, side: Side, threshold: float) -> None:
        self._tracks = Tracks(rgb, box)
        self._side = side
        self._threshold = threshold
        self._travel = 0.0
        self.relief: Relief | None = None
        """The latest measurement."""
        self.score = 0.0
        """The highest score of a turn to the right side."""
        self.state = Turning.WAITING if self._tracks.begun >= LEAST_POINTS else Turning.LOST

    @property
    def moved(self) -> bool:
        """Whether the face has moved at all."""
        return self._travel > _MOVED

    def add(self, rgb: NDArray[np.uint8]) -> Turning:
        """Judge the next frame (h, w, 3). What is decided stays decided."""
        if self.state is not Turning.WAITING:
            return self.state
        before = self._tracks.travel
        followed = self._tracks.add(rgb)
        travel = self._tracks.travel
        self._travel = max(self._travel, travel)
        if followed < 1 - _MOST_LOST or abs(travel - before) > _LONGEST_STEP:
            self.state = Turning.CUT
        elif self._tracks.left < LEAST_POINTS:
            self.state = Turning.LOST
        elif travel > _MOVED:
            self._judge()
        return self.state

    def _judge(self) -> None:
        self.relief = measure(self._tracks.paths, self._tracks.width)
        score = score_of(self.relief)
        right_way = self.relief is not None and self.relief.across * self._side.sign > 0
        if right_way:
            self.score = max(self.score, score)
        if score >= self._threshold:
            self.state = Turning.DONE if right_way else Turning.WRONG_WAY
