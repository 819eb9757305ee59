"""One import: files through an importer into the staging store, bounded in memory and safe to kill.

What was read is committed with the place where to go on, every few thousand rows. Repeating the same command with the
same files goes on there; its end is the same as if it had never been killed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.importers.delivery import Delivers, Importer, Person, PersonsSample, Reject, Step
from hotspotd.watchlist.staging import Import, Staging

# A commit costs some ten milliseconds; a kill loses at most this much work, and memory holds at most this much.
_ROWS_A_COMMIT = 5_000
_BYTES_A_COMMIT = 32 * 1024 * 1024
_CHUNK = 1024 * 1024
MOST_FILES = 250_000

Told = Callable[[int, int], None]
"""Told the bytes read of all files so far, and the rows."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be imported. ``options``: whatever else decides what the files mean, such as the mapping."""

    kind: str
    source: str
    files: Sequence[Path]
    importer: Importer
    options: bytes = b""
    replaces: Delivers | None = None
    restart: bool = False
    dry_run: bool = False

    def digest(self, told: Callable[[int], None]) -> str:
        """SHA-256 over names and contents of the files and the options; ``told`` the bytes read so far."""
        whole = hashlib.sha256()
        done = 0
        for part in (self.kind, self.options.hex(), str(self.replaces)):
            whole.update(part.encode() + b"\x00")
        for path in self.files:
            whole.update(path.name.encode() + b"\x00")
            one = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    one.update(chunk)
                    done += len(chunk)
                    told(done)
            whole.update(one.digest())
        return whole.hexdigest()


def run(order: Order, staging: Staging, digest: str, today: str, told: Told) -> Import:
    """Do ``order`` and return what was done. With ``dry_run`` the store is left as it was, but for rejects to read.

    One file of several that cannot be read as a whole is a reject and counted in ``files_left_out``; then nothing is
    withdrawn, since nobody knows who was in it. Raises WatchlistError where the only file cannot be read (what came
    before stays), BAD_VALUE when it is to replace and not one row could be used.
    """
    now = staging.begin(order.kind, order.source, digest, today, restart=order.restart)
    before = sum(path.stat().st_size for path in order.files[: now.file])
    waiting = _Waiting(staging, order.dry_run)
    waiting.save(now)
    for number in range(now.file, len(order.files)):
        path = order.files[number]
        try:
            for step in order.importer.read(path, now.place, now.line):
                now.place, now.line = step.place, step.line
                _take(staging, now, path, step)
                told(before + step.read, now.counts["rows"])
                waiting.add(now, step)
        except WatchlistError as error:
            if len(order.files) == 1:
                waiting.save(now)
                raise
            staging.refuse(now, path.name, Reject(now.line, "", "", error.what))
            now.counts["files_left_out"] += 1
        before += path.stat().st_size
        now.file, now.place, now.line = number + 1, 0, 0
    if order.replaces is not None and not now.counts["taken"]:
        # An empty delivery would withdraw everybody: more likely it is the wrong file.
        raise WatchlistError(
            Reason.BAD_VALUE, "not one row of the delivery can be used", f"Nothing of {order.source} was withdrawn."
        )
    staging.finish(now, None if now.counts["files_left_out"] else order.replaces)
    if not order.dry_run:
        staging.commit()
    return now


def _take(staging: Staging, now: Import, path: Path, step: Step) -> None:
    now.counts["rows"] += 1
    now.counts["passed_over"] += step.passed_over
    if step.items:
        now.counts["taken"] += 1
    for item in step.items:
        staging.take(now, item)
    for reject in step.rejects:
        staging.refuse(now, path.name, reject)


class _Waiting:
    """Commits when enough has gathered."""

    def __init__(self, staging: Staging, dry_run: bool) -> None:
        self._staging = staging
        self._dry_run = dry_run
        self._rows = self._bytes = 0

    def add(self, now: Import, step: Step) -> None:
        self._rows += 1
        for item in step.items:
            if isinstance(item, Person):
                self._bytes += sum(len(sample.picture) for sample in item.samples)
            elif isinstance(item, PersonsSample):
                self._bytes += len(item.sample.picture)
        if self._rows >= _ROWS_A_COMMIT or self._bytes >= _BYTES_A_COMMIT:
            self.save(now)

    def save(self, now: Import) -> None:
        if not self._dry_run:
            self._staging.save(now)
        self._rows = self._bytes = 0
