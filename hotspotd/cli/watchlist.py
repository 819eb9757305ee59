"""``hotspotctl watchlist``: build a list from its source, look at what is there, go back to the one before."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hotspotd.cli import watchlist_asking, watchlist_import, watchlist_submit, watchlist_update
from hotspotd.cli.output import Exit, people, print_json, print_table
from hotspotd.clock import Clock
from hotspotd.config import Config, load, resolve
from hotspotd.errors import Reason, WatchlistError
from hotspotd.upkeep.engines import face_engine
from hotspotd.watchlist import Entry, Shelf, staging
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.layout import Manifest, read_manifest, verify
from hotspotd.watchlist.number_source import MOST_PROBLEMS, NumberSource
from hotspotd.watchlist.numbers import NumberEntry
from hotspotd.watchlist.reembedding import reembed
from hotspotd.watchlist.source import Problem, Source
from hotspotd.watchlist.staged import StagedNumbers, StagedSource

_MOST_PROBLEMS_SHOWN = 50
_People = Source | StagedSource
_Numbered = NumberSource | StagedNumbers
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
        description="Reads records.jsonl and the pictures it names from SOURCE, or everything in it where it is a\n"
        "staging store (see import), enrols the pictures with this machine's engines, and makes the\n"
        "result the current list in FOLDER; the list before is kept. Documents, vehicles and things that\n"
        "are listed by their number are read from numbers.jsonl, where it is there, or the staging store,\n"
        "and hashed with the key in the file that the configuration names or FOLDER.key; one is made\n"
        "where there is none. Rows that cannot be used are told, with line and reason, and left out.",
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

    watchlist_import.add_to(commands)

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

    again = commands.add_parser(
        "reembed",
        help="make the current list searchable by another face model",
        description="Embeds every portrait of the current list in FOLDER with the face model that the configuration\n"
        "names, and makes the result the current list; the list before is kept. A running daemon refuses a\n"
        "list of another model than its own: do this when the model changes, before the daemon is restarted.",
        epilog="example:\n"
        "  hotspotctl watchlist reembed /var/lib/hotspotd/watchlist --config /etc/hotspotd/hotspotd.toml\n\n"
        "exit codes: 0 done, 1 done, but some portraits show this model no face, 3 not done",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    again.add_argument("folder", type=Path, metavar="FOLDER")
    again.add_argument("--config", type=Path, metavar="FILE", help="whose face model; by default the bundled one")
    again.add_argument("--version", help="name of the list; by default the time now")
    again.add_argument("--json", action="store_true", help="print the result as JSON")
    again.set_defaults(run=_reembed)


def _build(arguments: argparse.Namespace) -> Exit:
    config = load(arguments.config) if arguments.config else None
    faces = None if arguments.without_faces else face_engine(config, arguments.config)
    enroller = Enroller(faces)
    with _opened(arguments.source, enroller) as (source, numbers):
        return _publish(arguments, config, enroller, source, numbers)


@contextmanager
def _opened(folder: Path, enroller: Enroller) -> Iterator[tuple[_People | None, _Numbered | None]]:
    """People and numbers in ``folder``, a staging store or rows and pictures; None for what it does not hold.

    A source that holds neither is refused for its missing records.
    """
    if staging.is_staging(folder):
        with staging.opened(folder) as store:
            yield StagedSource(store, enroller), StagedNumbers(store) if store.has_numbers() else None
        return
    source, numbers = Source(folder, enroller), NumberSource(folder)
    with_numbers = numbers.path.exists()
    yield source if source.path.exists() or not with_numbers else None, numbers if with_numbers else None


def _publish(
    arguments: argparse.Namespace,
    config: Config | None,
    enroller: Enroller,
    source: _People | None,
    numbers: _Numbered | None,
) -> Exit:
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
            rows.people(),
            finger_engine=enroller.finger_engine,
            face_engine=enroller.face_engine,
            version=version,
            numbers=rows.numbered(),
        )
    manifest = read_manifest(path)
    if arguments.json:
        print_json({"folder": str(path), "rows": rows.count, "problems": rows.problems} | _summary(manifest))
    else:
        _tell(rows.problems)
        if numbers is not None and numbers.left_out > len(numbers.problems):
            print(f"of {numbers.left_out} numbers left out the first {MOST_PROBLEMS} are told")
        print(f"{path} is current: {_counts(manifest.counts)}, of {rows.count} rows")
    return Exit.PROBLEMS if rows.problems else Exit.OK


class _Rows:
    """The usable rows of a source, counted on the way."""

    def __init__(self, progress: Progress, source: _People | None, numbers: _Numbered | None) -> None:
        self._progress = progress
        self._task = progress.add_task("rows", total=None)
        self._source = source
        self._numbers = numbers
        self._taken = 0

    @property
    def problems(self) -> list[Problem]:
        """What was wrong so far."""
        return [problem for one in (self._source, self._numbers) if one is not None for problem in one.problems]

    @property
    def count(self) -> int:
        """Rows read so far."""
        return sum(one.rows for one in (self._source, self._numbers) if one is not None)

    def people(self) -> Iterator[Entry]:
        """The people; none where there are none."""
        if self._source is not None:
            yield from self._counted(self._source.entries(), 1)
        if self._numbers is None:
            self._refuse_nothing()

    def numbered(self) -> Iterator[NumberEntry] | None:
        """The numbers, after the people; None where there are none."""
        return None if self._numbers is None else self._of(self._numbers)

    def _of(self, numbers: _Numbered) -> Iterator[NumberEntry]:
        yield from self._counted(numbers.entries(), _SHOWN_EVERY)
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
        _tell(self.problems)
        count = self.count
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


def _reembed(arguments: argparse.Namespace) -> Exit:
    config = load(arguments.config) if arguments.config else None
    faces = face_engine(config, arguments.config)
    version = arguments.version or Clock().now().at.strftime("%Y%m%dT%H%M%SZ")
    columns = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=people(), transient=True, disable=arguments.json) as bar:
        task = bar.add_task("", total=None)
        path, problems = reembed(
            Shelf(arguments.folder), faces, version, lambda done, of: bar.update(task, completed=done, total=of)
        )
    manifest = read_manifest(path)
    if arguments.json:
        print_json({"folder": str(path), "problems": problems} | _summary(manifest))
    else:
        _tell(problems)
        print(f"{path} is current: {manifest.counts['faces']} faces by {faces.engine}")
    return Exit.PROBLEMS if problems else Exit.OK


def _rollback(arguments: argparse.Namespace) -> Exit:
    print(f"{Shelf(arguments.folder).rollback()} is current")
    return Exit.OK
