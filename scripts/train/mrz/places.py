"""What the finding network learns: drawn pages before a camera, and where the lines of their zones lie.

360 pages are drawn as they are needed, and each is looked at again and again; a view is 256 x 256 pixels of a picture.
A page's words, its portrait and the desk are what is not to be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hotspotd.domain.document import DocumentFormat
from hotspotd.mrz.drawing.camera import Shot
from hotspotd.mrz.drawing.font import Cut
from hotspotd.mrz.drawing.grounds import Ground
from hotspotd.mrz.drawing.page import SIZES_MM, Paper, line_middles, page, portrait
from hotspotd.mrz.drawing.printing import Press
from hotspotd.mrz.drawing.view import Pose, look, place
from hotspotd.mrz.drawing.zones import zone
from hotspotd.mrz.locate import CELL, even_picture

BATCH = 16
SIDE = 256
PAGES = 360
_SHRUNK = 0.6
_GROUNDS = (Ground.PLAIN, Ground.WAVES, Ground.ROSETTES, Ground.LATTICE, Ground.BLOTCHES)
_OWN, _NEAR = 0.45, 0.95
"""Cells that a place may lie off a line's middle to belong to it, and from which it does not."""

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Sheet:
    """A drawn page, grey (h, w) uint8; ``middles``: x of the beginning and end of each line, and y; its width."""

    grey: NDArray[np.uint8]
    middles: tuple[tuple[float, ...], ...]
    width_mm: float


@lru_cache(maxsize=PAGES)
def _sheet(number: int) -> Sheet:
    """The page with this number."""
    rng = np.random.default_rng([PAGES, number])
    layout = list(DocumentFormat)[number % 5]
    lines = zone(rng, layout)
    paper = Paper(
        Press(
            cut=Cut.LEANING if rng.random() < 0.05 else Cut.REGULAR,
            spread=float(rng.uniform(-0.03, 0.05)),
            worn=float(rng.uniform(0.05, 0.4)) if rng.random() < 0.2 else 0.0,
        ),
        ground=_GROUNDS[int(rng.integers(len(_GROUNDS)))],
        depth=float(rng.uniform(0.02, 0.5)),
        white=float(rng.uniform(0.5, 1.0)),
        ink=float(rng.uniform(0.03, 0.35)),
        leading_mm=float(rng.uniform(4.2, 6.8)),
    )
    drawn = page(rng, layout, lines, paper, portrait(1000 + number % 3))[..., 1]
    # A picture of locate.SIDE pixels shows little more than a page of this size does.
    grey = cv2.resize(drawn, None, fx=_SHRUNK, fy=_SHRUNK, interpolation=cv2.INTER_AREA)
    middles = tuple(tuple(_SHRUNK * value for value in line) for line in line_middles(layout, lines, paper))
    return Sheet((grey * 255).astype(np.uint8), middles, SIZES_MM[layout][0])


def view(rng: np.random.Generator, shown: Sheet) -> tuple[Float, Float]:
    """An evened picture (256, 256) of a page, with (6, 32, 32): weight, line, cosine, sine, distance, log cell."""
    size = (SIDE, SIDE)
    sheet, middles = shown.grey.astype(np.float32) / np.float32(255), shown.middles
    cell = float(np.exp(rng.uniform(np.log(4.8), np.log(18))))
    pose = Pose(
        share=cell / 2.54 * shown.width_mm / SIDE,
        turn=float(rng.uniform(-np.pi, np.pi)),
        tilt_x=float(rng.uniform(-0.4, 0.4)),
        tilt_y=float(rng.uniform(-0.4, 0.4)),
    )
    # Most views show the zone, some another part of the page.
    line = middles[int(rng.integers(len(middles)))]
    aim = np.array([rng.uniform(line[0], line[1]), line[2] - float(rng.random() < 0.2) * 0.4 * sheet.shape[0], 1.0])
    seen = place(sheet.shape, size, pose) @ aim
    off = (SIDE / 2 + rng.uniform(-0.4, 0.4, 2) * SIDE - seen[:2] / seen[2]) / SIDE
    pose = Pose(pose.share, pose.turn, pose.tilt_x, pose.tilt_y, float(off[0]), float(off[1]))
    shot = Shot(
        blur=cell * float(rng.uniform(0.02, 0.14)),
        motion=cell * float(rng.uniform(0.1, 0.4)) if rng.random() < 0.15 else 0.0,
        motion_angle=float(rng.uniform(0, np.pi)),
        noise=float(rng.uniform(0.002, 0.03)),
        jpeg=int(rng.integers(50, 98)),
        slope=float(rng.uniform(0, 0.5)),
        slope_angle=float(rng.uniform(0, 2 * np.pi)),
        glare=float(rng.uniform(0.1, 0.6)) if rng.random() < 0.25 else 0.0,
        glare_x=float(rng.random()),
        glare_y=float(rng.random()),
        glare_size=float(rng.uniform(0.05, 0.3)),
        exposure=float(rng.uniform(0.4, 1.3)),
    )
    bare = np.full((SIDE, SIDE, 3), float(rng.uniform(0.05, 0.9)), np.float32) if rng.random() < 0.6 else None
    picture = look(rng, sheet, size, pose, shot, bare)
    return even_picture(picture), _truth(place(sheet.shape, size, pose), middles)


def _truth(matrix: NDArray[np.float64], middles: tuple[tuple[float, ...], ...]) -> Float:
    """What the network should say, for each CELL x CELL pixels."""
    count = SIDE // CELL
    grid = (np.arange(count) + 0.5) * CELL - 0.5
    here = np.stack([*np.meshgrid(grid, grid), np.ones((count, count))], -1)
    back = here @ np.linalg.inv(matrix).T
    x = back[..., 0] / back[..., 2]
    out = np.zeros((6, count, count), np.float32)
    nearest = np.full((count, count), np.inf)
    pitch = _SHRUNK * 25.4
    for left, right, middle in middles:
        foot = _seen(matrix, x, np.full_like(x, middle))
        ahead = _seen(matrix, x + pitch, np.full_like(x, middle)) - foot
        cell = np.hypot(ahead[..., 0], ahead[..., 1])
        cos, sin = ahead[..., 0] / cell, ahead[..., 1] / cell
        across = -(foot[..., 0] - here[..., 0]) * sin + (foot[..., 1] - here[..., 1]) * cos
        off = np.abs(across)
        # Of small characters' lines, too, at least one place in each column of places must know.
        own = (x > left) & (x < right) & (off < np.maximum(_OWN * cell, 0.55 * CELL)) & (off < nearest)
        near = (x > left - pitch) & (x < right + pitch) & (off < _NEAR * cell + 0.1 * CELL) & (off < nearest)
        out[0][near] = -1
        nearest[near] = off[near]
        for channel, values in enumerate((np.ones_like(cell), cos, sin, across / CELL, np.log(cell / CELL)), 1):
            out[channel][own] = values[own]
        out[1][near & ~own] = 0
        out[0][own] = 0
    out[0] += 1
    return out


def _seen(matrix: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    mapped = np.stack([x, y, np.ones_like(x)], -1) @ matrix.T
    return np.asarray(mapped[..., :2] / mapped[..., 2:])


def batch(rng: np.random.Generator, size: int) -> dict[str, Tensor]:
    """Freshly drawn views with what the network should say of them."""
    drawn = [view(rng, _sheet(int(rng.integers(PAGES)))) for _ in range(size)]
    return {
        "picture": torch.from_numpy(np.stack([picture for picture, _ in drawn]))[:, None],
        "truth": torch.from_numpy(np.stack([truth for _, truth in drawn])),
    }


def losses(output: Tensor, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the network is off by, in parts."""
    weight, line, *rest = wanted["truth"].unbind(1)
    own = weight * line
    count = own.sum() + 1
    there = functional.binary_cross_entropy_with_logits(output[:, 0], line, reduction="none")
    parts = {"there": (there * weight).sum() / count}
    for name, channel in (("cosine", 0), ("sine", 1), ("across", 2), ("cell", 3)):
        off = functional.smooth_l1_loss(output[:, channel + 1], rest[channel], reduction="none", beta=0.1)
        parts[name] = (off * own).sum() / count
    return parts


def right(output: Tensor, wanted: dict[str, Tensor]) -> float:
    """Share of what is said or wanted to be a line that is both."""
    weight, line = wanted["truth"][:, 0] > 0, wanted["truth"][:, 1] > 0
    said = output[:, 0] > 0
    return float((said & line & weight).sum() / ((said | line) & weight).sum())
