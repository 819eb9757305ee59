"""Skin on glass: which ridges touch, how firmly, and what age, work, water and dirt have done to them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.synthetic.masters import Float
from hotspotd.biometrics.finger.synthetic.noise import Pool

Size = tuple[int, int]


@dataclass(frozen=True)
class Skin:
    """ink (h, w) 0..1, how firmly each place touches; contact (h, w) 0..1, where the finger lies at all."""

    ink: Float
    contact: Float


def touch(ridges: Float, rng: np.random.Generator, pool: Pool) -> Skin:
    """A finger with these ``ridges`` (h, w), -1..1, put down once."""
    size = (ridges.shape[0], ridges.shape[1])
    contact = _contact(rng, pool, size)
    rough = ridges + rng.uniform(0.05, 0.45) * pool.cut(rng, size, float(rng.choice([0.7, 1.2, 1.8])))
    mood = rng.normal(0.0, 0.32) + rng.uniform(0.05, 0.4) * pool.cut(rng, size, float(rng.choice([16, 25, 40, 60])))
    mood = np.clip(mood, -0.75, 0.85)
    firm = _logistic(rng.uniform(2.0, 7.0) * (mood - rough))
    if rng.random() < 0.55:
        firm = _beaded(firm, ridges, rng, pool)
    if rng.random() < 0.45:
        firm = _pores(firm, ridges, rng, pool)
    if rng.random() < 0.4:
        firm = _filled(firm, rng, pool)
    firm = _worn(firm, rng, pool)
    firm = firm * _creases(rng, size)
    if rng.random() < 0.12:
        firm = _residue(firm, rng)
    return Skin(np.asarray(firm * contact, dtype=np.float32), contact)


def _logistic(values: Float) -> Float:
    return np.asarray(0.5 + 0.5 * np.tanh(values), dtype=np.float32)


def _contact(rng: np.random.Generator, pool: Pool, size: Size) -> Float:
    """A ragged ellipse, often larger than the picture."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    small = rng.random() < 0.12
    reach = rng.uniform(45, 75) if small else rng.uniform(85, 175)
    across, along = reach * rng.uniform(0.85, 1.1), reach * rng.uniform(1.05, 1.5)
    turn = rng.uniform(-np.pi, np.pi)
    u = x - width / 2 - rng.normal(0, 40)
    v = y - height / 2 - rng.normal(0, 40)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    radius = np.hypot((cos * u + sin * v) / across, (cos * v - sin * u) / along)
    ragged = radius + rng.uniform(0.01, 0.05) * pool.cut(rng, size, 10.0) + 0.015 * pool.cut(rng, size, 2.6)
    return np.asarray(np.clip((1.0 - ragged) * rng.uniform(6, 40), 0, 1), dtype=np.float32)


def _beaded(firm: Float, ridges: Float, rng: np.random.Generator, pool: Pool) -> Float:
    """Dry ridges: rows of dots instead of lines, in patches."""
    size = (ridges.shape[0], ridges.shape[1])
    where = _logistic(1.5 * (pool.cut(rng, size, 40.0) + rng.uniform(-1.0, 1.2)))
    dots = _logistic(3.0 * (pool.cut(rng, size, float(rng.choice([1.2, 1.8, 2.6]))) + rng.uniform(-0.6, 1.2)))
    return np.asarray(firm * (1 - where * (1 - dots)), dtype=np.float32)


def _pores(firm: Float, ridges: Float, rng: np.random.Generator, pool: Pool) -> Float:
    """Small holes along the middle of ridges."""
    size = (ridges.shape[0], ridges.shape[1])
    middle = np.clip(-ridges * 2 - 0.6, 0, 1)
    holes = _logistic(4.0 * (pool.cut(rng, size, 1.2) - rng.uniform(0.8, 1.5)))
    return np.asarray(firm * (1 - rng.uniform(0.5, 1.0) * holes * middle), dtype=np.float32)


def _filled(firm: Float, rng: np.random.Generator, pool: Pool) -> Float:
    """Wet or pressed skin: valleys close in patches."""
    size = (firm.shape[0], firm.shape[1])
    where = np.clip(0.5 * (pool.cut(rng, size, 25.0) + rng.uniform(-1.6, 0.8)), 0, 1)
    blurred = np.asarray(cv2.GaussianBlur(firm, (0, 0), rng.uniform(1.5, 4.0)), dtype=np.float32)
    full = np.clip(rng.uniform(1.1, 1.5) * blurred + 0.1 * pool.cut(rng, size, 2.6), 0, 1)
    return np.asarray(firm * (1 - where) + full * where, dtype=np.float32)


def _worn(firm: Float, rng: np.random.Generator, pool: Pool) -> Float:
    """Patches that don't touch, touch all over, or are smeared."""
    size = (firm.shape[0], firm.shape[1])
    if rng.random() < 0.5:
        scale = float(rng.choice([4.0, 6.0, 10.0]))
        holes = _logistic(3.0 * (pool.cut(rng, size, scale) - rng.uniform(1.5, 2.6)))
        firm = firm * (1 - holes)
    if rng.random() < 0.25:
        spots = _logistic(4.0 * (pool.cut(rng, size, float(rng.choice([2.6, 4.0, 6.0]))) - rng.uniform(1.8, 2.8)))
        firm = firm + (1 - firm) * spots
    if rng.random() < 0.25:
        where = np.clip(pool.cut(rng, size, 25.0) - rng.uniform(0.5, 1.8), 0, 1)
        length = int(rng.integers(5, 15))
        kernel = np.zeros((length, length), np.float32)
        way = rng.uniform(0, np.pi)
        reach = (length - 1) / 2
        ends = [(round(reach + s * reach * np.cos(way)), round(reach + s * reach * np.sin(way))) for s in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        smeared = cv2.filter2D(firm.astype(np.float32), -1, kernel / kernel.sum())
        firm = firm * (1 - where) + smeared * where
    return np.asarray(firm, dtype=np.float32)


def _creases(rng: np.random.Generator, size: Size) -> Float:
    """(h, w) 0..1, 0 in a crease: single folds, bundles of fine wrinkles, now and then a scar."""
    height, width = size
    canvas = np.full(size, 255, np.uint8)
    folds = int(rng.poisson(1.8)) if rng.random() < 0.65 else 0
    for _ in range(folds):
        start = rng.uniform((0, 0), (width, height))
        way = float(rng.uniform(0, np.pi))
        bundle = int(rng.integers(3, 9)) if rng.random() < 0.35 else 1
        for index in range(bundle):
            wide = 1 if bundle > 1 else int(rng.choice([1, 1, 2, 2, 3, 4, 6]))
            beside = (index - bundle / 2) * rng.uniform(3.5, 9.0)
            first = start + beside * np.array([-np.sin(way), np.cos(way)]) + rng.normal(0, 4, 2)
            _fold(canvas, rng, first, way + rng.normal(0, 0.06), wide)
    if folds == 0:
        return np.ones(size, dtype=np.float32)
    soft = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.5, 1.2)).astype(np.float32) / 255
    depth = rng.uniform(0.6, 1.0)
    return np.asarray(1 - depth * (1 - soft), dtype=np.float32)


def _fold(
    canvas: NDArray[np.uint8], rng: np.random.Generator, start: NDArray[np.float64], way: float, wide: int
) -> None:
    """One wandering line drawn into ``canvas``."""
    points = [start]
    bend = float(rng.normal(0, 0.02))
    for _ in range(int(rng.integers(4, 26))):
        way += bend + float(rng.normal(0, 0.10))
        points.append(points[-1] + 8 * np.array([np.cos(way), np.sin(way)]))
    line = np.round(np.array(points) * 8).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(canvas, [line], isClosed=False, color=0, thickness=wide, lineType=cv2.LINE_AA, shift=3)


def _residue(firm: Float, rng: np.random.Generator) -> Float:
    """The faint print of the finger before: the same skin, shifted, turned and pale."""
    height, width = firm.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-180, 180)), 1.0)
    moved = np.asarray(turn, dtype=np.float64)
    moved[:, 2] = moved[:, 2] + rng.uniform(-60, 60, 2)
    ghost = cv2.warpAffine(firm, moved, (width, height))
    return np.asarray(np.maximum(firm, rng.uniform(0.1, 0.35) * ghost), dtype=np.float32)
