"""A small painter for drawn faces: soft-edged shapes on an RGB canvas, at twice the final size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
Points = NDArray[np.float64]

_OVERSAMPLING = 2
# Bits after the point in the coordinates that OpenCV draws with.
_SHIFT = 4


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """``share`` of the way from one colour to the other."""
    a, b, c = (float(x + (y - x) * share) for x, y in zip(one, other, strict=True))
    return a, b, c


def times(colour: Colour, factor: float) -> Colour:
    """A darker (``factor`` below 1) or lighter colour."""
    a, b, c = (min(255.0, x * factor) for x in colour)
    return a, b, c


def moved(points: Points, right: float, down: float) -> Points:
    """``points`` shifted."""
    return np.asarray(points + np.array([right, down]))


def closed_curve(points: Points, steps: int = 10) -> Points:
    """A smooth closed curve through ``points`` (n, 2): Catmull-Rom, centripetal enough for shapes this round."""
    before, after, beyond = np.roll(points, 1, 0), np.roll(points, -1, 0), np.roll(points, -2, 0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (p[:, None, :] for p in (before, points, after, beyond))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    return np.asarray(curve.reshape(-1, 2))


def open_curve(points: Points, steps: int = 10) -> Points:
    """A smooth curve from the first to the last of ``points`` (n, 2)."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, steps)[None, :, None]
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i][:, None, :] for i in range(4))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    return np.asarray(curve.reshape(-1, 2))


def brush(points: Points, widths: NDArray[np.float64]) -> Points:
    """The outline of a stroke along ``points`` (n, 2) with these full ``widths`` (n,): tapered lines such as brows."""
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) * widths[:, None] / 2
    return np.vstack([points + normal, (points - normal)[::-1]])


def _soften(mask: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """``mask`` blurred; wide blurs are made on a reduced mask, which looks the same and costs a twentieth."""
    if sigma < 6:
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.float32)
    height, width = mask.shape
    small = cv2.resize(mask, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


class Canvas:
    """Paint on ``size`` (height, width); coordinates are final pixels."""

    def __init__(self, size: tuple[int, int], ground: NDArray[np.float64] | Colour) -> None:
        self._size = size
        shape = (size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING)
        self.pixels = np.empty((*shape, 3), np.float32)
        self.pixels[:] = np.asarray(ground, np.float32)

    def mask(self, shape: Points, soft: float = 0.0) -> NDArray[np.float32]:
        """Coverage of the closed ``shape``, 0 to 1, over the whole canvas."""
        whole = np.zeros(self.pixels.shape[:2], np.float32)
        area, part = self._part(shape, soft)
        whole[area] = part
        return whole

    def paint(
        self,
        shape: Points,
        colour: Colour,
        *,
        soft: float = 0.0,
        strength: float = 1.0,
        within: NDArray[np.float32] | None = None,
    ) -> None:
        """Cover ``shape`` (n, 2) with ``colour``; edges ``soft`` pixels wide; only ``within`` a mask."""
        area, part = self._part(shape, soft)
        self._blend(area, part * strength, np.asarray(colour, np.float32), within)

    def shade(
        self,
        shape: Points,
        factor: float,
        *,
        soft: float = 0.0,
        within: NDArray[np.float32] | None = None,
    ) -> None:
        """Darken (``factor`` below 1) or lighten ``shape`` by a factor."""
        area, part = self._part(shape, soft)
        if within is not None:
            part = part * within[area]
        self.pixels[area] *= (1 + part * (factor - 1))[..., None]

    def line(
        self,
        points: Points,
        colour: Colour,
        width: float,
        *,
        soft: float = 0.0,
        strength: float = 1.0,
        within: NDArray[np.float32] | None = None,
    ) -> None:
        """A line of even ``width`` along ``points``."""
        self.paint(brush(points, np.full(len(points), width)), colour, soft=soft, strength=strength, within=within)

    def finished(self) -> NDArray[np.float32]:
        """The picture at its final size, float, about 0 to 255."""
        height, width = self._size
        return np.asarray(cv2.resize(self.pixels, (width, height), interpolation=cv2.INTER_AREA), np.float32)

    def _part(self, shape: Points, soft: float) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
        points = shape * _OVERSAMPLING
        sigma = soft * _OVERSAMPLING / 2
        margin = int(3 * sigma) + 2
        height, width = self.pixels.shape[:2]
        left, top = (int(n) for n in np.clip(np.floor(points.min(0)) - margin, 0, (width, height)))
        right, bottom = (int(n) for n in np.clip(np.ceil(points.max(0)) + margin, 0, (width, height)))
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        # Drawn with its margin on every side, so that a blurred edge at the canvas border stays a full one.
        drawn = np.zeros((bottom - top + 2 * margin, right - left + 2 * margin), np.uint8)
        corners = np.round((points - (left - margin, top - margin)) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(drawn, [corners], 255, cv2.LINE_AA, _SHIFT)
        part = drawn.astype(np.float32) / np.float32(255)
        if sigma > 0:
            part = _soften(part, sigma)
        area = (slice(top, bottom), slice(left, right))
        part = part[margin:-margin, margin:-margin]
        return area, part[: height - top, : width - left]

    def _blend(
        self,
        area: tuple[slice, slice],
        part: NDArray[np.float32],
        colour: NDArray[np.float32],
        within: NDArray[np.float32] | None,
    ) -> None:
        if within is not None:
            part = part * within[area]
        below = self.pixels[area]
        self.pixels[area] = below + part[..., None] * (colour - below)
