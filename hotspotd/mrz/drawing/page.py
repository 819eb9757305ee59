"""A page of a document of nobody: ground, portrait, text and zone, as it would lie under an even light.

Sizes and places are those of ICAO 9303, parts 4 to 7, to within a millimetre or so. Words are drawn with OpenCV's own
strokes; only the zone needs a font.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face import synthetic
from hotspotd.domain.document import DocumentFormat
from hotspotd.mrz.drawing.grounds import Ground, ground
from hotspotd.mrz.drawing.printing import Press, ink, middle_of

Float = NDArray[np.float32]
Image = NDArray[np.uint8]

SCALE = 10
"""Pixels a millimetre."""
_CELL_MM = 2.54
_PITCH = 25
SIZES_MM = {
    DocumentFormat.TD1: (85.6, 54.0),
    DocumentFormat.TD2: (105.0, 74.0),
    DocumentFormat.TD3: (125.0, 88.0),
    DocumentFormat.MRVA: (120.0, 80.0),
    DocumentFormat.MRVB: (105.0, 74.0),
}
_LEFT_MM = {DocumentFormat.TD1: 4.7}
_LOWEST_MM = {DocumentFormat.TD1: 4.4}
"""Middle of the last line, from the lower edge."""
_WORDS = ("Surname/Nom", "Given names/Prenoms", "Date of birth", "Place of birth", "Authority", "Date of expiry", "Sex")


@dataclass(frozen=True)
class Paper:
    """What a page is printed on, and how."""

    press: Press
    ground: Ground = Ground.WAVES
    depth: float = 0.15
    """How dark the ground's darkest part is, 0 to 1."""
    white: float = 0.9
    ink: float = 0.12
    """Light that paper and ink send back."""
    leading_mm: float = 6.35
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


def page(rng: np.random.Generator, layout: DocumentFormat, lines: tuple[str, ...], paper: Paper, face: Image) -> Float:
    """(h, w, 3) float32 RGB 0..1, SCALE pixels a millimetre; ``face`` (h, w, 3) uint8 becomes the portrait."""
    width, height = (round(side * SCALE) for side in SIZES_MM[layout])
    grey = ground(rng, paper.ground, (height, width), _CELL_MM * SCALE, paper.depth) * np.float32(paper.white)
    dark = np.float32(paper.ink)
    marks = _words(rng, layout, (height, width))
    _lay_zone(rng, marks, layout, lines, paper)
    grey = grey * (1 - marks) + np.minimum(grey, dark) * marks
    out = np.asarray(grey[..., None] * np.asarray(paper.tint, np.float32), np.float32)
    _lay_portrait(out, layout, face)
    return out


def band(rng: np.random.Generator, lines: tuple[str, ...], paper: Paper) -> Float:
    """The zone alone on its ground, (h, w) float32 0..1 grey, two cells of margin: a page's lower end, drawn faster."""
    press = replace(paper.press, stretch=paper.press.stretch * _CELL_MM * SCALE / _PITCH)
    black = ink(rng, lines, press, _PITCH, paper.leading_mm * SCALE / _PITCH)
    grey = ground(rng, paper.ground, (black.shape[0], black.shape[1]), _PITCH, paper.depth) * np.float32(paper.white)
    return np.asarray(grey * (1 - black) + np.minimum(grey, np.float32(paper.ink)) * black, np.float32)


def line_middles(layout: DocumentFormat, lines: tuple[str, ...], paper: Paper) -> list[tuple[float, float, float]]:
    """For each line x of its beginning, x of its end, and y of its middle, in the page's pixels."""
    left, top, press = _place(layout, len(lines), paper)
    out = []
    for row, line in enumerate(lines):
        first, y = middle_of(row, 0, press, _PITCH, paper.leading_mm * SCALE / _PITCH)
        last, _ = middle_of(row, len(line) - 1, press, _PITCH, paper.leading_mm * SCALE / _PITCH)
        out.append((left + first - _PITCH / 2, left + last + _PITCH / 2, top + y))
    return out


def _place(layout: DocumentFormat, count: int, paper: Paper) -> tuple[int, int, Press]:
    """Where on the page the picture that ``ink`` makes has its corner, and what prints it."""
    press = replace(paper.press, stretch=paper.press.stretch * _CELL_MM * SCALE / _PITCH)
    # ``ink`` leaves two cells to the left, and has its first line's middle one and a half below its top.
    left = round(_LEFT_MM.get(layout, 6.0) * SCALE) - 2 * _PITCH
    last = round(SIZES_MM[layout][1] * SCALE) - round(_LOWEST_MM.get(layout, 9.4) * SCALE)
    return left, round(last - (1.5 * _PITCH + paper.leading_mm * SCALE * (count - 1))), press


def _lay_zone(
    rng: np.random.Generator, marks: Float, layout: DocumentFormat, lines: tuple[str, ...], paper: Paper
) -> None:
    left, top, press = _place(layout, len(lines), paper)
    black = ink(rng, lines, press, _PITCH, paper.leading_mm * SCALE / _PITCH)
    bottom, right = min(marks.shape[0], top + black.shape[0]), min(marks.shape[1], left + black.shape[1])
    inside = marks[top:bottom, max(left, 0) : right]
    black = black[:, max(-left, 0) :]
    np.maximum(inside, black[: inside.shape[0], : inside.shape[1]], out=inside)


def _words(rng: np.random.Generator, layout: DocumentFormat, shape: tuple[int, int]) -> Float:
    sheet = np.zeros(shape, np.uint8)
    height, width = shape
    right = layout is not DocumentFormat.TD1
    left = width * (0.36 if right else 0.06)
    end = height * (0.70 if right else 0.45)
    heading = str(rng.choice(["PASSPORT  PASSEPORT", "IDENTITY CARD", "RESIDENCE PERMIT", "VISA", "UTOPIA"]))
    cv2.putText(sheet, heading, (int(left), 70), cv2.FONT_HERSHEY_DUPLEX, 1.1, (230,), 2, cv2.LINE_AA)
    rows = int((end - 110) / 70)
    for row in range(rows):
        y = 130 + row * 70
        for column in range(2):
            if column and rng.random() < 0.4:
                continue
            x = int(left + column * (width - left) * 0.5)
            word = str(rng.choice(_WORDS))
            value = "".join(chr(65 + int(code)) for code in rng.integers(0, 26, int(rng.integers(4, 14))))
            cv2.putText(sheet, word, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (180,), 1, cv2.LINE_AA)
            cv2.putText(sheet, value, (x, y + 32), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255,), 2, cv2.LINE_AA)
    return np.asarray(sheet, np.float32) / np.float32(255)


def _lay_portrait(out: Float, layout: DocumentFormat, face: Image) -> None:
    if layout is DocumentFormat.TD1:
        return  # Its zone is on the back; the portrait is on the front.
    height = int(out.shape[0] * 0.5)
    width = int(height * 0.77)
    top, left = int(out.shape[0] * 0.13), 50
    small = cv2.resize(face, (width, height), interpolation=cv2.INTER_AREA)
    out[top : top + height, left : left + width] = np.asarray(small, np.float32) / np.float32(255)


@lru_cache(maxsize=64)
def portrait(seed: int) -> Image:
    """The drawn face of nobody, (640, 480, 3) uint8 RGB."""
    rng = np.random.default_rng(seed)
    return synthetic.picture(synthetic.person(seed), rng)
