"""Labelled pictures: folders of ``{finger}_{impression}.*``, each folder one set from one sensor.

The finger's part may hold letters and further underscores; the impression is what follows the last one. Order is
natural, 2 before 10, so that the first impression of a finger is the one that its owner calls the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.pictures import read_picture
from hotspotd.errors import BiometricError, Reason

Image = NDArray[np.uint8]

MOST_PICTURES: Final = 4000
"""Eight million pairs in one set: minutes of comparison, and all its scores in memory."""

_SUFFIXES: Final = frozenset((".bmp", ".jp2", ".jpc", ".jpeg", ".jpg", ".j2k", ".pgm", ".png", ".tif", ".tiff", ".wsq"))
_NAME = "{finger}_{impression}.png (or .tif, .bmp, .wsq, .jp2, .jpg, .pgm)"


@dataclass(frozen=True)
class Picture:
    """One impression of one finger. ``read`` gives the picture (h, w) grey and its dpi, or BiometricError."""

    finger: str
    impression: str
    name: str
    read: Callable[[], tuple[Image, int]]

    @property
    def label(self) -> tuple[str, str]:
        """Which impression of which finger."""
        return self.finger, self.impression


@dataclass(frozen=True)
class Folder:
    """One set: its name, where it is, its pictures in natural order."""

    name: str
    path: Path
    pictures: Sequence[Picture]


def open_folder(path: Path, dpi: int | None = None, *, genuine: bool = True) -> Folder:
    """The set in ``path``, its pictures at ``dpi`` (None = as each says); they are read later.

    ``genuine``: error rates will be asked for.

    Raises BiometricError: NOT_FOUND without such a folder or picture in it, BAD_VALUE where there are fewer than two
    fingers, no finger with two impressions though ``genuine``, two pictures of one name, or too many pictures.
    """
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "no such folder"
        raise BiometricError(Reason.NOT_FOUND, f"{path}: {what}", "Name folders of pictures.")
    pictures = sorted(_pictures(path, dpi), key=lambda one: (natural(one.finger), natural(one.impression)))
    if not pictures:
        inner = sum(one.is_dir() for one in path.iterdir())
        advice = f"It holds {inner} folders: name those, {path}/*." if inner else "Rename the pictures so."
        raise BiometricError(Reason.NOT_FOUND, f"{path}: no picture is called {_NAME}", advice)
    if len(pictures) > MOST_PICTURES:
        raise BiometricError(
            Reason.BAD_VALUE, f"{path}: {len(pictures)} pictures", f"Split it: at most {MOST_PICTURES} make a set."
        )
    if twice := next((b.name for a, b in pairwise(pictures) if a.label == b.label), None):
        raise BiometricError(
            Reason.BAD_VALUE, f"{path}: {twice}: another picture has this name", "Remove one of the two."
        )
    fingers = len({one.finger for one in pictures})
    if fingers < 2:
        raise BiometricError(
            Reason.BAD_VALUE,
            f"{path}: all {len(pictures)} pictures are of one finger",
            "Impostor comparisons need pictures of a second finger at least.",
        )
    if genuine and fingers == len(pictures):
        raise BiometricError(
            Reason.BAD_VALUE,
            f"{path}: no finger has a second picture",
            "Genuine comparisons need two impressions of a finger at least.",
        )
    return Folder(path.resolve().name, path, pictures)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sorting key with which 2 comes before 10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return tuple((0, int(part), part) if part[0].isdigit() else (1, 0, part) for part in parts)


def _pictures(folder: Path, dpi: int | None) -> list[Picture]:
    found = []
    for path in folder.iterdir():
        finger, underscore, impression = path.stem.rpartition("_")
        named = bool(finger and underscore and impression) and not path.name.startswith(".")
        if named and path.suffix.lower() in _SUFFIXES and path.is_file():
            found.append(Picture(finger, impression, path.name, partial(_read, path, dpi)))
    return found


def _read(path: Path, dpi: int | None) -> tuple[Image, int]:
    found = read_picture(path, dpi)
    return found.pixels, found.dpi


def as_r307(picture: Image) -> Image:
    """The densest 288x256 part of a 500 dpi picture in 16 grey levels: what a small optical module would have seen."""
    height, width = 288, 256
    up, across = max(0, height - picture.shape[0]), max(0, width - picture.shape[1])
    if up or across:
        picture = np.pad(picture, ((up // 2, up - up // 2), (across // 2, across - across // 2)), mode="edge")
    edges = np.abs(cv2.Laplacian(cv2.GaussianBlur(picture, (0, 0), 1.5), cv2.CV_32F))
    dense = cv2.boxFilter(edges, -1, (width, height), normalize=True, borderType=cv2.BORDER_CONSTANT)
    top, left = height // 2, width // 2
    inner = dense[top : picture.shape[0] - height + top + 1, left : picture.shape[1] - width + left + 1]
    y, x = np.unravel_index(int(np.argmax(inner)), inner.shape)
    crop = picture[y : y + height, x : x + width]
    return np.asarray((crop >> 4) * 17, dtype=np.uint8)
