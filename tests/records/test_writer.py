"""Group commit: who shares a transaction with whom, and who is told what when one fails or the disk does."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hotspotd.errors import Reason, RecordsError
from hotspotd.records.database import Database
from hotspotd.records.writer import MOST_WAITING

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "records.db")
    yield opened
    await opened.close()


class Gate:
    """A work that holds the writer's thread until it is opened."""

    def __init__(self, database: Database) -> None:
        self._entered = asyncio.Event()
        self._open = threading.Event()
        self._loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(database.write(self._work))

    def _work(self, writer: sqlite3.Connection) -> str:
        self._loop.call_soon_threadsafe(self._entered.set)
        self._open.wait(60)
        put("gate")(writer)
        return "through"

    async def entered(self) -> None:
        await self._entered.wait()

    def open(self) -> None:
        self._open.set()


def put(name: str) -> Callable[[sqlite3.Connection], None]:
    def work(writer: sqlite3.Connection) -> None:
        writer.execute("INSERT INTO meta VALUES (?, '')", (name,))

    return work


async def names(database: Database) -> list[str]:
    return [str(row["name"]) for row in await database.rows("SELECT name FROM meta ORDER BY rowid")]


async def together(database: Database, works: list[Callable[[sqlite3.Connection], object]]) -> list[object]:
    """Hand in ``works`` so that they share one transaction; what each caller was told."""
    gate = Gate(database)
    await gate.entered()
    tasks = [asyncio.create_task(database.write(work)) for work in works]
    await asyncio.sleep(0)
    gate.open()
    await gate.task
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_result_of_a_work_comes_back(database: Database) -> None:
    assert await database.write(lambda writer: writer.execute("SELECT 6 * 7").fetchone()[0]) == 42


async def test_an_error_of_a_work_that_is_alone_undoes_it(database: Database) -> None:
    def work(writer: sqlite3.Connection) -> None:
        put("a")(writer)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(work)
    assert await names(database) == []
    await database.write(put("b"))
    assert await names(database) == ["b"]


async def test_of_sixteen_that_share_a_transaction_one_fails_alone(database: Database, tmp_path: Path) -> None:
    def failing(writer: sqlite3.Connection) -> None:
        put("half")(writer)
        raise ZeroDivisionError

    works: list[Callable[[sqlite3.Connection], object]] = [put(str(number)) for number in range(16)]
    works[5] = failing
    told = await together(database, works)
    assert [type(each) for each in told] == [type(None)] * 5 + [ZeroDivisionError] + [type(None)] * 10
    assert await names(database) == ["gate", *(str(number) for number in range(16) if number != 5)]


async def test_those_who_wait_share_one_transaction(database: Database) -> None:
    def transactions(writer: sqlite3.Connection) -> int:
        put(f"{threading.get_ident()}-{writer.total_changes}")(writer)
        # Of this very transaction: every work sees what those before it in it have written.
        return int(writer.execute("SELECT count(*) FROM meta").fetchone()[0])

    # The gate's own row is first, in a transaction of its own.
    assert await together(database, [transactions] * 16) == list(range(2, 18))
    rows = await database.rows("SELECT DISTINCT substr(name, 1, instr(name, '-') - 1) FROM meta WHERE name <> 'gate'")
    assert len(rows) == 1


async def test_nobody_is_told_before_the_commit(database: Database, tmp_path: Path) -> None:
    gate = Gate(database)
    await gate.entered()
    assert not gate.task.done()
    assert await names(database) == []
    gate.open()
    assert await gate.task == "through"
    assert await names(database) == ["gate"]


async def test_a_work_that_ends_the_transaction_itself_takes_no_other_with_it(database: Database) -> None:
    def undo(writer: sqlite3.Connection) -> None:
        writer.execute("ROLLBACK")  # As SQLite does by itself on a full disk.
        raise sqlite3.OperationalError("database or disk is full")

    told = await together(database, [put("a"), undo, put("b")])
    assert [type(each) for each in told] == [type(None), RecordsError, type(None)]
    assert await names(database) == ["gate", "a", "b"]


async def test_a_caller_that_goes_before_its_turn_has_its_work_dropped(database: Database) -> None:
    gate = Gate(database)
    await gate.entered()
    waiting = asyncio.create_task(database.write(put("dropped")))
    staying = asyncio.create_task(database.write(put("kept")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    gate.open()
    await staying
    assert await names(database) == ["gate", "kept"]


async def test_a_work_that_was_begun_runs_to_its_end_without_its_caller(database: Database) -> None:
    gate = Gate(database)
    await gate.entered()
    gate.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gate.task
    gate.open()
    await database.write(put("next"))
    assert await names(database) == ["gate", "next"]


async def test_an_error_whose_caller_has_gone_is_logged(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    await database.write(put("gate"))
    gate = Gate(database)  # Its row is there already: it fails.
    await gate.entered()
    gate.task.cancel()
    await asyncio.gather(gate.task, return_exceptions=True)
    gate.open()
    await database.write(put("next"))
    assert "caller had gone" in caplog.text


async def test_more_than_may_wait_are_refused_at_once(database: Database) -> None:
    gate = Gate(database)
    await gate.entered()
    waiting = [asyncio.create_task(database.write(put(str(number)))) for number in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(RecordsError) as caught:
        await database.write(put("one too many"))
    assert caught.value.reason is Reason.BUSY
    gate.open()
    await asyncio.gather(*waiting)
    assert len(await names(database)) == MOST_WAITING + 1


async def test_closing_does_what_waits_and_refuses_what_comes_after(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "records.db")
    gate = Gate(database)
    await gate.entered()
    waiting = asyncio.create_task(database.write(put("waited")))
    await asyncio.sleep(0)
    closing = asyncio.create_task(database.close())
    gate.open()
    await closing
    await waiting
    with pytest.raises(RecordsError):
        await database.write(put("late"))
    connection = sqlite3.connect(tmp_path / "records.db")
    stored = connection.execute("SELECT name FROM meta ORDER BY rowid").fetchall()
    connection.close()
    assert stored == [("gate",), ("waited",)]


async def test_what_another_process_wrote_is_noticed(database: Database, tmp_path: Path) -> None:
    def epoch(_: sqlite3.Connection) -> int:
        return database.writer.epoch

    before = await database.write(epoch)
    assert await database.write(epoch) == before
    await asyncio.to_thread(_put_from_outside, tmp_path / "records.db")
    assert await database.write(epoch) > before


def _put_from_outside(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO meta VALUES ('outside', '')")
    connection.commit()
    connection.close()


# Sixteen rows at once that cannot all be written, and then one that can. Prints what callers were told, and the rows.
_FAILING_COMMIT = """
import asyncio, os, resource, sys
from pathlib import Path
from hotspotd.errors import RecordsError
from hotspotd.records.database import Database

def put(name):
    return lambda db: db.execute("INSERT INTO meta VALUES (?, ?)", (name, "x" * 100_000)) and None

async def main():
    path = Path(sys.argv[1])
    database = await Database.open(path)
    await database.write(put("before"))
    if sys.argv[2] == "limit":
        size = path.with_name(path.name + "-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 500_000, resource.RLIM_INFINITY))
    told = await asyncio.gather(*(database.write(put(str(n))) for n in range(16)), return_exceptions=True)
    print(*(each.reason if isinstance(each, RecordsError) else each for each in told))
    print(*[row["name"] for row in await database.rows("SELECT name FROM meta ORDER BY rowid")])
    if sys.argv[2] == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await database.write(lambda db: db.execute("INSERT INTO meta VALUES ('after', '')") and None)
    print(*[row["name"] for row in await database.rows("SELECT name FROM meta ORDER BY rowid")])
    await database.close()

asyncio.run(main())
"""


@pytest.mark.blocking_allowed
def test_a_commit_that_the_system_refuses_is_told_to_everybody_and_the_next_one_goes(tmp_path: Path) -> None:
    told = _run([sys.executable, "-c", _FAILING_COMMIT, str(tmp_path / "records.db"), "limit"])
    assert told == [" ".join(["storage_failed"] * 16), "before", "before after"]


@pytest.mark.blocking_allowed
def test_a_full_disk_is_told_to_everybody_and_keeps_what_it_has(tmp_path: Path) -> None:
    program = 'mount -t tmpfs -o size=1200k none "$0" && exec "$@"'
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*own_mounts, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here, as under qemu-user: no small disk can be mounted")
    told = _run(
        [
            *own_mounts,
            "sh",
            "-c",
            program,
            str(tmp_path),
            sys.executable,
            "-c",
            _FAILING_COMMIT,
            str(tmp_path / "records.db"),
            "full",
        ]
    )
    assert told == [" ".join(["storage_full"] * 16), "before", "before after"]


def _run(command: list[str]) -> list[str]:
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
