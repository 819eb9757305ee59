"""From candidates to the lines of one zone: each as the network sees it, cut along the line as it lies.

The first look at a candidate is through a rough cut, which tells where the characters are; the zone's other lines
lie beside it. Then every line is cut anew along its own characters, upright and to scale, whatever
the perspective and the bend of the page, and looked at once more: that look is what is read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.mrz.alphabet import LENGTHS
from hotspotd.mrz.locate import Locator, Rough
from hotspotd.mrz.recogniser import WIDTH, Columns, LineSight, Recogniser, line_of
from hotspotd.mrz.runs import runs
from hotspotd.mrz.strips import COLUMN, HEIGHT, PITCH

Image = NDArray[np.uint8]
Float = NDArray[np.float32]
Points = NDArray[np.float64]

_LOOKED_AT = 8
"""Candidates that are read before a picture counts as without a zone."""
_LEAST_SURE, _LEAST_LEGIBLE = 0.6, 0.6
"""Mean sureness of the middles, and of the characters, from which something is a line of a zone."""
_AT_FIRST = 0.5
"""The latter in a rough cut, which may be far from the line's scale."""
_RUNS = 8
"""The same of what is looked at where the finding network found nothing that is a zone."""
_LEADINGS = (2.45, 2.1, 1.75)
"""Distances between lines [cells] that are tried where the next line was not found: 9303 has up to 2.5."""
_NEAREST, _FURTHEST = 1.2, 3.4
_BESIDE = 3
"""Candidates at such a distance that are tried."""
_HALF = COLUMN / 2 / PITCH
"""Of a column, in cells."""
_MOVES = 4
"""Looks along a line until it lies in the middle of its strip."""
_LINES = {30: 3, 36: 2, 44: 2}
_SHRUNK_FROM = 28.0
"""Pixels a cell from which the picture is blurred before it is cut: a cut samples points."""


@dataclass(frozen=True)
class Track:
    """A line in the picture: places of its characters are polynomials of their number (x, y), highest power first.

    ``height`` is how tall its characters are by how tall they would be, were the cell as high as it is wide.
    """

    x: Points
    y: Points
    height: float
    length: int

    def at(self, places: Points) -> Points:
        """(n, 2) picture coordinates of the middles at ``places`` (n,), which may lie between or beyond them."""
        inside = np.clip(places, 0, self.length - 1)
        beyond = places - inside
        out = np.stack([np.polyval(self.x, inside), np.polyval(self.y, inside)], 1)
        slope = np.stack([np.polyval(np.polyder(self.x), inside), np.polyval(np.polyder(self.y), inside)], 1)
        return np.asarray(out + slope * beyond[:, None])

    def along(self, places: Points) -> Points:
        """(n, 2) how far one character is from the next, and in which direction."""
        inside = np.clip(places, 0, self.length - 1)
        return np.stack([np.polyval(np.polyder(self.x), inside), np.polyval(np.polyder(self.y), inside)], 1)

    @property
    def cell(self) -> float:
        """Width of a cell in the middle of the line [px]."""
        return float(np.hypot(*self.along(np.array([self.length / 2]))[0]))

    def moved(self, places: float) -> Track:
        """The same line, its first character so many places further on."""
        numbers = np.arange(self.length, dtype=np.float64)
        points = self.at(numbers + places)
        return replace(self, x=np.polyfit(numbers, points[:, 0], 3), y=np.polyfit(numbers, points[:, 1], 3))

    def beside(self, leading: float) -> Track:
        """The line ``leading`` cells below."""
        places = np.arange(self.length, dtype=np.float64)
        along = self.along(places)
        down = np.stack([-along[:, 1], along[:, 0]], 1) * leading * self.height
        points = self.at(places) + down
        return replace(self, x=np.polyfit(places, points[:, 0], 3), y=np.polyfit(places, points[:, 1], 3))


@dataclass(frozen=True)
class ZoneSight:
    """The lines of a zone, top to bottom, as the network sees them, and where they lie."""

    lines: tuple[LineSight, ...]
    tracks: tuple[Track, ...]

    @property
    def length(self) -> int:
        """Characters a line."""
        return self.tracks[0].length

    @property
    def corners(self) -> Points:
        """(4, 2) picture coordinates of the zone's corners, from the first character on, clockwise."""
        first, last = self.tracks[0], self.tracks[-1]
        ends = np.array([-0.5, self.length - 0.5])
        return np.concatenate([first.at(ends), last.at(ends)[::-1]])


def find_zone(grey: Image, locator: Locator, recogniser: Recogniser) -> ZoneSight | None:
    """The zone in ``grey`` (h, w) uint8, or None: there is none, or not all of it can be seen."""
    for find, most in ((locator.candidates, _LOOKED_AT), (runs, _RUNS)):
        found = find(grey)
        for rough in found[:most]:
            track = _first_line(grey, rough, recogniser)
            if track is not None and (zone := _around(grey, track, found, recogniser)) is not None:
                return zone
    return None


def _first_line(grey: Image, rough: Rough, recogniser: Recogniser) -> Track | None:
    """Where the candidate's characters lie; None where it is no line of a zone."""
    matrix = _rough_cut(rough)
    sight = _best_length(recogniser.look(_cut_straight(grey, matrix, rough.cell)))
    if not _is_line(sight, _AT_FIRST):
        return None
    track = _track(sight, matrix)
    # What was found may be a part of the line: seen along itself, it shows to which side it goes on.
    for _ in range(_MOVES):
        columns = recogniser.look(_cut(grey, track))
        off = _off_middle(columns)
        if abs(off) < 1:
            break
        track = track.moved(off)
    track, sight = _refined(track, _best_length(columns))
    return track if _is_line(sight) else None


def _off_middle(columns: Columns) -> float:
    """How many cells the middle of what the strip shows of a line lies to the right of the strip's."""
    share = 1 / (1 + np.exp(-np.clip(columns.middle, -15, 15)))
    places = np.arange(len(share)) - (len(share) - 1) / 2
    return float((share * places).sum() / max(float(share.sum()), 1e-6)) * COLUMN / PITCH


def _best_length(columns: Columns) -> LineSight:
    return max((line_of(columns, length) for length in LENGTHS), key=lambda one: one.score)


def _is_line(sight: LineSight, legible: float = _LEAST_LEGIBLE) -> bool:
    return float(sight.sureness.mean()) > _LEAST_SURE and _certainty(sight) > legible


def _certainty(sight: LineSight) -> float:
    return float(np.exp(sight.characters.max(axis=1)).mean())


def _legible(sight: LineSight) -> float:
    return _certainty(sight) * float(sight.sureness.mean())


def _rough_cut(rough: Rough) -> Points:
    """2x3 from a strip to the picture."""
    across = max(rough.cell, rough.length / (WIDTH - 3 * PITCH) * PITCH) / PITCH
    down = rough.cell / PITCH
    x, y = rough.along_x, rough.along_y
    out = np.array([[x * across, -y * down, rough.x], [y * across, x * down, rough.y]])
    out[:, 2] -= out[:, :2] @ (WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5)
    return out


def _cut_straight(grey: Image, matrix: Points, cell: float) -> Image:
    source = _shrunk(grey, cell)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    strip = cv2.warpAffine(source, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(strip, np.uint8)


def _shrunk(grey: Image, cell: float) -> Image:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.35 * cell / PITCH), np.uint8) if cell > _SHRUNK_FROM else grey


def _track(sight: LineSight, matrix: Points) -> Track:
    """Where a line lies that was seen in a straight cut."""
    points = np.stack([sight.x, sight.y, np.ones_like(sight.x)], 1).astype(np.float64) @ matrix.T
    down = float(np.hypot(*matrix[:, 1])) * sight.scale
    return _fitted(points, sight, down * PITCH)


def _fitted(points: Points, sight: LineSight, tall: float) -> Track:
    """Smooth places through the seen ones; ``tall``: pixels of the picture that the line's cell is high."""
    places = np.arange(len(points), dtype=np.float64)
    weight = np.maximum(sight.sureness.astype(np.float64), 0.05)
    x, y = (np.polyfit(places, points[:, axis], 2, w=weight) for axis in (0, 1))
    # A middle that lies apart from its neighbours was misplaced.
    off = np.hypot(np.polyval(x, places) - points[:, 0], np.polyval(y, places) - points[:, 1])
    weight = weight / (1 + (off / (np.median(off) * 2 + 0.25)) ** 2)
    x, y = (np.polyfit(places, points[:, axis], 3, w=weight) for axis in (0, 1))
    track = Track(x, y, 1.0, len(points))
    return replace(track, height=tall / max(track.cell, 1e-6))


def _around(grey: Image, first: Track, rough: list[Rough], recogniser: Recogniser) -> ZoneSight | None:
    """The whole zone that the line belongs to; ``rough``: where else lines may be."""
    wanted = _LINES[first.length]
    found = [_again(grey, first, recogniser)]
    while len(found) < wanted:
        upper = _neighbour(grey, found[0][0], -1, rough, recogniser)
        lower = _neighbour(grey, found[-1][0], 1, rough, recogniser)
        if upper is not None and (lower is None or _legible(upper[1]) > _legible(lower[1])):
            found.insert(0, upper)
        elif lower is not None:
            found.append(lower)
        else:
            return None
    final = [_twice(grey, track, recogniser) for track, _ in found]
    if not all(_is_line(sight) for _, sight in final):
        return None
    return ZoneSight(tuple(sight for _, sight in final), tuple(track for track, _ in final))


def _neighbour(
    grey: Image, track: Track, sign: int, rough: list[Rough], recogniser: Recogniser
) -> tuple[Track, LineSight] | None:
    """The line above (-1) or below (1): where a candidate lies, the nearest first, else at the usual distances."""
    known = {round(sign * _leading(track, other), 1) for other in rough}
    for leading in [*sorted(one for one in known if _NEAREST < one < _FURTHEST)[:_BESIDE], *_LEADINGS]:
        found = _again(grey, track.beside(sign * leading), recogniser)
        if _is_line(found[1]):
            return found
    return None


def _leading(track: Track, other: Rough) -> float:
    """How many cells ``other`` lies below the track."""
    first, last = track.at(np.array([0.0, track.length - 1.0]))
    way = (last - first) / max(float(np.hypot(*(last - first))), 1e-6)
    off = np.array([other.x, other.y]) - first
    reach = float(np.clip(off @ way / max(float(np.hypot(*(last - first))), 1e-6), 0, 1)) * (track.length - 1)
    here, along = track.at(np.array([reach]))[0], track.along(np.array([reach]))[0]
    cell = max(float(np.hypot(*along)), 1e-6)
    down = np.array([-along[1], along[0]]) / cell
    return float((np.array([other.x, other.y]) - here) @ down / (cell * track.height))


def _again(grey: Image, track: Track, recogniser: Recogniser) -> tuple[Track, LineSight]:
    """The line looked at through a cut along its track, and its track after that."""
    return _refined(track, line_of(recogniser.look(_cut(grey, track)), track.length))


def _twice(grey: Image, track: Track, recogniser: Recogniser) -> tuple[Track, LineSight]:
    """The line looked at as ``_again`` does, and half a column of the network's further on: both looks together."""
    track_after, sight = _again(grey, track, recogniser)
    other = line_of(recogniser.look(_cut(grey, track.moved(-_HALF))), track.length)
    mixed = np.logaddexp(sight.characters, other.characters) - np.float32(np.log(2))
    sureness = (sight.sureness + other.sureness) * np.float32(0.5)
    return track_after, replace(sight, characters=mixed, sureness=sureness)


def _refined(track: Track, sight: LineSight) -> tuple[Track, LineSight]:
    """Where the characters lie that were seen in a cut along the track."""
    places = (sight.x.astype(np.float64) - _start(track.length)) / PITCH
    along = track.along(places)
    rows = (sight.y.astype(np.float64) - (HEIGHT - 1) / 2) / PITCH
    points = track.at(places) + np.stack([-along[:, 1], along[:, 0]], 1) * (rows * track.height)[:, None]
    return _fitted(points, sight, track.cell * track.height * sight.scale), sight


def _start(length: int) -> float:
    """Column of the first character's middle in a strip cut along a track: where the network has a number for it."""
    return (WIDTH - PITCH * length) / 2 + PITCH / 2 + (COLUMN - 1) / 2


def _cut(grey: Image, track: Track) -> Image:
    """A strip along the track, its middle row on the track."""
    source = _shrunk(grey, track.cell)
    places = (np.arange(WIDTH, dtype=np.float64) - _start(track.length)) / PITCH
    along = track.along(places)
    down = np.stack([-along[:, 1], along[:, 0]], 1) * track.height
    off = (np.arange(HEIGHT, dtype=np.float64) - (HEIGHT - 1) / 2) / PITCH
    grid = track.at(places)[None] + down[None] * off[:, None, None]
    x, y = grid[..., 0].astype(np.float32), grid[..., 1].astype(np.float32)
    return np.asarray(cv2.remap(source, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
