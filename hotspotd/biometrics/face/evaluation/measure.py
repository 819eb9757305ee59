"""Pictures enrolled one by one, each stage timed on one thread. Embeddings live only as long as they are measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.detect import FaceBox
from hotspotd.biometrics.face.engine import FaceEngine
from hotspotd.biometrics.face.evaluation.people import Picture, read
from hotspotd.errors import BiometricError, Reason

Tick = Callable[[], None]

STAGES: Final = ("detect", "landmarks", "align", "embed")

_UNFIT = frozenset((Reason.NO_FACE, Reason.BAD_IMAGE, Reason.UNREADABLE))
"""Reasons that lie in the picture. Any other, a missing model say, would fail every picture: the run ends with it."""
_BESIDE = 0.5
"""A face less wide than this share of the widest is somebody in the background."""


class Failure(msgspec.Struct, frozen=True):
    """A picture without an embedding: its name, the reason for machines, and in words."""

    picture: str
    reason: str
    what: str

    @property
    def unreadable(self) -> bool:
        """Whether it was not even a picture."""
        return self.reason != Reason.NO_FACE


@dataclass(frozen=True)
class Enrolled:
    """What was made of the pictures: of each an embedding (n, d) float32, rows of zeros where there is none.

    ``there`` (n,) says where there is one, ``person`` (n,) numbers the people; ``seconds`` (m, 4) are the times of
    STAGES of each picture with a face; ``several`` counts pictures with more than one face.
    """

    pictures: Sequence[Picture]
    embeddings: NDArray[np.float32]
    there: NDArray[np.bool_]
    person: NDArray[np.intp]
    failures: Sequence[Failure]
    seconds: NDArray[np.float64]
    several: int


def enrol(pictures: Sequence[Picture], engine: FaceEngine, tick: Tick | None = None) -> Enrolled:
    """Enrol all ``pictures``. Of several faces that are alike in size the one nearest to the middle counts.

    A picture that cannot be read or shows no face is a Failure; BiometricError is raised for what is not the
    picture's fault. OpenCV is kept to one thread meanwhile, for honest times.
    """
    embeddings = np.zeros((len(pictures), engine.dimensions), np.float32)
    there = np.zeros(len(pictures), np.bool_)
    failures: list[Failure] = []
    times: list[tuple[float, ...]] = []
    several = 0
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for number, picture in enumerate(pictures):
            try:
                embeddings[number], taken, faces = _one(read(picture), engine)
            except BiometricError as error:
                if error.reason not in _UNFIT:
                    raise
                failures.append(Failure(picture.name, error.reason.value, error.what))
            else:
                there[number] = True
                times.append(taken)
                several += faces > 1
            if tick:
                tick()
    finally:
        cv2.setNumThreads(threads)
    order = {name: number for number, name in enumerate(dict.fromkeys(one.person for one in pictures))}
    person = np.array([order[one.person] for one in pictures], np.intp)
    seconds = np.array(times, np.float64).reshape(-1, len(STAGES))
    return Enrolled(pictures, embeddings, there, person, failures, seconds, several)


def _one(rgb: NDArray[np.uint8], engine: FaceEngine) -> tuple[NDArray[np.float32], tuple[float, ...], int]:
    marks = [time.perf_counter()]
    faces = engine.detect(rgb)
    marks.append(time.perf_counter())
    if not faces:
        raise BiometricError(Reason.NO_FACE, "no face in the picture")
    box = engine.locate(rgb, _subject(faces, rgb.shape[1], rgb.shape[0]))
    marks.append(time.perf_counter())
    view = engine.align(rgb, box)
    marks.append(time.perf_counter())
    embedding = engine.embed_aligned(view)
    marks.append(time.perf_counter())
    return embedding, tuple(np.diff(marks).tolist()), len(faces)


def _subject(faces: Sequence[FaceBox], width: int, height: int) -> FaceBox:
    widest = max(box.width for box in faces)
    near = [box for box in faces if box.width >= _BESIDE * widest]
    return min(near, key=lambda box: float(np.hypot(box.centre[0] - width / 2, box.centre[1] - height / 2)))
