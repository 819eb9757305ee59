"""Measure the fingerprint engine: error rates by the FVC "ALL" protocol, and what it costs.

Usage: scripts/bench_fingers.py [--data FOLDER] [--set NAME ...] [--synthetic FINGERS] [--json FILE]

FOLDER holds one folder for each set, with pictures named {finger}_{impression}.png at 500 dpi. Each set is measured as
it is and as a small module would have seen it (288x256, 16 levels). Without FOLDER, synthetic fingers alone.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from hotspotd.biometrics.finger import ENGINE, false_match_rate
from hotspotd.biometrics.finger import evaluation as ev
from hotspotd.biometrics.finger.synthetic import Condition, impression, master

DEFAULT = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "fingerprints"


def synthetic(fingers: int) -> list[tuple[str, str, ev.Image]]:
    """Three good impressions of each of ``fingers`` fingers."""
    out = []
    for seed in range(fingers):
        finger, rng = master(seed), np.random.default_rng(seed)
        out += [(str(seed), str(n), impression(finger, rng, Condition.GOOD)) for n in range(3)]
    return out


def main() -> None:
    """Measure and print, one line a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--set", action="append", dest="sets")
    parser.add_argument("--synthetic", type=int, default=30, metavar="FINGERS")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    jobs = [
        (f"{folder.name}{suffix}", ev.read_folder(folder), alter)
        for suffix, alter in (("", None), (" as 288x256x16", ev.as_r307))
        for folder in (sorted(given.data.iterdir()) if given.data.is_dir() else [])
        if not given.sets or folder.name in given.sets
    ]
    if given.synthetic:
        jobs.append(("synthetic, good", synthetic(given.synthetic), None))
    rows: list[dict[str, object]] = []
    pools: dict[str, tuple[list[ev.Scores], list[ev.Scores]]] = {"": ([], []), " as 288x256x16": ([], [])}
    print("set | EER % | FNMR % at measured FMR 1e-2, 1e-3 | FNMR % at calibrated 1e-3, 1e-4 | ms extract, compare")
    for name, pictures, alter in jobs:
        started = time.perf_counter()
        samples = ev.enrol(pictures, alter)
        enrolled = time.perf_counter()
        genuine_pairs, impostor_pairs = ev.all_pairs(samples)
        genuine, impostor = ev.scores(genuine_pairs), ev.scores(impostor_pairs)
        compared = time.perf_counter()
        failed = sum(sample.template is None for sample in samples)
        for suffix, (all_genuine, all_impostor) in pools.items():
            if not name.startswith("synthetic") and name.endswith(suffix) and bool(alter) == bool(suffix):
                all_genuine.append(genuine)
                all_impostor.append(impostor)
        row: dict[str, object] = {
            "set": name,
            **asdict(ev.rates(genuine, impostor, failed)),
            **calibrated(genuine, impostor),
            "extract_ms": (enrolled - started) / len(samples) * 1e3,
            "compare_ms": (compared - enrolled) / (len(genuine) + len(impostor)) * 1e3,
        }
        rows.append(row)
        show(row)
    for suffix, (all_genuine, all_impostor) in pools.items():
        if len(all_genuine) > 1:
            genuine, impostor = np.concatenate(all_genuine), np.concatenate(all_impostor)
            row = {"set": f"pooled{suffix}", **asdict(ev.rates(genuine, impostor)), **calibrated(genuine, impostor)}
            rows.append(row)
            show(row)
    if given.json:
        given.json.write_text(json.dumps({"engine": ENGINE, "rows": rows}, indent=1) + "\n", encoding="utf-8")


def calibrated(genuine: ev.Scores, impostor: ev.Scores) -> dict[str, float]:
    """Error rates at the thresholds that the shipped calibration gives."""
    genuine_fmr = np.array([false_match_rate(score) for score in genuine])
    impostor_fmr = np.array([false_match_rate(score) for score in impostor])
    return {
        "fnmr_at_calibrated_1000": float((genuine_fmr > 1e-3).mean()),
        "fnmr_at_calibrated_10000": float((genuine_fmr > 1e-4).mean()),
        "fmr_at_calibrated_1000": float((impostor_fmr <= 1e-3).mean()),
        "fmr_at_calibrated_10000": float((impostor_fmr <= 1e-4).mean()),
    }


def show(row: dict[str, object]) -> None:
    """One line."""

    def percent(key: str) -> str:
        return f"{100 * float(str(row[key])):.2f}"

    cost = f"{row['extract_ms']:.0f}, {row['compare_ms']:.1f}" if "extract_ms" in row else "-"
    print(
        f"{row['set']} | {percent('eer')} | {percent('fnmr_at_fmr_100')}, {percent('fnmr_at_fmr_1000')} | "
        f"{percent('fnmr_at_calibrated_1000')}, {percent('fnmr_at_calibrated_10000')} | {cost}",
        flush=True,
    )


if __name__ == "__main__":
    main()
