"""A picture of several fingers on one glass, cut into its fingers.

Ridges are found by their contrast; what hangs together is a finger, or a joint of one below its crease. The hand's
direction is that in which its parts are long. Seen along it, parts one above the other are one finger, whose topmost
part is its tip: that is cut out, turned upright. Fingers that touch are parted by wearing the parts away until as many
are left as are asked for. Positions follow from the order from left to right, as fingers lie with the palm down.

Nothing is guessed: a picture that shows more or fewer fingers than asked for gives no fingers but an error with the
number found, for which of them is missing cannot be told from the picture. Nor can a right hand from a left.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.errors import BiometricError, Reason

MOST_PIXELS = 8_000_000
"""Four fingers at 1000 px/inch, 3200 x 2000, are below."""

Mask = NDArray[np.uint8]
Float = NDArray[np.float32]

_MM_PER_INCH = 25.4
_SCALE = 5.0
"""Pixels to a mm in which parts are looked for: a finger is 60 to 80 across."""
_RIDGE_MM = 0.75
"""One and a half ridge periods: a window this wide holds a ridge and a valley."""
_FAINTEST, _FAINT_SHARE = 6.0, 0.3
"""Contrast [grey levels] of bare glass and its noise; share of a good print's contrast that still is one."""
_SMALLEST_MM2 = 30.0
"""Less is dirt, or the edge of a palm."""
_WEAR_MM, _MOST_WEAR_MM = 0.4, 4.0
_LONGEST_TIP_MM, _SHORTEST_TIP_MM = 30.0, 13.0
_NARROWEST_MM, _WIDEST_MM = 7.0, 27.0
_BROADEST = 1.25
"""A plain print is longer than wide; two that touch are not."""
_NARROWER = 0.6
"""A little finger's width beside the others'; half a finger is narrower."""
_FURTHEST_TURN = np.radians(50)
_TOGETHER = 0.5
"""Parts that overlap by this share of the narrower one, seen along the fingers, are one finger."""
_MARGIN_MM = 1.0
_CREASE = 0.55
"""A row this much narrower than the tip above it is a crease."""


class FingerCountError(BiometricError):
    """A picture shows another number of fingers than it should: ``found`` instead of ``expected``."""

    def __init__(self, found: int, expected: int) -> None:
        super().__init__(
            Reason.FINGER_COUNT,
            f"{found} fingers in the picture, {expected} were asked for",
            "Lay exactly these fingers on the glass, flat and a little apart.",
        )
        self.found = found
        self.expected = expected


@dataclass(frozen=True)
class SlapFinger:
    """One finger of a slap: ``pixels`` (h, w) uint8, upright; ``centre`` (x, y) and ``size`` (w, h) [px] of its box in
    the picture, whose sides are turned by ``turn`` [rad], clockwise as one sees it.
    """

    position: FingerPosition
    pixels: NDArray[np.uint8]
    centre: tuple[float, float]
    size: tuple[float, float]
    turn: float


def segment(
    picture: NDArray[np.uint8], dpi: int, slap: Slap, missing: AbstractSet[FingerPosition] = frozenset()
) -> tuple[SlapFinger, ...]:
    """The fingers of ``slap`` without ``missing`` in ``picture`` (h, w) uint8, ridges dark, from left to right.

    Raises FingerCountError where it shows more or fewer, BiometricError (BAD_IMAGE) for a picture no scanner gives.
    """
    if picture.ndim != 2 or picture.dtype != np.uint8 or not 0 < picture.size <= MOST_PIXELS or not 250 <= dpi <= 1000:
        raise BiometricError(Reason.BAD_IMAGE, f"a slap of {picture.shape} at {dpi} dpi", "Ask for the picture again.")
    fingers = [position for position in slap.fingers if position not in missing]
    px_per_mm = dpi / _MM_PER_INCH
    mask, scale = _ridges(picture, px_per_mm)
    tips = _tips(mask, len(fingers))
    return tuple(_cut(picture, position, tip, scale, px_per_mm) for position, tip in zip(fingers, tips, strict=True))


@dataclass(frozen=True)
class _Tip:
    """A box in the mask: centre, size and turn as in SlapFinger."""

    x: float
    y: float
    width: float
    height: float
    turn: float


def _ridges(picture: NDArray[np.uint8], px_per_mm: float) -> tuple[Mask, float]:
    """Where ridges are, 255 or 0, at about ``_SCALE`` pixels to a mm, and pixels of the picture to one of the mask."""
    grey = picture.astype(np.float32)
    window = max(3, round(_RIDGE_MM * px_per_mm) | 1)
    mean = cv2.blur(grey, (window, window))
    contrast = np.sqrt(np.maximum(cv2.blur(grey * grey, (window, window)) - mean * mean, 0))
    scale = px_per_mm / _SCALE
    size = (max(1, round(picture.shape[1] / scale)), max(1, round(picture.shape[0] / scale)))
    small = cv2.GaussianBlur(cv2.resize(contrast, size, interpolation=cv2.INTER_AREA), (0, 0), _SCALE * 0.4)
    least = max(_FAINTEST, _FAINT_SHARE * float(np.percentile(small, 98)))
    mask = np.where(small > least, 255, 0).astype(np.uint8)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(0.6))
    return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, _disc(0.8)), np.uint8), picture.shape[1] / size[0]


def _disc(radius_mm: float) -> Mask:
    side = 2 * max(1, round(radius_mm * _SCALE)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _tips(mask: Mask, expected: int) -> list[_Tip]:
    """The tips from left to right, of the first wearing that leaves as many as expected. Raises FingerCountError."""
    tips = _tips_of(_parts(mask, 0.0))
    found = len(tips)
    wear = 0.0
    # What is more than expected already does not get less by wearing it away.
    while found <= expected and wear < _MOST_WEAR_MM:
        if len(tips) == expected and _are_fingers(tips):
            return tips
        wear += _WEAR_MM
        tips = _tips_of(_parts(mask, wear))
    # As many as expected, and not of a finger's shape: some of them hang together.
    raise FingerCountError(found + 1 if found == expected else found, expected)


def _are_fingers(tips: list[_Tip]) -> bool:
    """Whether each is as wide as a finger, not much wider than long, and not much narrower than the others."""
    widths = [tip.width for tip in tips]
    least = max(_NARROWEST_MM * _SCALE, _NARROWER * float(np.median(widths)))
    return all(least <= tip.width <= min(_WIDEST_MM * _SCALE, _BROADEST * tip.height) for tip in tips)


def _parts(mask: Mask, wear_mm: float) -> list[Mask]:
    """What hangs together in ``mask`` once ``wear_mm`` is worn off its edges, grown back to what it was."""
    worn = mask if wear_mm == 0 else cv2.erode(mask, _disc(wear_mm))
    count, found = cv2.connectedComponents(np.asarray(worn, np.uint8), connectivity=4)
    labels = np.asarray(found, np.int32)
    if wear_mm:
        labels = _grown(labels, mask, round(wear_mm * _SCALE) + 2)
    parts = [np.where(labels == label, 255, 0).astype(np.uint8) for label in range(1, count)]
    return [part for part in parts if cv2.countNonZero(part) >= _SMALLEST_MM2 * _SCALE**2]


def _grown(labels: NDArray[np.int32], mask: Mask, steps: int) -> NDArray[np.int32]:
    """Labels grown into what was worn away, each pixel to the label that reaches it first."""
    kernel = np.ones((3, 3), np.uint8)
    grown = labels.astype(np.float32)  # OpenCV dilates no int32; labels are few.
    for _ in range(steps):
        free = (grown == 0) & (mask > 0)
        grown = np.where(free, cv2.dilate(grown, kernel), grown)
    return grown.astype(np.int32)


def _tips_of(parts: list[Mask]) -> list[_Tip]:
    if not parts:
        return []
    turn = _turn(parts)
    fingers: list[list[tuple[Float, Float]]] = []
    for points in sorted((_along(part, turn) for part in parts), key=lambda points: float(points[0].mean())):
        if fingers and _overlap(fingers[-1][0][0], points[0]) > _TOGETHER:
            fingers[-1].append(points)
        else:
            fingers.append([points])
    return [_tip(min(finger, key=lambda points: float(points[1].min())), turn) for finger in fingers]


def _turn(parts: list[Mask]) -> float:
    """The direction in which the parts are long, from upright [rad]; clockwise."""
    spread = np.zeros((2, 2))
    for part in parts:
        y, x = np.nonzero(part)
        points = np.stack([x - x.mean(), y - y.mean()])
        spread += points @ points.T
    _, vectors = np.linalg.eigh(spread)
    across, down = vectors[:, 1]
    turn = float(np.arctan2(-across, down)) if down >= 0 else float(np.arctan2(across, -down))
    return turn if abs(turn) <= _FURTHEST_TURN else 0.0


def _along(part: Mask, turn: float) -> tuple[Float, Float]:
    """Coordinates across and down the fingers of a part's pixels."""
    y, x = np.nonzero(part)
    across = np.cos(turn) * x + np.sin(turn) * y
    down = -np.sin(turn) * x + np.cos(turn) * y
    return across.astype(np.float32), down.astype(np.float32)


def _overlap(one: Float, other: Float) -> float:
    low, high = max(one.min(), other.min()), min(one.max(), other.max())
    return float((high - low) / max(1.0, min(np.ptp(one), np.ptp(other))))


def _tip(points: tuple[Float, Float], turn: float) -> _Tip:
    across, down = points
    top = float(down.min())
    rows = np.bincount((down - top).astype(np.int64))
    length = _tip_length(rows)
    keep = down < top + length
    left, right = float(across[keep].min()), float(across[keep].max())
    bottom = float(down[keep].max())
    u, v = (left + right) / 2, (top + bottom) / 2
    x, y = np.cos(turn) * u - np.sin(turn) * v, np.sin(turn) * u + np.cos(turn) * v
    return _Tip(float(x), float(y), right - left + 1, bottom - top + 1, turn)


def _tip_length(rows: NDArray[np.int64]) -> float:
    """How far down the tip goes: to its crease where the finger narrows, and no further than tips are long."""
    first, last = round(_SHORTEST_TIP_MM * _SCALE), round(_LONGEST_TIP_MM * _SCALE)
    if len(rows) <= first:
        return float(len(rows))
    smooth = np.convolve(rows, np.ones(5) / 5, mode="same")[: last + 1]
    narrow = first + int(np.argmin(smooth[first:])) if len(smooth) > first else len(rows)
    is_crease = narrow < len(rows) - 5 and smooth[narrow] < _CREASE * float(smooth[:first].max())
    return float(narrow if is_crease else min(len(rows), last))


def _cut(picture: NDArray[np.uint8], position: FingerPosition, tip: _Tip, scale: float, px_per_mm: float) -> SlapFinger:
    margin = 2 * _MARGIN_MM * px_per_mm
    centre = ((tip.x + 0.5) * scale - 0.5, (tip.y + 0.5) * scale - 0.5)
    size = (tip.width * scale, tip.height * scale)
    width, height = round(size[0] + margin), round(size[1] + margin)
    cosine, sine = np.cos(tip.turn), np.sin(tip.turn)
    turned = np.array([[cosine, -sine], [sine, cosine]])
    shift = np.array(centre) - turned @ np.array([(width - 1) / 2, (height - 1) / 2])
    way = np.hstack([turned, shift[:, None]])
    light = int(np.percentile(picture[::4, ::4], 95))
    pixels = cv2.warpAffine(
        picture, way, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderValue=light
    )
    return SlapFinger(position, np.asarray(pixels, np.uint8), centre, size, tip.turn)
