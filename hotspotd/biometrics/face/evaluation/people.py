"""Labelled pictures of faces: one folder for each person, and the pairs of LFW's ``pairs.txt``.

``DIR/person/*.jpg`` (or .jpeg, .png, .pgm), pictures of one person in natural order, 2 before 10. A pairs file begins
with the number of folds and of pairs of each kind in one (``10 300``; a single number means one fold); each fold is so
many lines ``name n m``, two pictures of one person, and then as many ``name1 n name2 m``. Picture n of a name is
``name/name_%04d.jpg`` (Huang, Ramesh, Berg, Learned-Miller: Labeled Faces in the Wild, UMass 07-49, 2007).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.portrait import read_picture
from hotspotd.errors import BiometricError, Reason

MOST_PICTURES: Final = 50_000
MOST_PAIRS: Final = 100_000

_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".pgm")
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_PAIRS_BYTES: Final = 8 * 1024 * 1024
_MOST_PIXELS: Final = 24_000_000
_PGM: Final = re.compile(rb"P5\s+(?:#[^\n]*\n\s*)*(\d{1,5})\s+(\d{1,5})\s+(\d{1,5})\s")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of one person."""

    person: str
    path: Path

    @property
    def name(self) -> str:
        """As it is told: ``person/file``."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, by their places, of one person or of two; ``fold`` from 0."""

    first: int
    second: int
    same: bool
    fold: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """What a pairs file asks for: the pictures it names and the pairs of them."""

    pictures: Sequence[Picture]
    pairs: Sequence[Pair]
    folds: int


def open_people(folder: Path, *, genuine: bool = True) -> list[Picture]:
    """The pictures in ``folder``, person by person; they are read later. ``genuine``: error rates will be asked for.

    Raises BiometricError: NOT_FOUND without such a folder or pictures in its folders, BAD_VALUE for fewer than two
    people, nobody with two pictures though ``genuine``, or too many pictures.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise BiometricError(Reason.NOT_FOUND, f"{folder}: {what}", "Name a folder that holds one folder a person.")
    people = sorted((one for one in folder.iterdir() if _visible_folder(one)), key=lambda one: _natural(one.name))
    pictures = [Picture(person.name, path) for person in people for path in _pictures(person)]
    if not pictures:
        raise BiometricError(
            Reason.NOT_FOUND,
            f"{folder}: no pictures {{person}}/*.jpg, .png or .pgm",
            "Name a folder that holds one folder a person.",
        )
    if len(pictures) > MOST_PICTURES:
        raise BiometricError(Reason.BAD_VALUE, f"{folder}: {len(pictures)} pictures", f"At most {MOST_PICTURES}.")
    shown = len({one.person for one in pictures})
    if shown < 2 or (genuine and shown == len(pictures)):
        raise BiometricError(
            Reason.BAD_VALUE,
            f"{folder}: {shown} people, {len(pictures)} pictures",
            "Two people at least, and for error rates one of them with two pictures, are needed.",
        )
    return pictures


def open_pairs(file: Path, folder: Path) -> Pairs:
    """The pairs that ``file`` lists of the pictures in ``folder``.

    Raises BiometricError: UNREADABLE, NOT_FOUND naming a picture that is not there, BAD_VALUE naming the line.
    """
    lines = _lines(file)
    folds, each = _head(file, lines[0])
    if len(lines) - 1 != 2 * folds * each:
        raise _bad(file, 1, f"promises {2 * folds * each} pairs, and {len(lines) - 1} lines follow")
    places: dict[Path, int] = {}
    pictures: list[Picture] = []
    pairs: list[Pair] = []

    def place(number: int, name: str, shot: str) -> int:
        path = _shot(file, number, folder, name, shot)
        if path not in places:
            places[path] = len(pictures)
            pictures.append(Picture(name, path))
        return places[path]

    for number, line in enumerate(lines[1:], start=2):
        fields = line.split()
        fold, at = divmod(number - 2, 2 * each)
        same = at < each
        if len(fields) != (3 if same else 4):
            raise _bad(
                file, number, f"{len(fields)} words, a pair of {'one person' if same else 'two'} has another number"
            )
        other = fields[0] if same else fields[2]
        if not same and other == fields[0]:
            raise _bad(file, number, "a pair of two people names one of them twice")
        pairs.append(Pair(place(number, fields[0], fields[1]), place(number, other, fields[-1]), same, fold))
    return Pairs(pictures, pairs, folds)


def read(picture: Picture) -> NDArray[np.uint8]:
    """The (h, w, 3) RGB pixels. Raises BiometricError (UNREADABLE, BAD_IMAGE)."""
    try:
        with picture.path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BiometricError(Reason.UNREADABLE, f"{picture.name}: {error.strerror}") from error
    return _pgm(data) if data.startswith(b"P5") else read_picture(data)


def _pgm(data: bytes) -> NDArray[np.uint8]:
    head = _PGM.match(data)
    if head is None or len(data) > _MOST_BYTES:
        raise BiometricError(Reason.BAD_IMAGE, "no PGM picture, or its header is torn")
    width, height, most = (int(number) for number in head.groups())
    if not (0 < width * height <= _MOST_PIXELS) or most != 255 or len(data) - head.end() < width * height:
        raise BiometricError(Reason.BAD_IMAGE, f"a PGM file that declares {width} x {height} pixels up to {most}")
    grey = np.frombuffer(data, np.uint8, width * height, head.end()).reshape(height, width)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)


def _visible_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _pictures(person: Path) -> list[Path]:
    found = [one for one in person.iterdir() if one.suffix.lower() in _SUFFIXES and not one.name.startswith(".")]
    return sorted((one for one in found if one.is_file()), key=lambda one: _natural(one.name))


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return tuple((0, int(part), part) if part[0].isdigit() else (1, 0, part) for part in parts)


def _lines(file: Path) -> list[str]:
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_PAIRS_BYTES + 1)
        lines = data.decode("utf-8").splitlines()
    except OSError as error:
        raise BiometricError(Reason.UNREADABLE, f"{file}: {error.strerror}", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise BiometricError(Reason.BAD_VALUE, f"{file}: no text in UTF-8", _ADVICE) from error
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines or len(data) > _MOST_PAIRS_BYTES or len(lines) > MOST_PAIRS:
        raise BiometricError(Reason.BAD_VALUE, f"{file}: empty, or over {MOST_PAIRS} pairs", _ADVICE)
    return lines


_ADVICE: Final = "It is to be in the format of LFW's pairs.txt."


def _head(file: Path, line: str) -> tuple[int, int]:
    numbers = line.split()
    if not 1 <= len(numbers) <= 2 or not all(n.isascii() and n.isdigit() and 0 < int(n) <= MOST_PAIRS for n in numbers):
        raise _bad(file, 1, "is not the number of folds and of pairs in each")
    return (1, int(numbers[0])) if len(numbers) == 1 else (int(numbers[0]), int(numbers[1]))


def _shot(file: Path, number: int, folder: Path, name: str, shot: str) -> Path:
    if not (shot.isascii() and shot.isdigit() and len(shot) <= 6) or "/" in name or name.startswith("."):
        raise _bad(file, number, f"{name[:40]} {shot[:10]} names no picture")
    for suffix in _SUFFIXES:
        path = folder / name / f"{name}_{int(shot):04d}{suffix}"
        if path.is_file():
            return path
    raise BiometricError(
        Reason.NOT_FOUND, f"{file}: line {number}: no picture {name}/{name}_{int(shot):04d}.jpg in {folder}", _ADVICE
    )


def _bad(file: Path, line: int, what: str) -> BiometricError:
    return BiometricError(Reason.BAD_VALUE, f"{file}: line {line}: {what}", _ADVICE)
