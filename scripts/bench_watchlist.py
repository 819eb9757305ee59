"""``./scripts/bench watchlist``: one number among a million or a hundred million, beside LMDB and SQLite.

Usage: scripts/bench watchlist [--count N] [--lookups N] [--cold N] [--folder FOLDER] [--json FILE]

Numbers are made up: passports of 196 issuers, plates, VINs and firearms, each with a status, an owner and one of 3650
last days. Ours is built from that stream. The other two hold the same 60-bit keyed hashes with class and day in four
bytes and are loaded from sorted rows, which is their best case and spares them the hashing. Each step runs in a
process of its own; every lookup has to give what was listed, or nothing (``false``: how many did not).

Milliseconds of a lookup, normal form and keyed hash of the number included: ``warm`` with the files in memory, ``cold``
with the store open and its files dropped from memory before each one; ``warm_cpu_p99_ms`` counts the processor's time
alone, for a machine that others use too. ``build_s`` and ``cpu_s`` are seconds,
``peak_mb`` the most memory while building, ``resident_mb`` what opening and all warm lookups add to a process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, NumbersStore, Status, build
from hotspotd.watchlist.numbers import rows as row_format
from hotspotd.watchlist.numbers.hashing import NumberHasher
from hotspotd.watchlist.numbers.normal import readings
from hotspotd.watchlist.secret import ListKey

KEY = ListKey(b"a key for figures, of 32 bytes  ")
TODAY = date(2026, 11, 22)
STORES = ("ours", "lmdb", "sqlite")
SEED = 20261122
_PARTS = 256
_ISSUERS = [f"{a}{b}X" for a in "ABCDEFGHIJKLMN" for b in "ABCDEFGHIJKLMN"]
_DAYS = [TODAY + timedelta(days) for days in range(3650)]
_THINGS = (Kind.VEHICLE, Kind.VIN, Kind.FIREARM)


_STATUSES = (Status.STOLEN_BLANK, Status.LOST_OR_STOLEN, Status.REVOKED)


def _listings(kind: Kind) -> list[Listing]:
    return [
        Listing(kind, owner if kind.has_issuer else "", status, owner) for owner in _ISSUERS for status in _STATUSES
    ]


_LISTINGS = {kind: _listings(kind) for kind in (Kind.DOCUMENT, *_THINGS)}
_OF_DOCUMENTS = _LISTINGS[Kind.DOCUMENT]
_SPREAD = 387_420_489 * 7  # Has no divisor in common with 10**9: numbers that follow each other look like any others.


def entry(number: int) -> NumberEntry:
    """Made-up entry ``number``; no two below 10**9 have one number."""
    digits = f"{number * _SPREAD % 1_000_000_000:09d}"
    if number % 4:
        return NumberEntry(digits, _OF_DOCUMENTS[number % len(_OF_DOCUMENTS)], _DAYS[number % 3650])
    kind = _THINGS[number // 4 % 3]
    listings = _LISTINGS[kind]
    return NumberEntry(f"AB{digits}", listings[number % len(listings)], _DAYS[number % 3650])


class Store(Protocol):
    """What is measured."""

    def find(self, asked: NumberEntry) -> list[tuple[Listing, date | None]]:
        """What is listed under the number of ``asked``."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class Ours:
    """``hotspotd.watchlist.numbers``."""

    def __init__(self, folder: Path) -> None:
        self._store = NumbersStore(folder)
        self._store.unlock(KEY)

    def find(self, asked: NumberEntry) -> list[tuple[Listing, date | None]]:
        """See Store."""
        of = asked.listing
        return [(hit.listing, hit.expires) for hit in self._store.find(of.kind, asked.number, of.issuer, TODAY)]

    def close(self) -> None:
        """See Store."""


class Peer(ABC):
    """A general store with hashes for keys and four bytes for values, behind the same normal forms and hashes."""

    def __init__(self, listings: tuple[Listing, ...]) -> None:
        self._listings = listings
        self._hasher = NumberHasher(KEY)

    @abstractmethod
    def value(self, hashed: int) -> int | None:
        """Class and day under ``hashed``."""

    def find(self, asked: NumberEntry) -> list[tuple[Listing, date | None]]:
        """See Store."""
        of = asked.listing
        for form in readings(of.kind, asked.number, of.issuer):
            found = self.value(self._hasher.of_form(of.kind, of.issuer, form))
            if found is not None and found & row_format.NEVER >= row_format.day_number(TODAY):
                return [(self._listings[found >> row_format.DAY_BITS], row_format.expiry(found & row_format.NEVER))]
        return []


class Lmdb(Peer):
    """LMDB, keys appended in order."""

    def __init__(self, folder: Path, listings: tuple[Listing, ...]) -> None:
        import lmdb  # noqa: PLC0415 - Of the bench extra.

        super().__init__(listings)
        self._environment = lmdb.open(str(folder / "data"), subdir=False, readonly=True, lock=False, readahead=False)

    def value(self, hashed: int) -> int | None:
        """See Peer."""
        with self._environment.begin() as transaction:
            found = transaction.get(hashed.to_bytes(8, "big"))
        return None if found is None else int.from_bytes(found, "big")

    def close(self) -> None:
        """See Store."""
        self._environment.close()

    @staticmethod
    def load(folder: Path, source: Iterator[tuple[int, int]], count: int) -> None:
        """Write it."""
        import lmdb  # noqa: PLC0415 - Of the bench extra.

        size = 64 * count + (1 << 26)
        with lmdb.open(str(folder / "data"), subdir=False, map_size=size, lock=False) as environment:
            with environment.begin(write=True) as transaction, transaction.cursor() as cursor:
                cursor.putmulti(
                    ((key.to_bytes(8, "big"), value.to_bytes(4, "big")) for key, value in source), append=True
                )
            environment.sync(force=True)


class Sqlite(Peer):
    """SQLite, the hash as integer primary key."""

    def __init__(self, folder: Path, listings: tuple[Listing, ...]) -> None:
        super().__init__(listings)
        self._database = sqlite3.connect(f"file:{folder / 'data'}?mode=ro&immutable=1", uri=True)

    def value(self, hashed: int) -> int | None:
        """See Peer."""
        row = self._database.execute("SELECT value FROM numbers WHERE hash = ?", (hashed,)).fetchone()
        return None if row is None else int(row[0])

    def close(self) -> None:
        """See Store."""
        self._database.close()

    @staticmethod
    def load(folder: Path, source: Iterator[tuple[int, int]], count: int) -> None:  # noqa: ARG004 - As of Lmdb.
        """Write it."""
        database = sqlite3.connect(folder / "data")
        database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE numbers (hash INTEGER PRIMARY KEY, value INTEGER NOT NULL);"
        )
        database.executemany("INSERT INTO numbers VALUES (?, ?)", source)
        database.commit()
        database.close()


def _highest_kb() -> int:
    """The most memory this process had. Not ru_maxrss, which a process has from whoever started it, too."""
    return int(Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0])


def build_step(name: str, root: Path, count: int) -> dict[str, object]:
    """Build one store under ``root``; the peers from ours."""
    folder = root / name
    folder.mkdir()
    began = time.perf_counter()
    if name == "ours":
        listed = build(folder, map(entry, range(count)), KEY)
    else:
        ours = NumbersStore(root / "ours")
        listed = len(ours)
        {"lmdb": Lmdb, "sqlite": Sqlite}[name].load(folder, _rows(ours), count)
    seconds = time.perf_counter() - began
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    if listed != count:
        raise SystemExit(f"{name}: {listed} rows of {count} numbers")
    workers = len(os.sched_getaffinity(0)) if children.ru_maxrss else 0
    return {
        "store": name,
        "count": count,
        "build_s": seconds,
        "cpu_s": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        "peak_mb": (_highest_kb() + workers * children.ru_maxrss) / 1024,
        "bytes_each": sum(path.stat().st_size for path in folder.iterdir()) / count,
    }


def _rows(ours: NumbersStore) -> Iterator[tuple[int, int]]:
    for part in range(_PARTS):
        hashes, tails = ours.partition(part, _PARTS)
        yield from zip(hashes.tolist(), tails.tolist(), strict=True)


def lookup_step(name: str, root: Path, count: int, lookups: int, cold: int) -> dict[str, object]:
    """Look up numbers, half of them listed, in the store under ``root``."""
    folder = root / name
    listings = NumbersStore(root / "ours").listings
    made: dict[str, Callable[[], Store]] = {
        "ours": lambda: Ours(folder),
        "lmdb": lambda: Lmdb(folder, listings),
        "sqlite": lambda: Sqlite(folder, listings),
    }
    rng = random.Random(SEED)
    asked = [rng.randrange(count) + count * (place % 2) for place in range(lookups)]
    _read(folder)
    before = _resident()
    began = time.perf_counter()
    store = made[name]()
    opened = time.perf_counter() - began
    _, _, wrong = _timed(store, asked, count)
    times, own, again = _timed(store, asked, count)
    resident = _resident() - before
    store.close()
    cold_times: list[float] = []
    for number in asked[:cold]:
        store = made[name]()
        drop(folder)
        taken, _, missed = _timed(store, [number], count)
        cold_times += taken
        wrong += missed
        store.close()
    return {
        "store": name,
        "open_ms": opened * 1e3,
        "warm_p50_ms": _at(times, 0.5),
        "warm_p99_ms": _at(times, 0.99),
        "warm_cpu_p99_ms": _at(own, 0.99),
        "cold_p50_ms": _at(cold_times, 0.5),
        "cold_p99_ms": _at(cold_times, 0.99),
        "resident_mb": resident / 1e6,
        "lookups": 2 * lookups + cold,
        "false": wrong + again,
    }


def _timed(store: Store, asked: list[int], count: int) -> tuple[list[float], list[float], int]:
    """Seconds of each lookup on the clock and of the processor, and how many were answered wrongly."""
    times: list[float] = []
    own: list[float] = []
    wrong = 0
    for number in asked:
        one = entry(number)
        began, began_own = time.perf_counter(), time.thread_time()
        found = store.find(one)
        own.append(time.thread_time() - began_own)
        times.append(time.perf_counter() - began)
        wrong += found != ([(one.listing, one.expires)] if number < count else [])
    return times, own, wrong


def _at(times: list[float], share: float) -> float:
    return sorted(times)[int(share * (len(times) - 1))] * 1e3 if times else float("nan")


def _read(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def drop(folder: Path) -> None:
    """Drop the files of ``folder`` from memory, where no process has them mapped."""
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        with suppress(OSError):  # What cannot be synced, of a read-only file, has nothing to be written.
            os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(count: int, lookups: int, cold: int, folder: Path | None = None) -> list[dict[str, object]]:
    """One row for each store that is installed; everything that is written is removed."""
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="bench-watchlist-", dir=folder) as name:
        root = Path(name)
        for store in STORES:
            if store == "lmdb" and not _installed("lmdb"):
                print("lmdb is not installed: pip install 'hotspotd[bench]'", file=sys.stderr)
                continue
            row: dict[str, object] = {}
            for step in ("build", "lookup"):
                print(f"{step}: {store}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
                command = [sys.executable, __file__, "--step", step, "--store", store, "--folder", name]
                command += ["--count", str(count), "--lookups", str(lookups), "--cold", str(cold)]
                command += ["--json", str(root / "row.json")]
                subprocess.run(command, check=True)
                row |= json.loads((root / "row.json").read_text(encoding="utf-8"))
                (root / "row.json").unlink()
            row["load"] = os.getloadavg()[0]
            show(row)
            found.append(row)
    return found


def _installed(name: str) -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - Only asked here.

    return find_spec(name) is not None


def show(row: dict[str, object]) -> None:
    """One line of the table."""
    shown = " | ".join(
        f"{float(str(row[key])):.{places}f}"
        for key, places in (
            ("build_s", 0),
            ("cpu_s", 0),
            ("peak_mb", 0),
            ("bytes_each", 2),
            ("open_ms", 1),
            ("warm_p50_ms", 3),
            ("warm_p99_ms", 3),
            ("warm_cpu_p99_ms", 3),
            ("cold_p50_ms", 2),
            ("cold_p99_ms", 2),
            ("resident_mb", 1),
        )
    )
    print(f"{row['store']} | {shown} | {row['false']} of {row['lookups']}", flush=True)


def main() -> None:
    """Measure and print; with --json, ``watchlist`` is added to what the file holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000, help="numbers, up to 400000000 (default a million)")
    parser.add_argument("--lookups", type=int, default=20_000)
    parser.add_argument("--cold", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="where the stores are built; by default the system's temporary one")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--step", choices=("build", "lookup"), help=argparse.SUPPRESS)
    parser.add_argument("--store", choices=STORES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step == "build":
        row = build_step(given.store, given.folder, given.count)
        given.json.write_text(json.dumps(row), encoding="utf-8")
        return
    if given.step == "lookup":
        row = lookup_step(given.store, given.folder, given.count, given.lookups, given.cold)
        given.json.write_text(json.dumps(row), encoding="utf-8")
        return
    print(f"{given.count} numbers")
    print(
        "store | build s | processor s | peak MB | bytes each | open ms | warm ms median | 99 % "
        "| 99 % of the processor | cold ms median | 99 % | resident MB | false answers"
    )
    found = measure(given.count, given.lookups, given.cold, given.folder)
    if given.json:
        held = json.loads(given.json.read_text(encoding="utf-8")) if given.json.exists() else {}
        given.json.write_text(json.dumps({**held, "watchlist": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
