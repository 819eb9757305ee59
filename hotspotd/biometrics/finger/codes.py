"""A short code for the neighbourhood of each minutia: what a search among very many prints looks at first.

A minutia's neighbours are seen from it, its own direction being the first axis, as in the cylinders of Cappelli,
Ferrara and Maltoni (2010). Each neighbour adds a row of a table, chosen by its place and relative direction, to BITS
sums that begin at a bias; the code is their signs. The table is a linear projection, learned from drawn fingers by
``scripts/train/train_finger_codes.py`` so that impressions of one minutia mostly get the same bits. A word holds the
code and, above it, the direction; beside it stands a place. All of it is whole numbers: every machine, compiled or not,
makes the same bits, and codes can be made again from the templates whenever the projection changes (``identity``).
"""

from __future__ import annotations

import ctypes
import hashlib
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import native
from hotspotd.biometrics.finger.template import FingerTemplate

Words = NDArray[np.uint64]
Places = NDArray[np.int8]
Real = NDArray[np.float64]

# Those of native/kernels/search.h.
BITS: Final = 58
"""Of a code; the six above them hold the direction in 1/64 turns."""
MOST_CODED: Final = 64
REACH_PX: Final = 80.0
"""How far off a neighbour still counts [px at 500 dpi]: nine ridges."""
_COLUMNS, _REACH, _CELL, _SIDE, _TABLE_SECTORS = 64, 1280, 80, 32, 16
_MOST_MINUTIAE: Final = 200
_GRID: Final = 16.0

UNIT_PX: Final = 3.0
"""Of a place; the middle of the print's coded minutiae is the origin, and 127 units are as far as it goes."""

PLACES, SECTORS = 10, 8
"""Soft bins along each axis and of the turn, which the projection is stored in."""
PLACE_CENTRES: Final = (np.arange(PLACES) - (PLACES - 1) / 2) * 15.0
PLACE_SIGMA: Final = 9.0
_TURN_SIGMA: Final = 0.4
BUMP_ONE: Final = 64.0
SHIFT: Final = 22
"""The table is its sum of three bumps times a weight, over 2^SHIFT."""
_FORMAT: Final = 1


@dataclass(frozen=True)
class Weights:
    """The projection as stored: weights (PLACES, SECTORS, PLACES, BITS), along, turn, across; bias (BITS,); int16."""

    weights: NDArray[np.int16]
    bias: NDArray[np.int16]


@dataclass(frozen=True)
class Projection:
    """The projection as used.

    table (cells in the disc, 16 turns, 64) int8, cells (32·32,) int16 the row of each cell of the square or -1, bias
    (64,) int16; columns from BITS on are zero. ``identity`` names it.
    """

    table: NDArray[np.int8]
    cells: NDArray[np.int16]
    bias: NDArray[np.int16]
    identity: str


@dataclass(frozen=True)
class Minutiae:
    """Of f prints: x, y (f, m) uint16 [1/16 px], angle (f, m) uint8 [1/256 turn], count (f,) int32 of valid places."""

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    angle: NDArray[np.uint8]
    count: NDArray[np.int32]


@dataclass(frozen=True)
class Codes:
    """Of f prints, one after the other: words (n,), places (n, 2) x and y in UNIT_PX, and count (f,) int32 of each."""

    words: Words
    places: Places
    count: NDArray[np.int32]


class _Projection(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("table", "cells", "bias", "cosine")]


class _Minutiae(ctypes.Structure):
    _fields_ = [("stride", ctypes.c_int64), *((name, ctypes.c_void_p) for name in ("count", "x", "y", "angle"))]


def bump(at: NDArray[np.float32], centres: NDArray[np.floating], sigma: float) -> NDArray[np.float32]:
    """(..., centres): how much of something at ``at`` falls into each soft bin."""
    return np.asarray(np.exp(-0.5 * ((at[..., None] - centres.astype(np.float32)) / sigma) ** 2), dtype=np.float32)


def bump_turn(turn: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., SECTORS): the same for a difference of directions [rad]."""
    off = turn[..., None] - np.arange(SECTORS, dtype=np.float32) * np.float32(2 * np.pi / SECTORS)
    off = np.mod(off + np.float32(np.pi), np.float32(2 * np.pi)) - np.float32(np.pi)
    return np.asarray(np.exp(-0.5 * (off / _TURN_SIGMA) ** 2), dtype=np.float32)


def expanded(stored: Weights) -> Real:
    """The table (cells in the disc, 16, BITS) before it is rounded: sums of whole numbers below 2^53, so exact."""
    middle = ((np.arange(_SIDE) + 0.5) * _CELL - _REACH) / _GRID
    turn = np.arange(_TABLE_SECTORS, dtype=np.float32) * np.float32(2 * np.pi / _TABLE_SECTORS)
    place = np.round(BUMP_ONE * bump(middle.astype(np.float32), PLACE_CENTRES, PLACE_SIGMA)).astype(np.float64)
    facing = np.round(BUMP_ONE * bump_turn(turn)).astype(np.float64)
    along = np.tensordot(place, stored.weights.astype(np.float64), (1, 0))
    turned = np.tensordot(along, facing, (1, 1))
    square = np.tensordot(turned, place, (1, 1)).transpose(0, 3, 2, 1)
    return np.asarray(square[_disc()] / 2.0**SHIFT)


def _disc() -> NDArray[np.bool_]:
    middle = (np.arange(_SIDE) + 0.5) * _CELL - _REACH
    return np.asarray(np.hypot(middle[:, None], middle[None]) <= _REACH)


def identity(stored: Weights) -> str:
    """Name of a projection: format and the first 48 bits of a SHA-256 of its numbers."""
    digest = hashlib.sha256(stored.weights.astype("<i2").tobytes() + stored.bias.astype("<i2").tobytes())
    return f"{_FORMAT}-{digest.hexdigest()[:12]}"


@cache
def projection() -> Projection:
    """The one that is shipped, from ``codes.npz``."""
    data = files("hotspotd.biometrics.finger").joinpath("codes.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        stored = Weights(arrays["weights"], arrays["bias"])
    disc = _disc()
    cells = np.full(_SIDE * _SIDE, -1, dtype=np.int16)
    cells[disc.ravel()] = np.arange(disc.sum())
    rows = np.clip(np.round(expanded(stored)), -127, 127).astype(np.int8)
    table = np.zeros((*rows.shape[:2], _COLUMNS), dtype=np.int8)
    table[..., :BITS] = rows
    bias = np.zeros(_COLUMNS, dtype=np.int16)
    bias[:BITS] = stored.bias
    return Projection(table, cells, bias, identity(stored))


@cache
def cosines() -> NDArray[np.int32]:
    """(256,) of the parts of a turn, times 2^14."""
    return np.asarray(np.round(np.cos(np.arange(256) * (2 * np.pi / 256)) * 16384), dtype=np.int32)


def quantised(
    x: NDArray[np.float32], y: NDArray[np.float32], angle: NDArray[np.float32], count: NDArray[np.int32]
) -> Minutiae:
    """Minutiae (f, m) in px and rad, on the grid of a stored template."""
    on_grid = [np.round(c * _GRID).astype(np.uint16) for c in (x, y)]
    turn = np.mod(np.round(angle * (256 / (2 * np.pi))).astype(np.int32), 256).astype(np.uint8)
    return Minutiae(on_grid[0], on_grid[1], turn, count.astype(np.int32))


def of_template(template: FingerTemplate, most: int) -> Codes:
    """Codes of the ``most`` minutiae nearest to the middle of a print; fewer where it has fewer."""
    count = np.array([min(len(template), _MOST_MINUTIAE)], dtype=np.int32)
    x, y, angle = (c[None, : count[0]] for c in (template.x, template.y, template.angle))
    return of_many(quantised(x, y, angle, count), most)


def of_many(prints: Minutiae, most: int) -> Codes:
    """Codes of several prints, as ``of_template``. ``most`` is at most MOST_CODED, a print has at most 200 minutiae."""
    if not 0 < most <= MOST_CODED or prints.x.shape[1] > _MOST_MINUTIAE:
        raise ValueError(f"at most {MOST_CODED} codes of {_MOST_MINUTIAE} minutiae")
    prints = _from_the_middle(prints)
    wanted = np.minimum(prints.count, most).astype(np.int32)
    start = np.zeros(len(wanted), dtype=np.int64)
    np.cumsum(wanted[:-1], out=start[1:])
    words = np.zeros(int(wanted.sum()), dtype=np.uint64)
    library = native.library()
    if library is None:
        for print_ in range(len(wanted)):
            first, chosen, all_ = int(start[print_]), int(wanted[print_]), int(prints.count[print_])
            x, y, angle = prints.x[print_, :all_], prints.y[print_, :all_], prints.angle[print_, :all_]
            words[first : first + chosen] = _encode(x, y, angle, chosen)
    else:
        _encode_compiled(library, prints, wanted, start, words)
    chosen_places = np.arange(prints.x.shape[1]) < wanted[:, None]
    places = np.stack([_places(c, chosen_places, wanted) for c in (prints.x, prints.y)], axis=1)
    return Codes(words, places, wanted)


def _from_the_middle(prints: Minutiae) -> Minutiae:
    """The same with the minutiae of each print ordered by their distance from the middle of all of them."""
    valid = np.arange(prints.x.shape[1]) < prints.count[:, None]
    squared = np.zeros(prints.x.shape, dtype=np.int64)
    for column in (prints.x, prints.y):
        whole = column.astype(np.int64) * valid
        middle = whole.sum(axis=1) // np.maximum(prints.count, 1)
        squared += (whole - middle[:, None]) ** 2
    order = np.argsort(np.where(valid, squared, np.iinfo(np.int64).max), axis=1, kind="stable")
    x, y, angle = (
        np.ascontiguousarray(np.take_along_axis(c, order, axis=1)) for c in (prints.x, prints.y, prints.angle)
    )
    return Minutiae(x, y, angle, np.ascontiguousarray(prints.count, dtype=np.int32))


def _places(column: NDArray[np.uint16], chosen: NDArray[np.bool_], count: NDArray[np.int32]) -> Places:
    whole = column.astype(np.int64)
    middle = (whole * chosen).sum(axis=1) // np.maximum(count, 1)
    unit = int(UNIT_PX * _GRID)
    off = (whole - middle[:, None] + unit // 2) // unit
    return np.asarray(np.clip(off, -127, 127)[chosen], dtype=np.int8)


def _encode(x: NDArray[np.uint16], y: NDArray[np.uint16], angle: NDArray[np.uint8], wanted: int) -> Words:
    """What ``encode`` in search_body.h does."""
    by = projection()
    column_x, column_y, turn = x.astype(np.int64), y.astype(np.int64), angle.astype(np.int64)
    dx, dy = column_x[None] - column_x[:wanted, None], column_y[None] - column_y[:wanted, None]
    c, s = (cosines()[np.mod(turn[:wanted] - by_turn, 256)].astype(np.int64)[:, None] for by_turn in (0, 64))
    along, across = ((c * dx + s * dy) >> 14) + _REACH, ((c * dy - s * dx) >> 14) + _REACH
    near = (along >= 0) & (along < 2 * _REACH) & (across >= 0) & (across < 2 * _REACH)
    near[np.arange(wanted), np.arange(wanted)] = False
    half = 128 // _TABLE_SECTORS
    sector = np.mod(turn[:wanted, None] - turn[None] + half, 256) // (2 * half)
    cell = by.cells[np.where(near, along // _CELL * _SIDE + across // _CELL, 0)]
    from_, to = np.nonzero(near & (cell >= 0))
    sums = np.tile(by.bias.astype(np.int64), (wanted, 1))
    np.add.at(sums, from_, by.table[cell[from_, to], sector[from_, to]].astype(np.int64))
    bits = np.packbits(sums[:, :BITS] > 0, axis=1, bitorder="little")
    padded = np.zeros((wanted, 8), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    direction = (np.mod(turn[:wanted] + 2, 256) >> 2).astype(np.uint64)
    return np.asarray(padded.view("<u8")[:, 0].astype(np.uint64) | direction << np.uint64(BITS))


def _encode_compiled(
    library: ctypes.CDLL, prints: Minutiae, wanted: NDArray[np.int32], start: NDArray[np.int64], words: Words
) -> None:
    by = projection()
    with_ = _Projection(by.table.ctypes.data, by.cells.ctypes.data, by.bias.ctypes.data, cosines().ctypes.data)
    columns = (prints.count, prints.x, prints.y, prints.angle)
    of = _Minutiae(prints.x.shape[1], *(c.ctypes.data for c in columns))
    library.hf_encode(
        ctypes.byref(with_),
        ctypes.byref(of),
        ctypes.c_int64(len(wanted)),
        ctypes.c_void_p(wanted.ctypes.data),
        ctypes.c_void_p(start.ctypes.data),
        ctypes.c_void_p(words.ctypes.data),
    )
