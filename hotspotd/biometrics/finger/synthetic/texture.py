"""Texture that is no print: hair, cloth, grain, drawn lines, letters. For learning what to leave alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.synthetic.noise import Float, Pool

Size = tuple[int, int]


def texture(rng: np.random.Generator, pool: Pool, size: Size) -> NDArray[np.uint8]:
    """(h, w) uint8 of one kind or another, by chance."""
    kind = int(rng.choice(5, p=[0.4, 0.25, 0.15, 0.1, 0.1]))
    if kind == 0:
        grey = _strands(rng, pool, size)
    elif kind == 1:
        grey = _smeared(rng, pool, size)
    elif kind == 2:
        grey = _weave(rng, size)
    elif kind == 3:
        grey = _scrawl(rng, size)
    else:
        grey = pool.cut(rng, size, float(rng.choice([0.7, 1.2, 1.8, 2.6, 4.0]))).astype(np.float32)
    grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.4, 1.0)), dtype=np.float32)
    grey = (grey - grey.mean()) / (grey.std() + 1e-6)
    grey = rng.uniform(90, 170) + rng.uniform(15, 60) * grey + rng.uniform(0, 20) * pool.cut(rng, size, 40.0)
    return np.asarray(np.clip(np.rint(grey + rng.uniform(0, 5) * pool.cut(rng, size, 0.0)), 0, 255), dtype=np.uint8)


def _strands(rng: np.random.Generator, pool: Pool, size: Size) -> Float:
    """Hairs drawn one over the other along a smooth field of directions."""
    height, width = size
    canvas = np.full(size, 128, np.uint8)
    way = float(rng.uniform(0, 2 * np.pi)) + rng.uniform(0.1, 1.0) * pool.cut(rng, size, 40.0)
    length, spread = rng.uniform(15, 90), rng.uniform(0.02, 0.35)
    wide = int(rng.integers(1, 5))
    count = int(rng.uniform(0.6, 2.0) * height * width / (length * wide))
    starts = rng.uniform((0, 0), (width - 1, height - 1), size=(count, 2))
    for x, y in starts:
        angle = float(way[int(y), int(x)]) + float(rng.normal(0, spread))
        reach = length * float(rng.uniform(0.5, 1.2))
        ends = [
            (round((x + s * reach * np.cos(angle)) * 8), round((y + s * reach * np.sin(angle)) * 8)) for s in (0, 1)
        ]
        cv2.line(canvas, ends[0], ends[1], int(rng.integers(0, 256)), wide, cv2.LINE_AA, 3)
    return canvas.astype(np.float32)


def _smeared(rng: np.random.Generator, pool: Pool, size: Size) -> Float:
    """Noise drawn out along one of a few directions that blend into each other: grain, brushed metal, short fur."""
    noise = pool.cut(rng, size, float(rng.choice([0.0, 0.7, 1.2, 1.8]))).astype(np.float32)
    out = np.zeros(size, np.float32)
    first = rng.uniform(0, np.pi)
    for index in range(3):
        side = int(rng.integers(4, 20)) * 2 + 1
        angle = first + index * rng.uniform(0, 0.6)
        kernel = np.zeros((side, side), np.float32)
        reach = (side - 1) / 2
        ends = [(round(reach + s * reach * np.cos(angle)), round(reach + s * reach * np.sin(angle))) for s in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        where = np.clip(0.5 + pool.cut(rng, size, 40.0), 0, 1)
        out += where * cv2.filter2D(noise, -1, kernel / np.sqrt(kernel.sum()))
    return out


def _weave(rng: np.random.Generator, size: Size) -> Float:
    """Cloth, gratings, checks: one or two exact waves."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    out = np.zeros(size, np.float32)
    for _ in range(int(rng.integers(1, 3))):
        angle, period = rng.uniform(0, np.pi), rng.uniform(4, 20)
        wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * 2 * np.pi / period)
        out += np.sign(wave) if rng.random() < 0.5 else wave
    return np.asarray(out + rng.uniform(0, 0.5) * rng.standard_normal(size), dtype=np.float32)


def _scrawl(rng: np.random.Generator, size: Size) -> Float:
    """Letters and lines."""
    canvas = np.full(size, 255, np.uint8)
    for _ in range(int(rng.integers(10, 80))):
        place = rng.uniform((0, 0), (size[1], size[0]))
        at = (int(place[0]), int(place[1]))
        if rng.random() < 0.7:
            word = "".join(chr(int(c)) for c in rng.integers(33, 127, size=int(rng.integers(1, 20))))
            cv2.putText(
                canvas, word, at, cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.3, 1.5)), 0, int(rng.integers(1, 3))
            )
        else:
            there = rng.uniform((0, 0), (size[1], size[0]))
            cv2.line(canvas, at, (int(there[0]), int(there[1])), 0, int(rng.integers(1, 5)), cv2.LINE_AA)
    return canvas.astype(np.float32)
