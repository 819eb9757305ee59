"""What light, lens and sensor do to a picture on its way into memory. Grey or colour, 0..1 in, uint8 out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Shot:
    """One exposure. Lengths in pixels of the picture; light and noise in shares of white."""

    blur: float = 0.0
    motion: float = 0.0
    motion_angle: float = 0.0
    noise: float = 0.0
    jpeg: int = 95
    slope: float = 0.0
    """How much darker one side is than the other, 0 to 1."""
    slope_angle: float = 0.0
    glare: float = 0.0
    """Light that is added at the brightest place of a reflection."""
    glare_x: float = 0.5
    glare_y: float = 0.5
    glare_size: float = 0.2
    """Place and size of the reflection in shares of the picture's width and height."""
    exposure: float = 1.0
    gamma: float = 1.0


def take(rng: np.random.Generator, scene: Float, shot: Shot) -> NDArray[np.uint8]:
    """``scene`` (h, w) or (h, w, 3) float32 0..1 as the camera gives it, same shape, uint8."""
    out = scene
    if shot.motion >= 1:
        out = np.asarray(cv2.filter2D(out, -1, _streak(shot.motion, shot.motion_angle)), np.float32)
    if shot.blur > 0.2:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), shot.blur), np.float32)
    light = _light(out.shape[:2], shot)
    if out.ndim == 3:
        light = light[..., None]
    out = out * light
    if shot.glare:
        spot = _spot(out.shape[:2], shot)
        out = out + (spot[..., None] if out.ndim == 3 else spot)
    out = np.clip(out * np.float32(shot.exposure), 0, 1)
    if shot.gamma != 1:
        out = np.power(out, np.float32(shot.gamma))
    if shot.noise:
        out = out + rng.standard_normal(out.shape, np.float32) * np.float32(shot.noise)
    picture: NDArray[np.uint8] = np.clip(out * 255 + 0.5, 0, 255).astype(np.uint8)
    if shot.jpeg < 100:
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, shot.jpeg])[1]
        mode = cv2.IMREAD_COLOR if picture.ndim == 3 else cv2.IMREAD_GRAYSCALE
        picture = np.asarray(cv2.imdecode(coded, mode), np.uint8)
    return picture


def _streak(length: float, angle: float) -> Float:
    side = int(np.ceil(length)) // 2 * 2 + 3
    out = np.zeros((side, side), np.float32)
    half = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    middle = side / 2 - 0.5
    ends = [tuple(int(v) for v in np.rint((middle + sign * half) * 16)) for sign in (-1, 1)]
    cv2.line(out, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    return np.asarray(out / out.sum(), np.float32)


def _light(shape: tuple[int, ...], shot: Shot) -> Float:
    rows = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[None]
    across = columns * np.float32(np.cos(shot.slope_angle)) + rows * np.float32(np.sin(shot.slope_angle))
    return np.asarray(1 - np.float32(shot.slope) * (across + np.float32(0.5)), np.float32)


def _spot(shape: tuple[int, ...], shot: Shot) -> Float:
    rows = (np.arange(shape[0], dtype=np.float32)[:, None] / shape[0] - np.float32(shot.glare_y)) * np.float32(
        shape[0] / shape[1]
    )
    columns = np.arange(shape[1], dtype=np.float32)[None] / shape[1] - np.float32(shot.glare_x)
    far = (rows**2 + columns**2) / np.float32(2 * shot.glare_size**2)
    return np.asarray(np.float32(shot.glare) * np.exp(-far), np.float32)
