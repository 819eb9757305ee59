"""What is done before a camera when it asks for a turn of the head: by a person, and by who holds up a picture.

Drawn frame by frame from ``heads``, each act from its seed, so that error rates can be measured where no films of real
attacks may be had. Real paper, screens and heads have faults and habits that none of this has: rates measured here say
whether the check does what it was built for, not what it is worth at a border.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.heads import Eyes, Pose, Scene, film

Image = NDArray[np.uint8]
_SIZES = ((300, 400), (360, 480))


class Act(StrEnum):
    """What is before the camera; all but the first are attack instruments used in one way (PAI species)."""

    BONA_FIDE = "bona_fide"
    STILL_PHOTO = "still_photo"
    """A flat picture held up by a hand that trembles."""
    MOVED_PHOTO = "moved_photo"
    """Shifted, brought nearer and rolled, as large as a head's movement."""
    TURNED_PHOTO = "turned_photo"
    """Turned about its vertical axis, as a head would be."""
    WAVED_PHOTO = "waved_photo"
    """Turned, tilted, shifted and brought nearer at once."""
    BENT_PHOTO = "bent_photo"
    """Bent about an upright axis and turned."""
    BENT_ACROSS = "bent_across"
    """Bent about an axis across and turned."""
    BENDING_PHOTO = "bending_photo"
    """Bent more and more while it is turned."""
    WRAPPED_PHOTO = "wrapped_photo"
    """Laid around something as round as a head, and turned with it."""
    SPLICED = "spliced"
    """A photo at first, and then, from one frame to the next, a turning head of somebody else."""
    REPLAYED = "replayed"
    """A screen that shows a turning head, recorded before: its side is chosen by chance."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How one act differs from the next: drawn once from its seed."""

    rest: int
    rise: int
    hold: int
    yaw: float
    x: float
    y: float
    nearer: float
    pitch: float
    roll: float
    bend: float
    noise: float
    blur: float
    light: float


def perform(act: Act, seed: int, sign: int, skin: tuple[Image, Eyes] | None = None) -> Iterator[Image]:
    """The frames (height, width, 3) RGB of ``act`` at about ten a second; ``sign`` 1: the turn was asked to the left.

    The person's own left, which is the picture's right. ``skin`` as for ``heads.Scene``.
    """
    rng = np.random.default_rng([seed, 97])
    scene = Scene(seed, _SIZES[seed % 2], float(rng.uniform(5.5, 12)), skin)
    way = _Way(
        rest=int(rng.integers(2, 6)),
        rise=int(rng.integers(7, 18)),
        hold=int(rng.integers(2, 6)),
        yaw=sign * float(np.radians(rng.uniform(18, 35))),
        x=float(rng.normal(0, 0.08)),
        y=float(rng.normal(0, 0.04)),
        nearer=float(rng.normal(0, 0.15)),
        pitch=float(np.radians(rng.normal(0, 3))),
        roll=float(np.radians(rng.normal(0, 3))),
        bend=float(rng.uniform(0.2, 0.6)),
        noise=float(rng.uniform(1, 5)),
        blur=float(rng.uniform(0.2, 1.0)),
        light=float(rng.uniform(-0.12, 0.12)),
    )
    show = _shows(act, scene, way, rng)
    for number in range(way.rest + way.rise + way.hold):
        share = (1 - np.cos(np.pi * np.clip((number - way.rest) / way.rise, 0, 1))) / 2
        picture = show(float(share), number)
        yield film(picture, rng, noise=way.noise, gain=1 + way.light * float(share), blur=way.blur)


def _shows(act: Act, scene: Scene, way: _Way, rng: np.random.Generator) -> Callable[[float, int], Image]:
    tremble = rng.normal(0, 0.006, (64, 2))

    def turning(share: float, number: int, yaw: float = way.yaw) -> Pose:
        return Pose(
            x=way.x * share + float(tremble[number, 0]),
            y=way.y * share + float(tremble[number, 1]),
            nearer=way.nearer * share,
            yaw=yaw * share,
            pitch=way.pitch * share,
            roll=way.roll * share,
        )

    if act is Act.BONA_FIDE:
        return lambda share, number: scene.head(turning(share, number))
    if act is Act.REPLAYED:
        yaw = abs(way.yaw) * (1 if rng.random() < 0.5 else -1)
        screen = Pose(yaw=float(rng.normal(0, 0.1)), pitch=float(rng.normal(0, 0.1)))
        return lambda share, number: scene.sheet(scene.head(turning(share, number, yaw)), screen)
    photo = film(scene.head(Pose()), rng, noise=1.5, blur=0.5)
    if act is Act.SPLICED:
        other = Scene(scene.who.seed + 500_000, (photo.shape[1], photo.shape[0]), scene.distance)
        cut = int(rng.integers(1, way.rest + way.rise // 2))
        return lambda share, number: (
            scene.sheet(photo, turning(0, number)) if number < cut else other.head(turning(share, number))
        )
    return _paper(act, scene, way, rng, photo, turning)


def _paper(
    act: Act,
    scene: Scene,
    way: _Way,
    rng: np.random.Generator,
    photo: Image,
    turning: Callable[[float, int], Pose],
) -> Callable[[float, int], Image]:
    """How paper is held; people turn it further than a head."""
    far = float(rng.uniform(1.0, 1.5)) * way.yaw
    aside, closer, rolled, tilted = (
        float(n) for n in (np.sign(way.yaw) * rng.uniform(0.3, 0.7), *rng.uniform(-1, 1, 3) * (1.0, 0.2, 0.4))
    )
    tight = float(rng.uniform(0.75, 0.95))

    def show(share: float, number: int) -> Image:
        pose, bend, upright = turning(share, number), 0.0, True
        # A hand that turns a picture moves it as well.
        yaw, x, nearer, roll, pitch = 0.0, pose.x + 0.5 * aside * share, pose.nearer, pose.roll, pose.pitch
        match act:
            case Act.STILL_PHOTO:
                pose = turning(0, number)
                x, nearer, roll, pitch = pose.x, 0.0, pose.roll, pose.pitch
            case Act.MOVED_PHOTO:
                x, nearer, roll = pose.x + aside * share, closer * share, rolled * share
            case Act.TURNED_PHOTO:
                yaw = far * share
            case Act.WAVED_PHOTO:
                yaw, x, nearer, roll, pitch = (n * share for n in (far, aside, closer, rolled, tilted))
            case Act.BENT_PHOTO:
                yaw, bend = far * share, way.bend
            case Act.BENT_ACROSS:
                yaw, bend, upright = far * share, way.bend, False
            case Act.BENDING_PHOTO:
                yaw, bend, upright = far * share, way.bend * share, bool(scene.who.seed % 3)
            case _:
                yaw, bend = far * share, tight
        held = Pose(x=x, y=pose.y, nearer=nearer, yaw=yaw, pitch=pitch, roll=roll)
        return scene.sheet(photo, held, bend=bend, upright=upright)

    return show
