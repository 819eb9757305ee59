"""The head-turn check on drawn acts: error rates per attack species, on seeds that nothing was chosen by.

    ./scripts/bench liveness [--seeds 1000:1060] [--acts bona_fide,waved_photo] [--faces DIR] [--json FILE]

With --faces, photographs in DIR (one face each) are painted on the heads: real skin on a drawn shape.

Constants of the check were chosen on seeds below 100. Costs about three seconds an act on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import islice
from pathlib import Path

import cv2
import msgspec
import numpy as np

from hotspotd.biometrics.face.acts import Act, perform
from hotspotd.biometrics.face.detect import FaceDetector
from hotspotd.biometrics.face.heads import Eyes, Image
from hotspotd.biometrics.face.liveness import HeadTurn, Side
from hotspotd.biometrics.face.liveness.evaluation import Detect, Response, active_response, rates

_TIMED = 10
_LEVEL = 8.0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000:1060", metavar="FROM:TO", help="default 1000:1060")
    parser.add_argument("--acts", default=",".join(Act), metavar="NAMES", help="default all")
    parser.add_argument("--faces", type=Path, metavar="DIR", help="paint the pictures below DIR on the heads")
    parser.add_argument("--threshold", type=float, default=0.5, metavar="SCORE", help="default 0.5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write rates and every score")
    options = parser.parse_args()
    first, last = (int(part) for part in options.seeds.split(":"))
    cv2.setNumThreads(1)
    detect = FaceDetector().detect
    found: dict[str, list[Response]] = {Act.BONA_FIDE.value: []}
    skins = _skins(options.faces, detect, last - first) if options.faces else [None] * (last - first)
    for act in (Act(name) for name in options.acts.split(",")):
        for seed, skin in zip(range(first, last), skins, strict=True):
            side = Side.LEFT if seed % 2 else Side.RIGHT
            response = active_response(str(seed), perform(act, seed, side.sign, skin), detect, side)
            found.setdefault(act.value, []).append(response)
        scores = [one.score for one in found[act.value] if one.score is not None]
        middle = f"median {np.median(scores):.2f}, {min(scores):.2f} to {max(scores):.2f}" if scores else "none"
        print(f"{act.value}: {len(scores)} responses of {last - first}; scores {middle}", file=sys.stderr)
    report = rates(
        "active", found[Act.BONA_FIDE], {k: v for k, v in found.items() if k != "bona_fide"}, options.threshold
    )
    print(f"{'species':16} {'acts':>5} {'responses':>9} {'accepted':>8} {'APCER %':>8} {'up to':>6}")
    for one in report.species:
        apcer = "-" if one.apcer is None else f"{one.apcer:.1f}"
        bound = "-" if one.apcer_upper95 is None else f"{one.apcer_upper95:.1f}"
        print(f"{one.species:16} {one.presentations:5} {one.responses:9} {one.accepted:8} {apcer:>8} {bound:>6}")
    live = report.bona_fide
    words = f"BPCER {live.bpcer} % (up to {live.bpcer_upper95} %)"
    print(f"bona fide: {live.presentations} acts, {live.responses} responses, {words}")
    print(f"a frame: median {_milliseconds(first, detect):.1f} ms, one thread")
    if options.json:
        document = {"rates": msgspec.to_builtins(report), "responses": msgspec.to_builtins(found)}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def _skins(folder: Path, detect: Detect, count: int) -> list[tuple[Image, Eyes]]:
    """The first ``count`` pictures below ``folder`` on which both eyes are seen, spread over its people."""
    found = []
    paths = sorted(folder.rglob("*.jpg")) + sorted(folder.rglob("*.png"))
    for path in np.random.default_rng(5).permutation(np.array(paths, dtype=object)):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        faces = [] if picture is None else detect(np.asarray(picture, np.uint8))
        if picture is not None and faces and faces[0].eyes_seen and abs(faces[0].roll) < _LEVEL:
            found.append((np.asarray(picture, np.uint8), faces[0].eyes))
            if len(found) == count:
                return found
    raise SystemExit(f"{folder}: only {len(found)} pictures with two eyes; {count} are needed")


def _milliseconds(seed: int, detect: Detect) -> float:
    times = []
    for number in range(_TIMED):
        frames = list(islice(perform(Act.BONA_FIDE, seed + number, 1), 30))
        faces = detect(frames[0])
        if not faces:
            continue
        turn = HeadTurn(frames[0], faces[0], Side.LEFT, 2.0)
        for frame in frames[1:]:
            began = time.perf_counter()
            turn.add(frame)
            times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times))


if __name__ == "__main__":
    sys.exit(main())
