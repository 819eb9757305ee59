"""The travellers' documents as a camera above the desk sees them. Needs Debian's fonts-ocr-b for the zone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hotspotd.domain.document import parse_mrz
from hotspotd.mrz.drawing.camera import Shot
from hotspotd.mrz.drawing.grounds import Ground
from hotspotd.mrz.drawing.page import Paper, page, portrait
from hotspotd.mrz.drawing.printing import Press
from hotspotd.mrz.drawing.view import Pose, look, table

SIZE = (1280, 720)
"""Width and height of the camera's pictures."""
_SWAY = 0.003


def desk(seed: int = 0) -> NDArray[np.uint8]:
    """The bare desk, (720, 1280, 3) uint8 RGB."""
    return np.asarray(table(np.random.default_rng(seed), SIZE) * 255, np.uint8)


def lying(lines: tuple[str, ...], seed: int, pictures: int = 4, turn: float = 0.04) -> list[NDArray[np.uint8]]:
    """A page with these lines on the desk, in so many pictures (720, 1280, 3) uint8 RGB, ``turn`` [rad] askew.

    Raises DocumentError: BAD_MRZ for lines of no layout, NOT_FOUND where the font is not installed.
    """
    layout = parse_mrz(lines).format
    rng = np.random.default_rng(seed)
    sheet = page(rng, layout, lines, Paper(Press(spread=0.01), ground=Ground.ROSETTES), portrait(seed))
    wood = table(np.random.default_rng(0), SIZE)
    shot = Shot(blur=0.7, noise=0.008, jpeg=92, slope=0.15)
    out = []
    for _ in range(pictures):
        sway = rng.normal(0, _SWAY, 4)
        pose = Pose(0.75, turn + sway[0], 0.03 + sway[1], sway[2], sway[3])
        out.append(look(rng, sheet, SIZE, pose, shot, wood))
    return out
