"""Prints and faces for the demonstration's people.

Prints are real ones where the developers' test data lies beside the checkout, and otherwise drawn by the
project's own generator. Two impressions of one finger always differ. Faces are drawn: they are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import finger
from hotspotd.biometrics.face.heads import Pose
from hotspotd.biometrics.face.heads import Scene as Head
from hotspotd.biometrics.face.heads import film as filmed
from hotspotd.biometrics.finger import synthetic as drawn_finger
from hotspotd.errors import BiometricError

Image = NDArray[np.uint8]
SHARED_PRINTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "fingerprints"
# Sets at 500 dpi, the plainest sensor first.
_SETS = ("fvc2002_db1_b", "fvc2004_db1_b", "fvc2002_db3_b")
_IMPRESSIONS = 8
_WELL_PRESSED = 60
_WINDOW = (288, 256)
_TURN_PICTURES = 19
_FURTHEST = 0.5
"""How far heads are turned [rad]."""


@dataclass(frozen=True, slots=True)
class Finger:
    """One finger: the impression that a list would hold, and another that its owner gives at the lane."""

    reference: Image
    probe: Image


def fingers() -> Iterator[Finger]:
    """Different fingers, without end; real ones first where they are to be had."""
    if SHARED_PRINTS.is_dir():
        yield from _real_fingers()
    seed = 1000
    while True:
        yield _drawn_finger(seed)
        seed += 1


def source() -> str:
    """Where the prints come from, in words."""
    return "real prints from the test data" if SHARED_PRINTS.is_dir() else "prints drawn by the project's generator"


def _real_fingers() -> Iterator[Finger]:
    for folder in _SETS:
        for number in range(101, 111):
            reference = _real_print(folder, number, 1)
            # People in a demonstration press well enough: the first impression that is good is given at the lane.
            others = (_real_print(folder, number, impression) for impression in range(2, _IMPRESSIONS + 1))
            probe = next((print_ for print_ in others if _quality(print_) >= _WELL_PRESSED), None)
            if probe is not None:
                yield Finger(reference=reference, probe=probe)


def _real_print(folder: str, number: int, impression: int) -> Image:
    path = SHARED_PRINTS / folder / f"{number}_{impression}.png"
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise OSError(f"could not read {path}")
    return np.asarray(image, np.uint8)


def _drawn_finger(seed: int) -> Finger:
    master = drawn_finger.master(seed)
    rng = np.random.default_rng(seed)
    good = drawn_finger.Condition.GOOD
    return Finger(
        reference=drawn_finger.impression(master, rng, good), probe=drawn_finger.impression(master, rng, good)
    )


def _quality(image: Image) -> int:
    """Quality of what the scanner sees of a print: its middle, in 16 grey levels."""
    top, left = (max(0, have - want) // 2 for have, want in zip(image.shape, _WINDOW, strict=True))
    try:
        return finger.assess(image[top : top + _WINDOW[0], left : left + _WINDOW[1]] // 16 * 17, 500).score
    except BiometricError:
        return 0


def barely_touching(image: Image) -> Image:
    """The same finger held so that only its side touches the glass: a sliver of the print, the rest blank."""
    height, width = image.shape
    ink = np.argwhere(image < 128)
    top, left = ink.min(axis=0)
    blank = np.full_like(image, 255)
    sliver = (slice(top, top + height // 5), slice(left, left + width // 4))
    blank[sliver] = image[sliver]
    return blank


class Before:
    """Somebody drawn who is before the camera, or a photo of them on paper that is held up to it."""

    def __init__(self, seed: int, *, photo: bool) -> None:
        self._head = Head(seed)
        self._rng = np.random.default_rng(seed)
        self._paper = self._head.head(Pose()) if photo else None

    def looking(self, pictures: int) -> list[Image]:
        """Pictures (RGB) as the camera sees them one after another: they breathe and sway a little."""
        sway = self._rng.normal(0, 0.012, (pictures, 5))
        sway[-1] = 0  # The last is the one that a list would hold.
        return [self._seen(Pose(x=x, y=y, yaw=yaw, pitch=pitch, roll=roll)) for x, y, yaw, pitch, roll in sway]

    def turning(self, sign: int) -> list[Image]:
        """There and back: the head to the picture's right (1) or left (-1); a photo is turned as far, and moved."""
        shares = (1 - np.cos(np.linspace(0, np.pi, _TURN_PICTURES))) / 2
        there = [self._seen(self._turned(sign * float(share))) for share in shares]
        return [*there, *there[-2:0:-1]]

    def _turned(self, share: float) -> Pose:
        return Pose(yaw=_FURTHEST * share, x=0.0 if self._paper is None else 0.4 * share)

    def _seen(self, pose: Pose) -> Image:
        drawn = self._head.head(pose) if self._paper is None else self._head.sheet(self._paper, pose)
        return filmed(drawn, self._rng, noise=2)


def empty_booth() -> Image:
    """What the camera sees when nobody is there: a wall, lighter at the top."""
    column = np.linspace(205, 165, 640).astype(np.uint8)
    return np.repeat(np.repeat(column[:, None, None], 480, axis=1), 3, axis=2)


def write_grey(path: Path, image: Image) -> Path:
    """Write a grey picture as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image):
        raise OSError(f"could not write {path}")
    return path


def write_colour(path: Path, image: Image) -> Path:
    """Write an RGB picture as JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92]):
        raise OSError(f"could not write {path}")
    return path
