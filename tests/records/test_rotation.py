"""Keys are changed while the daemon works, and whatever interrupts that, everything can still be read."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.data_key import KeySource, beside, make_key_file
from hotspotd.records.rotation import rotate
from hotspotd.records.vault import Vault, keys_path
from tests.records.examples import encounter, item

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A database with some encounters; the keys to 600 more."""
    path = tmp_path / "records.db"

    async def fill() -> None:
        records = await Records.open(path)
        for number in range(3):
            await records.record_encounter(encounter(number), item(encounter(number)))
        await asyncio.to_thread(records._db.vault.new_keys, 600)
        await records.close()

    asyncio.run(fill())
    return path


def readable(path: Path, source: KeySource | None = None) -> None:
    """Everything opens."""

    async def read() -> None:
        records = await Records.open(path, data_key=source)
        for number in range(3):
            assert (await records.encounter(f"E{number:05d}")).encounter.document is not None
        await records.close()

    asyncio.run(read())


def masters(path: Path) -> set[str]:
    """Master keys that wrap something."""
    with closing(sqlite3.connect(keys_path(path))) as connection:
        return {row[0] for row in connection.execute("SELECT DISTINCT master FROM wrapped_key")}


def test_both_keys_are_known_whatever_step_it_ends_at_and_it_goes_on_from_there(filled: Path, tmp_path: Path) -> None:
    steps = sum(1 for _ in rotate(_copy(filled, tmp_path / "all"), beside(tmp_path / "all" / filled.name)))
    assert steps >= 6
    for ended in range(1, steps + 1):
        path = _copy(filled, tmp_path / str(ended))
        before = masters(path)
        first = rotate(path, beside(path))
        last = next(itertools.islice(first, ended - 1, None))
        first.close()
        readable(path)
        assert last.replaced is (ended == steps)
        assert list(rotate(path, beside(path)))[-1].replaced
        readable(path)
        assert not masters(path) & before
        assert not beside(path).path.with_name(f"{beside(path).path.name}.new").exists()


def test_the_old_data_key_opens_nothing_afterwards(filled: Path, tmp_path: Path) -> None:
    shutil.copy(beside(filled).path, tmp_path / "old")
    for _ in rotate(filled, beside(filled)):
        pass
    with pytest.raises(RecordsError) as caught:
        Vault.open(filled, KeySource(tmp_path / "old", "file"))
    assert caught.value.reason is Reason.NO_KEY


def test_a_credential_is_changed_by_the_next_start_and_both_open_until_then(filled: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copy(beside(filled).path, old)
    credential = KeySource(old, "credential")
    with pytest.raises(RecordsError, match="--to"):
        list(rotate(filled, credential))
    assert not [step for step in rotate(filled, credential, new) if step.replaced]
    readable(filled, credential)
    readable(filled, KeySource(new, "credential"))
    with pytest.raises(RecordsError) as caught:
        Vault.open(filled, credential)
    assert caught.value.reason is Reason.NO_KEY


async def test_the_daemon_works_on_while_keys_are_changed_twice(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    records = await Records.open(path)
    written = 0
    for _ in range(2):
        steps = rotate(path, beside(path))
        while await asyncio.to_thread(next, steps, None):
            given = encounter(written)
            # More than are made ahead: some are wrapped with the new master key.
            for _ in range(20):
                records._db.vault.put_back(await records._db.vault.take())
                await records._db.vault.take()
            await records.record_encounter(given, item(given))
            written += 1
    for number in range(written):
        # Not from memory.
        records._db.vault._keys.clear()
        assert (await records.encounter(f"E{number:05d}")).encounter.document is not None
    await records.close()


_ROTATING = """
import sys
from pathlib import Path
from hotspotd.records.data_key import beside
from hotspotd.records.rotation import rotate
path = Path(sys.argv[1])
for step in rotate(path, beside(path)):
    print(step.rewrapped, flush=True)
"""


async def test_a_kill_in_the_middle_loses_nothing(filled: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _ROTATING, str(filled), stdout=asyncio.subprocess.PIPE, cwd=_ROOT
    )
    assert process.stdout is not None
    while int(await process.stdout.readline()) == 0:
        pass
    process.kill()
    await process.wait()
    assert len(await asyncio.to_thread(masters, filled)) in (1, 2)
    await asyncio.to_thread(readable, filled)
    done = await asyncio.to_thread(lambda: list(rotate(filled, beside(filled)))[-1])
    assert done.replaced
    await asyncio.to_thread(readable, filled)


def test_another_key_file_is_wanted_than_the_present_one(filled: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordsError) as caught:
        list(rotate(filled, beside(filled), beside(filled).path))
    assert caught.value.reason is Reason.CONFLICT
    make_key_file(tmp_path / "stranger")
    with pytest.raises(RecordsError) as caught:
        list(rotate(filled, KeySource(tmp_path / "stranger", "file")))
    assert caught.value.reason is Reason.NO_KEY


def _copy(path: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, folder)
    return folder / path.name
