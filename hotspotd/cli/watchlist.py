"""``hotspotctl watchlist``: build a list from its source, look at what is there, go back to the one before."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hotspotd.biometrics.face import FaceEngine, calibration
from hotspotd.cli import watchlist_asking, watchlist_submit, watchlist_update
from hotspotd.cli.output import Exit, people, print_json, print_table
from hotspotd.clock import Clock
from hotspotd.config import Config, load, resolve
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import Entry, Shelf
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.layout import Manifest, read_manifest, verify
from hotspotd.watchlist.number_source import MOST_PROBLEMS, NumberSource
from hotspotd.watchlist.numbers import NumberEntry
from hotspotd.watchlist.source import Problem, Source

_MOST_PROBLEMS_SHOWN = 50
_SHOWN_EVERY = 1000
_Row = TypeVar("_Row")


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One list on the shelf, as shown."""

    role: str
    folder: str
    whole: bool
    problem: str = ""
    version: str = ""
    made_at: str = ""
    finger_engine: str = ""
    face_engine: str | None = None
    counts: dict[str, int] = msgspec.field(default_factory=dict)


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser("watchlist", help="build and swap watchlists", description="Looks after watchlists.")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    build = commands.add_parser(
        "build",
        help="build a list and make it current",
        description="Reads records.jsonl and the pictures it names from SOURCE, enrols them with this machine's\n"
        "engines, and makes the result the current list in FOLDER; the list before is kept. Documents,\n"
        "vehicles and things that are listed by their number are read from numbers.jsonl, where it is\n"
        "there, and hashed with the key in the file that the configuration names or FOLDER.key; one is\n"
        "made where there is none. Rows that cannot be used are told, with line and reason, and left out.",
        epilog="examples:\n"
        "  hotspotctl watchlist build ./source /var/lib/hotspotd/watchlist\n"
        "  hotspotctl watchlist build ./source ./lists --version 2026-11-22 --json\n\n"
        "exit codes: 0 everything was taken, 1 built, but something was left out, 3 not built",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    build.add_argument("source", type=Path, metavar="SOURCE")
    build.add_argument("folder", type=Path, metavar="FOLDER")
    build.add_argument("--version", help="name of the list; by default the time now")
    build.add_argument("--config", type=Path, metavar="FILE", help="take the face model from this configuration")
    build.add_argument("--without-faces", action="store_true", help="keep portraits, but compare no faces")
    build.add_argument("--json", action="store_true", help="print the result as JSON")
    build.set_defaults(run=_build)

    show = commands.add_parser(
        "show",
        help="show the lists that are there",
        description="Shows the current list and the one before, and whether every byte of them is as it was built.",
        epilog="example: hotspotctl watchlist show /var/lib/hotspotd/watchlist",
    )
    show.add_argument("folder", type=Path, metavar="FOLDER")
    show.add_argument("--json", action="store_true", help="print it as JSON")
    show.set_defaults(run=_show)

    watchlist_update.add_to(commands, face_engine)
    watchlist_submit.add_to(commands)

    back = commands.add_parser(
        "rollback",
        help="go back to the list before",
        description="Makes the previous list current and the current one previous. A running daemon takes it up.",
        epilog="example: hotspotctl watchlist rollback /var/lib/hotspotd/watchlist",
    )
    back.add_argument("folder", type=Path, metavar="FOLDER")
    back.set_defaults(run=_rollback)
    watchlist_asking.add_to(commands)


def face_engine(config: Config | None, path: Path | None) -> FaceEngine:
    """The face engine that ``config``, read from ``path``, names; the bundled one without a configuration."""
    if config is None or path is None:
        return FaceEngine.open()
    folders = [resolve(path, config.models.folder)] if config.models.folder else []
    faces = FaceEngine.named(config.models, folders, config.device.mode)
    table = config.matching.face_calibration
    calibration.adopt(faces, resolve(path, table) if table else None, config.matching.face_fmr)
    return faces


def _build(arguments: argparse.Namespace) -> Exit:
    config = load(arguments.config) if arguments.config else None
    faces = None if arguments.without_faces else face_engine(config, arguments.config)
    enroller = Enroller(faces)
    source = Source(arguments.source, enroller)
    numbers = NumberSource(arguments.source)
    # A source may hold people, numbers or both; one that holds neither is refused for its missing records.
    with_numbers = numbers.path.exists()
    with_people = not with_numbers or source.path.exists()
    key = resolve(arguments.config, config.watchlist.key) if config and config.watchlist.key else None
    version = arguments.version or Clock().now().at.strftime("%Y%m%dT%H%M%SZ")
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed} rows taken"),
        TimeElapsedColumn(),
        console=people(),
        transient=True,
        disable=arguments.json,
    ) as progress:
        rows = _Rows(progress, source, numbers)
        path = Shelf(arguments.folder, key).publish(
            rows.people(last=not with_numbers) if with_people else (),
            finger_engine=enroller.finger_engine,
            face_engine=enroller.face_engine,
            version=version,
            numbers=rows.numbered() if with_numbers else None,
        )
    manifest = read_manifest(path)
    problems = source.problems + numbers.problems
    count = source.rows + numbers.rows
    if arguments.json:
        print_json({"folder": str(path), "rows": count, "problems": problems} | _summary(manifest))
    else:
        _tell(problems)
        if numbers.left_out > len(numbers.problems):
            print(f"of {numbers.left_out} rows left out of {numbers.path.name} the first {MOST_PROBLEMS} are told")
        print(f"{path} is current: {_counts(manifest.counts)}, of {count} rows")
    return Exit.PROBLEMS if problems else Exit.OK


class _Rows:
    """The usable rows of a source, counted on the way."""

    def __init__(self, progress: Progress, source: Source, numbers: NumberSource) -> None:
        self._progress = progress
        self._task = progress.add_task("rows", total=None)
        self._source = source
        self._numbers = numbers
        self._taken = 0

    def people(self, *, last: bool) -> Iterator[Entry]:
        """The people; ``last`` where no numbers follow."""
        yield from self._counted(self._source.entries(), 1)
        if last:
            self._refuse_nothing()

    def numbered(self) -> Iterator[NumberEntry]:
        """The numbers, after the people."""
        yield from self._counted(self._numbers.entries(), _SHOWN_EVERY)
        self._refuse_nothing()

    def _counted(self, rows: Iterator[_Row], every: int) -> Iterator[_Row]:
        for row in rows:
            self._taken += 1
            if self._taken % every == 0:
                self._progress.update(self._task, completed=self._taken)
            yield row

    def _refuse_nothing(self) -> None:
        """An empty list would clear everybody: it must not take the place of one that doesn't."""
        if self._taken:
            return
        _tell(self._source.problems + self._numbers.problems)
        count = self._source.rows + self._numbers.rows
        raise WatchlistError(
            Reason.BAD_VALUE, f"the source has {count} rows and none can be used", "Nothing was changed."
        )


def _tell(problems: list[Problem]) -> None:
    if problems:
        shown = problems[:_MOST_PROBLEMS_SHOWN]
        rows = [(str(p.line), p.reference, "row" if p.rejected else "sample", p.what) for p in shown]
        print_table(("line", "reference", "left out", "reason"), rows)
    if len(problems) > _MOST_PROBLEMS_SHOWN:
        print(f"and {len(problems) - _MOST_PROBLEMS_SHOWN} more; --json lists all")


def _show(arguments: argparse.Namespace) -> Exit:
    shelf = Shelf(arguments.folder)
    lists = [
        _listed(role, path)
        for role, path in (("current", shelf.current()), ("previous", shelf.previous()))
        if path is not None
    ]
    if not lists:
        raise WatchlistError(
            Reason.NOT_FOUND, f"no list in {arguments.folder}", "Build one: hotspotctl watchlist build."
        )
    if arguments.json:
        print_json({"lists": lists})
    else:
        rows = [
            (one.role, one.version, one.made_at, _counts(one.counts), "whole" if one.whole else one.problem)
            for one in lists
        ]
        print_table(("", "version", "made", "holds", "state"), rows)
    return Exit.OK if all(one.whole for one in lists) else Exit.PROBLEMS


def _listed(role: str, path: Path) -> _Listed:
    try:
        manifest = read_manifest(path)
        verify(path, manifest)
    except WatchlistError as error:
        return _Listed(role=role, folder=str(path), whole=False, problem=str(error))
    return _Listed(role=role, folder=str(path), whole=True, **_summary(manifest))


def _summary(manifest: Manifest) -> dict[str, Any]:
    return {
        "version": manifest.version,
        "made_at": manifest.made_at,
        "finger_engine": manifest.finger_engine,
        "face_engine": manifest.face_engine,
        "counts": manifest.counts,
    }


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def _rollback(arguments: argparse.Namespace) -> Exit:
    print(f"{Shelf(arguments.folder).rollback()} is current")
    return Exit.OK
