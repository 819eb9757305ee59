"""Measure the search of one print among very many: latency, throughput, memory, and what is lost by not comparing all.

Usage: scripts/bench_search.py [--sizes 10000,100000,1000000] [--probes N] [--data FOLDER] [--json FILE]

References are drawn (``synthetic.population``: 30 to 60 minutiae on a finger's orientation field; impostor scores are
those of real prints) and, where FOLDER holds pictures, the first impression of each of its fingers. Probes are other
impressions: drawn ones with minutiae lost and added, moved, turned by up to 30 degrees, 40 to 100 % of the print in
contact; and the other pictures. Each size is searched in a process of its own, in one thread.

``fnir`` is the share of probes that are not answered with their mate at ``fmr``: its score too low, or it was not
compared at all. ``fnir_exhaustive`` counts the first only, and needs no exhaustive search: the threshold does not
depend on one. ``rank1`` is the share whose mate scores highest; against exhaustive search it is measured on as many
probes (``compared``) as EXHAUSTIVE_S allow. ``peak_mb`` is the greatest resident memory of the searching process,
mapped pages included, and ``code_mb`` the size of the index.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress, track

from hotspotd.biometrics.finger import FingerTemplate, codes, compare, extract, false_match_rate, native, search
from hotspotd.biometrics.finger.index import REFERENCE_CODED, FingerIndex, Found, IndexWriter
from hotspotd.biometrics.finger.synthetic import population
from hotspotd.errors import BiometricError, Reason
from hotspotd.watchlist import layout

DEFAULT = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "fingerprints"
SIZES = (10_000, 100_000, 1_000_000)
SEED = 20261122
AT_ONCE = 4000
FMRS = (1e-4, 1e-5)
EXHAUSTIVE_S = 90.0
"""Spent on exhaustive search for each size."""
WARM_UP = 3
COMPARED_AT_ONCE = 500

ERRORS = Console(stderr=True)


def template(of: population.Minutiae, finger: int) -> FingerTemplate:
    """The template of a drawn print."""
    count = int(of.count[finger])
    x, y, angle = (column[finger, :count] for column in (of.x, of.y, of.angle))
    flat = np.zeros(count, np.uint8)
    return FingerTemplate(x, y, angle, flat, flat + np.uint8(80), *population.SIZE, 80)


def pictures(folder: Path) -> list[tuple[str, str, FingerTemplate]]:
    """Finger, impression and template of all pictures of all sets in ``folder``; none where there is no such folder."""
    found = []
    paths = sorted(folder.glob("*/*_*.png"))
    for path in track(paths, "reading pictures", console=ERRORS) if paths else ():
        picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise BiometricError(Reason.BAD_IMAGE, f"{path}: not a picture", "Fetch the set again.")
        finger, _, impression = path.stem.partition("_")
        try:
            read = extract(np.asarray(picture, dtype=np.uint8), 500)
        except BiometricError as error:
            if error.reason is not Reason.NO_FINGER:
                raise
            continue
        found.append((f"{path.parent.name}/{finger}", impression, read))
    return found


class Store:
    """References of one size: an index, and beside it their templates, mapped."""

    def __init__(self, folder: Path, size: int) -> None:
        self.path = folder / f"{size}.codes"
        self.index = FingerIndex(self.path)
        self._blob = layout.map_bytes(folder / "templates")
        self._ends = np.load(folder / "ends.npy", mmap_mode="r")

    def template(self, number: int) -> FingerTemplate:
        """The template of a reference."""
        begin = int(self._ends[number - 1]) if number else 0
        return FingerTemplate.decode(self._blob[begin : int(self._ends[number])])

    def search(self, probe: FingerTemplate) -> Searched:
        """As a snapshot searches, with what it took and which references were compared in full."""
        listed: list[int] = []
        began, began_cpu = time.perf_counter(), time.process_time()
        times: list[float] = []

        def template_of(number: int) -> FingerTemplate:
            times.append(time.perf_counter())
            listed.append(number)
            return self.template(number)

        found = self.index.search(probe, template_of)
        layout.let_go(self._blob)
        ended, cpu = time.perf_counter(), time.process_time() - began_cpu
        return Searched(found, listed, (times[0] - began) * 1e3, (ended - began) * 1e3, cpu * 1e3)


@dataclass(frozen=True)
class Searched:
    """What one search gave: what was compared in full, milliseconds to the short list, in all, and of the processor."""

    found: Found
    listed: list[int]
    listed_ms: float
    all_ms: float
    cpu_ms: float


def build(folder: Path, sizes: Sequence[int], real: Sequence[FingerTemplate], probes: int) -> population.Minutiae:
    """Write indexes of ``sizes``, each the beginning of the next, the real ones first; the fingers that have mates."""
    rng = np.random.default_rng(SEED)
    first: population.Minutiae | None = None
    ends: list[int] = []
    with Progress(console=ERRORS) as progress, (folder / "templates").open("wb") as blob:
        task = progress.add_task("drawing references", total=max(sizes))
        writers = {size: IndexWriter(folder / f"{size}.codes") for size in sizes}
        for number, read in enumerate(real):
            for writer in writers.values():
                writer.add(read, number, 0)
            blob.write(read.encode())
            ends.append(blob.tell())
        steps = sorted({*sizes, *range(len(real), max(sizes), AT_ONCE), len(real)})
        for begin, end in pairwise(steps):
            drawn = population.fingers(rng, end - begin)
            first = first or drawn
            made = codes.of_many(codes.quantised(drawn.x, drawn.y, drawn.angle, drawn.count), REFERENCE_CODED)
            for size, writer in writers.items():
                if end <= size:
                    writer.add_codes(made, range(begin, end), [0] * (end - begin))
            for finger in range(end - begin):
                blob.write(template(drawn, finger).encode())
                ends.append(blob.tell())
            progress.update(task, completed=end)
        for writer in writers.values():
            writer.close()
    np.save(folder / "ends.npy", np.array(ends, dtype=np.uint64))
    if first is None or len(first) < probes:
        raise SystemExit(f"at least {len(real) + probes} references are needed for {probes} probes")
    return population.Minutiae(*(column[:probes] for column in (first.x, first.y, first.angle, first.count)))


def write_probes(path: Path, probes: Sequence[tuple[str, int, FingerTemplate]]) -> None:
    """Kind, number of the mate and template of each probe, for the searching process."""
    rows = [{"kind": kind, "mate": mate, "template": read.encode().hex()} for kind, mate, read in probes]
    path.write_text(json.dumps(rows), encoding="utf-8")


def read_probes(path: Path) -> Iterator[tuple[str, int, FingerTemplate]]:
    """What ``write_probes`` wrote."""
    for row in json.loads(path.read_text(encoding="utf-8")):
        yield row["kind"], row["mate"], FingerTemplate.decode(bytes.fromhex(row["template"]))


def measure(folder: Path, size: int) -> list[dict[str, object]]:
    """Search with every probe among ``size`` references; one row for each kind of probe."""
    store = Store(folder, size)
    probes = list(read_probes(folder / "probes.json"))
    for _, _, probe in probes[:WARM_UP]:
        store.search(probe)
    done = [(mate, store.search(probe)) for _, mate, probe in track(probes, f"searching {size}", console=ERRORS)]
    listed_ms, search_ms, cpu_ms = np.array([(one.listed_ms, one.all_ms, one.cpu_ms) for _, one in done]).T
    first = np.array([int(one.found.references[0]) == mate for mate, one in done])
    listed = np.array([mate in one.listed for mate, one in done])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scores = [compare(probe, store.template(mate)) for _, mate, probe in probes]
    rates = np.array([false_match_rate(score) for score in scores])
    best = exhaustive(store, size, probes, np.array(scores))
    rows: list[dict[str, object]] = []
    for kind in dict.fromkeys(kind for kind, _, _ in probes):
        of = np.array([k == kind for k, _, _ in probes])
        compared = of & ~np.isnan(best)
        row: dict[str, object] = {
            "references": size,
            "mates": kind,
            "probes": int(of.sum()),
            "median_ms": float(np.median(search_ms[of])),
            "p95_ms": float(np.percentile(search_ms[of], 95)),
            "shortlist_ms": float(np.median(listed_ms[of])),
            "cpu_ms": float(np.median(cpu_ms[of])),
            "searches_per_s": float(1e3 / np.mean(search_ms[of])),
            "peak_mb": peak,
            "code_mb": store.path.stat().st_size / 1e6,
            "rank1": float(first[of].mean()),
            "listed": float(listed[of].mean()),
            "compared": int(compared.sum()),
            "rank1_of_compared": float(first[compared].mean()) if compared.any() else None,
            "rank1_exhaustive": float((best[compared] > 0).mean()) if compared.any() else None,
        }
        for fmr in FMRS:
            low = rates[of] > fmr
            row[f"fnir_exhaustive_at_{fmr:g}"] = float(low.mean())
            row[f"fnir_at_{fmr:g}"] = float((low | ~listed[of]).mean())
        rows.append(row)
    return rows


def exhaustive(
    store: Store, size: int, probes: Sequence[tuple[str, int, FingerTemplate]], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """1 where exhaustive search puts the mate first, 0 where not, nan for the probes that there was no time for."""
    sample = [store.template(number) for number in range(min(COMPARED_AT_ONCE, size))]
    times = [time.perf_counter()]
    for _ in range(2):
        search(probes[0][2], sample)
        times.append(time.perf_counter())
    # The first time made the references ready.
    once, each = (times[1] - times[0]) / len(sample), (times[2] - times[1]) / len(sample)
    affordable = min(len(probes), int(max(0.0, EXHAUSTIVE_S / size - once) / each))
    out = np.full(len(probes), np.nan)
    if affordable == 0:
        return out
    # Of every kind of probe alike.
    chosen = np.unique(np.linspace(0, len(probes) - 1, affordable, dtype=np.intp))
    best = np.zeros(len(chosen))
    for begin in track(range(0, size, COMPARED_AT_ONCE), f"comparing {len(chosen)} with {size}", console=ERRORS):
        numbers = np.arange(begin, min(begin + COMPARED_AT_ONCE, size))
        references = [store.template(int(number)) for number in numbers]
        for place, number in enumerate(chosen):
            _, mate, probe = probes[number]
            best[place] = max(best[place], search(probe, references)[numbers != mate].max(initial=0.0))
    out[chosen] = scores[chosen] > best
    return out


def show(row: dict[str, object]) -> None:
    """One line."""

    def percent(key: str) -> str:
        return "-" if row[key] is None else f"{100 * float(str(row[key])):.2f}"

    fnirs = ", ".join(f"{percent(f'fnir_at_{fmr:g}')} ({percent(f'fnir_exhaustive_at_{fmr:g}')})" for fmr in FMRS)
    print(
        f"{row['references']} | {row['mates']} | {row['median_ms']:.1f}, {row['p95_ms']:.1f} ({row['cpu_ms']:.1f}) | "
        f"{row['searches_per_s']:.1f} | {row['peak_mb']:.0f} | {percent('rank1')} | "
        f"{percent('rank1_of_compared')} ({percent('rank1_exhaustive')}) of {row['compared']} | {fnirs}",
        flush=True,
    )


def rows_of(sizes: Sequence[int], probes: int, data: Path) -> list[dict[str, object]]:
    """Build, search each size in a process of its own, and clean up."""
    read = pictures(data)
    references = {finger: found for finger, impression, found in reversed(read) if impression == "1"}
    names = sorted(references)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="bench-search-") as name:
        folder = Path(name)
        drawn = build(folder, sizes, [references[finger] for finger in names], probes)
        mates, _ = population.mate(np.random.default_rng(SEED + 1), drawn, population.Wear())
        all_probes = [("drawn", len(names) + number, template(mates, number)) for number in range(probes)]
        all_probes += [
            ("pictures", names.index(finger), found)
            for finger, impression, found in read
            if impression != "1" and finger in references
        ]
        write_probes(folder / "probes.json", all_probes)
        print(f"instructions: {native.describe()}")
        print(
            "references | mates | ms median, 95 % (processor) | searches/s | peak MB | rank-1 % | of those compared "
            f"with all (exhaustive) | FNIR % at FMR {', '.join(f'{fmr:g}' for fmr in FMRS)} (exhaustive)"
        )
        for size in sizes:
            out = folder / "rows.json"
            command = [sys.executable, __file__, "--measure", name, "--sizes", str(size), "--json", str(out)]
            one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            subprocess.run(command, check=True, env={**os.environ, **one_thread})
            for row in json.loads(out.read_text(encoding="utf-8")):
                show(row)
                rows.append(row)
    return rows


def main() -> None:
    """Measure and print; with --json, ``search`` is added to what the file holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=list(SIZES))
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.measure:
        given.json.write_text(json.dumps(measure(given.measure, given.sizes[0])), encoding="utf-8")
        return
    rows = rows_of(sorted(given.sizes), given.probes, given.data)
    if given.json:
        held = json.loads(given.json.read_text(encoding="utf-8")) if given.json.exists() else {}
        given.json.write_text(json.dumps({**held, "search": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
