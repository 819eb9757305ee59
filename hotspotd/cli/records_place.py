"""Where the records of the kiosk are that a configuration describes, and the key to what is sealed in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hotspotd.config import load, resolve
from hotspotd.errors import RecordsError
from hotspotd.records.data_key import KeySource, find_data_key


def place(config_path: Path, key_file: Path | None = None) -> tuple[Path, KeySource | None]:
    """The database, and where its data key is: in ``key_file``, or where the daemon has it; ``None`` where it has none.

    Raises ConfigError.
    """
    config = load(config_path)
    database = resolve(config_path, config.records.database)
    user = database.stat().st_uid if database.exists() else None
    if key_file is not None:
        return database, KeySource(key_file, "file", user)
    configured = resolve(config_path, config.records.data_key) if config.records.data_key else None
    try:
        source = find_data_key(database, configured, production=config.device.mode == "production")
    except RecordsError:
        return database, None  # With the credential of the unit: what needs the key says so.
    # One that is missing is not made here.
    return database, replace(source, kind="file" if source.kind == "beside" else source.kind, user=user)
