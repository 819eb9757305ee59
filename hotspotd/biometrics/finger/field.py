"""The ridge field of a print: where there is print, which way ridges run, how far apart they lie.

Local energy of a bank of Gabor functions, sampled every STEP pixels and smoothed as energy (not as angles, which
cancel at cores), gives orientation, period and how sure both are; compare the short-time Fourier analysis of
Chikkerur, Cartwright and Govindaraju (2007). Angles are those of the ridge line, in radians, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.preparation import even_out, local_spread

STEP = 8
"""Pixels between samples: nearly one ridge."""
WINDOW = 32
"""Side of the analysed patch: three to four ridges."""
_ORIENTATIONS = 16
_PERIODS = (5.0, 6.2, 7.6, 9.3, 11.5, 14.2)
"""Ridge distances at 500 dpi: children from about 5, wide adult thumbs to about 14 px."""
_EDGE = WINDOW // 2
_FAINTEST = 0.24
"""Part of the print's strong ridge amplitude below which there is no print."""
_LEAST_EXPLAINED = 0.40
"""Correlation of picture and ridges that pure noise does not reach over a few ridges."""

Float = NDArray[np.float32]


@dataclass(frozen=True)
class RidgeField:
    """Sampled every STEP px: sample (i, j) lies at pixel (i·STEP, j·STEP).

    even (h, w) the evened picture; theta (m, n) ridge orientation [0, π); period (m, n) [px];
    coherence (m, n) 0..1; contrast (m, n) grey levels; block_mask (m, n) and mask (h, w) foreground.
    """

    even: Float
    theta: Float
    period: Float
    coherence: Float
    contrast: Float
    block_mask: NDArray[np.bool_]
    mask: NDArray[np.bool_]


@cache
def _bank() -> Float:
    """(WINDOW², ORIENTATIONS·PERIODS·2): even and odd Gabor functions, zero sum, unit norm."""
    y, x = np.mgrid[:WINDOW, :WINDOW] - (WINDOW - 1) / 2
    window = np.exp(-(x**2 + y**2) / (2 * 7.5**2))
    columns = []
    for index in range(_ORIENTATIONS):
        # The wave runs across the ridge.
        angle = np.pi * index / _ORIENTATIONS + np.pi / 2
        along = x * np.cos(angle) + y * np.sin(angle)
        for period in _PERIODS:
            for wave in (np.cos, np.sin):
                gabor = window * wave(2 * np.pi * along / period)
                gabor -= window * gabor.sum() / window.sum()
                columns.append(gabor.ravel() / np.linalg.norm(gabor))
    return np.stack(columns, axis=1).astype(np.float32)


def _energies(even: Float, wanted: NDArray[np.bool_]) -> Float:
    """(m, n, ORIENTATIONS, PERIODS) Gabor energy at the ``wanted`` samples, zero at the others."""
    padded = cv2.copyMakeBorder(even, _EDGE, _EDGE, _EDGE, _EDGE, cv2.BORDER_REFLECT_101)
    views = np.lib.stride_tricks.sliding_window_view(padded, (WINDOW, WINDOW))[:-1:STEP, :-1:STEP]
    patches = views[wanted].reshape(-1, WINDOW * WINDOW)
    response = (patches @ _bank()).reshape(-1, _ORIENTATIONS, len(_PERIODS), 2)
    out = np.zeros((*wanted.shape, _ORIENTATIONS, len(_PERIODS)), dtype=np.float32)
    out[wanted] = (response * response).sum(axis=-1)
    return out


def blur_blocks(values: Float, sigma: float) -> Float:
    """Gaussian smoothing over samples of (m, n) or (m, n, c)."""
    shape = values.shape
    flat = values.reshape(shape[0], shape[1], -1)
    out = np.empty(flat.shape, dtype=np.float32)
    for first in range(0, flat.shape[2], 4):  # OpenCV filters at most four channels quickly.
        part = np.ascontiguousarray(flat[:, :, first : first + 4])
        blurred = cv2.GaussianBlur(part, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        out[:, :, first : first + 4] = blurred.reshape(part.shape)
    return out.reshape(shape)


def analyse(image: NDArray[np.uint8]) -> RidgeField:
    """The ridge field of a 500 dpi print (h, w) uint8; its foreground is provisional."""
    even = even_out(image)
    _, spread = local_spread(image, 8.0)
    contrast = np.ascontiguousarray(spread[::STEP, ::STEP])
    textured = contrast > max(4.0, 0.15 * float(np.percentile(contrast, 90)))
    wanted = cv2.dilate(textured.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    theta, period, coherence = _orientation(_energies(even, wanted))
    block_mask = _tidy(textured & (blur_blocks(coherence * textured, 1.2) > 0.28))
    return RidgeField(even, theta, period, coherence, contrast, block_mask, _at_full_size(block_mask, even.shape))


def refine(field: RidgeField, enhanced: Float) -> RidgeField:
    """The field read again from an ``enhanced`` picture, and the foreground from how well the two agree.

    Ridge amplitude (contrast that the field explains) tells ridges from a sensor's stripes and grain, which
    contrast alone and regularity alone do not.
    """
    agreement = np.ascontiguousarray(explained(field.even, enhanced)[::STEP, ::STEP])
    amplitude = field.contrast * agreement * field.block_mask
    strong = float(np.percentile(amplitude[field.block_mask], 85)) if field.block_mask.any() else 0.0
    ridges = (amplitude > _FAINTEST * strong) & (agreement > _LEAST_EXPLAINED)
    block_mask = _tidy(ridges)
    wanted = cv2.dilate(block_mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    theta, period, coherence = _orientation(_energies(enhanced, wanted))
    mask = _at_full_size(block_mask, field.even.shape)
    return RidgeField(field.even, theta, period, coherence, field.contrast, block_mask, mask)


def explained(even: Float, enhanced: Float) -> Float:
    """(h, w) 0..1: how much of what is in the picture the ridge field explains (local correlation)."""

    def mean(values: Float) -> Float:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), 7.0), dtype=np.float32)

    both = mean(even * enhanced)
    own = np.sqrt(mean(even * even) * mean(enhanced * enhanced))
    return np.asarray(np.clip(both / (own + 1e-3), 0.0, 1.0), dtype=np.float32)


def _orientation(energy: Float) -> tuple[Float, Float, Float]:
    # Shares, so that one dark blot doesn't outvote its neighbours; the floor keeps empty places quiet.
    total = energy.sum(axis=(2, 3), keepdims=True)
    shares = energy / (total + 0.15 * float(np.percentile(total, 90)) + 1e-6)
    near = blur_blocks(shares.reshape(*shares.shape[:2], -1), 1.0).reshape(shares.shape)
    wide = blur_blocks(shares.reshape(*shares.shape[:2], -1), 2.5).reshape(shares.shape)
    blend = near + 0.35 * wide
    angles = np.pi * np.arange(_ORIENTATIONS) / _ORIENTATIONS
    per_angle = (blend**2).sum(axis=3)
    unit = per_angle.sum(axis=2) + 1e-9
    cosine = (per_angle @ np.cos(2 * angles)) / unit
    sine = (per_angle @ np.sin(2 * angles)) / unit
    coherence = np.hypot(cosine, sine)
    vector = np.stack([cosine, sine], axis=2).astype(np.float32)
    # Where the place itself is unsure, its surroundings speak.
    smooth = blur_blocks(vector, 1.0) + 0.3 * blur_blocks(vector, 2.5)
    theta = np.mod(0.5 * np.arctan2(smooth[..., 1], smooth[..., 0]), np.pi)
    facing = np.clip(np.cos(2 * (theta[..., None] - angles)), 0.0, None) ** 4
    per_period = np.einsum("mnop,mno->mnp", blend, facing.astype(np.float32)) ** 2
    logs = np.log(np.asarray(_PERIODS))
    weight = per_period.sum(axis=2)
    log_period = (per_period @ logs) / (weight + 1e-9)
    weight = weight.astype(np.float32)
    period = np.exp(blur_blocks((log_period * weight).astype(np.float32), 2.0) / (blur_blocks(weight, 2.0) + 1e-9))
    return theta.astype(np.float32), period.astype(np.float32), coherence.astype(np.float32)


def _tidy(rough: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without small holes and crumbs; a finger may fall apart at a crease, a smudge beside it is much smaller."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    padded = cv2.copyMakeBorder(rough.astype(np.uint8), 6, 6, 6, 6, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc), cv2.MORPH_OPEN, disc)[6:-6, 6:-6]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(closed), connectivity=4)
    keep = np.zeros(closed.shape, dtype=bool)
    if count > 1:
        areas = stats[1:, cv2.CC_STAT_AREA]
        for label in np.flatnonzero(areas >= 0.15 * np.max(areas)) + 1:
            keep |= labels == label
    return _without_holes(keep)


def _without_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    outside = np.ascontiguousarray(np.pad(~mask, 1, constant_values=True).astype(np.uint8))
    cv2.floodFill(outside, None, (0, 0), 2)
    return np.asarray(outside[1:-1, 1:-1] != 2)


def _at_full_size(blocks: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return at_pixels(blocks.astype(np.float32), (shape[0], shape[1])) > 0.5


def at_pixels(samples: Float, shape: tuple[int, int]) -> Float:
    """(m, n) samples interpolated to every pixel of ``shape`` (h, w). Not for angles: give their cosine and sine."""
    y = (np.arange(shape[0], dtype=np.float32) / STEP)[:, None].repeat(shape[1], axis=1)
    x = (np.arange(shape[1], dtype=np.float32) / STEP)[None, :].repeat(shape[0], axis=0)
    out = cv2.remap(samples.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, dtype=np.float32)
