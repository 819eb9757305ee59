"""``hotspotctl watchlist submit``: bring the gateway's copy of a national repository up to date."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from hotspotd.cli.output import Exit, print_json, print_table
from hotspotd.clock import Clock
from hotspotd.config import Config, load, resolve
from hotspotd.errors import ConfigError, Reason, RecordsError
from hotspotd.provisioning.secrets import read_key
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.https_session import HttpsSession
from hotspotd.relay.national import channel, ledger
from hotspotd.relay.national.deltas import REPOSITORY_NAME
from hotspotd.relay.national.exports import Export
from hotspotd.relay.national.submission import Outcome, Submission, Terms
from hotspotd.relay.uplinks import Papers, open_session

_MOST_SHOWN = 20
_EPILOG = """\
examples:
  hotspotctl watchlist submit sltd.csv --repository uto-sltd --config /etc/hotspotd/hotspotd.toml --full
  hotspotctl watchlist submit sltd.csv --repository uto-sltd --config hotspotd.toml --full --dry-run
  export-changes | hotspotctl watchlist submit - --repository uto-smv --config hotspotd.toml --changes --json

SOURCE is JSON lines, or CSV with the names of the fields in its first line:
  kind, number, status                needed. kind: document, vehicle, vin, part, vessel, firearm;
                                      status: stolen_blank, lost_or_stolen, revoked, invalid, wanted
  issuer                              needed for documents and plates
  reference, category, reason, since, review, expires
  action                              with --changes only: add, change or withdraw
docs/national-updates.md says more. Killed or broken off, the same command goes on where it was.

exit codes: 0 every line was taken, 1 some were left out, with line and reason, 2 wrong usage, 3 it could not be done
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the group."""
    submit = commands.add_parser(
        "submit",
        help="submit a national repository to the gateway",
        description="Sends what is new, changed or gone in a national repository of documents, vehicles and other\n"
        "things to the gateway, as signed and numbered deltas. Lines that cannot be used stop no others.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    submit.add_argument("source", metavar="SOURCE", help="the export; - reads standard input")
    submit.add_argument("--repository", metavar="NAME", required=True, help="its name at the gateway")
    submit.add_argument("--config", type=Path, metavar="FILE", required=True, help="names gateway, certificate and key")
    what = submit.add_mutually_exclusive_group(required=True)
    what.add_argument("--full", action="store_true", help="the export is whole: what it has not is withdrawn")
    what.add_argument("--changes", action="store_true", help="each line says whether to add, change or withdraw")
    submit.add_argument(
        "--withdraw-at-most",
        type=_percent,
        default=20,
        metavar="PERCENT",
        help="of the records held, how many a whole export may leave out, in case it is cut off; 20 if left out",
    )
    submit.add_argument("--state", type=Path, metavar="FILE", help="what was sent; by default beside the records")
    submit.add_argument("--dry-run", action="store_true", help="compare and count, send and change nothing")
    submit.add_argument("--json", action="store_true", help="print the result as JSON")
    submit.set_defaults(run=_submit)


def _percent(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 100:
        raise ValueError("0 to 100")
    return number


def _submit(arguments: argparse.Namespace) -> Exit:
    config = load(arguments.config)
    repository: str = arguments.repository
    if not REPOSITORY_NAME.fullmatch(repository):
        raise ConfigError(
            Reason.BAD_VALUE, f"{repository[:50]!r}: no name of a repository", "Small letters, digits, dots, - and _."
        )
    key = _device_key(config.relay.files(arguments.config)[2])
    hasher = ledger.Hasher(key, repository)
    terms = Terms(
        repository=repository,
        key=key,
        hasher=hasher,
        today=Clock().now().at.date().isoformat(),
        full=arguments.full,
        withdraw_percent=arguments.withdraw_at_most,
        dry_run=arguments.dry_run,
    )
    state = arguments.state or _state(arguments.config, config, repository)
    backoff = Backoff(config.relay.retry_first_s, config.relay.retry_longest_s)
    try:
        with (
            _opened(arguments.source) as (stream, size),
            ledger.opened(state, repository, hasher.key_id) as sent,
            channel.opened(_link(arguments.config, config), repository, backoff) as gateway,
            _Bar(size, quiet=arguments.json) as bar,
        ):
            export = Export(stream, arguments.source, changes=arguments.changes)
            outcome = Submission(terms, sent, gateway, lambda now: bar.show(export.read, now)).run(export)
    except sqlite3.Error as error:
        raise RecordsError(
            Reason.STORAGE_FAILED, f"{state}: {error}", "Make room, or move the file away and submit with --full."
        ) from error
    if arguments.json:
        print_json({"repository": repository, "state": str(state), "dry_run": arguments.dry_run} | _told(outcome))
    else:
        _tell(repository, outcome, dry_run=arguments.dry_run)
    return Exit.PROBLEMS if outcome.left_out else Exit.OK


def _state(path: Path, config: Config, repository: str) -> Path:
    return resolve(path, config.records.database).parent / "submissions" / f"{repository}.sqlite"


def _link(path: Path, config: Config) -> Callable[[], Coroutine[Any, Any, HttpsSession]]:
    """What opens a session with the configured gateway. Raises ConfigError where no link is to one."""
    url = config.relay.https_url()
    if not url:
        raise ConfigError(Reason.BAD_VALUE, f"{path}: relay: no link is https://", "Submissions need one.")
    papers = Papers.of(path, config.device.name, config.relay)
    return lambda: open_session(url, papers, config.relay.request_timeout_s)


def _device_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = read_key(path)
    if not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(Reason.BAD_VALUE, f"{path}: not a key on P-256", "Give the device another certificate.")
    return key


@contextmanager
def _opened(source: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """The stream and its length, where it has one."""
    if source == "-":
        yield sys.stdin.buffer, None
        return
    path = Path(source)
    with path.open("rb") as stream:
        yield stream, path.stat().st_size


class _Bar:
    """Bytes read of the source, and what was sent."""

    def __init__(self, size: int | None, *, quiet: bool) -> None:
        self._progress = Progress(
            TextColumn("submitting"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[sent]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=quiet,
            refresh_per_second=4,
        )
        self._task = self._progress.add_task("", total=size, sent="")
        self._shown = (-1, -1)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, read: int, now: Outcome) -> None:
        """A bar needs no more than one call in a thousand rows, and one for each delta."""
        shown = (now.rows // 1000, now.deltas)
        if shown != self._shown:
            self._shown = shown
            sent = f"{now.put} to add or change, {now.withdrawn} to withdraw, delta {now.sequence}"
            self._progress.update(self._task, completed=read, sent=sent)


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "rows": outcome.rows,
        "left_out": outcome.left_out,
        "ended": outcome.ended,
        "sent": {"put": outcome.put, "withdrawn": outcome.withdrawn, "deltas": outcome.deltas, "bytes": outcome.bytes},
        "gateway": {
            "added": outcome.added,
            "changed": outcome.changed,
            "unchanged": outcome.unchanged,
            "removed": outcome.removed,
            "sequence": outcome.sequence,
            "digest": outcome.digest,
            "count": outcome.count,
        },
        "anew": outcome.anew,
        "problems": [{"line": problem.line, "reason": problem.reason} for problem in outcome.problems],
    }


def _tell(repository: str, outcome: Outcome, *, dry_run: bool) -> None:
    shown = outcome.problems[:_MOST_SHOWN]
    if shown:
        print_table(("line", "left out because"), [(str(problem.line), problem.reason) for problem in shown])
    if outcome.left_out > len(shown):
        print(f"and {outcome.left_out - len(shown)} more")
    if outcome.anew:
        print("The gateway was not where this computer left it: everything is sent anew.")
    if dry_run:
        print(
            f"{repository}: {outcome.rows} rows; {outcome.put} to add or change, {outcome.withdrawn} to withdraw, "
            f"{outcome.bytes} bytes in {outcome.deltas} deltas; nothing was sent"
        )
        return
    print(
        f"{repository}: {outcome.rows} rows; {outcome.added} added, {outcome.changed} changed, {outcome.removed} "
        f"withdrawn, in {outcome.deltas} deltas of {outcome.bytes} bytes; "
        f"the gateway is at {outcome.sequence} with {outcome.count} records"
    )
