"""From the paths of points: is what moves flat, bent like paper, or rounded like a head?

Two explanations are fitted to the same paths. A plane: each frame is a homography of the first one, which holds exactly
for any picture that is moved, turned or tilted before any pinhole camera. A body: each frame is a homography plus, for
each point, one ``relief`` that stays the same in all frames, times a direction of the frame (plane plus parallax:
Kumar, Anandan and Hanna, "Direct recovery of shape from multiple views", ICPR 1994; Hartley and Zisserman, "Multiple
View Geometry", 13.3). Only something that is rigid and not flat is explained much better by the second. Its relief is
known but for its scale and a plane, which leaves the kind of its curvature: paper is a developable surface, and bends
about one axis at a time; a face is curved about both. So what no surface that is bent about one axis explains is what
counts. Which way it is curved towards the camera is not seen in the paths; a face is taken to bulge, and from that
follows the way it turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

LEAST_POINTS = 24
"""Fewer points than this say nothing about a shape."""

_ROUNDS = 8
_PLANE_ROUNDS = 4
# A camera at an arm's length sees a plane that is turned by 45 degrees with perspective terms of a tenth at the face's
# edge; the fit is held to that order of size, or it would spend them on the bulge of a head.
_PERSPECTIVE = 0.02
# Directions in which paper may be bent that are tried.
_AXES = 12


@dataclass(frozen=True, slots=True)
class Relief:
    """What the paths say, up to the frame with the largest parallax. Lengths are in widths of the face box."""

    parallax: float
    """By how much points moved against the plane that fits best, root mean square."""
    across: float
    """The same, as moved to the picture's right by what is nearer: positive for a turn to the picture's right."""
    down: float
    """The same for up and down."""
    beyond: float
    """What of the parallax no bent sheet explains, root mean square."""
    gain: float
    """How many times better a body explains the paths than a plane: 1 for a plane."""
    gain_paper: float
    """How many times better a body explains the paths than a bent sheet."""
    travel: float
    """How far the points went from where they began, at most, root mean square."""
    noise: float
    """What is left unexplained, root mean square."""


def measure(paths: NDArray[np.float64], width: float) -> Relief | None:
    """The relief in ``paths`` (frames, points, 2); ``width`` of the face box in the same unit. None: too few points."""
    frames, count = paths.shape[:2]
    if count < LEAST_POINTS or frames < 2:
        return None
    first = paths[0] / width
    middle = first.mean(axis=0)
    first = first - middle
    later = paths[1:] / width - middle
    travel = float(np.sqrt(((later - first) ** 2).sum(-1).mean(axis=1)).max())
    weights = np.ones(count)
    for _ in range(_PLANE_ROUNDS):
        plane = _planes(first, later, weights)
        flat = later - plane
        weights = _trust(flat)
    relief = _common(flat, weights, first)
    for _ in range(_ROUNDS):
        body, shift = _bodies(first, later, relief, weights)
        relief = _level(relief + _correction(later - body, shift), first, weights)
        weights = _trust(later - body)
    body, shift = _bodies(first, later, relief, weights)
    plane_error, body_error = _rms(later - _planes(first, later, weights), weights), _rms(later - body, weights)
    beyond = _beyond_paper(relief, first, weights)
    paper_error = float(np.hypot(body_error, beyond * np.sqrt((shift**2).sum(axis=1).mean())))
    peak = int(np.argmax((shift**2).sum(axis=1)))
    across, down = (float(n) for n in _bulge(relief, first, weights) * shift[peak])
    return Relief(
        parallax=float(np.hypot(across, down)),
        across=across,
        down=down,
        beyond=beyond * float(np.hypot(across, down)),
        gain=plane_error / max(body_error, 1e-6),
        gain_paper=paper_error / max(body_error, 1e-6),
        travel=travel,
        noise=body_error,
    )


def _rms(error: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    return float(np.sqrt((weights * (error**2).sum(-1)).sum() / (weights.sum() * len(error))))


def _trust(error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (points,) after Cauchy: a point that fits no better than three times the usual counts little."""
    size = np.sqrt((error**2).sum(-1).mean(axis=0))
    usual = 2.5 * float(np.median(size)) + 1e-6
    return np.asarray(1 / (1 + (size / usual) ** 2))


def _planes(first: Points, later: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    fitted, _ = _fit(first, later, np.zeros((len(first), 0)), weights)
    return fitted


def _bodies(
    first: Points, later: NDArray[np.float64], relief: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _fit(first, later, relief[:, None], weights)


def _fit(
    first: Points, later: NDArray[np.float64], extra: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each later frame as (a + e k) / (1 + p x) of the first; the places so fitted, and e (frames, 2) of each frame."""
    frames, count, terms = len(later), len(first), 3 + extra.shape[1]
    base = np.column_stack([first, np.ones(count), extra])
    fitted, shift = np.empty_like(later), np.zeros((frames, 2))
    under = np.ones((frames, count))
    rows = np.zeros((frames, 2, count, 2 * terms + 2))
    # x' (1 + p . x) = a . (x, y, 1, k): linear in a and p. Two rounds undo the weighting by the denominator.
    for _ in range(2):
        w = np.sqrt(weights) / under
        for axis in range(2):
            rows[:, axis, :, axis * terms : (axis + 1) * terms] = base * w[..., None]
            rows[:, axis, :, -2:] = -first * (later[..., axis] * w)[..., None]
        flat = rows.reshape(frames, 2 * count, -1)
        wanted = (later.transpose(0, 2, 1) * w[:, None]).reshape(frames, -1, 1)
        normal = flat.transpose(0, 2, 1) @ flat
        diagonal = np.einsum("fii->fi", normal)
        diagonal += 1e-12
        diagonal[:, -2:] += _PERSPECTIVE**2 * count
        found = np.linalg.solve(normal, flat.transpose(0, 2, 1) @ wanted)[..., 0]
        under = np.maximum(1 + found[:, -2:] @ first.T, 0.2)
    for axis in range(2):
        part = found[:, axis * terms : (axis + 1) * terms]
        fitted[..., axis] = part @ base.T / under
        if extra.shape[1]:
            shift[:, axis] = part[:, -1]
    return fitted, shift


def _common(flat: NDArray[np.float64], weights: NDArray[np.float64], first: Points) -> NDArray[np.float64]:
    """The one pattern that explains most of what planes leave: a first guess at the relief (points,)."""
    stacked = flat.transpose(0, 2, 1).reshape(-1, flat.shape[1]) * np.sqrt(weights)
    _, _, right = np.linalg.svd(stacked, full_matrices=False)
    return _level(right[0] / np.sqrt(weights), first, weights)


def _correction(error: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each point's relief lacks, from all frames, by least squares."""
    return np.asarray(np.einsum("fpd,fd->p", error, shift) / max(float((shift**2).sum()), 1e-12))


def _level(relief: NDArray[np.float64], first: Points, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """``relief`` without the plane in it, at a root mean square of 1."""
    base = np.column_stack([first, np.ones(len(first))])
    plane, size = _least_squares(base, relief, weights)
    return np.asarray((relief - base @ plane) / max(size, 1e-9))


def _bulge(relief: NDArray[np.float64], first: Points, weights: NDArray[np.float64]) -> float:
    """The sign that makes the relief bulge towards the camera."""
    x, y = first.T
    found = _least_squares(np.column_stack([x * x + y * y, x, y, np.ones(len(x))]), relief, weights)[0]
    return -1.0 if found[0] > 0 else 1.0


def _beyond_paper(relief: NDArray[np.float64], first: Points, weights: NDArray[np.float64]) -> float:
    """What no sheet bent about one axis explains of a relief (of root mean square 1), root mean square, 0 to 1."""
    x, y = first.T
    least = 1.0
    for angle in np.arange(_AXES) * np.pi / _AXES:
        along = x * np.cos(angle) + y * np.sin(angle)
        base = np.column_stack([np.ones(len(x)), x, y, along**2, along**3, along**4])
        least = min(least, _least_squares(base, relief, weights)[1])
    return least


def _least_squares(
    base: NDArray[np.float64], wanted: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """The factors of ``base``'s columns, and the root mean square of what they leave."""
    w = np.sqrt(weights)
    found, *_ = np.linalg.lstsq(base * w[:, None], wanted * w, rcond=None)
    rest = wanted - base @ found
    return np.asarray(found, np.float64), float(np.sqrt((weights * rest**2).sum() / weights.sum()))
