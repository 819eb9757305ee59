"""The test traveller's record: the first capture, kept in memory only, with which the second one is compared.

For worker threads.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine
from hotspotd.errors import BiometricError

Pixels = NDArray[np.uint8]


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """How alike two captures are: of other people the share ``rate`` would be as alike; ``None`` with a problem."""

    matches: bool
    rate: float | None = None
    problem: str = ""


def fingers_alike(first: Pixels, second: Pixels, dpi: int, fmr: float) -> Likeness:
    """Two prints (h, w) at ``dpi``, judged at the operation's false match rate."""
    try:
        score = finger.compare(finger.extract(first, dpi), finger.extract(second, dpi))
    except BiometricError as error:
        return Likeness(matches=False, problem=error.what)
    return _at(finger.false_match_rate(score), fmr)


def faces_alike(faces: Callable[[], FaceEngine], first: Pixels, second: Pixels, fmr: float) -> Likeness:
    """The faces in two pictures (h, w, 3) RGB, judged at the operation's false match rate."""
    try:
        engine = faces()
        one, other = (_embedded(engine, picture) for picture in (first, second))
    except BiometricError as error:
        return Likeness(matches=False, problem=error.what)
    if one is None or other is None:
        return Likeness(matches=False, problem="there was no face in one of the two pictures")
    return _at(engine.false_match_rate(engine.similarity(one, other)), fmr)


def _embedded(engine: FaceEngine, picture: Pixels) -> NDArray[np.float32] | None:
    box, _ = engine.look(picture)
    return None if box is None else engine.embed(picture, box)


def _at(rate: float, fmr: float) -> Likeness:
    return Likeness(matches=rate <= fmr, rate=rate)
