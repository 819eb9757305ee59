"""Make training material: shards of observed synthetic prints with everything that is true about them.

Usage: scripts/train/minutiae/observe.py FOLDER --shards N [--seed N] [--masters N] [--fresh N] [--empty]

Each shard is one .npz-like folder of plain .npy files (memory-mappable), 512 observations of 256x256 px:
image uint8, ridges int8 (127 = valley), theta uint8 (256 = π) and readable uint8 (255 = 1) on every eighth pixel,
points float16 (512, 96, 4: x, y, angle, kind), -1 where there are fewer. Different seeds make different fingers;
seeds of masters start at seed · 1 000 000, so training, validation and test never share a finger.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import cv2
import numpy as np

from hotspotd.biometrics.finger.synthetic.masters import Master, master
from hotspotd.biometrics.finger.synthetic.noise import Pool
from hotspotd.biometrics.finger.synthetic.observation import observe
from hotspotd.biometrics.finger.synthetic.sensors import Sensor
from hotspotd.biometrics.finger.synthetic.texture import texture
from hotspotd.biometrics.finger.synthetic.truth import Truth, truth_of

OBSERVATIONS = 512
SIDE = 256
MOST_POINTS = 96


def shard(rng: np.random.Generator, pool: Pool, fingers: list[tuple[Master, Truth]]) -> dict[str, np.ndarray]:
    """The arrays of one shard."""
    out = {
        "image": np.zeros((OBSERVATIONS, SIDE, SIDE), np.uint8),
        "ridges": np.zeros((OBSERVATIONS, SIDE, SIDE), np.int8),
        "theta": np.zeros((OBSERVATIONS, SIDE // 8, SIDE // 8), np.uint8),
        "readable": np.zeros((OBSERVATIONS, SIDE // 8, SIDE // 8), np.uint8),
        "points": np.full((OBSERVATIONS, MOST_POINTS, 4), -1, np.float16),
    }
    for index in range(OBSERVATIONS):
        finger, truth = fingers[int(rng.integers(len(fingers)))]
        sensor = list(Sensor)[int(rng.choice(4, p=[0.45, 0.25, 0.15, 0.15]))]
        seen = observe(finger, truth, rng, pool, sensor, (SIDE, SIDE))
        out["image"][index] = seen.image
        out["ridges"][index] = np.rint(np.clip(seen.ridges, -1, 1) * 127)
        out["theta"][index] = np.rint(seen.theta / np.pi * 256).astype(np.int64) % 256
        out["readable"][index] = np.rint(seen.readable * 255)
        points = np.stack([seen.points.x, seen.points.y, seen.points.angle, seen.points.kind], axis=1)[:MOST_POINTS]
        out["points"][index, : len(points)] = points
    return out


def empty_shard(rng: np.random.Generator, pool: Pool) -> dict[str, np.ndarray]:
    """The arrays of a shard without any print."""
    small = (OBSERVATIONS, SIDE // 8, SIDE // 8)
    return {
        "image": np.stack([texture(rng, pool, (SIDE, SIDE)) for _ in range(OBSERVATIONS)]),
        "ridges": np.zeros((OBSERVATIONS, SIDE, SIDE), np.int8),
        "theta": np.zeros(small, np.uint8),
        "readable": np.zeros(small, np.uint8),
        "points": np.full((OBSERVATIONS, MOST_POINTS, 4), -1, np.float16),
    }


def main() -> None:
    """Make the shards; those already there are kept, so that an interrupted run goes on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--masters", type=int, default=100, help="fingers before the first shard")
    parser.add_argument("--fresh", type=int, default=10, help="new fingers with each shard")
    parser.add_argument("--empty", action="store_true", help="texture that is no print, nothing to be found in it")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    pool = Pool(given.seed, layers=4)
    fingers: list[tuple[Master, Truth]] = []
    for number in range(given.shards):
        while not given.empty and len(fingers) < given.masters + number * given.fresh:
            finger = master(given.seed * 1_000_000 + len(fingers))
            fingers.append((finger, truth_of(finger)))
        place = given.folder / f"{given.seed:03d}-{number:05d}"
        if place.exists():
            continue
        rng = np.random.default_rng([given.seed, number])
        arrays = empty_shard(rng, pool) if given.empty else shard(rng, pool, fingers)
        half = place.with_name(f".{place.name}.{os.getpid()}")
        half.mkdir(parents=True)
        for name, values in arrays.items():
            np.save(half / f"{name}.npy", values)
        half.rename(place)
        print(place, len(fingers), flush=True)


if __name__ == "__main__":
    main()
