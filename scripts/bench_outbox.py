"""Durable enqueues a second, beside what raw SQLite commits: one at a time, and with many writers at once.

raw: the ``sqlite3`` module in one thread, no event loop; one INSERT of the same row into the same table with the same
indices (schema, pragmas and ``synchronous=FULL`` as the daemon's), one BEGIN IMMEDIATE and one COMMIT each.
one, many: ``Records.enqueue`` from one task, and from --writers tasks, awaited to the disk each: limits checked.
encounter: ``Records.record_encounter`` with three samples, its audit entry and its transaction, from one task; many
encounters: from --writers tasks.

Every round measures all of them for a moment, one after the other, each in its own database on the same disk; shares
are medians of the rounds' own shares, so that what else the machine does meanwhile falls on all alike. --fdatasync-ms N
runs all of it under strace with every fdatasync made to last N ms longer, as on an SD card: this needs strace, and what
strace itself costs is the same for all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track

from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.records import Records
from hotspotd.records.model import Kind, OutboxItem, Rank

SIZES = (200, 64_000)
_ERR = Console(stderr=True)
_RAW = (
    "INSERT INTO outbox (tcn, encounter_id, kind, rank, lane, size, created_at, deadline, state, payload)"
    " VALUES (?,?,?,?,?,?,?,?,?,?)"
)
_MARK = "HOTSPOTD_BENCH_SLOWED"
_CREATED = "2026-11-22T12:00:00.000Z"


def report(number: int, size: int) -> OutboxItem:
    """A row that belongs to no encounter."""
    tcn = f"UTO-KIOSK1-{number:08}"
    return OutboxItem(
        tcn=tcn, kind=Kind.DECISION, rank=Rank.DECISION, payload=number.to_bytes(8) * (size // 8), created_at=_CREATED
    )


def traveller(number: int, size: int) -> tuple[Encounter, OutboxItem]:
    """An encounter with a face and two prints, and its transaction of ``size`` bytes."""
    picture = number.to_bytes(8) * (size // 32)
    prints = [
        Sample(modality="finger", position=position, media_type="image/png", image=picture, width=1, height=1)
        for position in (FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE)
    ]
    face = Sample(modality="face", media_type="image/jpeg", image=picture, width=1, height=1)
    encounter = Encounter(
        encounter_id=f"019-{number:08}",
        tcn=f"UTO-KIOSK1-{number:08}",
        lane="lane-1",
        operation="bench",
        opened_at=_CREATED,
        clock_trusted=True,
        document=None,
        samples=(face, *prints),
    )
    item = OutboxItem(
        tcn=encounter.tcn,
        encounter_id=encounter.encounter_id,
        kind=Kind.TRANSACTION,
        rank=Rank.LIVE,
        lane=encounter.lane,
        payload=number.to_bytes(8) * (size // 8),
        created_at=_CREATED,
    )
    return encounter, item


class Raw:
    """SQLite as it is: one connection, this thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON", "journal_size_limit = 4194304"):
            self._connection.execute(f"PRAGMA {pragma}")

    async def measure(self, numbers: range, size: int) -> float:
        """Commits a second."""
        execute = self._connection.execute
        rows = [report(number, size) for number in numbers]
        began = time.perf_counter()
        for row in rows:
            execute("BEGIN IMMEDIATE")
            execute(
                _RAW,
                (row.tcn, None, row.kind, row.rank, "", len(row.payload), row.created_at, None, "queued", row.payload),
            )
            execute("COMMIT")
        return len(rows) / (time.perf_counter() - began)

    async def close(self) -> None:
        """Close it."""
        self._connection.close()


class Ours:
    """``Records`` with ``writers`` tasks that enqueue, or that record ``encounters``."""

    def __init__(self, records: Records, writers: int, *, encounters: bool = False) -> None:
        self._records = records
        self._writers = writers
        self._encounters = encounters

    async def measure(self, numbers: range, size: int) -> float:
        """Rows a second."""
        if self._encounters:
            works = iter([partial(self._records.record_encounter, *traveller(number, size)) for number in numbers])
        else:
            works = iter([partial(self._records.enqueue, report(number, size)) for number in numbers])

        async def writer() -> None:
            for work in works:
                await work()

        began = time.perf_counter()
        await asyncio.gather(*(writer() for _ in range(self._writers)))
        return len(numbers) / (time.perf_counter() - began)

    async def close(self) -> None:
        """Close it."""
        await self._records.close()


async def rounds(options: argparse.Namespace, size: int, folder: Path) -> list[dict[str, float]]:
    """Rates of each round, by what was measured."""
    await (await Records.open(folder / "raw.db")).close()

    async def ours(name: str, writers: int, *, encounters: bool = False) -> Ours:
        records = await Records.open(folder / f"{name}.db", outbox_limit=1_000_000, outbox_mb=1_000_000)
        return Ours(records, writers, encounters=encounters)

    measured: dict[str, Raw | Ours] = {
        "raw": Raw(folder / "raw.db"),
        "one": await ours("one", 1),
        "many": await ours("many", options.writers),
        "encounter": await ours("encounter", 1, encounters=True),
        "many encounters": await ours("many-encounters", options.writers, encounters=True),
    }
    results = []
    for number in track(range(options.rounds), f"{size} bytes", console=_ERR):
        result = {}
        for name, what in measured.items():
            # As many for all, so that each has its checkpoints in the same measure.
            result[name] = await what.measure(range(number * options.count, (number + 1) * options.count), size)
        results.append(result)
    for what in measured.values():
        await what.close()
    return results


def summary(results: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Median rate of each, and the median over the rounds of its share of that round's raw rate."""
    return {
        name: {
            "per_second": statistics.median(result[name] for result in results),
            "of_raw": statistics.median(result[name] / result["raw"] for result in results),
        }
        for name in results[0]
    }


def _slowed(milliseconds: float) -> None:
    """Run this program again under strace, which lets every fdatasync last longer. Does not return."""
    strace = shutil.which("strace")
    if strace is None:
        sys.exit("bench: --fdatasync-ms needs strace (apt-get install strace)")
    delay = f"inject=fdatasync:delay_exit={round(milliseconds * 1000)}"
    filters = ["-f", "-qq", "--seccomp-bpf", "-e", "trace=fdatasync", "-e", delay, "-o", "/dev/null"]
    command = [strace, *filters, sys.executable, *sys.argv]
    os.execve(strace, command, os.environ | {_MARK: "1"})  # noqa: S606  # This very program.


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(
        prog="./scripts/bench outbox",
        description="Durable enqueues a second beside raw SQLite's commits: one at a time and with many writers.",
        epilog="example: ./scripts/bench outbox --fdatasync-ms 4 --json outbox.json",
    )
    parser.add_argument("--rounds", type=int, default=25, help="rounds of all of it (default 25)")
    parser.add_argument("--count", type=int, default=320, help="rows of each in a round (default 320)")
    parser.add_argument("--writers", type=int, default=16, help="tasks that write at once (default 16)")
    parser.add_argument("--folder", type=Path, help="the disk to measure (default: the one for temporary files)")
    parser.add_argument("--fdatasync-ms", type=float, default=0.0, help="let every fdatasync last longer (default 0)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.fdatasync_ms and _MARK not in os.environ:
        _slowed(options.fdatasync_ms)
    result: dict[str, object] = {"writers": options.writers, "fdatasync_ms": options.fdatasync_ms}
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="hotspotd-outbox-", dir=options.folder) as folder:
            results = asyncio.run(rounds(options, size, Path(folder)))
        result[f"{size} bytes"] = {"rounds": results, "median": summary(results)}
        for name, figures in summary(results).items():
            print(f"{size:6} bytes  {name:16} {figures['per_second']:9.0f} /s   {figures['of_raw']:6.2f} of raw")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
