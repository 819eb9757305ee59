"""The support bundle: a zip of what somebody far away needs to help, and of nothing about any person.

Versions, the configuration without secrets and places, checks, the machine, models, the newest log lines, metrics and
a day's counts. No picture, no document, no record of the list, no audit chain, no row of the outbox is ever read for
it but the words that are to be taken out. Every text goes through the scrubber. Bounded: the newest part of a text
that is too long is kept.
"""

from __future__ import annotations

import io
import json
import os
import platform
import sys
import zipfile
from collections.abc import Iterable, Mapping
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from hotspotd import __version__
from hotspotd.clock import Stamp
from hotspotd.config import Config
from hotspotd.health.recent import LogLine
from hotspotd.records import Records
from hotspotd.records.counts import HourCounts
from hotspotd.upkeep.redaction import redacted
from hotspotd.upkeep.scrub import Scrubber
from hotspotd.upkeep.tools import run

MOST_OF_ONE = 512 * 1024
"""Characters of one text in the bundle."""
_ABOUT = """\
Support bundle of a hotspotd kiosk, made {made}.

It holds versions, the configuration without secrets and paths, checks, the machine's state, log lines, metrics and
counts. It holds no pictures, documents, names or records of the list. Words that belong to travellers of this kiosk are
replaced by [removed] wherever they stand; look it through all the same before you send it.
"""


def versions() -> dict[str, Any]:
    """hotspotd, the interpreter, the system and every package."""
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        system = ""
    packages = {one.metadata["Name"]: one.version for one in metadata.distributions() if one.metadata["Name"]}
    return {
        "hotspotd": __version__,
        "python": sys.version,
        "machine": platform.machine(),
        "kernel": f"{platform.system()} {platform.release()}",
        "system": system,
        "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
    }


async def day_counts(records: Records, now: Stamp) -> dict[str, Any]:
    """Encounters, referrals, alerts and answers of the last 24 hours, by operation; and how often devices failed."""
    counts: HourCounts = await records.counted(Stamp(now.at - timedelta(days=1), trusted=True).iso(), now.iso())
    shown: dict[str, Any] = msgspec.to_builtins(counts)
    return shown


def log_text(lines: Iterable[LogLine]) -> str:
    """Log lines as a file of them."""
    return "".join(f"{one.at} {one.level.upper()} {one.logger}: {one.text}\n" for one in lines)


def texts(config: Config | None, made: str, facts: Mapping[str, object], files: Mapping[str, str]) -> dict[str, str]:
    """The bundle's files by name: ``facts`` become JSON, ``files`` stay as they are. Blocks."""
    found = {"ABOUT.txt": _ABOUT.format(made=made), "versions.json": _json(versions())}
    if config is not None:
        found["configuration.json"] = _json(redacted(config))
    found.update({f"{name}.json": _json(value) for name, value in facts.items()})
    return {**found, **files}


def packed(contents: Mapping[str, str], words: Iterable[str]) -> bytes:
    """The zip of ``contents``, each cleaned of ``words`` and cut to MOST_OF_ONE. Blocks."""
    scrubber, target = Scrubber(words), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in contents.items():
            cleaned = text if name == "ABOUT.txt" else scrubber.clean(text)
            file.writestr(name, cleaned[-MOST_OF_ONE:])
    return target.getvalue()


def journal(lines: int = 2000) -> str:
    """The newest lines of the daemon's journal; why there are none, where it cannot be read. Blocks."""
    done = run("journalctl", "--unit=hotspotd", f"--lines={lines}", "--output=short-iso", "--no-pager", "--quiet")
    return done.out if done.ok else f"not readable: {done.problem}\n"


def written(path: Path, content: bytes) -> None:
    """Write the bundle to a new file that only its owner may read. Raises OSError, FileExistsError too. Blocks."""
    with open(path, "xb", opener=_private) as file:  # Path.open takes no opener.
        file.write(content)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _json(value: object) -> str:
    return json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False) + "\n"
