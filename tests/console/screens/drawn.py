"""Drawn people and what is taken of them, and records about invented ones."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face import synthetic as drawn_faces
from hotspotd.biometrics.finger import FingerTemplate, extract
from hotspotd.biometrics.finger import synthetic as prints
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from tests.console.kiosk import jpeg, png, record


def face_picture(seed: int, size: tuple[int, int] = (480, 640)) -> NDArray[np.uint8]:
    """A drawn person before the camera."""
    return drawn_faces.picture(drawn_faces.person(seed), np.random.default_rng(seed), size)


@functools.lru_cache(16)
def portrait(seed: int, look: int) -> bytes:
    """A portrait of a drawn person, as JPEG; another ``look`` is another picture of the same person."""
    whole = drawn_faces.picture(drawn_faces.person(seed), np.random.default_rng(look), (500, 500))
    return jpeg(np.ascontiguousarray(whole[20:480, 66:434]))


@functools.lru_cache(16)
def fingerprint(seed: int, look: int) -> bytes:
    """An impression of a drawn finger, as PNG."""
    rng = np.random.default_rng(look)
    return png(prints.impression(prints.master(seed), rng, prints.Condition.GOOD))


@functools.lru_cache(16)
def minutiae(seed: int, look: int) -> FingerTemplate:
    """The template of that impression."""
    picture = cv2.imdecode(np.frombuffer(fingerprint(seed, look), np.uint8), cv2.IMREAD_GRAYSCALE)
    return extract(np.asarray(picture, np.uint8), 500)


def name_record(notice: Notice, number: int, surname: str, given: str, **fields: Any) -> ListRecord:
    """A record about an invented person."""
    return record(notice, reference=f"2026/{number}", surname=surname, given_names=given, **fields)
