"""``./scripts/bench opening``: how long a snapshot takes to open, and its first searches, whatever its size.

Usage: scripts/bench opening [--numbers N] [--prints N] [--faces N] [--folder FOLDER] [--json FILE]

Prints and faces are a few thousand made-up ones over and over, and each print's template takes 300 bytes of a file with
holes: opening does not look at them. Each time is of a process of its own, with the files dropped from memory before it
(``cold``) or not; ``check_s`` is what checking every byte takes in the background, in one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import bench_watchlist
import numpy as np

from hotspotd.biometrics import finger
from hotspotd.biometrics.face.index_file import FaceIndexWriter
from hotspotd.biometrics.finger import codes
from hotspotd.biometrics.finger.index import REFERENCE_CODED, IndexWriter
from hotspotd.biometrics.finger.synthetic import population
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.watchlist import Entry, Shelf, layout
from hotspotd.watchlist.layout import read_manifest, seal

FACE_ENGINE = "made-up"
DIMENSIONS = 512
_AT_ONCE = 4000
_TEMPLATE_BYTES = 300
_PEOPLE = 10_000


def make(folder: Path, numbers: int, prints: int, faces: int) -> Path:
    """A snapshot of so many of each under ``folder``."""
    shelf = Shelf(folder)
    path = shelf.publish(
        people(), finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="large",
        numbers=map(bench_watchlist.entry, range(numbers)),
    )  # fmt: skip
    rng = np.random.default_rng(1)
    drawn = population.fingers(rng, _AT_ONCE)
    made = codes.of_many(codes.quantised(drawn.x, drawn.y, drawn.angle, drawn.count), REFERENCE_CODED)
    with IndexWriter(path / layout.FINGER_CODES) as index:
        for begin in range(0, prints, _AT_ONCE):
            index.add_codes(made, [begin // 10] * _AT_ONCE, [0] * _AT_ONCE)
    with (path / layout.FINGERS).open("wb") as file:
        file.truncate(prints * _TEMPLATE_BYTES)
    (path / layout.FINGER_INDEX).write_bytes(np.zeros(prints, layout.FINGER_ROW).tobytes())
    rows = rng.normal(size=(_AT_ONCE, DIMENSIONS)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    with FaceIndexWriter(path / layout.FACES, FACE_ENGINE) as embeddings:
        for begin in range(0, faces, _AT_ONCE):
            embeddings.add_many(rows, np.full(_AT_ONCE, begin // 10, np.uint32))
    seal(path, read_manifest(path))
    return path


def people() -> Iterator[Entry]:
    """Records with nothing but a name."""
    for number in range(_PEOPLE):
        yield Entry(ListRecord(reference=f"2026/{number}", notice=Notice.BLUE, owner="XPO", surname=f"NOBODY{number}"))


def open_once(folder: Path, *, check: bool) -> dict[str, float]:
    """Open the current list of ``folder`` and look a number up; with ``check`` also check all of it."""
    shelf = Shelf(folder)
    codes.projection()  # The engine's own table, which a daemon has read before it looks for a list.
    began = time.perf_counter()
    snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    opened = time.perf_counter()
    asked = bench_watchlist.entry(0)
    found = snapshot.find_number(asked.listing.kind, asked.number, asked.listing.issuer, bench_watchlist.TODAY)
    answered = time.perf_counter()
    if len(found) != 1:
        raise SystemExit("a listed number was not found")
    while check and snapshot.step():
        pass
    return {
        "open_ms": (opened - began) * 1e3,
        "first_lookup_ms": (answered - opened) * 1e3,
        "check_s": time.perf_counter() - answered,
    }


def main() -> None:
    """Measure and print; with --json, ``opening`` is added to what the file holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    parser.add_argument("--prints", type=int, default=1_000_000)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the list is built; by default the system's temporary one")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--once", choices=("open", "check"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(open_once(given.folder, check=given.once == "check")))
        return
    with tempfile.TemporaryDirectory(prefix="bench-opening-", dir=given.folder) as name:
        path = make(Path(name) / "lists", given.numbers, given.prints, given.faces)
        size = sum(file.stat().st_size for file in path.iterdir())
        row: dict[str, object] = {"numbers": given.numbers, "prints": given.prints, "faces": given.faces, "bytes": size}
        for how, once in (("cold", "open"), ("cold_again", "open"), ("warm", "open"), ("checked", "check")):
            if how.startswith("cold"):
                bench_watchlist.drop(path)
            command = [sys.executable, __file__, "--once", once, "--folder", str(path.parent)]
            row[how] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        row["load"] = os.getloadavg()[0]
    print(json.dumps(row, indent=1))
    if given.json:
        held = json.loads(given.json.read_text(encoding="utf-8")) if given.json.exists() else {}
        given.json.write_text(json.dumps({**held, "opening": row}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
