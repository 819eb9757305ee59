"""Measure the search of one face among very many, beside other exact searches and the machine's memory bandwidth.

Usage: scripts/bench_faces.py [--sizes 10000,100000,1000000] [--dimensions 512] [--probes N] [--json FILE]

References are drawn: unit vectors of as many numbers, independent. Probes are references with noise, at a similarity
of 0.5 to 0.9. Each search gives the 20 best, in one thread, in a process of its own. Before each search some 256 MB of
other memory are read, so that no reference is left in a cache: that reading, by numpy and by the kernels' own reader
from eight places at once, the faster of the two, is also the bandwidth (GB/s) that a search is held against. ``share``
is what a search reads (int8 rows, float32 rows) for each second it takes, of that bandwidth.

Times are the processor's, so that other work on the machine does not count as the search's (``wall_ms`` is the
clock's); what that work takes of the memory's bandwidth is missing to search and reading alike.

``scan_ms`` is the time without choosing the 20 best, where the two can be told apart. ``recall`` is the share of the
20 best by float32 that are among those found, ``first`` the share of probes with the same best. ``peak_mb`` is the
greatest resident memory of making ready and searching, mapped pages included.

The others are numpy (OpenBLAS), numkong, usearch and faiss, where installed: pip install numkong usearch faiss-cpu.
They get int8 rows by one scale for all. A search that is not installed is named as such.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from hotspotd.biometrics.face import native
from hotspotd.biometrics.face.index import FaceIndex
from hotspotd.biometrics.face.index_file import FaceIndexWriter

SIZES = (10_000, 100_000, 1_000_000)
SEED = 20261122
MOST = 20
AT_ONCE = 20_000
AT_A_LOOK = 1 << 17
OTHER_WORDS = 256 * 1024 * 1024 // 8
ERRORS = Console(stderr=True)

Floats = NDArray[np.float32]
Search = Callable[[Floats], NDArray[Any]]
"""From a probe (d,) to the numbers of the best references."""


def index_int8(folder: Path) -> tuple[Search, Search]:
    """The index of hotspotd: int8 scan, the possible ones compared in float32."""
    index = FaceIndex(folder / "faces")
    whole = np.zeros(index.row_bytes, np.int8)

    def scan(probe: Floats) -> NDArray[Any]:
        whole[: len(probe)] = np.rint(probe / np.abs(probe).max() * 127)
        ends = [*range(0, len(index), AT_A_LOOK), len(index)]
        return np.concatenate([index.scanned(whole, begin, end) for begin, end in pairwise(ends)])

    return (lambda probe: index.search(probe, MOST).references), scan


def best(scores: NDArray[Any]) -> NDArray[Any]:
    """The places of the highest scores, best first."""
    places = np.argpartition(scores, -MOST)[-MOST:]
    return places[np.argsort(-scores[places], kind="stable")]


def numpy_float32(folder: Path) -> tuple[Search, Search]:
    """A matrix times a vector."""
    rows = np.load(folder / "float32.npy", mmap_mode="r")
    return (lambda probe: best(rows @ probe)), (lambda probe: rows @ probe)


def numkong_int8(folder: Path) -> tuple[Search, Search]:
    """A packed matrix."""
    import numkong  # noqa: PLC0415 - optional

    packed = numkong.dots_pack(np.load(folder / "int8.npy"), dtype="int8")

    def scan(probe: Floats) -> NDArray[Any]:
        return np.asarray(numkong.dots_packed(rounded(probe)[None], packed)).reshape(-1)

    return (lambda probe: best(scan(probe))), scan


def usearch_int8(folder: Path) -> tuple[Search, Search | None]:
    """An exact search."""
    from usearch.index import MetricKind, search  # noqa: PLC0415 - optional

    rows = np.load(folder / "int8.npy", mmap_mode="r")

    def found(probe: Floats) -> NDArray[Any]:
        return search(rows, rounded(probe), MOST, MetricKind.IP, exact=True, threads=1).keys.astype(np.intp)

    return found, None


def faiss_int8(folder: Path) -> tuple[Search, Search | None]:
    """A scalar quantizer."""
    import faiss  # noqa: PLC0415 - optional

    faiss.omp_set_num_threads(1)
    rows = np.load(folder / "int8.npy", mmap_mode="r")
    kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
    index = faiss.IndexScalarQuantizer(rows.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    index.is_trained = True
    for at in range(0, len(rows), AT_ONCE):
        index.add(rows[at : at + AT_ONCE].astype(np.float32))
    return (lambda probe: index.search(rounded(probe)[None].astype(np.float32), MOST)[1][0]), None


def faiss_float32(folder: Path) -> tuple[Search, Search | None]:
    """A flat index."""
    import faiss  # noqa: PLC0415 - optional

    faiss.omp_set_num_threads(1)
    rows = np.load(folder / "float32.npy", mmap_mode="r")
    index = faiss.IndexFlatIP(rows.shape[1])
    for at in range(0, len(rows), AT_ONCE):
        index.add(np.ascontiguousarray(rows[at : at + AT_ONCE]))
    return (lambda probe: index.search(probe[None], MOST)[1][0]), None


SEARCHES: dict[str, tuple[str, int, Callable[[Path], tuple[Search, Search | None]]]] = {
    "hotspotd int8 + float32": ("numpy", 1, index_int8),
    "numkong int8 packed": ("numkong", 1, numkong_int8),
    "usearch int8": ("usearch", 1, usearch_int8),
    "faiss int8": ("faiss", 1, faiss_int8),
    "numpy float32": ("numpy", 4, numpy_float32),
    "faiss float32": ("faiss", 4, faiss_float32),
}
"""Name: module it wants, bytes of one number, how it is made ready."""


def rounded(probe: Floats) -> NDArray[np.int8]:
    """A probe in int8."""
    return np.rint(probe / np.abs(probe).max() * 127).astype(np.int8)


def unit(rows: Floats) -> Floats:
    """Rows of length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def build(folder: Path, size: int, dimensions: int, probes: int) -> None:
    """Draw references and probes, and write them as each search wants them."""
    rng = np.random.default_rng([SEED, size, dimensions])
    # Of unit vectors of d normal numbers hardly one is above 6 / sqrt(d).
    step = 6 / dimensions**0.5 / 127
    exact = np.lib.format.open_memmap(folder / "float32.npy", "w+", np.float32, (size, dimensions))
    whole = np.lib.format.open_memmap(folder / "int8.npy", "w+", np.int8, (size, dimensions))
    with FaceIndexWriter(folder / "faces", "drawn") as writer:
        for at in track(range(0, size, AT_ONCE), f"drawing {size}", console=ERRORS):
            rows = unit(rng.standard_normal((min(AT_ONCE, size - at), dimensions), np.float32))
            exact[at : at + len(rows)] = rows
            whole[at : at + len(rows)] = np.rint(rows / step).clip(-127, 127)
            writer.add_many(rows, np.arange(at, at + len(rows), dtype=np.uint32))
    mates = rng.integers(size, size=probes)
    alike = rng.uniform(0.5, 0.9, (probes, 1)).astype(np.float32)
    noise = unit(rng.standard_normal((probes, dimensions), np.float32))
    asked = unit(alike * exact[mates] + np.sqrt(1 - alike**2) * noise)
    np.save(folder / "probes.npy", asked)
    truth = [best(exact @ probe) for probe in asked]
    np.save(folder / "truth.npy", np.array(truth))


def peak_mb() -> float:
    """Greatest resident memory of this process; getrusage would tell of the one it was forked from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def bandwidth(words: NDArray[np.uint64]) -> float:
    """GB/s of reading ``words``, the faster way."""
    began = time.process_time()
    np.bitwise_or.reduce(words)
    middle = time.process_time()
    taken = middle - began
    if native.read(words):
        taken = min(taken, time.process_time() - middle)
    return words.nbytes / taken / 1e9


def measure(folder: Path, name: str) -> dict[str, object]:
    """One search, in this process."""
    module, width, ready = SEARCHES[name]
    if importlib.util.find_spec(module) is None:
        return {"search": name, "missing": module}
    probes, truth = np.load(folder / "probes.npy"), np.load(folder / "truth.npy").tolist()
    size, dimensions = np.load(folder / "int8.npy", mmap_mode="r").shape
    search, scan = ready(folder)
    search(probes[0])
    found = [[int(number) for number in search(probe)] for probe in probes]
    peak = peak_mb()
    other = np.ones(OTHER_WORDS, np.uint64)
    speeds, times, scans, walls = [], [], [], []
    for probe in probes:
        for function, taken in ((search, times), (scan, scans)):
            if function is None:
                continue
            speeds.append(bandwidth(other))
            wall, began = time.perf_counter(), time.process_time()
            function(probe)
            taken.append((time.process_time() - began) * 1e3)
            if function is search:
                walls.append((time.perf_counter() - wall) * 1e3)
    median, speed = statistics.median(times), statistics.median(speeds)
    read = size * dimensions * width
    return {
        "search": name,
        "references": size,
        "dimensions": dimensions,
        "median_ms": median,
        "best_ms": min(times),
        "wall_ms": statistics.median(walls),
        "scan_ms": statistics.median(scans) if scans else None,
        "gb_s": read / median / 1e6,
        "bandwidth_gb_s": speed,
        "share": read / median / 1e6 / speed,
        "scan_share": read / statistics.median(scans) / 1e6 / speed if scans else None,
        "recall": float(np.mean([len({*one} & {*right}) / MOST for one, right in zip(found, truth, strict=True)])),
        "first": float(np.mean([one[0] == right[0] for one, right in zip(found, truth, strict=True)])),
        "peak_mb": peak,
    }


def show(row: dict[str, Any]) -> None:
    """One line."""
    if "missing" in row:
        print(f"{row['search']} | {row['missing']} is not installed", flush=True)
        return
    scan = "-" if row["scan_ms"] is None else f"{row['scan_ms']:.2f} ({100 * row['scan_share']:.0f} %)"
    share = f"{row['gb_s']:.1f} of {row['bandwidth_gb_s']:.1f} = {100 * row['share']:.0f} %"
    print(
        f"{row['references']} x {row['dimensions']} | {row['search']} | "
        f"{row['median_ms']:.2f} ({row['best_ms']:.2f}) | {scan} | {share} | "
        f"{100 * row['recall']:.2f}, {100 * row['first']:.1f} | {row['peak_mb']:.0f}",
        flush=True,
    )


def rows_of(sizes: Sequence[int], dimensions: int, probes: int) -> list[dict[str, object]]:
    """Each size drawn, each search measured in a process of its own."""
    rows: list[dict[str, object]] = []
    print(f"instructions: {native.describe()}; one thread")
    print(
        "references | search | processor ms median (best) | scan ms | GB/s of bandwidth | "
        "recall@20 %, same best % | peak MB"
    )
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-faces-") as name:
            folder = Path(name)
            build(folder, size, dimensions, probes)
            for search in SEARCHES:
                out = folder / "row.json"
                command = [sys.executable, __file__, "--measure", name, search, "--json", str(out)]
                one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
                subprocess.run(command, check=True, env={**os.environ, **one_thread})
                rows.append(json.loads(out.read_text(encoding="utf-8")))
                show(rows[-1])
    return rows


def main() -> None:
    """Measure and print; with --json, ``faces`` is added to what the file holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=list(SIZES))
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--probes", type=int, default=15)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        given.json.write_text(json.dumps(measure(Path(given.measure[0]), given.measure[1])), encoding="utf-8")
        return
    rows = rows_of(sorted(given.sizes), given.dimensions, given.probes)
    if given.json:
        held = json.loads(given.json.read_text(encoding="utf-8")) if given.json.exists() else {}
        given.json.write_text(json.dumps({**held, "faces": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
