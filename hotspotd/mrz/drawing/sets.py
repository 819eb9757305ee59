"""The test sets ``easy`` and ``hard``: documents of nobody before a camera of 1280 x 720, each made by its number.

Easy is what a desk with a fixed camera gives: the document fills most of the picture, lies within 6 degrees of
straight, is printed well and lit evenly. Hard is what is shown by hand: any way round, up to 20 degrees askew and
tilted, from further away, out of focus or moved, with reflections, on heavy security print. The seeds are never those
of the training. Of the hard set a third is in the font's sharp cut, and a sixth on microtext: the training has neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hotspotd.domain.document import DocumentFormat
from hotspotd.mrz.drawing.camera import Shot
from hotspotd.mrz.drawing.font import Cut
from hotspotd.mrz.drawing.grounds import Ground
from hotspotd.mrz.drawing.page import SCALE, SIZES_MM, Paper, band, page, portrait
from hotspotd.mrz.drawing.printing import Press
from hotspotd.mrz.drawing.view import Pose, look
from hotspotd.mrz.drawing.zones import zone

SIZE = (1280, 720)
_SEEDS = {"easy": 5_000_000, "hard": 6_000_000}
_BANDS = 10_000_000
_PORTRAITS = 12


class Hardness(StrEnum):
    """Which set."""

    EASY = "easy"
    HARD = "hard"


@dataclass(frozen=True)
class Shown:
    """One document of a set: its lines, and ``frames`` of it one after another, (720, 1280, 3) uint8 RGB."""

    layout: DocumentFormat
    lines: tuple[str, ...]
    frames: tuple[NDArray[np.uint8], ...]


def documents(hardness: Hardness, count: int, *, first: int = 0, frames: int = 1) -> Iterator[Shown]:
    """Documents ``first`` to ``first + count`` of a set, the layouts in turn."""
    for number in range(first, first + count):
        yield document(hardness, number, frames)


def document(hardness: Hardness, number: int, frames: int = 1) -> Shown:
    """One document of a set."""
    rng = np.random.default_rng(_SEEDS[hardness] + number)
    layout = list(DocumentFormat)[number % 5]
    lines = zone(rng, layout)
    hard = hardness is Hardness.HARD
    sheet = page(rng, layout, lines, _paper(rng, layout, hard), portrait(number % _PORTRAITS))
    pose = _pose(rng, layout, hard)
    shot = _shot(rng, layout, pose, hard)
    pictures = []
    for _ in range(frames):
        pictures.append(look(rng, sheet, SIZE, pose, shot))
        pose, shot = _moved(rng, pose, hard), _shot(rng, layout, pose, hard)
    return Shown(layout, lines, tuple(pictures))


def zone_alone(hardness: Hardness, number: int) -> Shown:
    """One zone without its page, grey (400, 1280), up to 6 degrees askew: many are drawn in the time of one page."""
    rng = np.random.default_rng(_SEEDS[hardness] + _BANDS + number)
    layout = list(DocumentFormat)[number % 5]
    lines = zone(rng, layout)
    hard = hardness is Hardness.HARD
    strip = band(rng, lines, _paper(rng, layout, hard))
    pose = _pose(rng, layout, hard)
    share = min(pose.share * strip.shape[1] / (SIZES_MM[layout][0] * SCALE), 0.98)
    turn, tilt = np.deg2rad(rng.uniform(-6, 6)), np.deg2rad(rng.uniform(-15, 15, 2))
    shot = _shot(rng, layout, pose, hard)
    lain = Pose(share, float(turn), float(tilt[0]), float(tilt[1]))
    return Shown(layout, lines, (look(rng, strip, (SIZE[0], 400), lain, shot),))


def _paper(rng: np.random.Generator, layout: DocumentFormat, hard: bool) -> Paper:
    leading = float(rng.uniform(4.4, 6.0)) if layout is DocumentFormat.TD1 else float(rng.uniform(5.6, 6.5))
    tint = tuple(float(value) for value in rng.uniform(0.85, 1.0, 3))
    if not hard:
        return Paper(
            Press(jitter=float(rng.uniform(0, 0.01)), spread=float(rng.uniform(-0.01, 0.03))),
            ground=(Ground.PLAIN, Ground.WAVES, Ground.ROSETTES)[int(rng.integers(3))],
            depth=float(rng.uniform(0.03, 0.2)),
            white=float(rng.uniform(0.75, 1.0)),
            ink=float(rng.uniform(0.04, 0.2)),
            leading_mm=leading,
            tint=(tint[0], tint[1], tint[2]),
        )
    return Paper(
        Press(
            cut=Cut.SHARP if rng.random() < 1 / 3 else Cut.REGULAR,
            jitter=float(rng.uniform(0, 0.025)),
            spread=float(rng.uniform(-0.03, 0.05)),
            worn=float(rng.uniform(0.05, 0.25)) if rng.random() < 0.3 else 0.0,
            stretch=float(rng.uniform(0.98, 1.02)),
        ),
        ground=list(Ground)[int(rng.integers(6))],
        depth=float(rng.uniform(0.15, 0.45)),
        white=float(rng.uniform(0.6, 0.95)),
        ink=float(rng.uniform(0.05, 0.28)),
        leading_mm=leading,
        tint=(tint[0], tint[1], tint[2]),
    )


def _pose(rng: np.random.Generator, layout: DocumentFormat, hard: bool) -> Pose:
    width, height = SIZES_MM[layout]
    # As wide as the picture's height lets it be, seen straight.
    most = min(0.95, 0.95 * SIZE[1] / SIZE[0] * width / height)
    if not hard:
        turn, tilt = np.deg2rad(rng.uniform(-6, 6)), np.deg2rad(rng.uniform(-6, 6, 2))
        return Pose(most * float(rng.uniform(0.8, 0.95)), float(turn), float(tilt[0]), float(tilt[1]))
    turn = np.deg2rad(rng.uniform(-20, 20)) + float(
        rng.choice([0, np.pi / 2, np.pi, -np.pi / 2], p=[0.5, 0.1, 0.3, 0.1])
    )
    tilt = np.deg2rad(rng.uniform(-20, 20, 2))
    share = most * float(rng.uniform(0.62, 0.8))
    if abs(np.sin(turn)) > 0.6:
        share = min(share, 0.85 * SIZE[1] / SIZE[0])  # Lying across, it has the picture's height for its width.
    return Pose(share, float(turn), float(tilt[0]), float(tilt[1]), *(float(v) for v in rng.uniform(-0.04, 0.04, 2)))


def _moved(rng: np.random.Generator, pose: Pose, hard: bool) -> Pose:
    """A little later: hands are not still."""
    sway = 0.012 if hard else 0.002
    step = rng.normal(0, sway, 5)
    return Pose(
        pose.share * (1 + float(step[0])),
        pose.turn + float(step[1]),
        pose.tilt_x + float(step[2]),
        pose.tilt_y + float(step[3]),
        pose.x + float(step[4]) / 3,
        pose.y,
    )


def _shot(rng: np.random.Generator, layout: DocumentFormat, pose: Pose, hard: bool) -> Shot:
    cell = pose.share * SIZE[0] * 2.54 / SIZES_MM[layout][0]
    if not hard:
        return Shot(
            blur=cell * float(rng.uniform(0.01, 0.05)),
            noise=float(rng.uniform(0.003, 0.012)),
            jpeg=int(rng.integers(80, 97)),
            slope=float(rng.uniform(0, 0.25)),
            slope_angle=float(rng.uniform(0, 2 * np.pi)),
            exposure=float(rng.uniform(0.75, 1.1)),
        )
    return Shot(
        blur=cell * float(rng.uniform(0.02, 0.1)),
        motion=cell * float(rng.uniform(0.1, 0.25)) if rng.random() < 0.3 else 0.0,
        motion_angle=float(rng.uniform(0, np.pi)),
        noise=float(rng.uniform(0.006, 0.025)),
        jpeg=int(rng.integers(55, 95)),
        slope=float(rng.uniform(0, 0.5)),
        slope_angle=float(rng.uniform(0, 2 * np.pi)),
        glare=float(rng.uniform(0.1, 0.45)) if rng.random() < 0.35 else 0.0,
        glare_x=float(rng.random()),
        glare_y=float(rng.random()),
        glare_size=float(rng.uniform(0.04, 0.2)),
        exposure=float(rng.uniform(0.6, 1.2)),
        gamma=float(rng.uniform(0.8, 1.25)),
    )
