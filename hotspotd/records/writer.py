"""The one thread that writes, and group commit: whoever waits when it is free shares one transaction and one sync.

A work is a function of the connection. It runs inside a transaction that others may share. One that raises is undone
alone, and the others go on. Callers are told only when the COMMIT is on disk; if it fails, all of them are told so.

- A work changes the database and nothing else: it is run again when another's failure has undone the transaction.
- A caller that is cancelled before its work was taken has it dropped; one that was taken runs to its end.
- At the limit of works that wait a caller is refused (BUSY).
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from hotspotd.errors import Reason, RecordsError
from hotspotd.records.storage_errors import in_our_terms

log = logging.getLogger(__name__)

T = TypeVar("T")

# A daemon has some dozens of tasks, each with one write under way: more than this is a mistake, or a disk that hangs.
MOST_WAITING = 256
# Bounds how much one transaction holds in memory, and how long the first caller waits for the last one's work.
_MOST_TOGETHER = 64


@dataclass(slots=True)
class _Asked:
    """One work, who waits for it, and what came of it so far."""

    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Owns ``connection`` (in autocommit mode, usable from any thread) from now on. Made in the event loop."""

    def __init__(
        self, connection: sqlite3.Connection, told: Callable[[BaseException], BaseException] = lambda error: error
    ) -> None:
        """``told`` gives the error behind one of SQLite's that stands for another."""
        self._connection = connection
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._open = True
        self._version = 0
        self.epoch = 0
        """Changes when the database is no longer what the works so far made it: something was undone, or another
        process has written. For works only."""
        # A daemon thread: a program that ends without closing does end, and nobody was told of what that cuts off.
        threading.Thread(target=self._run, name="records-writer", daemon=True).start()

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` returns, once its changes are on disk.

        Raises what ``work`` raises, with SQLite's and the system's errors as RecordsError; RecordsError also when the
        commit fails (STORAGE_FAILED, STORAGE_FULL), BUSY when too many wait already.
        """
        if not self._open:
            raise RecordsError(
                Reason.STORAGE_FAILED, "records: write: the database is closed", "Start the daemon again."
            )
        if self._waiting.qsize() >= MOST_WAITING:
            raise RecordsError(
                Reason.BUSY,
                f"records: {MOST_WAITING} writes wait already",
                "The disk is slow or hangs; try again later.",
            )
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put(_Asked(work, future))
        return await future

    async def close(self) -> None:
        """Do what waits, then close the connection."""
        if self._open:
            self._open = False
            self._waiting.put(None)
        await asyncio.shield(self._ended)

    def _run(self) -> None:
        batch: list[_Asked] = []
        try:
            while batch := self._take():
                self._carry_out([asked for asked in batch if not asked.future.cancelled()])
                self._loop.call_soon_threadsafe(_tell, batch)
        finally:
            # Only a defect of ours leads here with works not done: nobody is left waiting, and the next is refused.
            self._open = False
            self._connection.close()
            self._loop.call_soon_threadsafe(self._end, batch)

    def _take(self) -> list[_Asked]:
        """Wait for a work; it and what waits behind it. Nothing when the writer was closed and all is done."""
        batch = []
        try:
            asked = self._waiting.get(block=self._open)
            while asked is not None:
                batch.append(asked)
                if len(batch) == _MOST_TOGETHER:
                    break
                asked = self._waiting.get_nowait()
        except queue.Empty:
            pass
        return batch

    def _carry_out(self, batch: list[_Asked]) -> None:
        """Run ``batch`` in one transaction; in a second and more only where a work failed in the one before."""
        careful = False
        while batch:
            try:
                self._begin()
                if not self._run_each(batch, careful=careful):
                    # Undone with all others: again without it, each in a savepoint now. Seldom: savepoints, which
                    # cost a third of what a small row does, are not for all.
                    batch, careful = [asked for asked in batch if asked.error is None], True
                    continue
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._undo_all()
                for asked in batch:
                    asked.error = asked.error or in_our_terms(error, "write")
            return

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self.epoch += 1

    def _run_each(self, batch: list[_Asked], *, careful: bool) -> bool:
        """Run every work; ``careful``: each in a savepoint, and undone alone if it raises.

        False when the whole transaction is undone: at the first that raises without savepoints, or by SQLite itself.
        """
        connection = self._connection
        for asked in batch:
            if careful:
                connection.execute("SAVEPOINT work")
            try:
                asked.result = asked.work(connection)
            except BaseException as error:  # noqa: BLE001  # It is the caller's, whatever it is, and goes there.
                asked.error = in_our_terms(self._told(error), "write")
                if not careful or not connection.in_transaction:
                    self._undo_all()
                    return False
                self.epoch += 1
                connection.execute("ROLLBACK TO work")
            if careful:
                connection.execute("RELEASE work")
        return True

    def _undo_all(self) -> None:
        self.epoch += 1
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _end(self, left: list[_Asked]) -> None:
        """In the event loop, after which nothing can be added to what waits."""
        while more := self._take():
            left += more
        for asked in left:
            asked.error = RecordsError(
                Reason.STORAGE_FAILED, "records: write: the writer has ended", "Start the daemon again; report this."
            )
        _tell(left)
        self._ended.set_result(None)


def _tell(batch: list[_Asked]) -> None:
    for asked in batch:
        if asked.future.done():
            if asked.error is not None:
                log.warning("records: a write whose caller had gone failed: %s", asked.error)
        elif asked.error is not None:
            asked.future.set_exception(asked.error)
        else:
            asked.future.set_result(asked.result)
