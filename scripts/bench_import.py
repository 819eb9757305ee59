"""``./scripts/bench import``: rows a second and memory of an import, and of reading the store again.

Deliveries of invented people and documents are written first, references and names in random order, which is the
slowest for the store. Each import is ``hotspotctl watchlist import`` in a process of its own, whose peak of resident
memory is what the kernel says; ``cpu_s`` is its processor time, to be looked at where other work ran beside it.
Reading is what ``hotspotctl watchlist build`` streams from, without enrolling.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PEOPLE = """kind = "person"
[columns]
ref = "reference"
name = "surname"
given = "given_names"
born = "birth_date"
nat = "nationality"
alias = "aliases"
doc = "documents"
[constants]
notice = "blue"
owner = "UTO"
"""
_NUMBERS = """kind = "document"
[columns]
ref = "reference"
number = "number"
issuer = "issuer"
[constants]
owner = "UTO"
status = "lost_or_stolen"
"""
_LETTERS = "ABCDEFGHIKLMNOPRSTUVZ"
_COUNTRIES = ("SWE", "FIN", "DEU", "FRA", "UTO")
_MEASURED = """
import resource, sys
from hotspotd.cli.main import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def _people(rows: int) -> Iterator[str]:
    rng = random.Random(1)
    yield "ref,name,given,born,nat,alias,doc\n"
    for _ in range(rows):
        name = "".join(rng.choices(_LETTERS, k=9))
        born = f"{rng.randrange(1940, 2005)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        nation, number = rng.choice(_COUNTRIES), rng.randrange(10**8)
        reference = f"U/{rng.randrange(10**12)}"
        yield f"{reference},{name},ANNA MARIA,{born},{nation},{name[:4]} ANNE|{name[3:]},{nation}:P{number}\n"


def _numbers(rows: int) -> Iterator[str]:
    rng = random.Random(2)
    yield "ref,number,issuer\n"
    for _ in range(rows):
        yield f"S/{rng.randrange(10**12)},{rng.choice(_LETTERS)}{rng.randrange(10**8)},{rng.choice(_COUNTRIES)}\n"


def _entities(rows: int) -> Iterator[str]:
    rng = random.Random(3)
    for _ in range(rows):
        name, key = "".join(rng.choices(_LETTERS, k=9)), rng.randrange(10**12)
        person = {"name": [f"Anna {name}"], "birthDate": ["1974-08-12"], "nationality": ["se"], "alias": [name]}
        yield json.dumps({"id": f"P-{key}", "schema": "Person", "caption": f"Anna {name}", "properties": person}) + "\n"


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _import(kind: str, folder: Path, lines: Iterator[str], rows: int, options: list[str]) -> dict[str, object]:
    delivery, store = folder / f"{kind}.data", folder / f"{kind}.staging"
    with delivery.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    began, cpu = time.monotonic(), _cpu_of_children()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "watchlist", "import", kind.partition("-")[0], str(delivery), "--into",
         str(store), "--source", "bench", "--json", *options],
        check=True, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])},
    )  # fmt: skip
    took = time.monotonic() - began
    counts = json.loads(done.stdout)["counts"]
    assert counts["rows"] == rows, counts  # noqa: S101 - a figure of a broken run is none
    return {
        "what": kind,
        "rows": rows,
        "seconds": round(took, 1),
        "cpu_s": round(_cpu_of_children() - cpu, 1),
        "rows_per_s": round(rows / took),
        "peak_mb": round(int(done.stderr.split()[-1]) / 1024),
        "delivery_mb": round(delivery.stat().st_size / 1e6),
        "store_mb": round(sum(path.stat().st_size for path in store.iterdir()) / 1e6),
    }


_READ = """
import sys, time, resource
from pathlib import Path
from hotspotd.watchlist import staging
with staging.opened(Path(sys.argv[1])) as store:
    began = time.monotonic()
    count = sum(1 for _ in getattr(store, sys.argv[2])())
    print(count, time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _read(folder: Path, kind: str, what: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(folder / f"{kind}.staging"), what],
        check=True, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])},
    )  # fmt: skip
    count, seconds, peak = done.stdout.split()
    return {
        "what": f"read {what}",
        "rows": int(count),
        "seconds": round(float(seconds), 1),
        "rows_per_s": round(int(count) / float(seconds)),
        "peak_mb": round(int(peak) / 1024),
    }


def main() -> None:
    """Print a line for each measure; ``--json`` writes them to a file too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    rows = arguments.rows
    with tempfile.TemporaryDirectory(prefix="bench-import-") as name:
        folder = Path(name)
        (folder / "people.toml").write_text(_PEOPLE)
        (folder / "numbers.toml").write_text(_NUMBERS)
        measures: list[Callable[[], dict[str, object]]] = [
            lambda: _import("csv-people", folder, _people(rows), rows, ["--map", str(folder / "people.toml")]),
            lambda: _read(folder, "csv-people", "people"),
            lambda: _import("csv-numbers", folder, _numbers(rows), rows, ["--map", str(folder / "numbers.toml")]),
            lambda: _read(folder, "csv-numbers", "numbers"),
            lambda: _import("ftm", folder, _entities(rows), rows, ["--notice", "national", "--owner", "UTO"]),
        ]
        results = []
        for measure in measures:
            results.append(measure())
            print("  ".join(f"{key} {value}" for key, value in results[-1].items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"measures": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
