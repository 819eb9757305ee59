"""Pictures for scanners: stripes within an oval, like nobody's finger, different for each seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def striped(seed: int, size: tuple[int, int] = (288, 256)) -> NDArray[np.uint8]:
    """A (height, width) uint8 picture of dark ridges 9 pixels apart on light ground."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float64)
    angle = rng.uniform(0, np.pi)
    bend = rng.uniform(0.001, 0.004)
    along = columns * np.cos(angle) + rows * np.sin(angle) + bend * (rows - size[0] / 2) ** 2
    ridges = 120 + 100 * np.cos(2 * np.pi * along / 9)
    inside = ((rows / size[0] - 0.5) / 0.45) ** 2 + ((columns / size[1] - 0.5) / 0.4) ** 2 < 1
    noise = rng.normal(0, 3, size)
    return np.clip(np.where(inside, ridges, 235) + noise, 0, 255).astype(np.uint8)


def on_sixteen_levels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What a module with 4 bits a pixel makes of them."""
    return ((pixels >> 4) * 17).astype(np.uint8)
