"""A document that is shown to a camera: what several pictures of it say together.

Each picture's probabilities are put together, so that what a reflection hides in one is read in another. The zone is
given once it is read by the judge, and every character without a check digit was the likeliest in two of the pictures
at least, and in two thirds of them.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.mrz.fields import form
from hotspotd.mrz.locate import Locator
from hotspotd.mrz.reading import Reading, judge
from hotspotd.mrz.recogniser import Recogniser
from hotspotd.mrz.zone import ZoneSight, find_zone

Image = NDArray[np.uint8]
Float = NDArray[np.float32]

KEPT = 6
"""Pictures of one document that are put together, the newest."""
AGREEING = 2
_SHARE = 2 / 3
_ANOTHER = 0.25
"""Share of the characters that differ, from which it is another document."""
_TOGETHER = 0.6
"""Pictures of one document spoil the same character alike: k of them count as k to this power."""


@dataclass(frozen=True)
class Glance:
    """What one picture added: whether a zone is in view, and the document's lines once they are certain."""

    in_view: bool
    lines: tuple[str, ...] | None = None
    reading: Reading | None = None
    """The best guess so far."""


class ZoneReader:
    """Both networks: a picture in, what the zone in it says out. Thread-safe; calls take turns."""

    def __init__(self) -> None:
        """Raises BiometricError where a model or a runtime is missing or wrong."""
        self._locator, self._recogniser = Locator(), Recogniser()

    def sight(self, picture: Image) -> ZoneSight | None:
        """The zone in ``picture``, (h, w) grey or (h, w, 3) RGB uint8, or None."""
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) if picture.ndim == 3 else picture
        return find_zone(grey, self._locator, self._recogniser)

    def read(self, picture: Image) -> Reading | None:
        """The reading of one picture alone; None where no zone is found."""
        sight = self.sight(picture)
        return None if sight is None else judge(characters_of(sight))


_opening = threading.Lock()


@cache
def _open() -> ZoneReader:
    return ZoneReader()


def zone_reader() -> ZoneReader:
    """The reader that everybody shares, loaded when first asked for. Raises BiometricError as ZoneReader does."""
    with _opening:
        return _open()


class Watch:
    """One camera's pictures, one after another. Not thread-safe."""

    def __init__(self, reader: ZoneReader) -> None:
        self._reader = reader
        self._seen: deque[Float] = deque(maxlen=KEPT)

    def look(self, picture: Image) -> Glance:
        """What ``picture``, (h, w, 3) RGB uint8, adds."""
        sight = self._reader.sight(picture)
        if sight is None:
            # What was taken away says nothing about what is laid down next.
            self._seen.clear()
            return Glance(in_view=False)
        return self.add(characters_of(sight))

    def add(self, characters: Float) -> Glance:
        """The same for a zone's log probabilities (lines, length, 37)."""
        if self._seen and (not _alike(self._seen[-1], characters) or self._contradicted_by(characters)):
            self._seen.clear()
        self._seen.append(characters)
        together = fused(list(self._seen))
        reading = judge(together)
        if reading is None or not reading.read or not self._agreed(reading):
            return Glance(in_view=True, reading=reading)
        return Glance(in_view=True, lines=reading.lines, reading=reading)

    def _contradicted_by(self, characters: Float) -> bool:
        """Whether both are read alone, and differ where check digits hold: two documents, however like each other."""
        one, other = judge(self._seen[-1]), judge(characters)
        if one is None or other is None or not (one.read and other.read) or one.layout is not other.layout:
            return False
        return bool((~_same(one.lines, other.lines) & form(one.layout).covered).any())

    def _agreed(self, reading: Reading) -> bool:
        """Whether enough pictures say the same where no check digit does."""
        if len(self._seen) < AGREEING:
            return False
        each = [judge(one) for one in self._seen]
        votes = np.sum(
            [_same(one.lines, reading.lines) for one in each if one is not None and one.layout is reading.layout],
            axis=0,
        )
        needed = max(AGREEING, _SHARE * len(self._seen))
        return bool((votes[~form(reading.layout).covered] >= needed).all())


def characters_of(sight: ZoneSight) -> Float:
    """Log probabilities (lines, length, 37); a middle that is not surely there makes its character doubtful too."""
    out = np.stack([line.characters for line in sight.lines])
    # A middle that lies between two columns is half there in each: from 0.7 on nothing is missing.
    there = np.clip((np.stack([line.sureness for line in sight.lines])[..., None] - 0.3) / 0.4, 0, 1)
    mixed = np.exp(out) * there + (1 - there) / out.shape[2]
    return np.asarray(np.log(np.maximum(mixed, 1e-9)), np.float32)


def fused(each: list[Float]) -> Float:
    """Log probabilities of several pictures of one document together."""
    total = np.sum(each, axis=0) * len(each) ** (_TOGETHER - 1)
    total = total - total.max(axis=2, keepdims=True)
    return np.asarray(total - np.log(np.exp(total).sum(axis=2, keepdims=True)), np.float32)


def _alike(one: Float, other: Float) -> bool:
    if one.shape != other.shape:
        return False
    return float((one.argmax(axis=2) != other.argmax(axis=2)).mean()) < _ANOTHER


def _same(lines: tuple[str, ...], other: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([[a == b for a, b in zip(*pair, strict=True)] for pair in zip(lines, other, strict=True)])
