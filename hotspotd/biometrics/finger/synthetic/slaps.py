"""Slaps put together from prints of single fingers, with the box of each: for measuring how well they are cut apart.

Fingers lie as those of a hand do: the middle one highest, the little one lowest and smallest in reach, fanned out a
little, with parts of the joints below the creases, all turned together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.domain.finger import FingerPosition, Slap

Image = NDArray[np.uint8]

_PX_PER_MM = 500 / 25.4
_LIGHT = 232
_LOWER_MM: Mapping[int, float] = {2: 7.0, 3: 0.0, 4: 4.0, 5: 14.0, 7: 7.0, 8: 0.0, 9: 4.0, 10: 14.0, 1: 0.0, 6: 0.0}
"""How much lower than the middle finger's each tip lies, by FGP code."""


@dataclass(frozen=True)
class Placing:
    """How a hand lies: gap between neighbouring prints [mm], fan between neighbours and turn of the hand [rad];
    ``joints``: the share of fingers with a part of their middle joint.
    """

    gap_mm: tuple[float, float] = (1.5, 7.0)
    fan: tuple[float, float] = (0.0, 0.10)
    turn: float = 0.0
    joints: float = 0.7


@dataclass(frozen=True)
class TrueBox:
    """Where a finger's print is: centre (x, y), size (w, h) [px] and turn [rad], clockwise as one sees it."""

    centre: tuple[float, float]
    size: tuple[float, float]
    turn: float


def drawn_slap(
    prints: Mapping[FingerPosition, Image], slap: Slap, rng: np.random.Generator, placing: Placing | None = None
) -> tuple[Image, dict[FingerPosition, TrueBox]]:
    """A picture at 500 dpi of those fingers of ``slap`` that ``prints`` has, and the box of each.

    Prints are (h, w) uint8 at 500 dpi, ridges dark on light.
    """
    placing = placing or Placing()
    order = [position for position in slap.fingers if position in prints]
    cut = {position: _bare(prints[position]) for position in order}
    fan = rng.uniform(*placing.fan)
    places, x = [], 0.0
    for number, position in enumerate(order):
        width = cut[position][0].shape[1]
        x += width / 2
        lower = _LOWER_MM[position] * _PX_PER_MM + rng.normal(0, 1.0) * _PX_PER_MM
        places.append((x, lower, (number - (len(order) - 1) / 2) * fan))
        x += width / 2 + rng.uniform(*placing.gap_mm) * _PX_PER_MM
    side = round(np.hypot(x + 200, 1000)) + 2
    canvas = _LIGHT + 2.5 * rng.standard_normal((side, side), np.float32)
    boxes = {}
    for position, (at, lower, tilt) in zip(order, places, strict=True):
        ink, cover = cut[position]
        # The fan opens upwards around a point below the hand.
        u = (at - x / 2) + np.sin(tilt) * -200
        v = lower - 200
        turn = placing.turn + tilt
        centre = (
            side / 2 + np.cos(placing.turn) * u - np.sin(placing.turn) * v,
            side / 2 + np.sin(placing.turn) * u + np.cos(placing.turn) * v,
        )
        _lay(canvas, ink, cover, centre, turn)
        boxes[position] = TrueBox(centre, (float(ink.shape[1]), float(ink.shape[0])), turn)
        if rng.uniform() < placing.joints:
            joint, joint_cover = _joint(ink, cover, rng)
            below = ink.shape[0] / 2 + rng.uniform(1.5, 3.0) * _PX_PER_MM + joint.shape[0] / 2
            _lay(canvas, joint, joint_cover, (centre[0] - np.sin(turn) * below, centre[1] + np.cos(turn) * below), turn)
    return np.clip(canvas, 0, 255).astype(np.uint8), boxes


def _bare(image: Image) -> tuple[Image, NDArray[np.float32]]:
    """A print cut to its ridges, and how much each pixel covers what lies under it."""
    grey = image.astype(np.float32)
    mean = cv2.blur(grey, (15, 15))
    contrast = np.sqrt(np.maximum(cv2.blur(grey * grey, (15, 15)) - mean * mean, 0))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25))
    mask = cv2.morphologyEx((contrast > 18).astype(np.uint8), cv2.MORPH_CLOSE, disc)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        raise ValueError("no print in the picture")
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    left, top, width, height = stats[best, :4]
    part = (slice(top, top + height), slice(left, left + width))
    cover = cv2.GaussianBlur((labels[part] == best).astype(np.float32), (0, 0), 2.0)
    return image[part], np.asarray(cover, np.float32)


def _joint(ink: Image, cover: NDArray[np.float32], rng: np.random.Generator) -> tuple[Image, NDArray[np.float32]]:
    """The part below a crease: ridges of the same finger's middle, shorter and a little narrower."""
    height, width = ink.shape
    rows = slice(height // 4, height // 4 + round(height * rng.uniform(0.35, 0.6)))
    inset = round(width * rng.uniform(0.02, 0.15))
    columns = slice(inset, width - inset)
    y, x = np.mgrid[-1 : 1 : (rows.stop - rows.start) * 1j, -1 : 1 : (columns.stop - columns.start) * 1j]
    oval = (np.abs(x) ** 4 + np.abs(y) ** 4 < 1).astype(np.float32)
    return ink[rows, columns], cover[rows, columns] * cv2.GaussianBlur(oval, (0, 0), 2.0)


def _lay(
    canvas: NDArray[np.float32], ink: Image, cover: NDArray[np.float32], centre: tuple[float, float], turn: float
) -> None:
    cosine, sine = np.cos(turn), np.sin(turn)
    turned = np.array([[cosine, -sine], [sine, cosine]])
    height, width = ink.shape
    reach = int(np.hypot(height, width) / 2) + 3
    left, top = (max(0, int(at) - reach) for at in centre)
    place = canvas[top : int(centre[1]) + reach, left : int(centre[0]) + reach]
    shift = np.array(centre) - (left, top) - turned @ np.array([(width - 1) / 2, (height - 1) / 2])
    way = np.hstack([turned, shift[:, None]])
    size = (place.shape[1], place.shape[0])
    above = cv2.warpAffine(ink.astype(np.float32), way, size, flags=cv2.INTER_LINEAR, borderValue=float(_LIGHT))
    place += cv2.warpAffine(cover, way, size, flags=cv2.INTER_LINEAR) * (above - place)
