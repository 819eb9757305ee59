"""Make ``codes.npz``, the projection of fingerprint search: from a minutia's neighbourhood to the bits of its code.

Usage: scripts/train/train_finger_codes.py [--drawn N] [--masters N] [--seed N] [OUT]

On synthetic fingers alone: drawn minutiae (``synthetic.population``) and what the engine reads from pictures of
synthetic masters. Of each finger two impressions are drawn, the minutiae that are the same known. Neighbours are strewn
into soft bins of place and relative direction; the directions of that space that differ most between minutiae and least
between impressions of one are found (linear discriminant analysis, with the spread within estimated from the pairs),
then turned so that little is lost by keeping signs only (iterative quantisation; Gong and Lazebnik 2011). About ten
minutes on one core, most of it for the masters; same seed and engine, same file on one build of numpy.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from hotspotd.biometrics.finger import codes, look
from hotspotd.biometrics.finger.synthetic import Condition, impression, master, population
from hotspotd.biometrics.finger.synthetic.population import Minutiae, Wear

Real = NDArray[np.float64]

OUT = Path(codes.__file__).with_name("codes.npz")
EASY = Wear(lost=0.15, spurious=0.12, overlap=(0.5, 1.0))
HARD = Wear(lost=0.3, spurious=0.3, shift=2.5, twist=0.2)
KEPT = 64
"""Discriminant directions that are turned into bits."""
RIDGE = 0.02
"""Added to the spread within, as a share of the whole spread: what is not seen in training may still happen."""
AT_ONCE = 200
FEWEST = 20
FIRST_MASTER = 10000
"""Seeds below are for tests."""
SAMPLE = 12000
ROUNDS = 40
GREATEST = 120.0
"""Of a table's entry, leaving room below int8's 127 for rounding."""


def features(x: NDArray[np.float32], y: NDArray[np.float32], angle: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, PLACES·SECTORS·PLACES): each minutia's neighbours in soft bins, in the order of ``codes``' weights."""
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    near = np.hypot(along, across) <= codes.REACH_PX
    np.fill_diagonal(near, val=False)
    place = codes.bump(along, codes.PLACE_CENTRES, codes.PLACE_SIGMA) * near[:, :, None]
    facing = codes.bump_turn(angle[:, None] - angle[None])
    left = (place[:, :, :, None] * facing[:, :, None, :]).reshape(*place.shape[:2], -1)
    right = codes.bump(across, codes.PLACE_CENTRES, codes.PLACE_SIGMA)
    return np.asarray(np.matmul(left.transpose(0, 2, 1), right).reshape(len(x), -1), dtype=np.float32)


def pairs(rng: np.random.Generator, of: Minutiae, wear: Wear) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features of the same minutiae in two impressions of each finger."""
    (one, from_one), (two, from_two) = population.mate(rng, of, wear), population.mate(rng, of, wear)
    left, right = [], []
    for finger in range(len(of)):
        count_one, count_two = one.count[finger], two.count[finger]
        a = features(*(c[finger, :count_one] for c in (one.x, one.y, one.angle)))
        b = features(*(c[finger, :count_two] for c in (two.x, two.y, two.angle)))
        where = {int(s): i for i, s in enumerate(from_two[finger, :count_two]) if s >= 0}
        shared = [(i, where[int(s)]) for i, s in enumerate(from_one[finger, :count_one]) if int(s) in where]
        left += [a[i] for i, _ in shared]
        right += [b[j] for _, j in shared]
    return np.stack(left), np.stack(right)


def read(first: int, fingers: int) -> Minutiae:
    """What the engine reads from two good impressions, larger than any sensor, of each of some synthetic masters."""
    templates = []
    for seed in track(range(first, first + fingers), description="reading masters"):
        finger, rng = master(seed), np.random.default_rng(seed)
        for _ in range(2):
            picture = impression(finger, rng, Condition.GOOD, size=(480, 400), levels=256)
            template = look(picture, 500)[1]
            if template is not None and len(template) >= FEWEST:
                templates.append(template)
    width = max(len(template) for template in templates)
    x, y, angle = (np.zeros((len(templates), width), np.float32) for _ in range(3))
    for row, template in enumerate(templates):
        for column, values in ((x, template.x), (y, template.y), (angle, template.angle)):
            column[row, : len(template)] = values
    return Minutiae(x, y, angle, np.array([len(template) for template in templates], dtype=np.int32))


def moments(rng: np.random.Generator, of: Sequence[Minutiae]) -> tuple[Real, Real, Real, NDArray[np.float32]]:
    """Mean, covariance between impressions, covariance in all, and a sample of the features."""
    size = codes.PLACES * codes.SECTORS * codes.PLACES
    total, between, whole, count = np.zeros(size), np.zeros((size, size)), np.zeros((size, size)), 0
    sample: list[NDArray[np.float32]] = []
    parts = [
        Minutiae(*(column[at : at + AT_ONCE] for column in (one.x, one.y, one.angle, one.count)))
        for one in of
        for at in range(0, len(one), AT_ONCE)
    ]
    for some in track(parts, description="impressions"):
        for wear in (EASY, HARD):
            a, b = pairs(rng, some, wear)
            total += a.sum(axis=0, dtype=np.float64) + b.sum(axis=0, dtype=np.float64)
            between += a.T @ b
            whole += a.T @ a + b.T @ b
            count += len(a)
            sample.append(a[:: max(1, len(a) * len(parts) // SAMPLE)])
    mean = total / (2 * count)
    outer = np.outer(mean, mean)
    return mean, (between + between.T) / (2 * count) - outer, whole / (2 * count) - outer, np.concatenate(sample)


def discriminants(between: Real, whole: Real) -> tuple[Real, Real]:
    """Directions (features, KEPT), scaled to unit spread within, and the signal-to-noise ratio of each."""
    within = whole - between + RIDGE * np.trace(whole) / len(whole) * np.eye(len(whole))
    inverse = np.linalg.inv(np.linalg.cholesky(within))
    ratio, vectors = np.linalg.eigh(inverse @ between @ inverse.T)
    best = np.argsort(-ratio)[:KEPT]
    return inverse.T @ vectors[:, best], np.maximum(ratio[best], 1e-9)


def turned(rng: np.random.Generator, sample: Real, bits: int) -> Real:
    """(KEPT, bits): the orthonormal turn that keeps the most when only signs are kept."""
    turn = np.linalg.qr(rng.normal(size=(sample.shape[1], sample.shape[1])))[0][:, :bits]
    for _ in range(ROUNDS):
        left, _, right = np.linalg.svd(sample.T @ np.where(sample @ turn > 0, 1.0, -1.0), full_matrices=False)
        turn = left @ right
    return np.asarray(turn, dtype=np.float64)


def whole_numbers(projection: Real, mean: Real) -> codes.Weights:
    """Weights and bias in the table's whole numbers: each bit as large as its table's entries allow."""
    shape = (codes.PLACES, codes.SECTORS, codes.PLACES, projection.shape[1])
    rough = codes.Weights(np.zeros(shape, np.int16), np.zeros(projection.shape[1], np.int16))
    unit = np.abs(projection).max(axis=0)
    scaled = projection / unit * 2000.0
    trial = replace(rough, weights=np.round(scaled).reshape(shape).astype(np.int16))
    # One bump is not the greatest entry: neighbouring ones add up.
    factor = GREATEST / np.abs(codes.expanded(trial)).max(axis=(0, 1))
    weights = np.round(scaled * factor).reshape(shape).astype(np.int16)
    bias = -np.round((mean @ projection) / unit * 2000.0 * factor / 2.0**codes.SHIFT * codes.BUMP_ONE**3)
    return codes.Weights(weights, bias.astype(np.int16))


def main() -> None:
    """Draw, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", type=int, default=2400, metavar="FINGERS")
    parser.add_argument("--masters", type=int, default=400, metavar="FINGERS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("out", type=Path, nargs="?", default=OUT, metavar="OUT")
    given = parser.parse_args()
    rng = np.random.default_rng([0x434F4445, given.seed])
    fingers = [population.fingers(rng, given.drawn), read(FIRST_MASTER, given.masters)]
    mean, between, whole, sample = moments(rng, fingers)
    directions, ratio = discriminants(between, whole)
    # The surer a direction, the more it weighs; of equal spread otherwise.
    directions *= ratio**0.25 / np.sqrt(ratio + 1)
    chosen = rng.permutation(len(sample))[:SAMPLE]
    projection = directions @ turned(rng, (sample[chosen] - mean) @ directions, codes.BITS)
    made = whole_numbers(projection, mean)
    np.savez_compressed(given.out, weights=made.weights, bias=made.bias)
    print(f"{given.out}: {codes.identity(made)}, signal to noise {ratio[0]:.1f} to {ratio[-1]:.2f}")


if __name__ == "__main__":
    main()
