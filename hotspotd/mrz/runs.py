"""Where flat runs of small dark marks lie in a picture: classical image work, for what the finding network misses.

Finds lines of print at any turn on plain ground, not which way round they are, and much that is none.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.mrz.locate import Rough

Image = NDArray[np.uint8]
Float = NDArray[np.float32]

SIDE = 960
"""Longest side of the picture that is searched [px]."""
_STROKE = 13
"""Side of what strokes are thinner than, in the searched picture."""
_ANGLES = 4
"""Directions that are tried: the strongest, as long as they differ."""
_STEP_DEG = 1.5
_APART_DEG = 6.0
_MOST_POINTS = 12_000
_GAP = 27
"""Bridged between characters, in the searched picture: more than a cell of the largest zone."""
_FLATTEST = 9.0
"""Length by height from which something is a line: the shortest, torn in two by a reflection, is twelve."""
_SHORTEST = 0.12
"""Of the longest side."""
_HEIGHTS = (5, 42)
_OF_CELL = 0.95
"""What is found of a character is a little less high than its cell is wide."""
MOST = 6
"""Runs that are given, each both ways round."""


def strokes(grey: Image) -> Float:
    """How much each pixel of ``grey`` (h, w) uint8 is a dark stroke on lighter ground, whatever the light: 0 to 1."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_STROKE, _STROKE))
    dark = cv2.morphologyEx(cv2.GaussianBlur(grey, (3, 3), 0), cv2.MORPH_BLACKHAT, kernel).astype(np.float32)
    light = cv2.blur(grey.astype(np.float32), (2 * _STROKE + 1, 2 * _STROKE + 1))
    return np.asarray(np.clip(dark / (light * np.float32(0.5) + 8), 0, 1), np.float32)


def runs(grey: Image) -> list[Rough]:
    """At most MOST runs in ``grey`` (h, w) uint8, best first, each both ways round."""
    scale = SIDE / max(grey.shape)
    size = max(32, round(grey.shape[1] * scale)), max(32, round(grey.shape[0] * scale))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    seen = strokes(np.asarray(small, np.uint8))
    level = max(0.08, 0.45 * float(np.quantile(seen, 0.985)))
    marks = (seen > level).astype(np.uint8)
    found: list[tuple[float, Rough]] = []
    for angle in _directions(marks, seen):
        found += _lines(marks, angle)
    found.sort(key=lambda pair: -pair[0])
    chosen: list[Rough] = []
    for _, one in found:
        if len(chosen) < MOST and not any(_same(one, other) for other in chosen):
            chosen.append(one)
    return [
        Rough(c.x / scale, c.y / scale, way * c.along_x, way * c.along_y, c.length / scale, c.cell / scale)
        for c in chosen
        for way in (1, -1)
    ]


def _directions(marks: NDArray[np.uint8], seen: Float) -> list[float]:
    """Angles [rad] in which the marks lie in rows, most strongly first."""
    rows, columns = np.nonzero(marks)
    if len(rows) < 50:
        return []
    if len(rows) > _MOST_POINTS:
        kept = np.linspace(0, len(rows) - 1, _MOST_POINTS).astype(np.intp)
        rows, columns = rows[kept], columns[kept]
    weight = seen[rows, columns]
    angles = np.deg2rad(np.arange(-90, 90, _STEP_DEG))
    reach = int(np.hypot(*marks.shape)) // 2 + 2
    scores = np.zeros(len(angles))
    for number, angle in enumerate(angles):
        off = rows * np.cos(angle) - columns * np.sin(angle)
        profile = np.bincount((off / 2 + reach).astype(np.intp), weights=weight, minlength=2 * reach)
        # Rows of print are some pixels thick with clear ground between them; hatching is too fine to show here.
        thick = np.convolve(profile, np.ones(3))
        scores[number] = np.square(thick[4:] - thick[:-4]).sum()
    chosen: list[float] = []
    for number in np.argsort(-scores):
        angle = float(angles[number])
        turned = [abs((angle - other + np.pi / 2) % np.pi - np.pi / 2) for other in chosen]
        if all(turn > np.deg2rad(_APART_DEG) for turn in turned):
            chosen.append(angle)
        if len(chosen) == _ANGLES:
            break
    return chosen


def _lines(marks: NDArray[np.uint8], angle: float) -> list[tuple[float, Rough]]:
    """Flat runs of marks along ``angle``, with how good they look."""
    height, width = marks.shape
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    side = int(np.ceil(np.hypot(height, width)))
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0]])
    turn[:, 2] = side / 2 - turn[:, :2] @ (width / 2, height / 2)
    turned = cv2.warpAffine(marks, turn, (side, side), flags=cv2.INTER_NEAREST)
    joined = cv2.morphologyEx(turned, cv2.MORPH_CLOSE, np.ones((1, _GAP), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((3, _GAP), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    out: list[tuple[float, Rough]] = []
    for label in range(1, count):
        left, top, wide, high, area = (int(v) for v in stats[label])
        if wide < _SHORTEST * SIDE or wide < 2.5 * high or area < 4 * wide:
            continue
        part = labels[top : top + high, left : left + wide] == label
        corner = np.array([left, top], np.float64)
        points = np.argwhere(part)[:, ::-1] + corner
        one = _rough(points, area)
        if one is None:
            continue
        # Characters leave about half of their box bare; solid bars and sparse specks are no text.
        ink = float(turned[top : top + high, left : left + wide][part].mean())
        goodness = one.length * (1 - min(1.0, abs(ink - 0.4) / 0.5))
        x, y = np.linalg.solve(turn[:, :2], np.array([one.x, one.y]) - turn[:, 2])
        along = turn[:, :2].T @ (one.along_x, one.along_y)
        out.append((goodness, Rough(float(x), float(y), float(along[0]), float(along[1]), one.length, one.cell)))
    return out


def _rough(points: NDArray[np.float64], area: int) -> Rough | None:
    """The line through the points of a run, where it is flat enough."""
    middle = points.mean(axis=0)
    slope = np.polyfit(points[:, 0] - middle[0], points[:, 1] - middle[1], 1)[0]
    along = np.array([1.0, slope]) / np.hypot(1.0, slope)
    reach = (points - middle) @ along
    length, height = float(np.ptp(reach)), area / max(float(np.ptp(reach)), 1.0)
    if length < _FLATTEST * height or not _HEIGHTS[0] <= height <= _HEIGHTS[1]:
        return None
    centre = middle + along * (reach.max() + reach.min()) / 2
    return Rough(float(centre[0]), float(centre[1]), float(along[0]), float(along[1]), length, height / _OF_CELL)


def _same(one: Rough, other: Rough) -> bool:
    """Whether two candidates are one line."""
    dx, dy = one.x - other.x, one.y - other.y
    across = abs(dx * -other.along_y + dy * other.along_x)
    along = abs(dx * other.along_x + dy * other.along_y)
    return across < 0.5 * max(one.cell, other.cell) and along < 0.5 * max(one.length, other.length)
