"""Labelled pictures of fingers that nobody has: a set that measures the engine where no real one may be used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from hotspotd.biometrics.finger.evaluation.sets import Image, Picture
from hotspotd.biometrics.finger.synthetic import Condition, Master, impression, master


def synthetic(first: int, fingers: int, conditions: Sequence[Condition]) -> list[Picture]:
    """An impression in each of ``conditions`` of the ``fingers`` whose seeds begin at ``first``; drawn when read."""
    out = []
    for seed in range(first, first + fingers):
        finger = master(seed)
        for number, condition in enumerate(conditions):
            draw = partial(_draw, finger, seed, number, condition)
            out.append(Picture(str(seed), str(number), f"{seed}_{number}", draw))
    return out


def _draw(finger: Master, seed: int, number: int, condition: Condition) -> tuple[Image, int]:
    return impression(finger, np.random.default_rng([seed, number]), condition), 500
