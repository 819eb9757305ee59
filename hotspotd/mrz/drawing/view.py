"""A page as a camera sees it that looks down on a desk: turned, tilted, lit, blurred."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.mrz.drawing.camera import Shot, take
from hotspotd.mrz.drawing.grounds import Ground, ground

Float = NDArray[np.float32]
Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_FAR = 3.0
"""Of the camera from the page, in widths of what it sees: the usual lens of a webcam is a little nearer."""


@dataclass(frozen=True)
class Pose:
    """How the page lies: ``share`` of the picture's width that it fills, the rest in radians and shares."""

    share: float = 0.8
    turn: float = 0.0
    tilt_x: float = 0.0
    tilt_y: float = 0.0
    x: float = 0.0
    y: float = 0.0
    """Of the page's middle from the picture's, in shares of the picture's width and height."""


def place(page: tuple[int, ...], size: tuple[int, int], pose: Pose) -> Matrix:
    """3x3 from the page's pixels to the picture's; ``page`` (h, w, ...), ``size`` (width, height)."""
    width, height = size
    unit = pose.share * width / page[1]
    flat = np.array([[unit, 0, -unit * page[1] / 2], [0, unit, -unit * page[0] / 2], [0, 0, 0], [0, 0, 1]])
    turned = _about(2, pose.turn) @ _about(1, pose.tilt_y) @ _about(0, pose.tilt_x)
    solid = np.eye(4)
    solid[:3, :3] = turned
    solid[2, 3] = _FAR * width
    seen = np.array([[_FAR * width, 0, 0, 0], [0, _FAR * width, 0, 0], [0, 0, 1, 0]])
    moved = np.array([[1, 0, width * (0.5 + pose.x)], [0, 1, height * (0.5 + pose.y)], [0, 0, 1]])
    return np.asarray(moved @ seen @ solid @ flat)


def look(
    rng: np.random.Generator, page: Float, size: tuple[int, int], pose: Pose, shot: Shot, desk: Float | None = None
) -> Image:
    """The camera's picture, uint8, of the page's kind: (height, width, 3) RGB or grey; ``size``: (width, height)."""
    matrix = place(page.shape, size, pose)
    scene = table(rng, size) if desk is None else desk.copy()
    unit = pose.share * size[0] / page.shape[1]
    if unit < 0.7:
        # The warp samples points; what is made smaller has to be blurred first.
        page = np.asarray(cv2.GaussianBlur(page, (0, 0), 0.35 / unit), np.float32)
    warped = cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.ones(page.shape[:2], np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    shade = cv2.GaussianBlur(mask, (0, 0), 6)
    if page.ndim == 2:
        scene = scene[..., 1]
    else:
        shade, mask = shade[..., None], mask[..., None]
    scene = scene * (1 - np.float32(0.35) * shade)
    scene = scene * (1 - mask) + warped * mask
    return take(rng, np.asarray(scene, np.float32), shot)


def table(rng: np.random.Generator, size: tuple[int, int]) -> Float:
    """A desk, (height, width, 3) float32: light or dark, grained or plain."""
    width, height = size
    kind = (Ground.PLAIN, Ground.BLOTCHES, Ground.WAVES)[int(rng.integers(3))]
    grey = ground(rng, kind, (height, width), float(rng.uniform(10, 60)), float(rng.uniform(0.05, 0.3)))
    colour = rng.uniform(0.15, 0.85) * rng.uniform(0.8, 1.1, 3)
    return np.asarray(np.clip(grey[..., None] * colour.astype(np.float32), 0, 1), np.float32)


def _about(axis: int, angle: float) -> Matrix:
    cos, sin = np.cos(angle), np.sin(angle)
    first, second = [other for other in range(3) if other != axis]
    out = np.eye(3)
    out[first, first] = out[second, second] = cos
    out[first, second], out[second, first] = -sin, sin
    return out
