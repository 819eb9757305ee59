"""Minutia Cylinder-Code: a bit pattern for the neighbourhood of each minutia, which is what prints are compared by.

Cappelli, Ferrara and Maltoni, "Minutia Cylinder-Code: a new representation and matching technique for fingerprint
recognition", PAMI 2010. Invariant to shift and rotation, so neighbourhoods can be compared before prints are aligned.
All is computed in whole numbers, so that every machine, with the compiled kernels or without, sets the same bits.
"""

from __future__ import annotations

import ctypes
import weakref
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import native
from hotspotd.biometrics.finger.template import FingerTemplate

Whole = NDArray[np.int64]
Block = NDArray[np.uint8]
"""A prepared print, as laid out in native/kernels/print.h; its memory begins at a multiple of 64."""

MOST = 160
"""Minutiae of a print that are compared; of more, the best by their quality."""
SIDE = 18
"""Cells along the side of the square around the disc (NS)."""
SECTORS = 4
"""Sections of relative direction (ND)."""
GROUP = 8
"""Minutiae whose words stand side by side."""
BIT_WORDS, MASK_WORDS = 16, 4
GRID = 16
"""Units in a pixel."""
_RADIUS = 70
"""[px at 500 dpi]: about eight ridges."""
_SIGMA = 8.0
"""Spread of a neighbour's place [px], nearly one ridge distance."""
_SIGMA_ANGLE = 0.35
"""Spread of a neighbour's direction [rad]."""
_MU = 0.007
"""A cell is set where its neighbours' share exceeds this."""
_REACH = 94 * GRID
"""Neighbours further off add nothing to the disc."""
_MARGIN = 50
"""Cells up to this far [px] outside the hull of all minutiae are still known to be empty or not."""
_STEP = 16
"""Pixels between the nodes at which that is decided."""
_LEAST_KNOWN = 167
"""Of 256 cells: 65 %."""
_LEAST_NEAR = 2
_SPAN = 464
"""The table of places ends where its values round to zero."""
_HEAD = 64
_USUAL_CERTAINTY = 50
"""Of a minutia whose quality was not stated, as cards may leave it: the median of the extractor's own."""

_prepared: weakref.WeakKeyDictionary[FingerTemplate, Block] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class _Tables:
    """centre (SIDE,) [1/16 px]; sine (256,) in 2^-14; place (SPAN,); facing (256, SECTORS); row, column of cells."""

    centre: Whole
    sine: Whole
    place: Whole
    facing: Whole
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    threshold: int


@cache
def _tables() -> _Tables:
    size = 2 * _RADIUS / SIDE
    axis = (np.arange(SIDE) - (SIDE - 1) / 2) * size
    row, column = np.nonzero(np.hypot(axis[:, None], axis[None]) <= _RADIUS)
    turn = 2 * np.pi * np.arange(256) / 256
    middle = (np.arange(SECTORS) + 0.5) * 2 * np.pi / SECTORS
    fine = ((np.arange(128) + 0.5) / 64 - 1) * np.pi / SECTORS
    off = np.mod(turn[:, None, None] + np.pi - middle[:, None] + fine + np.pi, 2 * np.pi) - np.pi
    share = np.exp(-0.5 * (off / _SIGMA_ANGLE) ** 2).sum(axis=2)
    share *= 2 * np.pi / SECTORS / 128 / (_SIGMA_ANGLE * np.sqrt(2 * np.pi))
    return _Tables(
        np.rint(axis * GRID).astype(np.int64),
        np.rint(np.sin(turn) * 16384).astype(np.int64),
        np.rint(255 * np.exp(-0.5 * (np.arange(_SPAN) / (_SIGMA * GRID)) ** 2)).astype(np.int64),
        np.rint(255 * share).astype(np.int64),
        row,
        column,
        round(_MU * _SIGMA * float(np.sqrt(2 * np.pi)) * 255**3),
    )


def prepared(template: FingerTemplate) -> Block:
    """What comparisons with ``template`` need, made once for as long as it lives; about 180 bytes a minutia."""
    found = _prepared.get(template)
    if found is None:
        found = _prepare(template)
        _prepared[template] = found
    return found


def _prepare(template: FingerTemplate) -> Block:
    chosen = np.arange(len(template))
    if len(chosen) > MOST:
        chosen = np.sort(np.argsort(-template.point_quality.astype(np.int64), kind="stable")[:MOST])
    direction = np.mod(np.rint(template.angle[chosen] * (256 / (2 * np.pi))), 256).astype(np.uint8)
    chosen = chosen[np.argsort(direction, kind="stable")]
    direction = np.sort(direction, kind="stable")
    x, y = (
        np.clip(np.rint(place[chosen] * np.float32(GRID)), 0, 31999).astype(np.int32)
        for place in (template.x, template.y)
    )
    certainty = np.ascontiguousarray(template.point_quality[chosen], dtype=np.uint8)
    certainty[certainty == 0] = _USUAL_CERTAINTY
    ridges = np.ascontiguousarray(template.ridges)
    block = _empty(len(x), ridges.shape)
    library = native.library()
    if library is None:
        fill(block, x, y, direction, certainty, ridges)
    else:
        given = (x, y, direction, certainty)
        addresses = [ctypes.c_void_p(array.ctypes.data) for array in given]
        rows, columns = ridges.shape
        field, into = ctypes.c_void_p(ridges.ctypes.data), ctypes.c_void_p(block.ctypes.data)
        if library.hf_prepare(len(x), *addresses, rows, columns, field, into) != 0:
            raise ValueError(f"{len(x)} minutiae, field {ridges.shape}")
    block.flags.writeable = False
    return block


def _empty(count: int, field: tuple[int, ...]) -> Block:
    padded = -(-count // 16) * 16
    size = _HEAD + 8 * padded + 3 * _up(padded) + 8 * padded * (BIT_WORDS + MASK_WORDS) + _up(field[0] * field[1])
    memory = np.zeros(size + 64, dtype=np.uint8)
    first = -memory.ctypes.data % 64
    return memory[first : first + size]


def _up(size: int) -> int:
    return -(-size // 64) * 64


@dataclass(frozen=True, eq=False)
class Print:
    """Views of a prepared print: x, y [px], direction [1/256 turn], certainty 1..100, usable (n,) each; bits
    (n, BIT_WORDS) and known (n, MASK_WORDS) uint64; field (rows, columns), as ``FingerTemplate.ridges``.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    direction: NDArray[np.uint8]
    certainty: NDArray[np.uint8]
    usable: NDArray[np.uint8]
    bits: NDArray[np.uint64]
    known: NDArray[np.uint64]
    field: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.x)


def parts_of(block: Block) -> Print:
    """The parts of a prepared print."""
    count, padded, _, rows, columns = (int(value) for value in block[4:14].view(np.uint16))
    places = block[_HEAD : _HEAD + 8 * padded].view(np.float32).reshape(2, padded)[:, :count]
    at = _HEAD + 8 * padded
    marks = block[at : at + 3 * _up(padded)].reshape(3, _up(padded))[:, :count]
    field = at + 3 * _up(padded) + 8 * padded * (BIT_WORDS + MASK_WORDS)
    words = _words(block).transpose(0, 2, 1).reshape(padded, BIT_WORDS + MASK_WORDS)[:count]
    return Print(
        x=places[0],
        y=places[1],
        direction=marks[0],
        certainty=marks[1],
        usable=marks[2],
        bits=words[:, :BIT_WORDS],
        known=words[:, BIT_WORDS:],
        field=block[field : field + rows * columns].reshape(rows, columns),
    )


def _words(block: Block) -> NDArray[np.uint64]:
    """(groups, words, GROUP) of a block."""
    padded = int(block[6:8].view(np.uint16)[0])
    at = _HEAD + 8 * padded + 3 * _up(padded)
    size = 8 * padded * (BIT_WORDS + MASK_WORDS)
    return block[at : at + size].view(np.uint64).reshape(-1, BIT_WORDS + MASK_WORDS, GROUP)


def fill(
    block: Block,
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    direction: NDArray[np.uint8],
    certainty: NDArray[np.uint8],
    ridges: NDArray[np.uint8],
) -> None:
    """As hf_prepare of native/kernels/prepare.c, in numpy: write a print into its zeroed ``block``."""
    count = len(x)
    head = block[4:14].view(np.uint16)
    block[:4].view(np.uint32)[0] = len(block)
    head[:] = count, -(-count // 16) * 16, 0, *ridges.shape
    parts = parts_of(block)
    parts.x[:], parts.y[:] = x.astype(np.float32) / GRID, y.astype(np.float32) / GRID
    parts.direction[:], parts.certainty[:], parts.field[:] = direction, certainty, ridges
    if count < 2:
        return
    whole_x, whole_y = x.astype(np.int64), y.astype(np.int64)
    known_at = _known_map(whole_x, whole_y)
    words = _words(block)
    for index in range(count):
        bits, known, near = _describe(index, whole_x, whole_y, direction, known_at)
        words[index // GROUP, :, index % GROUP] = np.concatenate([_packed(cells) for cells in (*bits, known)])
        parts.usable[index] = known.sum() >= _LEAST_KNOWN and near >= _LEAST_NEAR and bits.any()
    head[2] = parts.usable.sum()


def _packed(cells: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """256 cells as four words, the first cell lowest."""
    padded = np.zeros(64 * MASK_WORDS, dtype=np.uint8)
    padded[: len(cells)] = cells
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def _describe(
    index: int, x: Whole, y: Whole, direction: NDArray[np.uint8], known_at: tuple[NDArray[np.bool_], int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], int]:
    """Set cells (SECTORS, cells) and known cells (cells,) around one minutia, and how many neighbours it has."""
    tables = _tables()
    cos, sin = tables.sine[(int(direction[index]) + 64) & 255], tables.sine[direction[index]]
    dx, dy = x - x[index], y - y[index]
    near = dx * dx + dy * dy <= _REACH**2
    near[index] = False
    dx, dy = dx[near], dy[near]
    along, across = (cos * dx + sin * dy + 8192) >> 14, (-sin * dx + cos * dy + 8192) >> 14
    places = [
        tables.place[np.minimum(np.abs(place[:, None] - tables.centre), _SPAN - 1)].astype(np.float64)
        for place in (along, across)
    ]
    turn = (int(direction[index]) - direction[near].astype(np.int64)) & 255
    facing = tables.facing[turn].astype(np.float64)
    # Whole numbers below 2^53: exact, whatever the order.
    mass = (facing[:, :, None] * places[0][:, None]).reshape(len(dx), SECTORS * SIDE).T @ places[1]
    cells = mass.reshape(SECTORS, SIDE, SIDE)[:, tables.row, tables.column] > tables.threshold
    a, b = tables.centre[tables.row], tables.centre[tables.column]
    known_map, left, top = known_at
    column = ((((x[index] + ((cos * a - sin * b + 8192) >> 14)) >> 4) - left + _STEP // 2) >> 4).clip(
        0, known_map.shape[1] - 1
    )
    row = ((((y[index] + ((sin * a + cos * b + 8192) >> 14)) >> 4) - top + _STEP // 2) >> 4).clip(
        0, known_map.shape[0] - 1
    )
    known = known_map[row, column]
    return cells & known, known, len(dx)


def _known_map(x: Whole, y: Whole) -> tuple[NDArray[np.bool_], int, int]:
    """Which nodes lie within MARGIN of the hull of all minutiae; and the place [px] of the first node."""
    px, py = x // GRID, y // GRID
    left, top = int(px.min()) - _MARGIN - _STEP, int(py.min()) - _MARGIN - _STEP
    columns = (int(px.max() - px.min()) + 2 * (_MARGIN + _STEP)) // _STEP + 2
    rows = (int(py.max() - py.min()) + 2 * (_MARGIN + _STEP)) // _STEP + 2
    node_x, node_y = left + _STEP * np.arange(columns)[None], top + _STEP * np.arange(rows)[:, None]
    corners = hull_of(list(zip(px.tolist(), py.tolist(), strict=True)))
    close = np.zeros((rows, columns), dtype=bool)
    outside = np.zeros((rows, columns), dtype=bool)
    reach = _MARGIN**2
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        ex, ey = int(bx - ax), int(by - ay)
        dx, dy = node_x - int(ax), node_y - int(ay)
        length, on, cross = ex * ex + ey * ey, dx * ex + dy * ey, ex * dy - ey * dx
        outside |= cross < 0
        close |= (dx * dx + dy * dy <= reach) | ((dx - ex) ** 2 + (dy - ey) ** 2 <= reach)
        if length > 0:
            close |= (on >= 0) & (on <= length) & (cross * cross <= reach * length)
    return close | (~outside & (len(corners) > 2)), left, top


def hull_of(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Convex hull of ``points`` (Andrew's monotone chain): corners in order, every turn positive."""
    points = sorted(set(points))
    if len(points) < 3:
        return points
    corners: list[tuple[float, float]] = []
    for chain in (points, points[::-1]):
        part: list[tuple[float, float]] = []
        for x, y in chain:
            while len(part) >= 2 and (part[-1][0] - part[-2][0]) * (y - part[-2][1]) <= (part[-1][1] - part[-2][1]) * (
                x - part[-2][0]
            ):
                part.pop()
            part.append((x, y))
        corners += part[:-1]
    return corners
