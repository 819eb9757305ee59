"""Fit the fingerprint engine's calibration to impostor scores and write hotspotd/biometrics/finger/calibration.json.

Usage: scripts/train/calibrate_fingers.py FOLDER [--out FILE]

FOLDER holds one folder for each set, pictures named {finger}_{impression}.png. Groups of impostor scores: every pair of
different fingers of each set, as it is and as a small module would have seen it, and synthetic fingers in good and bad
condition. At each rate the curve takes the group with the highest score. Below LAST_MEASURED it follows an
exponential tail as slow as that of the group whose scores decay slowest beyond their 99 % point. Only score
statistics are kept: nothing of any picture.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from hotspotd.biometrics.finger import ENGINE
from hotspotd.biometrics.finger import evaluation as ev
from hotspotd.biometrics.finger.synthetic import Condition, impression, master

RATES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005)
LAST_MEASURED = 0.003
"""Some nine of a set's 2880 impostor scores lie above: fewer would be single pairs."""
FLOOR = 1e-6
"""No smaller rate is ever claimed: two and a half decades of extrapolation are already generous."""
SYNTHETIC_FINGERS = 40


def fit(groups: dict[str, ev.Scores]) -> dict[str, object]:
    """The curve for these impostor scores, as the engine reads it."""
    at = [max(float(np.quantile(scores, 1 - rate)) for scores in groups.values()) for rate in (*RATES, LAST_MEASURED)]
    excess = {}
    for name, scores in groups.items():
        start = np.quantile(scores, 0.99)
        excess[name] = float((scores[scores > start] - start).mean())
    decade = max(excess.values()) * np.log(10)
    knots = [(score, float(np.log10(rate))) for score, rate in zip(at, (*RATES, LAST_MEASURED), strict=True)]
    knots = [knot for index, knot in enumerate(knots) if index == 0 or knot[0] > knots[index - 1][0] + 1e-6]
    knots.insert(0, (knots[0][0] - 0.2, 0.0))
    knots.append((knots[-1][0] + decade, knots[-1][1] - 1))
    return {
        "engine": ENGINE,
        "scores": [round(score, 4) for score, _ in knots],
        "log10_fmr": [round(rate, 4) for _, rate in knots],
        "floor": FLOOR,
        "measured_down_to": LAST_MEASURED,
        "how": "scripts/train/calibrate_fingers.py: impostor scores of "
        + ", ".join(f"{name} ({len(scores)} pairs, mean excess {excess[name]:.2f})" for name, scores in groups.items())
        + f"; highest group at each rate down to {LAST_MEASURED}, slowest exponential tail below",
    }


def synthetic() -> list[tuple[str, str, ev.Image]]:
    """Good and bad impressions of fingers that nobody has."""
    out = []
    conditions = list(Condition)
    for seed in range(SYNTHETIC_FINGERS):
        finger, rng = master(10_000 + seed), np.random.default_rng(seed)
        out.append((str(seed), "good", impression(finger, rng, Condition.GOOD)))
        out.append((str(seed), "other", impression(finger, rng, conditions[seed % len(conditions)])))
    return out


def impostors(pictures: list[tuple[str, str, ev.Image]], small: bool) -> ev.Scores:
    """Scores of all pairs of different fingers."""
    return ev.scores(ev.all_pairs(ev.enrol(pictures, ev.as_r307 if small else None))[1])


def main() -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[2] / "hotspotd/biometrics/finger/calibration.json"
    )
    given = parser.parse_args()
    cv2.setNumThreads(1)
    groups = {"synthetic": impostors(synthetic(), small=False)}
    for folder in sorted(given.folder.iterdir()):
        pictures = ev.read_folder(folder)
        groups[folder.name] = impostors(pictures, small=False)
        groups[f"{folder.name} as 288x256x16"] = impostors(pictures, small=True)
        print(folder.name, flush=True)
    given.out.write_text(json.dumps(fit(groups), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
