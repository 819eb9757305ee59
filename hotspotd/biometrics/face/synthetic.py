"""Drawn faces of nobody: portraits for demonstrations and tests, made of shapes and a seed.

``person`` fixes what stays (proportions, skin, hair, clothes), ``picture`` draws one photograph of it with what
changes (pose, expression, light, background). No photograph of anyone went into them. They look like illustrations
and prove nothing about recognising people.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.drawing import Drawing
from hotspotd.biometrics.face.person import Person, person

__all__ = ["Person", "person", "picture"]


def picture(who: Person, rng: np.random.Generator, size: tuple[int, int] = (480, 640)) -> NDArray[np.uint8]:
    """One photograph of ``who``, (height, width, 3) uint8 RGB; ``size`` is (width, height), ``rng`` the changes."""
    return Drawing(who, rng, size).draw()
