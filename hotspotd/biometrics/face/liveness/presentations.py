"""Recorded presentations to measure liveness checks on: one folder of live ones, one for each attack species.

``DIR/live`` or ``DIR/bona_fide``, and ``DIR/{species}``. Pictures in them are for a model; each film, a video or a
folder of frames in the order of their names, is one head turn. A film whose name ends in ``left`` or ``right`` is of a
turn that was asked for to that side (the traveller's own); for any other either side will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.liveness.turn import Side
from hotspotd.biometrics.face.portrait import read_picture
from hotspotd.errors import BiometricError, Reason

Image = NDArray[np.uint8]

BONA_FIDE: Final = ("bona_fide", "live")
MOST_FRAMES: Final = 600
"""Of one film; half a minute."""

_MOST_PRESENTATIONS: Final = 20_000
_PICTURES: Final = (".jpg", ".jpeg", ".png")
_VIDEOS: Final = (".mp4", ".avi", ".mov", ".mkv", ".webm")
_SIDE: Final = re.compile(r"(?:^|[^a-z])(left|right)$")


@dataclass(frozen=True, slots=True)
class Presentation:
    """One picture, or one film."""

    group: str
    path: Path
    film: bool

    @property
    def name(self) -> str:
        """As it is told: ``species/file``."""
        return f"{self.group}/{self.path.name}"

    @property
    def side(self) -> Side | None:
        """The side that was asked for; None where the name does not say."""
        found = _SIDE.search(self.path.stem.lower())
        return Side(found[1]) if found else None


def open_presentations(folder: Path) -> tuple[list[Presentation], dict[str, list[Presentation]]]:
    """The live presentations in ``folder``, and the attacks of each species; they are read later.

    Raises BiometricError: NOT_FOUND without such a folder, without live presentations or without attacks, BAD_VALUE for
    two folders of live ones or too many presentations.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise BiometricError(Reason.NOT_FOUND, f"{folder}: {what}", "Name a folder with live/ and a folder a species.")
    groups = {one.name: _presentations(one) for one in sorted(folder.iterdir()) if one.is_dir() and _visible(one)}
    live = [name for name in BONA_FIDE if groups.get(name)]
    if len(live) > 1:
        raise BiometricError(Reason.BAD_VALUE, f"{folder}: both live/ and bona_fide/", "Put them into one.")
    attacks = {name: found for name, found in groups.items() if found and name not in BONA_FIDE}
    if not live or not attacks:
        lacking = "attacks: folders named after their species" if live else "live presentations: a folder live"
        raise BiometricError(
            Reason.NOT_FOUND, f"{folder}: no {lacking}", "hotspotctl evaluate liveness --help says how."
        )
    if sum(len(found) for found in groups.values()) > _MOST_PRESENTATIONS:
        raise BiometricError(Reason.BAD_VALUE, f"{folder}: more than {_MOST_PRESENTATIONS} presentations", "Split it.")
    return groups[live[0]], attacks


def picture(one: Presentation) -> Image:
    """The picture (h, w, 3) RGB. Raises BiometricError (BAD_IMAGE), OSError."""
    return read_picture(one.path.read_bytes())


def frames(one: Presentation) -> Iterator[Image]:
    """The frames of a film, each (h, w, 3) RGB, at most MOST_FRAMES. Raises BiometricError (BAD_IMAGE), OSError."""
    if one.path.is_dir():
        for path in _frame_files(one.path)[:MOST_FRAMES]:
            yield read_picture(path.read_bytes())
        return
    capture = cv2.VideoCapture(str(one.path))
    try:
        count = 0
        while count < MOST_FRAMES:
            there, pixels = capture.read()
            if not there:
                break
            count += 1
            yield np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        if not count:
            raise BiometricError(
                Reason.BAD_IMAGE, f"{one.name}: cannot be read as a video", "Give its frames in a folder."
            )
    finally:
        capture.release()


def _presentations(folder: Path) -> list[Presentation]:
    found = []
    for path in sorted(folder.iterdir()):
        if not _visible(path):
            continue
        if path.is_dir() and _frame_files(path):
            found.append(Presentation(folder.name, path, film=True))
        elif path.is_file() and path.suffix.lower() in (*_PICTURES, *_VIDEOS):
            found.append(Presentation(folder.name, path, film=path.suffix.lower() in _VIDEOS))
    return found


def _frame_files(folder: Path) -> Sequence[Path]:
    names = [path for path in folder.iterdir() if path.suffix.lower() in _PICTURES and _visible(path)]
    return sorted(
        names, key=lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]
    )


def _visible(path: Path) -> bool:
    return not path.name.startswith(".")
