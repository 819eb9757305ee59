"""Measure the search of names among very many: latency, memory, what the short list loses, and wrong candidates.

Usage: ./scripts/bench names [--people 250000] [--probes N] [--exhaustive N] [--pairs FILE.csv] [--json FILE]

People are made up from parts of names of many cultures (``made_names``), each with two or three names of which six of
ten have one in its own script. A list is built of them and opened as a kiosk does, in a process of its own; probes are
documents of people on it, written in eight ways, and of as many people who are not. Times are the processor's, of one
thread, from the document to the candidates with their reasons. ``found`` is the share of documents whose record is
listed at the default score, ``others`` how many other records are on average. Of ``--exhaustive`` probes the candidates
are compared with those of scoring every name of a list of EXHAUSTIVE_PEOPLE. With ``--pairs`` also the best F1 of
labelled pairs and the microseconds a pair, of this scorer and of its peers, in the same run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from random import Random

import made_names
import numpy as np
from anyascii import anyascii
from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler
from rich.progress import track

from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.document import Document, DocumentFormat
from hotspotd.domain.notice import Notice
from hotspotd.watchlist import Entry, Shelf
from hotspotd.watchlist.names.evaluation import read_pairs
from hotspotd.watchlist.names.fitting import best_f1
from hotspotd.watchlist.names.forms import form, form_of_document
from hotspotd.watchlist.names.index_file import NameIndexWriter
from hotspotd.watchlist.names.listed import ListedNames, names_of
from hotspotd.watchlist.names.scoring import Identity, compare_names, score
from hotspotd.watchlist.snapshot import NAME_SCORE, Snapshot

SEED = 20261122
TODAY = date(2026, 11, 22)
ENGINE = "none"
EXHAUSTIVE_PEOPLE = 5000
SCORES = (0.7, NAME_SCORE, 0.9, 0.95, 0.98)


def record(person: made_names.Made, number: int) -> ListRecord:
    """A made-up person as a list has it: the first name is the record's own."""
    surname, _, given = person.names[0].partition(",")
    return ListRecord(
        reference=f"MADE/{number}",
        notice=Notice.BLUE,
        owner="XPO",
        surname=surname,
        given_names=given.strip(),
        aliases=person.names[1:],
        birth_date=person.born or None,
        nationality=person.nationality,
        sex=person.sex,
    )


def document(person: made_names.Made, how: str, rng: Random) -> Document:
    """A person's document; one in ten says nothing of the day and month of birth."""
    surname, given, cut = made_names.probe(person, how, rng)
    year, month, day = (*(person.born or f"{rng.randrange(1940, 2008)}").split("-"), "<<", "<<")[:3]
    born = f"{year[2:]}{month}{day}" if rng.random() < 0.9 else f"{year[2:]}<<<<"
    # A zone that is full to its last character says that the name was cut off.
    field = f"P<XXX{surname.replace(' ', '<')}<<{given.replace(' ', '<')}" + ("" if cut else "<")
    return Document(
        format=DocumentFormat.TD3,
        code="P",
        issuer=person.nationality,
        number="X0000000",
        surname=surname,
        given_names=given,
        nationality=person.nationality,
        birth_date=born,
        sex=person.sex,
        expiry_date="301231",
        mrz=(field, ""),
    )


def resident_mb(kind: str = "VmRSS") -> float:
    """Resident memory of this process [MB]; ``RssFile`` is what is mapped of files."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(kind + ":"):
            return int(line.split()[1]) / 1024
    return math.nan


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95, p99 and the longest [ms]."""
    return {
        "p50_ms": round(float(np.percentile(values, 50)), 1),
        "p95_ms": round(float(np.percentile(values, 95)), 1),
        "p99_ms": round(float(np.percentile(values, 99)), 1),
        "longest_ms": round(max(values), 1),
    }


def build(folder: Path, count: int) -> dict[str, float]:
    """Publish a list of ``count`` people; what it took."""

    def entries() -> Iterator[Entry]:
        people = made_names.people(count, SEED)
        for number, person in enumerate(track(people, "building", total=count, disable=not sys.stderr.isatty())):
            yield Entry(record(person, number))

    began, busy = time.perf_counter(), time.process_time()
    Shelf(folder).publish(entries(), finger_engine=ENGINE, face_engine=None, version="bench")
    path = folder / "current"
    return {
        "people": count,
        "build_s": round(time.perf_counter() - began, 1),
        "build_cpu_s": round(time.process_time() - busy, 1),
        "build_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "index_mb": (path / "names.index").stat().st_size / 1e6,
        "names": json.loads((path / "manifest.json").read_text())["counts"]["names"],
    }


def search(folder: Path, count: int, probes: int) -> dict[str, object]:
    """Documents of listed and of other people against the list in ``folder``."""
    before = resident_mb()
    snapshot = Shelf(folder).open(finger_engine=ENGINE, face_engine=None)
    rng = Random(SEED)
    wanted = set(rng.sample(range(count), min(count, probes * len(made_names.PROBES))))
    chosen = [(n, p) for n, p in enumerate(made_names.people(count, SEED)) if n in wanted]
    rng.shuffle(chosen)
    by_kind: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    times: list[float] = []
    for at, (number, person) in enumerate(track(chosen, "searching", disable=not sys.stderr.isatty())):
        how = made_names.PROBES[at % len(made_names.PROBES)]
        taken, found = timed(snapshot, document(person, how, rng))
        mine = found.pop(f"MADE/{number}", 0.0)
        by_kind[how].append((taken, mine, sum(one >= NAME_SCORE for one in found.values())))
        times.append(taken)
    strangers = made_names.people(len(chosen), SEED + 1)
    false = []
    for at, person in enumerate(strangers):
        taken, found = timed(snapshot, document(person, made_names.PROBES[at % len(made_names.PROBES)], rng))
        times.append(taken)
        false.append(max(found.values(), default=0.0))
    return {
        **percentiles(times),
        "probes": len(times),
        "at_score": {
            str(at): {
                "found": round(sum(own >= at for rows in by_kind.values() for _, own, _ in rows) / len(chosen), 4),
                "strangers_with_candidates": round(sum(one >= at for one in false) / len(false), 4),
            }
            for at in SCORES
        },
        "by_kind": {
            kind: {
                "p50_ms": round(statistics.median(row[0] for row in rows), 1),
                "found": round(sum(row[1] >= NAME_SCORE for row in rows) / len(rows), 3),
                "others": round(sum(row[2] for row in rows) / len(rows), 3),
            }
            for kind, rows in by_kind.items()
        },
        "grown_mb": round(resident_mb() - before, 1),
        "resident_mb": round(resident_mb(), 1),
        "mapped_mb": round(resident_mb("RssFile"), 1),
    }


def timed(snapshot: Snapshot, probe: Document) -> tuple[float, dict[str, float]]:
    """Milliseconds of the processor, and the score of each reference found."""
    began = time.thread_time()
    found = snapshot.find_name(probe, TODAY, min(SCORES))
    return (time.thread_time() - began) * 1000, {one.reference: one.score for one in found}


def exhaustive(probes: int) -> dict[str, float]:
    """What the short list loses against scoring every name, at the default score and among all that are above 0.5."""
    people = [record(one, n) for n, one in enumerate(made_names.people(EXHAUSTIVE_PEOPLE, SEED))]
    listed = [[name.form for name in names_of(one)] for one in people]
    writer = NameIndexWriter()
    for number, forms in enumerate(listed):
        writer.add(number, forms, people[number].birth_date)
    rng = Random(SEED)
    made = list(islice(made_names.people(EXHAUSTIVE_PEOPLE, SEED), EXHAUSTIVE_PEOPLE))
    wanted = found = likely = likely_found = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "names.index"
        writer.write(path)
        index = ListedNames(path, people.__getitem__)
        alive = np.ones(index.records, np.bool_)
        for at in track(range(probes), "scoring every name", disable=not sys.stderr.isatty()):
            probe = document(rng.choice(made), made_names.PROBES[at % len(made_names.PROBES)], rng)
            short = {one.reference for one in index.search(probe, TODAY, alive, 0.0)}
            me = Identity((form_of_document(probe),), probe.born(TODAY.year), probe.sex, probe.nationality)
            for one, forms in zip(people, listed, strict=True):
                full = score(me, Identity(tuple(forms), one.birth_date, one.sex, one.nationality))
                if full is None or full.probability < 0.5:
                    continue
                likely += 1
                likely_found += one.reference in short
                wanted += full.probability >= NAME_SCORE
                found += full.probability >= NAME_SCORE and one.reference in short
    return {
        "probes": probes,
        "people": EXHAUSTIVE_PEOPLE,
        "at_default": wanted,
        "recall_at_default": round(found / max(wanted, 1), 4),
        "above_half": likely,
        "recall_above_half": round(likely_found / max(likely, 1), 4),
    }


def peers(path: Path) -> dict[str, dict[str, float]]:
    """Best F1 and microseconds a pair of this scorer and of usual ones on ASCII letters, on the same pairs."""
    pairs, _ = read_pairs(path)
    labels = np.array([pair.same for pair in pairs])

    def hotspotd(left: str, right: str) -> float:
        found = compare_names(form(left), form(right))
        return found[0] if found else -math.inf

    def plain(text: str) -> str:
        return anyascii(text).lower()

    def greedy(left: str, right: str) -> float:
        """The mean of each part of the shorter name with the likest that is left of the other."""
        one, other = sorted((plain(left).split(), plain(right).split()), key=len)
        total = 0.0
        for part in one:
            best = max(other, key=lambda name: JaroWinkler.similarity(part, name))
            total += JaroWinkler.similarity(part, best)
            other.remove(best)
        return total / max(len(one), 1)

    scorers: dict[str, Callable[[str, str], float]] = {
        "hotspotd": hotspotd,
        "rapidfuzz WRatio": lambda left, right: fuzz.WRatio(plain(left), plain(right)),
        "rapidfuzz token_set_ratio": lambda left, right: fuzz.token_set_ratio(plain(left), plain(right)),
        "rapidfuzz token_sort_ratio": lambda left, right: fuzz.token_sort_ratio(plain(left), plain(right)),
        "Jaro-Winkler, greedy by part": greedy,
    }
    found = {}
    for name, scorer in scorers.items():
        began = time.thread_time()
        scores = np.array([scorer(pair.left, pair.right) for pair in pairs])
        taken = (time.thread_time() - began) / len(pairs) * 1e6
        found[name] = {"best_f1": round(best_f1(scores, labels)[0], 4), "us_per_pair": round(taken, 1)}
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./scripts/bench names", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=250_000)
    parser.add_argument("--probes", type=int, default=100, help="documents of listed people, of each of eight kinds")
    parser.add_argument(
        "--exhaustive", type=int, default=40, help="probes compared with scoring every name; 0 leaves out"
    )
    parser.add_argument("--pairs", type=Path, metavar="FILE.csv", help="labelled pairs: best F1 beside the peers")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--step", choices=("build", "search"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "build":
        print(json.dumps(build(options.folder, options.people)))
        return 0
    if options.step == "search":
        print(json.dumps(search(options.folder, options.people, options.probes)))
        return 0
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="bench-names-") as folder:
        for step in ("build", "search"):
            results[step] = in_its_own(step, folder, options.people, options.probes)
            print(f"{step}: {json.dumps(results[step], indent=1)}")
    if options.exhaustive:
        results["exhaustive"] = exhaustive(options.exhaustive)
        print(f"exhaustive: {json.dumps(results['exhaustive'], indent=1)}")
    if options.pairs:
        results["peers"] = peers(options.pairs)
        print(f"peers: {json.dumps(results['peers'], indent=1)}")
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def in_its_own(step: str, folder: str, people: int, probes: int) -> object:
    """One step in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--step", step, "--folder", folder]
    command += ["--people", str(people), "--probes", str(probes)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
