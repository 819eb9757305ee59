"""What the configuration names on this machine's disk: itself, free space, durable writes, the watchlist."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hotspotd.biometrics import finger
from hotspotd.devices.named import driver_problems
from hotspotd.errors import BiometricError, Reason, RecordsError
from hotspotd.records.data_key import find_data_key
from hotspotd.upkeep.checks.finding import Finding, State, Subject, without_config
from hotspotd.upkeep.engines import face_engine
from hotspotd.watchlist import Shelf
from hotspotd.watchlist.layout import read_manifest

# Twice the configured minimum: time to do something about it.
_COMFORT = 2


def configuration(subject: Subject) -> Iterator[Finding]:
    """The configuration file."""
    if subject.refusal is not None:
        yield subject.refusal
    elif subject.config is None:
        yield without_config("configuration")
    elif problems := driver_problems(subject.config):
        for problem in problems:
            yield Finding("configuration", State.FAILS, problem)
    else:
        yield Finding(
            "configuration",
            State.WORKS,
            f"{subject.path}: {subject.config.device.name}, {subject.config.device.mode}, "
            f"lanes: {', '.join(lane.name for lane in subject.config.lanes)}",
        )


def free_space(subject: Subject) -> Iterator[Finding]:
    """Space where the records are."""
    if subject.config is None:
        yield without_config("free space")
        return
    folder = subject.resolve(subject.config.records.database).parent
    free_mb = shutil.disk_usage(_existing(folder)).free // 1_000_000
    least = subject.config.records.minimum_free_mb
    text = f"{free_mb} MB in {folder}"
    if free_mb < least:
        yield Finding("free space", State.FAILS, f"{text}, at least {least} are needed", "Free some, or add a disk.")
    elif free_mb < _COMFORT * least:
        yield Finding("free space", State.WARNING, f"{text}, lanes close below {least}", "Free some soon.")
    else:
        yield Finding("free space", State.WORKS, text)


def durable_write(subject: Subject) -> Iterator[Finding]:
    """A committed transaction in the records' folder, as the daemon makes them."""
    if subject.config is None:
        yield without_config("durable write")
        return
    folder = subject.resolve(subject.config.records.database).parent
    if not folder.is_dir():
        yield Finding(
            "durable write", State.FAILS, f"{folder} is not there", "Make it, owned by the user hotspotd runs as."
        )
        return
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as trial:
        try:
            _write(Path(trial) / "trial.sqlite")
        except sqlite3.Error as error:
            yield Finding("durable write", State.FAILS, f"{folder}: {error}", "Use a local disk, not a network share.")
            return
    yield Finding("durable write", State.WORKS, f"{folder}: WAL, synchronous=FULL")


def data_key(subject: Subject) -> Iterator[Finding]:
    """The key to what is personal in the records, where the daemon would find it."""
    if subject.config is None or subject.path is None:
        yield without_config("data key")
        return
    records, training = subject.config.records, subject.config.device.mode == "training"
    database = subject.resolve(records.database)
    configured = subject.resolve(records.data_key) if records.data_key else None
    try:
        source = find_data_key(database, configured, production=not training)
        if source.kind == "beside":
            where = "is" if source.path.exists() else "will be made"
            advice = "For training only: name a key file in records.data_key, or hand a credential over."
            yield Finding("data key", State.WARNING, f"{where} beside the data: {source.path}", advice)
            return
        key = source.load()
    except RecordsError as error:
        if error.reason is Reason.NO_KEY and configured is None:
            text = "not in the configuration; the unit may have it as a credential"
            yield Finding("data key", State.WARNING, text, error.advice)
        else:
            yield Finding("data key", State.FAILS, error.what, error.advice)
        return
    yield Finding("data key", State.WORKS, f"{key.id} in {source.path}")


def _write(path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise sqlite3.OperationalError(f"no write-ahead log on this file system (journal mode {mode})")
        connection.execute("PRAGMA synchronous=FULL")
        with connection:
            connection.execute("CREATE TABLE trial (number INTEGER)")
            connection.execute("INSERT INTO trial VALUES (1)")
    finally:
        connection.close()


def watchlist(subject: Subject) -> Iterator[Finding]:
    """The current watchlist, every byte of it, with this machine's engines."""
    if subject.config is None:
        yield without_config("watchlist")
        return
    try:
        faces = face_engine(subject.config, subject.path).engine if subject.config.operation.face else None
    except BiometricError:
        faces = None  # The model has a finding of its own.
    key = subject.config.watchlist.key
    shelf = Shelf(subject.resolve(subject.config.watchlist.folder), subject.resolve(key) if key else None)
    snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=faces)
    while snapshot.step():
        pass
    holds = ", ".join(f"{number} {what}" for what, number in snapshot.counts.items())
    text = f"{snapshot.version}, made {snapshot.made_at}: {holds}"
    current = shelf.current()
    if current is not None and snapshot.folder.name != current.name:
        yield Finding(
            "watchlist", State.FAILS, f"the current list is damaged; in its place {text}", "Build the list again."
        )
    elif not any(read_manifest(snapshot.folder).counts.get(what) for what in ("records", "numbers")):
        yield Finding("watchlist", State.WARNING, f"{text}: nobody is listed", "Build it from its source.")
    else:
        yield Finding("watchlist", State.WORKS, text)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
