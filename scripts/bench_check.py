"""``./scripts/bench check``: one traveller's local check against lists of several sizes.

The list holds random minutiae (35 a print), which cost what real ones cost but match nobody. Times are of the whole
check of one document and two fingers in one thread, after one check that fills the caches.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger import FingerTemplate, synthetic
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.document import parse_mrz
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.watchlist import EnrolledFinger, Entry, ListedDocument, Probes, Shelf, Thresholds, check

_POSITIONS = (FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE)
_SPECIMEN = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
_CHECKS = 9


def _random_template(like: FingerTemplate, rng: np.random.Generator) -> FingerTemplate:
    count = 35
    return replace(
        like,
        x=rng.uniform(10, 246, count).astype(np.float32),
        y=rng.uniform(10, 278, count).astype(np.float32),
        angle=rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        kind=rng.integers(0, 2, count).astype(np.uint8),
        point_quality=np.full(count, 80, np.uint8),
    )


def _entries(people: int, like: FingerTemplate, rng: np.random.Generator) -> list[Entry]:
    return [
        Entry(
            ListRecord(
                reference=f"2026/{number}",
                notice=Notice.BLUE,
                owner="XPO",
                surname=f"NOBODY{number}",
                birth_date="1970-01-01",
            ),
            documents=(ListedDocument(f"X{number:08d}", "UTO"),),
            fingers=tuple(EnrolledFinger(at, _random_template(like, rng).encode()) for at in _POSITIONS),
        )
        for number in range(people)
    ]


def _measure(people: int, like: FingerTemplate, rng: np.random.Generator) -> dict[str, float]:
    probes = Probes(document=parse_mrz(_SPECIMEN), fingers=tuple((at, like) for at in _POSITIONS))
    thresholds = Thresholds(finger_fmr=1e-4, face_fmr=1e-5)
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        shelf.publish(_entries(people, like, rng), finger_engine=finger.ENGINE, face_engine=None, version="bench")
        snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=None)
        times = []
        for _ in range(_CHECKS + 1):
            began = time.perf_counter()
            check(snapshot, probes, thresholds, date(2026, 11, 22))
            times.append((time.perf_counter() - began) * 1000)
    return {
        "people": people,
        "first_ms": round(times[0], 1),
        "median_ms": round(statistics.median(times[1:]), 1),
        "longest_ms": round(max(times[1:]), 1),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./scripts/bench check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    print_ = synthetic.impression(synthetic.master(1), rng)
    like = finger.extract(print_, 500)
    rows = [_measure(people, like, rng) for people in options.people]
    for row in rows:
        print(
            f"{row['people']:>6} people  median {row['median_ms']:>8} ms  longest {row['longest_ms']:>8} ms"
            f"  first {row['first_ms']:>8} ms"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak memory {peak} MB")
    if options.json is not None:
        options.json.write_text(json.dumps({"checks": rows, "peak_mb": peak}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
