"""Thinning to lines one pixel wide, and following those lines; all by tables over the eight neighbours.

Neighbour code: bit k is the neighbour at OFFSETS[k], clockwise from the right. Guo and Hall (1989), algorithm A1.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

OFFSETS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""(dy, dx) of bit 0 to 7."""

Binary = NDArray[np.uint8]
_MOST_ROUNDS = 60
"""Half the widest blot that is thinned to the end; anything wider is no ridge."""


@cache
def _kernel() -> NDArray[np.float32]:
    kernel = np.zeros((3, 3), dtype=np.float32)
    for bit, (dy, dx) in enumerate(OFFSETS):
        kernel[1 + dy, 1 + dx] = 1 << bit
    return kernel


def neighbour_codes(lines: Binary) -> Binary:
    """(h, w) code of each pixel's neighbours; ``lines`` is 0 or 1. Outside the picture is 0."""
    return np.asarray(cv2.filter2D(lines, cv2.CV_8U, _kernel(), borderType=cv2.BORDER_CONSTANT), dtype=np.uint8)


@cache
def _tables() -> tuple[Binary, Binary, Binary]:
    codes = np.arange(256)
    # Guo and Hall name the neighbours p2 (above) to p9 (above left), clockwise.
    order = {2: 6, 3: 7, 4: 0, 5: 1, 6: 2, 7: 3, 8: 4, 9: 5}
    p = {name: (codes >> bit) & 1 for name, bit in order.items()}
    ring = (
        ((1 - p[2]) & (p[3] | p[4]))
        + ((1 - p[4]) & (p[5] | p[6]))
        + ((1 - p[6]) & (p[7] | p[8]))
        + ((1 - p[8]) & (p[9] | p[2]))
    )
    first = (p[9] | p[2]) + (p[3] | p[4]) + (p[5] | p[6]) + (p[7] | p[8])
    second = (p[2] | p[3]) + (p[4] | p[5]) + (p[6] | p[7]) + (p[8] | p[9])
    fewest = np.minimum(first, second)
    common = (ring == 1) & (fewest >= 2) & (fewest <= 3)
    odd = common & (((p[2] | p[3] | (1 - p[5])) & p[4]) == 0)
    even = common & (((p[6] | p[7] | (1 - p[9])) & p[8]) == 0)
    ring_bits = (codes[:, None] >> np.arange(8)) & 1
    crossings = np.abs(ring_bits - np.roll(ring_bits, 1, axis=1)).sum(axis=1) // 2
    return odd.astype(np.uint8), even.astype(np.uint8), crossings.astype(np.uint8)


def thin(ridges: NDArray[np.bool_]) -> Binary:
    """(h, w) 0/1 skeleton of ``ridges``, eight-connected, one pixel wide."""
    odd, even, _ = _tables()
    lines = ridges.astype(np.uint8)
    for _ in range(_MOST_ROUNDS):
        gone = 0
        for table in (odd, even):
            remove = np.asarray(cv2.LUT(neighbour_codes(lines), table), dtype=np.uint8) & lines
            gone += cv2.countNonZero(remove)
            lines = lines ^ remove
        if gone == 0:
            break
    return np.asarray(lines, dtype=np.uint8)


def crossing_numbers(lines: Binary) -> Binary:
    """(h, w) Rutovitz crossing number of each skeleton pixel, 0 elsewhere: 1 = ending, 3 = bifurcation."""
    return np.asarray(cv2.LUT(neighbour_codes(lines), _tables()[2]) * lines, dtype=np.uint8)


@cache
def _next_bit() -> NDArray[np.int8]:
    """(8 came from, 256 codes) which neighbour to go to, -1 at an end or a fork. Side steps beat diagonals."""
    table = np.full((8, 256), -1, dtype=np.int8)
    for back in range(8):
        near = {back, (back + 1) % 8, (back - 1) % 8}
        for code in range(256):
            bits = [b for b in range(8) if code >> b & 1 and b not in near]
            direct = [b for b in bits if b % 2 == 0]
            # A diagonal that touches a side neighbour is that same line.
            free = [b for b in bits if b % 2 and not {(b + 1) % 8, (b - 1) % 8} & set(direct)]
            choices = direct + free
            if len(choices) == 1:
                table[back, code] = choices[0]
    return table


def follow(
    lines: Binary, start_y: NDArray[np.intp], start_x: NDArray[np.intp], first_bit: NDArray[np.intp], steps: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Walk along the skeleton from each start in the direction of its ``first_bit``.

    Returns y, x of where each walk stopped, and its length in steps: less than ``steps`` at an end or a fork.
    """
    codes = neighbour_codes(np.ascontiguousarray(lines))
    offsets = np.asarray(OFFSETS)
    y, x = start_y + offsets[first_bit, 0], start_x + offsets[first_bit, 1]
    came = (first_bit + 4) % 8
    length = np.ones(len(y), dtype=np.intp)
    walking = np.ones(len(y), dtype=bool)
    for _ in range(steps - 1):
        bit = _next_bit()[came, codes[y, x]].astype(np.intp)
        walking &= bit >= 0
        if not walking.any():
            break
        bit = np.where(walking, bit, 0)
        y = np.where(walking, y + offsets[bit, 0], y)
        x = np.where(walking, x + offsets[bit, 1], x)
        came = np.where(walking, (bit + 4) % 8, came)
        length += walking
    return y, x, length
