"""Fit the fingerprint engine's calibration to impostor scores and write hotspotd/biometrics/finger/calibration.json.

Usage: scripts/train/calibrate_fingers.py FOLDER [--out FILE]

FOLDER holds one folder for each set, as for ``hotspotctl calibrate fingers``, which does the same for an operator's
prints. Groups: each set as it is and as a small module would have seen it, and synthetic fingers in good and bad
condition. Only score statistics are kept: nothing of any picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from hotspotd.biometrics.finger import ENGINE
from hotspotd.biometrics.finger import evaluation as ev
from hotspotd.biometrics.finger.calibration_fit import fit
from hotspotd.biometrics.finger.evaluation.drawn import synthetic
from hotspotd.biometrics.finger.synthetic import Condition

SYNTHETIC_FINGERS, FIRST_SEED = 40, 10_000


def main() -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[2] / "hotspotd/biometrics/finger/calibration.json"
    )
    given = parser.parse_args()
    conditions = tuple(Condition)
    drawn = [
        picture
        for number in range(SYNTHETIC_FINGERS)
        for picture in synthetic(FIRST_SEED + number, 1, (Condition.GOOD, conditions[number % len(conditions)]))
    ]
    groups = {"synthetic": ev.measure(drawn).impostor_scores}
    for path in sorted(given.folder.iterdir()):
        if path.is_dir():
            folder = ev.open_folder(path, genuine=False)
            groups[folder.name] = ev.measure(folder.pictures).impostor_scores
            groups[f"{folder.name} as 288x256x16"] = ev.measure(folder.pictures, ev.as_r307).impostor_scores
            print(folder.name, flush=True)
    how = "scripts/train/calibrate_fingers.py: worst group at each rate, exponential tail below"
    made = fit(groups, ENGINE, how)
    given.out.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")


if __name__ == "__main__":
    main()
