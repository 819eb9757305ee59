"""``./scripts/bench pictures``: what a transaction's pictures lose by being made small, and how small they become.

Prints: each set by the FVC protocol, as it is and with every picture (so both sides of each comparison) encoded as it
would be sent, at several limits. Told are the ratio reached, bytes, what genuine scores lose, and error rates. Faces:
portraits cut as a lane does, encoded within the budget, beside the portrait as it was. Sets lie in FOLDER as for
``hotspotctl evaluate fingers``; without any, prints and faces are drawn.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.finger import evaluation as ev
from hotspotd.biometrics.finger.evaluation.drawn import synthetic
from hotspotd.biometrics.finger.synthetic import Condition
from hotspotd.errors import BiometricError
from hotspotd.relay import images

DEFAULT = Path(__file__).resolve().parents[1].parent / "shared" / "data"
# Largest ratio, bytes that are spent at least, whether empty glass is cut off. The first is what a lane does.
_CODINGS = ((10.0, 12_000, True), (10.0, 0, True), (10.0, 0, False), (12.5, 0, False), (15.0, 0, False))
_BUDGETS = (24_000, 16_000, 8_000)
_MOST_FACES = 200


@dataclass
class Coding:
    """Prints as they would be sent; remembers what became of each. ``trim``: empty glass is cut off first."""

    ratio: float
    wanted: int
    trim: bool
    reached: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __call__(self, image: ev.Image) -> ev.Image:
        began = time.perf_counter()
        if self.trim:
            image = images.without_glass(image)
        encoded = images.encode_print(image, self.ratio, self.wanted)
        self.seconds.append(time.perf_counter() - began)
        self.reached.append(encoded.ratio)
        self.sizes.append(len(encoded.data))
        return images.decode_grey(encoded.data)


def prints(name: str, pictures: Sequence[ev.Picture]) -> list[dict[str, Any]]:
    """A row for the set as it is, and one for each limit."""
    plain = ev.measure(pictures)
    genuine = plain.pairs.genuine
    rows = [{"set": name, "limit": None, **_errors(plain)}]
    for ratio, wanted, trim in _CODINGS:
        coding = Coding(ratio, wanted, trim)
        found = ev.measure(pictures, coding)
        both = genuine & np.isfinite(plain.scores) & np.isfinite(found.scores)
        rows.append(
            {
                "set": name,
                "limit": ratio,
                "wanted": wanted,
                "trimmed": trim,
                "ratio_mean": round(float(np.mean(coding.reached)), 2),
                "ratio_most": round(max(coding.reached), 2),
                "kb": round(float(np.mean(coding.sizes)) / 1000, 1),
                "ms": round(float(np.median(coding.seconds)) * 1000),
                "score_lost_percent": round(100 * (1 - float(found.scores[both].sum() / plain.scores[both].sum())), 2),
                **_errors(found),
            }
        )
    return rows


def _errors(measured: ev.Measured) -> dict[str, float]:
    found = ev.errors(measured.labelled(measured.pairs.impostor))
    return {"eer": found.eer, "fmr1000": found.fmr1000}


def faces(name: str, pictures: Sequence[Path]) -> list[dict[str, Any]]:
    """A row for the portraits as a lane keeps them, and one for each budget."""
    engine = FaceEngine.open()
    portraits = []
    for path in pictures[:_MOST_FACES]:
        rgb = np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8)
        try:
            box, _ = engine.look(rgb)
            portrait = None if box is None else engine.portrait(rgb, box)
            before = None if portrait is None else _embedded(engine, portrait)
        except BiometricError:
            continue
        if portrait is not None and before is not None:
            portraits.append((portrait, before))
    sizes = [len(portrait) for portrait, _ in portraits]
    rows: list[dict[str, Any]] = [{"set": name, "faces": len(portraits), "budget": None, "kb": _kb(sizes)}]
    for budget in _BUDGETS:
        sent = [images.encode_face(portrait, "image/jpeg", budget) for portrait, _ in portraits]
        after = [_embedded(engine, one.data) for one in sent]
        alike = [
            float(engine.similarity(before, now)) for (_, before), now in zip(portraits, after, strict=True)
            if now is not None
        ]  # fmt: skip
        rows.append(
            {
                "set": name,
                "faces": len(portraits),
                "budget": budget,
                "kb": _kb([len(one.data) for one in sent]),
                "kb_most": round(max(len(one.data) for one in sent) / 1000, 1),
                "width_least": min(one.width for one in sent),
                "quality_least": min((one.quality for one in sent if one.quality is not None), default=None),
                "not_found_again": sum(now is None for now in after),
                "similarity_mean": round(float(np.mean(alike)), 4),
                "similarity_least": round(min(alike), 4),
            }
        )
    return rows


def _embedded(engine: FaceEngine, portrait: bytes) -> Any:
    rgb = images.decode_rgb(portrait)
    box, _ = engine.look(rgb)
    return None if box is None else engine.embed(rgb, box)


def _kb(sizes: Sequence[int]) -> float:
    return round(float(np.mean(sizes)) / 1000, 1)


def _told(title: str, rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*names, title=title)
    for row in rows:
        table.add_row(*("" if row.get(name) is None else str(row[name]) for name in names))
    Console(width=160).print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT, metavar="FOLDER", help="holds fingerprints/ and faces/")
    parser.add_argument("--synthetic", type=int, default=20, metavar="FINGERS")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    results = {}
    folder = given.data / "fingerprints"
    kinds: list[tuple[str, Callable[[], list[dict[str, Any]]]]] = [
        (f"prints, {path.name}", lambda at=path: prints(at.name, ev.open_folder(at).pictures))
        for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
    ]
    drawn = synthetic(0, given.synthetic, (Condition.GOOD,) * 3)
    kinds.append(("prints, drawn", lambda: prints("drawn", drawn)))
    people = given.data / "faces" / "lfw-subset"
    if people.is_dir():
        kinds.append(("faces, lfw-subset", lambda: faces("lfw-subset", sorted(people.rglob("*.jpg")))))
    for title, measured in kinds:
        results[title] = measured()
        _told(title, results[title])
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
