"""What sealing costs: one encounter with a portrait and two prints, its transaction, result and answer.

record: ``Records.record_encounter`` and the result, to the disk. Beside it the same bytes sealed and opened without a
database. erase: an encounter erased, its key destroyed. rotate: a wrapped key wrapped anew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path

from hotspotd.domain.document import parse_mrz
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.verdict import Outcome, Verdict
from hotspotd.records import Records
from hotspotd.records.data_key import beside
from hotspotd.records.model import Kind, OutboxItem, Rank
from hotspotd.records.rotation import rotate

_CREATED = "2026-11-22T12:00:00.000Z"
_ZONE = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
_FACE, _PRINT, _TEMPLATE, _TRANSACTION = 120_000, 60_000, 4_000, 80_000


def traveller(number: int) -> tuple[Encounter, OutboxItem]:
    """An encounter as a lane makes it, with noise for pictures."""
    prints = [
        Sample(
            modality="finger",
            position=position,
            media_type="image/png",
            image=secrets.token_bytes(_PRINT),
            width=256,
            height=288,
            template=secrets.token_bytes(_TEMPLATE),
        )
        for position in (FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE)
    ]
    face = Sample(modality="face", media_type="image/jpeg", image=secrets.token_bytes(_FACE), width=480, height=640)
    encounter = Encounter(
        encounter_id=f"019-{number:08}",
        tcn=f"UTO-KIOSK1-{number:08}",
        lane="lane-1",
        operation="bench",
        opened_at=_CREATED,
        clock_trusted=True,
        document=parse_mrz(_ZONE),
        samples=(face, *prints),
    )
    payload = secrets.token_bytes(_TRANSACTION)
    item = OutboxItem(
        tcn=encounter.tcn,
        encounter_id=encounter.encounter_id,
        kind=Kind.TRANSACTION,
        rank=Rank.LIVE,
        payload=payload,
        created_at=_CREATED,
    )
    return encounter, item


def sealing(records: Records, encounter: Encounter, item: OutboxItem, key: int) -> tuple[float, float]:
    """Milliseconds of sealing, and of opening, every large value of an encounter."""
    vault = records._db.vault  # What is measured.
    values = [value for one in encounter.samples for value in (one.image, one.template) if value] + [item.payload]
    began = time.perf_counter()
    sealed = [vault.seal(key, "bench", encounter.encounter_id, value) for value in values]
    between = time.perf_counter()
    for value in sealed:
        vault.unseal(key, "bench", encounter.encounter_id, value)
    return (between - began) * 1000, (time.perf_counter() - between) * 1000


async def measure(folder: Path, count: int) -> dict[str, float]:
    """Medians in milliseconds."""
    path = folder / "records.db"
    records = await Records.open(path)
    took: dict[str, list[float]] = {"record": [], "seal": [], "open": [], "erase": []}
    for number in range(count):
        encounter, item = traveller(number)
        began = time.perf_counter()
        await records.record_encounter(encounter, item)
        await records.record_verdict(encounter.encounter_id, Verdict(outcome=Outcome.CLEAR))
        took["record"].append((time.perf_counter() - began) * 1000)
        key = await records._db.vault.take()
        seal, opening = await asyncio.to_thread(sealing, records, encounter, item, key)
        took["seal"].append(seal)
        took["open"].append(opening)
    await records.release_all()
    for number in range(count):
        began = time.perf_counter()
        await records.erase_encounter(f"019-{number:08}", "bench", "bench", unsent=True)
        took["erase"].append((time.perf_counter() - began) * 1000)
    await asyncio.to_thread(records._db.vault.new_keys, 5000)
    began = time.perf_counter()
    last = (await asyncio.to_thread(lambda: list(rotate(path, beside(path)))))[-1]
    rotated = (time.perf_counter() - began) * 1000 / last.rewrapped
    await records.close()
    return {name: statistics.median(values) for name, values in took.items()} | {"rotate": rotated}


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(
        prog="./scripts/bench vault",
        description="What sealing an encounter, erasing it and changing keys cost.",
        epilog="example: ./scripts/bench vault --folder /var/tmp --json vault.json",
    )
    parser.add_argument("--count", type=int, default=100, help="encounters (default 100)")
    parser.add_argument("--folder", type=Path, help="the disk to measure (default: the one for temporary files)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hotspotd-vault-", dir=options.folder) as folder:
        figures = asyncio.run(measure(Path(folder), options.count))
    for name, value in figures.items():
        print(f"{name:8} {value:8.3f} ms")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
