"""``hotspotctl watchlist import``: other people's lists into a staging store, from which lists are built."""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from hotspotd.biometrics import decoding
from hotspotd.cli.import_kinds import ENDINGS, KINDS, OWN_SOURCES
from hotspotd.cli.output import Exit, people, print_json, print_table
from hotspotd.clock import Clock
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import staging
from hotspotd.watchlist.importers import run
from hotspotd.watchlist.importers.delivery import Reject
from hotspotd.watchlist.rules import RowError, check_owner

_MOST_REJECTS_SHOWN = 20
_EPILOG = """\
examples:
  hotspotctl watchlist import csv wanted.csv --map wanted.toml --source uto-police --into ./staging
  hotspotctl watchlist import csv sltd.csv --map sltd.toml --source sltd --replace --into ./staging --json
  hotspotctl watchlist import un consolidated.xml --replace --into ./staging
  hotspotctl watchlist import pictures ./portraits --source uto-police --into ./staging
  hotspotctl watchlist build ./staging /var/lib/hotspotd/watchlist

Killed or stopped, the same command goes on where it was. docs/watchlist-import.md describes each kind.

exit codes: 0 every row was taken, 1 some were left out (see the rejects file), 2 wrong usage, 3 it could not be done
"""


class _Done(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    kind: str
    source: str
    folder: str
    resumed: bool
    dry_run: bool
    counts: dict[str, int]
    rejects: str | None
    waiting: int
    """Documents and pictures in the store whose person was not delivered."""
    seconds: float


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the group."""
    parser = commands.add_parser(
        "import",
        help="take a delivery into a staging store",
        description="Reads a list as others deliver it into a staging store, from which lists are built. What the\n"
        "same source said before under the same reference is replaced. Rows that cannot be used go\n"
        "into a rejects file with line, field and reason, and stop no others.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", metavar="KIND", choices=sorted(KINDS), help=", ".join(sorted(KINDS)))
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="files, or folders of such files")
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="the staging store")
    parser.add_argument("--source", help="name of who delivers, in small letters; where it has one, the kind's own")
    parser.add_argument("--map", type=Path, metavar="FILE", help="csv: the mapping file")
    parser.add_argument("--notice", type=Notice, choices=list(Notice), metavar="NOTICE", help="where files have none")
    parser.add_argument("--owner", metavar="CODE", help="owning bureau where files name none: three letters")
    parser.add_argument(
        "--dpi", type=int, default=500, help="pictures: of prints whose names do not say; 500 if left out"
    )
    parser.add_argument("--replace", action="store_true", help="withdraw what the source no longer delivers")
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="rejects as .jsonl or .csv; else beside the store")
    parser.add_argument("--restart", action="store_true", help="begin anew where an import of the source broke off")
    parser.add_argument("--dry-run", action="store_true", help="read and judge everything, change nothing")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=_import)


def _import(arguments: argparse.Namespace) -> Exit:
    began = time.monotonic()
    source = arguments.source or OWN_SOURCES.get(arguments.kind, "")
    if not staging.SOURCE_NAME.fullmatch(source):
        raise WatchlistError(
            Reason.BAD_VALUE,
            f"{source!r} is no name for a source",
            "Give --source: up to 30 small letters, digits, dots, - and _.",
        )
    if arguments.owner is not None:
        try:
            check_owner(arguments.owner)
        except RowError as error:
            raise WatchlistError(Reason.BAD_VALUE, f"--{error}", "ISO 3166 alpha-3, or XPO for INTERPOL.") from error
    choice = KINDS[arguments.kind](arguments)
    order = run.Order(
        kind=arguments.kind,
        source=source,
        files=_files(arguments.files, ENDINGS[arguments.kind]),
        importer=choice.importer,
        options=choice.options,
        replaces=choice.delivers if arguments.replace else None,
        restart=arguments.restart,
        dry_run=arguments.dry_run,
    )
    with _store(arguments) as folder, staging.opened(folder, create=True) as store:
        now = _run(order, store, quiet=arguments.json)
        rejects = _write_rejects(arguments, store, now)
        done = _Done(
            kind=arguments.kind,
            source=source,
            folder=str(arguments.into),
            resumed=now.resumed,
            dry_run=arguments.dry_run,
            counts=dict(now.counts),
            rejects=str(rejects) if rejects else None,
            waiting=store.without_person(),
            seconds=round(time.monotonic() - began, 3),
        )
        if arguments.json:
            print_json(done)
        else:
            _tell(done, store, now)
    return Exit.PROBLEMS if now.counts["rejected"] or now.counts["parts_left_out"] else Exit.OK


@contextmanager
def _store(arguments: argparse.Namespace) -> Iterator[Path]:
    """The folder of the store; a passing one where a dry run has none to look at."""
    if not arguments.dry_run or staging.is_staging(arguments.into):
        yield arguments.into
        return
    with TemporaryDirectory(prefix="hotspotctl-import-") as folder:
        yield Path(folder)


def _files(named: Sequence[Path], endings: tuple[str, ...]) -> list[Path]:
    """The files, folders opened up, in the order of their names."""
    found: list[Path] = []
    for path in named:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in endings and one.is_file())
        if not inside:
            raise WatchlistError(
                Reason.NOT_FOUND, f"{path} holds no file ending in {', '.join(endings)}", "Name the files."
            )
        found += inside
    if len(found) > run.MOST_FILES:
        raise WatchlistError(Reason.TOO_LARGE, f"{len(found)} files, at most {run.MOST_FILES}", "Import in parts.")
    return found


def _run(order: run.Order, store: staging.Staging, *, quiet: bool) -> staging.Import:
    """Import with pictures decoded in a process apart: one that crashes the decoder is a row that is rejected."""
    decoding.isolate()
    try:
        return _import_all(order, store, quiet=quiet)
    finally:
        decoding.rejoin()


def _import_all(order: run.Order, store: staging.Staging, *, quiet: bool) -> staging.Import:
    size = sum(path.stat().st_size for path in order.files)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeRemainingColumn(),
        console=people(),
        transient=True,
        disable=quiet,
        refresh_per_second=4,
    ) as progress:
        hashing = progress.add_task("Hashing", total=size, rows=0)
        digest = order.digest(lambda done: progress.update(hashing, completed=done))
        progress.remove_task(hashing)
        reading = progress.add_task("Reading", total=size, rows=0)
        told = _Seldom(lambda done, rows: progress.update(reading, completed=done, rows=rows))
        return run.run(order, store, digest, Clock().now().at.date().isoformat(), told)


class _Seldom:
    """Passes on one call in a thousand: a bar needs no more, and a million rows make a million calls."""

    def __init__(self, told: run.Told) -> None:
        self._told = told
        self._calls = 0

    def __call__(self, done: int, rows: int) -> None:
        self._calls += 1
        if self._calls % 1000 == 0:
            self._told(done, rows)


def _write_rejects(arguments: argparse.Namespace, store: staging.Staging, now: staging.Import) -> Path | None:
    """Write the rejects file, whole or not at all. Without rejects there is none, and an old one is removed."""
    path: Path | None = arguments.rejects
    if path is None:
        if arguments.dry_run:
            return None
        path = arguments.into / f"rejects-{now.source}.jsonl"
    if not (now.counts["rejected"] or now.counts["parts_left_out"]):
        path.unlink(missing_ok=True)
        return None
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".csv":
            writer = csv.writer(file)
            writer.writerow(("file", "line", "reference", "field", "reason", "whole"))
            for name, reject in store.rejects(now.number):
                writer.writerow((name, reject.line, *map(_harmless, _texts(reject)), reject.whole))
        else:
            for name, reject in store.rejects(now.number):
                row = {"file": name} | msgspec.to_builtins(reject)
                file.write(msgspec.json.encode(row).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return path


def _texts(reject: Reject) -> tuple[str, str, str]:
    return reject.reference, reject.field, reject.reason


def _harmless(text: str) -> str:
    """``text`` so that no spreadsheet takes it for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t")) else text


def _tell(done: _Done, store: staging.Staging, now: staging.Import) -> None:
    shown: list[tuple[str, str, str, str, str]] = []
    for name, reject in store.rejects(now.number):
        if len(shown) == _MOST_REJECTS_SHOWN:
            break
        shown.append((name, str(reject.line), reject.reference, reject.field, reject.reason))
    if shown:
        print_table(("file", "line", "reference", "field", "reason"), shown)
    left = done.counts.get("rejected", 0) + done.counts.get("parts_left_out", 0)
    if left > len(shown):
        print(f"and {left - len(shown)} more{': ' + done.rejects if done.rejects else '; name a file with --rejects'}")
    if done.waiting:
        print(f"{done.waiting} documents and pictures wait for a person that was not delivered")
    if done.counts.get("files_left_out"):
        print("nothing was withdrawn, since a file could not be read")
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in done.counts.items() if number)
    goes_on = " (went on where it broke off)" if done.resumed else ""
    print(f"{done.source}{goes_on}: {counts or 'nothing'}" + ("; nothing was changed" if done.dry_run else ""))
