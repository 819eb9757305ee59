"""Who a drawn person is: everything about them that stays the same from picture to picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hotspotd.biometrics.face.canvas import Colour, mix


class Hair(StrEnum):
    """How the hair is worn."""

    SHAVED = "shaved"
    SHORT = "short"
    PARTED = "parted"
    CURLY = "curly"
    BOB = "bob"
    LONG = "long"
    BUN = "bun"


class Collar(StrEnum):
    """What is worn."""

    CREW = "crew"
    SHIRT = "shirt"
    V_NECK = "v_neck"
    TURTLENECK = "turtleneck"


_SKINS: tuple[Colour, ...] = (
    (244, 208, 184),
    (236, 194, 164),
    (226, 180, 146),
    (210, 160, 124),
    (190, 138, 102),
    (164, 114, 82),
    (136, 92, 66),
    (112, 76, 56),
)
_HAIRS: tuple[Colour, ...] = (
    (38, 30, 28),
    (58, 42, 34),
    (86, 58, 40),
    (122, 82, 50),
    (168, 124, 72),
    (196, 158, 104),
    (134, 62, 36),
    (150, 148, 146),
)
_IRISES: tuple[Colour, ...] = ((74, 48, 32), (96, 66, 38), (88, 104, 74), (78, 108, 134), (104, 116, 122))
_CLOTHES: tuple[Colour, ...] = (
    (44, 62, 88),
    (92, 44, 54),
    (52, 82, 74),
    (120, 124, 130),
    (196, 188, 172),
    (86, 72, 104),
    (168, 110, 74),
    (40, 44, 50),
    (148, 168, 184),
)


@dataclass(frozen=True, slots=True)
class Person:
    """What stays the same from picture to picture. Lengths are in half face widths."""

    seed: int
    skin: Colour
    hair: Colour
    iris: Colour
    clothes: Colour
    shirt: Colour
    style: Hair
    collar: Collar
    glasses: bool
    beard: float
    length: float
    jaw: float
    chin: float
    forehead: float
    cheek: float
    eye_distance: float
    eye_size: float
    eye_slant: float
    brow_height: float
    brow_weight: float
    brow_arch: float
    nose_length: float
    nose_width: float
    mouth_height: float
    mouth_width: float
    lips: float
    lashes: float
    ears: float
    hairline: float
    age: float
    parting: float
    freckles: float


def person(seed: int) -> Person:
    """The person with this number; the same on every machine."""
    rng = np.random.default_rng([seed, 7])

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    skin_number = int(rng.integers(len(_SKINS)))
    # Fair hair belongs to fair skin often enough that the other way round looks wrong in an illustration.
    fair = len(_HAIRS) - 1 if skin_number < 3 else 4
    hair = _HAIRS[int(rng.integers(fair))]
    age = between(0, 1)
    if age > 0.75:
        hair = mix(hair, (176, 174, 172), between(0.4, 0.95))
    feminine = bool(rng.random() < 0.5)
    styles = (
        (Hair.BOB, Hair.LONG, Hair.BUN, Hair.LONG, Hair.CURLY)
        if feminine
        else (Hair.SHORT, Hair.PARTED, Hair.SHORT, Hair.CURLY, Hair.SHAVED, Hair.PARTED)
    )
    return Person(
        seed=seed,
        skin=_vary(_SKINS[skin_number], rng, 5),
        hair=_vary(hair, rng, 6),
        iris=_IRISES[int(rng.integers(len(_IRISES) if skin_number < 4 else 2))],
        clothes=_vary(_CLOTHES[int(rng.integers(len(_CLOTHES)))], rng, 10),
        shirt=_vary((232, 232, 230), rng, 10),
        style=styles[int(rng.integers(len(styles)))],
        collar=list(Collar)[int(rng.integers(len(Collar)))],
        glasses=bool(rng.random() < 0.15),
        beard=0.0 if feminine else max(0.0, between(-0.8, 1.0)),
        length=between(0.93, 1.1),
        jaw=between(0.72, 0.8) if feminine else between(0.78, 0.9),
        chin=between(0.3, 0.38) if feminine else between(0.38, 0.5),
        forehead=between(0.9, 0.98),
        cheek=between(0.95, 1.02),
        eye_distance=between(0.39, 0.46),
        eye_size=between(0.17, 0.21),
        eye_slant=between(-0.03, 0.05),
        brow_height=between(0.24, 0.33),
        brow_weight=between(0.05, 0.08) if feminine else between(0.075, 0.12),
        brow_arch=between(0.02, 0.1),
        nose_length=between(0.46, 0.62),
        nose_width=between(0.17, 0.26),
        mouth_height=between(0.84, 0.94),
        mouth_width=between(0.31, 0.42),
        lips=between(0.07, 0.13),
        lashes=between(0.6, 1.0) if feminine else between(0.1, 0.4),
        ears=between(0.85, 1.15),
        hairline=between(-0.82, -0.66),
        age=age,
        parting=float(rng.choice([-1, 1])) * between(0.2, 0.5),
        freckles=float(rng.random() < 0.12 and skin_number < 3),
    )


def _vary(colour: Colour, rng: np.random.Generator, by: float) -> Colour:
    shift = rng.normal(0, by)
    a, b, c = (float(np.clip(x + shift + rng.normal(0, by / 3), 8, 250)) for x in colour)
    return a, b, c
