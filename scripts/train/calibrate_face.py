#!/usr/bin/env python3
"""Measure a face model on folders of test pictures, and print its error rates and its calibration table.

    python scripts/train/calibrate_face.py --model face-descriptor --faces FACES [--models FOLDER]

FACES holds ``orl/PERSON/*.png`` and ``lfw-subset/PERSON/*.jpg``; drawn faces are added as a third set. Only rates and
counts are printed. Each level of the table takes the strictest of the three sets, since one lane has one kind of
picture. Levels under ten measured pairs of a set are continued with half the slope of the set's last measured decade.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face import FaceBox, FaceEngine, read_picture, synthetic
from hotspotd.biometrics.models import find_model

LEVELS = (0.5, 0.2, 0.1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6)
THRESHOLD = 1e-5
# ORL's pictures end at the hairline; the detector wants some room around a face.
ORL_MARGIN = 24

Item = tuple[str, str, NDArray[np.uint8]]


def orl(folder: Path) -> Iterator[Item]:
    """(person, picture, pixels)."""
    for path in sorted(folder.glob("*/*.png")):
        rgb = read_picture(path.read_bytes())
        m = ORL_MARGIN
        yield (
            path.parent.name,
            path.stem,
            np.asarray(cv2.copyMakeBorder(rgb, m, m, m, m, cv2.BORDER_REPLICATE), np.uint8),
        )


def lfw(folder: Path) -> Iterator[Item]:
    """(person, picture, pixels)."""
    for path in sorted(folder.glob("*/*.jpg")):
        yield path.parent.name, path.stem, read_picture(path.read_bytes())


def drawn(people: int) -> Iterator[Item]:
    """(person, picture, pixels): two pictures of each."""
    for number in range(people):
        who = synthetic.person(number)
        for take in (1, 2):
            yield str(number), str(take), synthetic.picture(who, np.random.default_rng([number, take]))


def central(boxes: list[FaceBox], rgb: NDArray[np.uint8]) -> FaceBox | None:
    """The face nearest the middle: bystanders in press photographs are not the person named."""
    height, width = rgb.shape[:2]
    return min(boxes, key=lambda b: abs(b.centre[0] - width / 2) + abs(b.centre[1] - height / 2), default=None)


class Set:
    """Embeddings of one set of pictures, and its comparison scores."""

    def __init__(self, name: str, engine: FaceEngine, items: Iterator[Item]) -> None:
        self.name, self.missed = name, 0
        people, pictures, vectors = [], [], []
        for person, picture, rgb in items:
            box = central(engine.detect(rgb), rgb)
            if box is None:
                self.missed += 1
                continue
            people.append(person)
            pictures.append(picture)
            vectors.append(engine.embed(rgb, box))
        self.people, self.pictures = np.array(people), np.array(pictures)
        self.scores = np.array(vectors) @ np.array(vectors).T
        one, other = np.triu_indices(len(people), 1)
        same = self.people[one] == self.people[other]
        scores = self.scores[one, other]
        self.genuine, self.impostor = np.sort(scores[same]), np.sort(scores[~same])

    def threshold(self, level: float) -> float:
        """The score that a share ``level`` of impostor pairs reaches, continued where too few were measured."""
        count = len(self.impostor)
        if level * count >= 10:
            return float(self.impostor[int(np.ceil((1 - level) * count)) - 1])
        last = 10 / count
        high, low = self.threshold(last * 1.0000001), self.threshold(last * 10)
        return high + 2 * (high - low) * float(np.log10(last / level))

    def eer(self) -> float:
        """Equal error rate."""
        grid = np.quantile(self.impostor, np.linspace(0, 1, 4000))
        fmr = 1 - np.searchsorted(self.impostor, grid) / len(self.impostor)
        fnmr = np.searchsorted(self.genuine, grid) / len(self.genuine)
        place = int(np.argmin(np.abs(fmr - fnmr)))
        return float(fmr[place] + fnmr[place]) / 2

    def rank1(self) -> float:
        """Identification rate, one picture of each person enrolled, mean over which one."""
        rates = []
        for picture in sorted(set(self.pictures)):
            gallery = np.flatnonzero(self.pictures == picture)
            probes = np.flatnonzero(self.pictures != picture)
            best = gallery[self.scores[np.ix_(probes, gallery)].argmax(1)]
            rates.append(float((self.people[best] == self.people[probes]).mean()))
        return float(np.mean(rates))

    def report(self, at: float) -> str:
        """One line."""
        missed = float(np.searchsorted(self.genuine, at)) / len(self.genuine)
        false = int((self.impostor >= at).sum())
        return (
            f"{self.name}: {len(self.people)} pictures, {self.missed} more without a face;"
            f" EER {100 * self.eer():.1f} %;"
            f" at the decision threshold {false} of {len(self.impostor)} impostor pairs match,"
            f" FNMR {100 * missed:.1f} %; highest impostor score {self.impostor[-1]:.4f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure a face model.")
    parser.add_argument("--model", default="face-descriptor")
    parser.add_argument("--detector", default="", help="model that finds faces; OpenCV's cascades without one")
    parser.add_argument("--landmarks", default="", help="model that finds the points of a face")
    parser.add_argument("--models", type=Path, action="append", default=[], help="folder of manifests and models")
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--drawn", type=int, default=150, help="how many drawn people; 0 for none")
    options = parser.parse_args()
    engine = FaceEngine.open(
        find_model(options.model, options.models),
        "training",
        detector=find_model(options.detector, options.models) if options.detector else None,
        landmarks=find_model(options.landmarks, options.models) if options.landmarks else None,
    )
    print(engine.engine)
    sets = [
        Set("orl", engine, orl(options.faces / "orl")),
        Set("lfw-subset", engine, lfw(options.faces / "lfw-subset")),
    ]
    if options.drawn:
        sets.append(Set("drawn", engine, drawn(options.drawn)))
    thresholds = [max(part.threshold(level) for part in sets) for level in LEVELS]
    at = thresholds[LEVELS.index(THRESHOLD)]
    for part in sets:
        print(part.report(at))
    print(f"orl rank-1 from one picture: {100 * sets[0].rank1():.1f} %")
    print("\n[calibration]")
    print(f'measured_on = "{", ".join(f"{p.name} {len(p.impostor)} pairs" for p in sets)}; the strictest counts"')
    print(f"impostor_pairs = {sum(len(part.impostor) for part in sets)}")
    print("floor = 1e-6\npoints = [")
    print("    [-1.0, 1.0],")
    for level, score in zip(LEVELS, thresholds, strict=True):
        print(f"    [{score:.4f}, {level:g}],")
    print("]")


if __name__ == "__main__":
    main()
