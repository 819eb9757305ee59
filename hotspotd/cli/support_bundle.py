"""``hotspotctl support-bundle``: what somebody far away needs to help, in one file, with nothing about any person."""

from __future__ import annotations

import argparse
import asyncio
import http.client
from collections.abc import Mapping
from pathlib import Path

from hotspotd.cli.doctor import CHECKS, DEFAULT_CONFIG
from hotspotd.cli.output import Exit, complain, print_json
from hotspotd.clock import Clock
from hotspotd.config import Config, resolve
from hotspotd.errors import RecordsError
from hotspotd.records import Records
from hotspotd.upkeep import bundle
from hotspotd.upkeep.checks.finding import Subject, examine
from hotspotd.upkeep.engines import models_in_use
from hotspotd.upkeep.hardware import hardware
from hotspotd.upkeep.scrub import personal_words

_ANSWER_LIMIT_S = 5.0


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = groups.add_parser(
        "support-bundle",
        help="write a zip for whoever helps from afar, without personal data",
        description="Writes versions, the configuration without secrets and paths, every check of the doctor, the\n"
        "machine's state, the journal, metrics and a day's counts. No picture, document, name or record of\n"
        "the list is in it; words of this kiosk's travellers are taken out of every text. The file is new,\n"
        "and only its owner may read it.",
        epilog="example: sudo hotspotctl support-bundle ./kiosk.zip\n\nexit codes: 0 it is written, 3 it could not be",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", type=Path, metavar="FILE", help="a new file, ending in .zip")
    command.add_argument("--config", type=Path, metavar="FILE", help=f"by default {DEFAULT_CONFIG}, where it exists")
    command.add_argument("--json", action="store_true", help="print what was written as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> Exit:
    path = arguments.config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    subject = Subject.read(path)
    facts: dict[str, object] = {"checks": [one for check in CHECKS for one in examine(check, subject)]}
    files = {"journal.txt": bundle.journal()}
    words: frozenset[str] = frozenset()
    if subject.config is not None and path is not None:
        database = resolve(path, subject.config.records.database)
        facts |= {"machine": hardware(database), "models": models_in_use(subject.config, path)}
        files["metrics.txt"] = _metrics(subject.config)
        try:
            counts, words = asyncio.run(_records(database))
        except RecordsError as error:
            # Without the records nobody knows whose words to take out: what may quote them is left out.
            facts["counts"] = str(error)
            files = {"journal.txt": f"left out: {error}\n", "metrics.txt": files["metrics.txt"]}
        else:
            facts["counts"] = counts
    content = bundle.packed(bundle.texts(subject.config, Clock().now().iso(), facts, files), words)
    bundle.written(arguments.file, content)
    if arguments.json:
        print_json({"file": str(arguments.file), "bytes": len(content)})
    else:
        complain(f"{arguments.file}: {len(content)} bytes. Look it through before you send it.")
    return Exit.OK


async def _records(database: Path) -> tuple[Mapping[str, object], frozenset[str]]:
    records = await Records.beside(database)
    try:
        return await bundle.day_counts(records, Clock().now()), await personal_words(records)
    finally:
        await records.close()


def _metrics(config: Config) -> str:
    """What the running daemon counts; why nothing, where none answers."""
    connection = http.client.HTTPConnection(config.console.host, config.console.port, timeout=_ANSWER_LIMIT_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read(bundle.MOST_OF_ONE).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"no daemon answers: {error}\n"
    finally:
        connection.close()
