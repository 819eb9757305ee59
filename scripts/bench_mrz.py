"""``./scripts/bench mrz``: zones read from drawn camera pictures, by the engine and by Tesseract.

Two sets, easy and hard, drawn from fixed seeds (``hotspotd.mrz.drawing.sets``). Of each document: one picture read
alone, three pictures put together, and Tesseract on the same picture. Tesseract is given more than a camera gives: the
zone cut out and set upright by our networks, in one piece (--psm 6) and line by line (--psm 7), with the 37 characters
as its whitelist; where ours find no zone, the whole picture. *Given* are zones that may be believed: for ours what the
judge lets through, for Tesseract those whose check digits hold. *Wrong given* are the given ones that are not what was
printed. The last part draws many zones alone, for the rate of wrong ones among those given.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from hotspotd.domain.document import parse_mrz
from hotspotd.errors import DocumentError
from hotspotd.mrz.alphabet import ALPHABET
from hotspotd.mrz.drawing.sets import Hardness, Shown, document, zone_alone
from hotspotd.mrz.watch import Watch, ZoneReader
from hotspotd.mrz.zone import ZoneSight

Image = NDArray[np.uint8]
_CELL = 24
"""Pixels a character for Tesseract: capitals of about 24 pixels are what it reads best."""


@dataclass
class Score:
    """Counts of one reader on one set; times in milliseconds a zone, on one core."""

    who: str
    zones: int = 0
    lines: int = 0
    lines_right: int = 0
    zones_right: int = 0
    given: int = 0
    wrong_given: int = 0
    ms: float = 0.0

    def count(self, truth: tuple[str, ...], said: tuple[str, ...], given: bool, seconds: float) -> None:
        """Add one zone."""
        self.zones += 1
        self.lines += len(truth)
        self.lines_right += sum(one == other for one, other in zip(truth, said, strict=False))
        self.zones_right += truth == said
        self.given += given
        self.wrong_given += given and truth != said
        self.ms += (seconds * 1000 - self.ms) / self.zones

    def shown(self) -> str:
        """As a line of the table."""
        return (
            f"{self.who:<22} lines {self.lines_right / self.lines:7.2%}  zones {self.zones_right / self.zones:7.2%}  "
            f"given {self.given / self.zones:7.2%}  wrong given {self.wrong_given:>3} of {self.given:<5} "
            f"{self.ms:6.0f} ms a zone"
        )


def _tesseract(picture: Image, mode: int) -> list[str]:
    """The lines that Tesseract sees, without spaces."""
    command = ["tesseract", "stdin", "stdout", "--psm", str(mode), "-l", "eng"]
    command += ["-c", f"tessedit_char_whitelist={ALPHABET}", "-c", "load_system_dawg=0", "-c", "load_freq_dawg=0"]
    done = subprocess.run(
        command,
        input=cv2.imencode(".png", picture)[1].tobytes(),
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    lines = (line.replace(" ", "") for line in done.stdout.decode().splitlines())
    return [line for line in lines if line]


def _upright(picture: Image, sight: ZoneSight) -> Image:
    """The zone cut out with a cell of margin, characters _CELL pixels apart."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    first, last = sight.corners[:2], sight.corners[2:]
    cell = float(np.hypot(*(first[1] - first[0]))) / sight.length
    rows = float(np.hypot(*(last[1] - first[0]))) / cell
    wide, high = (sight.length + 2) * _CELL, (rows + 3) * _CELL
    left, top, right, bottom = _CELL, 1.5 * _CELL, wide - _CELL, high - 1.5 * _CELL
    to = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    matrix = cv2.getPerspectiveTransform(sight.corners.astype(np.float32), to)
    size = round(wide), round(high)
    cut = cv2.warpPerspective(grey, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def _by_lines(cut: Image, count: int) -> list[str]:
    """What Tesseract reads in each line of a zone that was cut out."""
    middles = np.linspace(1.5 * _CELL, cut.shape[0] - 1.5 * _CELL, count)
    strips = [cut[max(0, round(y - 0.95 * _CELL)) : round(y + 0.95 * _CELL)] for y in middles]
    return ["".join(_tesseract(np.ascontiguousarray(strip), 7)) for strip in strips]


def _sound(lines: tuple[str, ...]) -> bool:
    try:
        return parse_mrz(lines).sound
    except DocumentError:
        return False


def _timed(work: Callable[[], tuple[tuple[str, ...], bool]]) -> tuple[tuple[str, ...], bool, float]:
    began = time.perf_counter()
    said, given = work()
    return said, given, time.perf_counter() - began


def _measure(hardness: Hardness, count: int, reader: ZoneReader, *, peer: int) -> list[Score]:
    one, three = Score("one picture"), Score("three pictures")
    whole, lines = Score("Tesseract --psm 6"), Score("Tesseract --psm 7")

    def alone(shown: Shown) -> tuple[tuple[str, ...], bool]:
        reading = reader.read(shown.frames[0])
        return (reading.lines, reading.read) if reading is not None else ((), False)

    def together(shown: Shown) -> tuple[tuple[str, ...], bool]:
        watch = Watch(reader)
        best: tuple[str, ...] = ()
        for frame in shown.frames:
            glance = watch.look(frame)
            if glance.lines is not None:
                return glance.lines, True
            best = glance.reading.lines if glance.reading is not None else best
        return best, False

    def by_tesseract(cut: Image, shown: Shown, mode: int) -> tuple[tuple[str, ...], bool]:
        said = tuple(_tesseract(cut, 6) if mode == 6 else _by_lines(cut, len(shown.lines)))
        said = said[-len(shown.lines) :]
        return said, _sound(said)

    for number in track(range(count), description=f"{hardness} set"):
        shown = document(hardness, number, frames=3)
        one.count(shown.lines, *_timed(lambda: alone(shown)))  # noqa: B023  # Called at once.
        three.count(shown.lines, *_timed(lambda: together(shown)))  # noqa: B023
        if number < peer:
            sight = reader.sight(shown.frames[0])
            grey = np.asarray(cv2.cvtColor(shown.frames[0], cv2.COLOR_RGB2GRAY), np.uint8)
            cut = grey if sight is None else _upright(shown.frames[0], sight)
            whole.count(shown.lines, *_timed(lambda: by_tesseract(cut, shown, 6)))  # noqa: B023
            lines.count(shown.lines, *_timed(lambda: by_tesseract(cut, shown, 7)))  # noqa: B023
    return [one, three, whole, lines] if peer else [one, three]


def _judge(hardness: Hardness, count: int, reader: ZoneReader) -> Score:
    score = Score("zones alone")
    for number in track(range(count), description=f"{hardness} zones"):
        shown = zone_alone(hardness, number)
        began = time.perf_counter()
        reading = reader.read(shown.frames[0])
        took = time.perf_counter() - began
        said, given = (reading.lines, reading.read) if reading is not None else ((), False)
        score.count(shown.lines, said, given, took)
        if given and said != shown.lines:
            print(f"wrong given: {hardness} zone {number}: {said} for {shown.lines}", file=sys.stderr)
    return score


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="./scripts/bench mrz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: ./scripts/bench mrz --documents 50 --zones 200",
    )
    parser.add_argument("--documents", type=int, default=300, help="of each set (300)")
    parser.add_argument("--zones", type=int, default=2000, help="of each set, drawn alone, for the judge (2000)")
    parser.add_argument("--set", choices=[str(one) for one in Hardness], help="only this set")
    parser.add_argument("--peer", type=int, metavar="N", help="only the first N documents by Tesseract, too (all)")
    parser.add_argument("--no-tesseract", action="store_true", help="without the peer")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    reader = ZoneReader()
    version = "none"
    if not options.no_tesseract:
        version = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True).stdout
        version = version.splitlines()[0]
        print(version)
    report: dict[str, object] = {"peer": version}
    peer = 0 if options.no_tesseract else options.documents if options.peer is None else options.peer
    for hardness in [Hardness(options.set)] if options.set else Hardness:
        scores = []
        if options.documents:
            scores += _measure(hardness, options.documents, reader, peer=peer)
        if options.zones:
            scores.append(_judge(hardness, options.zones, reader))
        print(f"\n{hardness}")
        for score in scores:
            print(score.shown(), flush=True)
        report[hardness] = [asdict(score) for score in scores]
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
