"""Print of a zone: ink on a ground, with what printers and years do to it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.mrz.alphabet import NUMBER_OF
from hotspotd.mrz.drawing.font import Cut, glyphs

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Press:
    """How a zone is printed. Lengths in cells (a cell is 2.54 mm wide)."""

    cut: Cut = Cut.REGULAR
    jitter: float = 0.0
    """Deviation of each character's place, standard."""
    spread: float = 0.0
    """Ink spread: above 0 strokes are fatter, below thinner, up to 0.06."""
    worn: float = 0.0
    """Share of the ink that is gone, 0 to 0.5."""
    stretch: float = 1.0
    """Of the distance between characters."""


def ink(rng: np.random.Generator, lines: tuple[str, ...], press: Press, pitch: int, leading: float) -> Float:
    """Ink 0..1 of the lines, ``leading`` cells apart; character i of line k has its middle at ``middle_of``."""
    width = max(len(line) for line in lines)
    atlas = glyphs(press.cut, pitch)
    margin = pitch // 8
    step = pitch * press.stretch
    shape = round(pitch * (2 + leading * (len(lines) - 1)) + pitch), round(step * width) + 4 * pitch
    out = np.zeros(shape, np.float32)
    for row, line in enumerate(lines):
        for place, character in enumerate(line):
            off = rng.normal(0, press.jitter, 2) if press.jitter else (0.0, 0.0)
            x, y = middle_of(row, place, press, pitch, leading)
            left = round(x - pitch / 2 - margin + off[0] * pitch)
            top = round(y - pitch + off[1] * pitch)
            glyph = atlas[NUMBER_OF[character]]
            part = out[top : top + glyph.shape[0], left : left + glyph.shape[1]]
            np.maximum(part, glyph[: part.shape[0], : part.shape[1]], out=part)
    if press.spread:
        # Blurring and cutting at another level than the middle moves every edge by about as much.
        sigma = max(abs(press.spread) * pitch, 0.5)
        soft = cv2.GaussianBlur(out, (0, 0), sigma)
        level = 0.5 - float(np.clip(press.spread * pitch / (2.5 * sigma), -0.3, 0.3))
        slope = 0.5 / min(level, 1 - level)  # Bare paper stays bare, and full ink full.
        out = np.clip((soft - np.float32(level)) * np.float32(max(slope, 2.5)) + np.float32(0.5), 0, 1)
    if press.worn:
        out *= _wear(rng, out.shape, pitch, press.worn)
    return np.asarray(out, np.float32)


def middle_of(row: int, place: int, press: Press, pitch: int, leading: float) -> tuple[float, float]:
    """x, y [px] of a character's middle in the picture that ``ink`` makes."""
    return 2 * pitch + (place + 0.5) * pitch * press.stretch, pitch * (1.5 + leading * row)


def _wear(rng: np.random.Generator, shape: tuple[int, ...], pitch: int, share: float) -> Float:
    fine = cv2.resize(
        rng.random((max(2, 6 * shape[0] // pitch), max(2, 6 * shape[1] // pitch)), np.float32), shape[1::-1]
    )
    coarse = cv2.resize(
        rng.random((max(2, shape[0] // (2 * pitch) + 2), max(2, shape[1] // (2 * pitch) + 2)), np.float32), shape[1::-1]
    )
    kept = np.clip((fine * np.float32(0.7) + coarse * np.float32(0.5) - np.float32(share)) * np.float32(6), 0, 1)
    return np.asarray(np.maximum(kept, np.float32(0.15)), np.float32)
