"""Measure the fingerprint engine by the FVC protocol, on whole pictures and as a small module would have seen them.

Usage: scripts/bench_fingers.py [--data FOLDER] [--set NAME ...] [--synthetic FINGERS] [--json FILE] [--plot FILE]

FOLDER holds one folder for each set, as for ``hotspotctl evaluate fingers``, which does the same for any folders. What
this adds: each set once more as the densest 288x256 part in 16 grey levels, and synthetic fingers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from hotspotd.biometrics.finger import calibration
from hotspotd.biometrics.finger import evaluation as ev
from hotspotd.biometrics.finger.evaluation.drawn import synthetic
from hotspotd.biometrics.finger.synthetic import Condition
from hotspotd.cli import det_plot
from hotspotd.cli.evaluate import tell

DEFAULT = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "fingerprints"


def main() -> None:
    """Measure and print: whole pictures, small ones, synthetic ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--set", action="append", dest="sets")
    parser.add_argument("--synthetic", type=int, default=30, metavar="FINGERS")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=det_plot.picture_path, help="DET curves of the whole pictures")
    given = parser.parse_args()
    found = sorted(given.data.iterdir()) if given.data.is_dir() else []
    folders = [ev.open_folder(path) for path in found if path.is_dir() and (not given.sets or path.name in given.sets)]
    jobs = {
        "whole": [(one.name, str(one.path), one.pictures, None) for one in folders],
        "288x256x16": [(one.name, str(one.path), one.pictures, ev.as_r307) for one in folders],
        "synthetic": [("synthetic, good", "", synthetic(0, given.synthetic, (Condition.GOOD,) * 3), None)],
    }
    reports = {}
    for kind, sets in jobs.items():
        if not sets or not sets[0][2]:
            continue
        measured = [ev.Evaluated(name, path, ev.measure(pictures, alter)) for name, path, pictures, alter in sets]
        reports[kind] = ev.report(measured, None, calibration.bundled())
        print(f"\n{kind}", flush=True)
        tell(reports[kind])
        if given.plot and kind == "whole":
            det_plot.draw(measured, reports[kind], given.plot)
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(reports), indent=1) + b"\n")


if __name__ == "__main__":
    main()
