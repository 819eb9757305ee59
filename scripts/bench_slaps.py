"""Measure how well slaps are cut into fingers, on slaps put together from prints whose boxes are so known.

Usage: scripts/bench_slaps.py [--slaps N] [--data FOLDER] [--json FILE]

Prints are drawn ones, and those of the sets in FOLDER where it is there. A finger is right where its position is and
its box covers the print's by IoU 0.6 or more. Figures in docs/fingerprints.md.

    ./scripts/bench slaps
    ./scripts/bench slaps --slaps 300 --json slaps.json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from hotspotd.biometrics.finger import synthetic
from hotspotd.biometrics.finger.slap import FingerCountError, SlapFinger, segment
from hotspotd.biometrics.finger.synthetic.slaps import Placing, TrueBox, drawn_slap
from hotspotd.domain.finger import Slap

Image = NDArray[np.uint8]
DEFAULT = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "fingerprints"
_SETS = ("fvc2002_db1_b", "fvc2004_db1_b")
_LEAST_IOU = 0.6
_MASTERS = 12
_DRAWN = (460, 360)


@dataclass
class Tally:
    """What came of the slaps of one condition."""

    fingers: int = 0
    right: int = 0
    placed: int = 0
    refused: int = 0
    slaps: int = 0
    ms: list[float] = field(default_factory=list)

    def row(self) -> dict[str, float]:
        """Shares of all fingers, of slaps refused, and the median time."""
        return {
            "slaps": self.slaps,
            "fingers_right": round(self.right / max(1, self.fingers), 4),
            "positions_right": round(self.placed / max(1, self.fingers), 4),
            "slaps_refused": round(self.refused / max(1, self.slaps), 4),
            "median_ms": round(float(np.median(self.ms)), 1),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slaps", type=int, default=120, help="of each condition (120)")
    parser.add_argument("--data", type=Path, default=DEFAULT, help="folder of sets of prints")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    masters = [synthetic.master(seed) for seed in track(range(_MASTERS), "drawing fingers", transient=True)]

    def drawn(rng: np.random.Generator) -> Image:
        chosen = masters[rng.integers(len(masters))]
        return synthetic.impression(chosen, rng, size=_DRAWN, levels=256)

    conditions: dict[str, tuple[Callable[[np.random.Generator], Image], Placing, float, int]] = {
        "drawn, turned up to 15 degrees": (drawn, Placing(), 15, 0),
        "drawn, turned up to 45 degrees": (drawn, Placing(), 45, 0),
        "drawn, 0 to 1.5 mm apart": (drawn, Placing(gap_mm=(0.0, 1.5)), 15, 0),
        "drawn, one finger missing, told": (drawn, Placing(), 15, 1),
        "drawn, one finger missing, not told": (drawn, Placing(), 15, -1),
        "drawn, one finger too many": (drawn, Placing(), 15, -2),
    }
    real = [picture for name in _SETS for path in sorted((given.data / name).glob("*.png")) if (picture := _read(path))]
    if real:
        conditions |= {
            "FVC prints, turned up to 15 degrees": (lambda rng: real[rng.integers(len(real))].pixels, Placing(), 15, 0),
            "FVC prints, turned up to 45 degrees": (lambda rng: real[rng.integers(len(real))].pixels, Placing(), 45, 0),
        }
    rows = {}
    for name, (source, placing, degrees, missing) in conditions.items():
        rows[name] = measure(source, placing, degrees, missing, given.slaps, name).row()
        shown = "  ".join(f"{key} {value}" for key, value in rows[name].items())
        print(f"{name}: {shown}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


@dataclass(frozen=True)
class _Real:
    pixels: Image


def _read(path: Path) -> _Real | None:
    found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return None if found is None else _Real(np.asarray(found, np.uint8))


def measure(
    source: Callable[[np.random.Generator], Image],
    placing: Placing,
    degrees: float,
    missing: int,
    count: int,
    name: str,
) -> Tally:
    """``count`` slaps of each kind in turn; ``missing``: 1 told, -1 not told, -2 there but said to be missing."""
    rng = np.random.default_rng(1)
    tally = Tally()
    for number in track(range(count), name, transient=True):
        slap = list(Slap)[number % 3]
        left_out = {slap.fingers[rng.integers(len(slap.fingers))]} if missing else set()
        lying = set(slap.fingers) if missing == -2 else set(slap.fingers) - left_out
        turned = Placing(placing.gap_mm, placing.fan, np.radians(rng.uniform(-degrees, degrees)), placing.joints)
        try:
            picture, boxes = drawn_slap({position: source(rng) for position in lying}, slap, rng, turned)
        except ValueError:
            continue  # A print of the set that shows too little.
        tally.slaps += 1
        tally.fingers += len(boxes)
        began = time.perf_counter()
        try:
            found = segment(picture, 500, slap, set() if missing == -1 else left_out)
        except FingerCountError:
            tally.refused += 1
            continue
        finally:
            tally.ms.append(1000 * (time.perf_counter() - began))
        for finger in found:
            if finger.position in boxes:
                share = overlap(finger, boxes[finger.position])
                tally.placed += share > 0.1
                tally.right += share >= _LEAST_IOU
    return tally


def overlap(finger: SlapFinger, box: TrueBox) -> float:
    """Intersection over union of the two turned boxes."""
    one = (finger.centre, finger.size, float(np.degrees(finger.turn)))
    other = (box.centre, box.size, float(np.degrees(box.turn)))
    kind, points = cv2.rotatedRectangleIntersection(one, other)
    if kind == cv2.INTERSECT_NONE:
        return 0.0
    common = cv2.contourArea(cv2.convexHull(points))
    return float(common / (finger.size[0] * finger.size[1] + box.size[0] * box.size[1] - common))


if __name__ == "__main__":
    main()
