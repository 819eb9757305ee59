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
from hotspotd.biometrics.face import synthetic as drawn_face
from hotspotd.biometrics.finger import synthetic as drawn_finger
from hotspotd.errors import BiometricError

Image = NDArray[np.uint8]
SHARED_PRINTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "fingerprints"
# Sets at 500 dpi, the plainest sensor first.
_SETS = ("fvc2002_db1_b", "fvc2004_db1_b", "fvc2002_db3_b")
_IMPRESSIONS = 8
_WELL_PRESSED = 60


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
    try:
        return finger.assess(image, 500).score
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


def faces(seed: int, pictures: int) -> list[Image]:
    """Pictures (RGB) of one drawn person, as a camera sees them one after another: they breathe and sway a little."""
    rng = np.random.default_rng(seed)
    still = drawn_face.picture(drawn_face.person(seed), rng)
    return [still, *(_a_moment_later(still, rng) for _ in range(pictures - 1))]


def _a_moment_later(picture: Image, rng: np.random.Generator) -> Image:
    height, width = picture.shape[:2]
    move = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-1, 1), rng.uniform(0.99, 1.01))
    move[:, 2] = move[:, 2] + rng.uniform(-4, 4, 2)
    moved = cv2.warpAffine(picture, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    noisy: Image = np.clip(moved + rng.normal(0, 2, moved.shape), 0, 255).astype(np.uint8)
    return noisy


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
