"""``hotspotctl audit``: whether the audit chain is as it was written, and what stands in it."""

from __future__ import annotations

import argparse
import itertools
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from hotspotd.cli.output import Exit, print_table
from hotspotd.cli.records_place import place
from hotspotd.clock import Stamp
from hotspotd.config import load, resolve
from hotspotd.errors import ConfigError, Reason, RecordsError, RelayError
from hotspotd.records import audit_file
from hotspotd.records.audit_check import Anchor, Checked, Damage, Finding, check
from hotspotd.records.audit_file import Wanted
from hotspotd.relay import checkpoint
from hotspotd.relay.checkpoint import Checkpoint
from hotspotd.relay.seal import Trust

_CONFIG: Final = Path("/etc/hotspotd/hotspotd.toml")
_LONGEST_LINE: Final = 2 * checkpoint.MOST_BYTES
_SHOWN_TOGETHER: Final = 500


class _Line(msgspec.Struct, frozen=True):
    """A line of what ``python -m hotspotd.gateway.checkpoints export`` writes."""

    sealed: msgspec.Raw


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser("audit", help="check and read the audit chain", description="Looks at the audit chain.")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    verify = commands.add_parser(
        "verify",
        help="say whether every entry is as it was written",
        description="Checks each entry against the one before, the chain against the checkpoints that the device has\n"
        "sealed, and against those that the gateway has. Names the first entry that was removed, changed,\n"
        "put in, reordered or cut off. Reads only; a daemon may run, and a copy of the database will do.",
        epilog="examples:\n"
        "  hotspotctl audit verify --config /etc/hotspotd/hotspotd.toml\n"
        "  hotspotctl audit verify --database copy.db --trust-anchors ca.pem --checkpoints kiosk-01.jsonl --json\n\n"
        "exit codes: 0 as it was written, 1 it is not, 3 it could not be checked",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_place(verify)
    verify.add_argument("--checkpoints", type=Path, metavar="FILE", help="those of the gateway, as it exports them")
    verify.add_argument("--trust-anchors", type=Path, metavar="FILE", help="PEM; by default the configuration's")
    verify.add_argument(
        "--except-chain",
        action="append",
        default=[],
        metavar="CHAIN",
        help="one that the gateway has checkpoints of and that is accounted for: an older database of this device",
    )
    verify.add_argument("--json", action="store_true", help="print the result as JSON")
    verify.set_defaults(run=_verify)

    show = commands.add_parser(
        "show",
        help="print entries",
        description="Prints the entries of the audit chain, oldest first. What people wrote is sealed: with --config\n"
        "it is opened where the data key may be read (hotspotctl privacy --help).",
        epilog="examples:\n"
        "  hotspotctl audit show --event alert --since 2026-11-22\n"
        "  hotspotctl audit show --subject 0199f4 --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_place(show)
    show.add_argument("--since", type=_time, metavar="TIME", help="ISO 8601; without a zone it is UTC")
    show.add_argument("--event", default="", help="of this event, or of all whose names begin with it and a dot")
    show.add_argument("--subject", default="", help="of this encounter, transaction or other subject")
    show.add_argument("--json", action="store_true", help="print each as a line of JSON")
    show.set_defaults(run=_show)


def _add_place(command: argparse.ArgumentParser) -> None:
    place = command.add_mutually_exclusive_group()
    place.add_argument("--config", type=Path, metavar="FILE", help=f"names the database; by default {_CONFIG}")
    place.add_argument("--database", type=Path, metavar="FILE", help="the database itself, or a copy")


def _time(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time") from error
    return Stamp(at if at.tzinfo else at.replace(tzinfo=UTC), trusted=True).iso()


def _places(arguments: argparse.Namespace) -> tuple[Path, Path | None]:
    """The database, and the trust anchors where the configuration names them."""
    if arguments.database is not None:
        return arguments.database, None
    path: Path = arguments.config or _CONFIG
    if arguments.config is None and not path.exists():
        raise ConfigError(Reason.UNREADABLE, "no database is named", "Give --database, or --config.")
    config = load(path)
    return resolve(path, config.records.database), config.relay.files(path)[0]


def _verify(arguments: argparse.Namespace) -> Exit:
    database, anchors_file = _places(arguments)
    anchors_file = arguments.trust_anchors or anchors_file
    trust = Trust.load(anchors_file, "device") if anchors_file is not None else None
    with audit_file.reading(database) as connection:
        chain = _chain(connection)
        # Those beside the chain are of this chain, whatever it says now.
        local = _Sealed("this device", trust)
        local.numbered(audit_file.sealed_bodies(connection))
        remote = _Sealed("the gateway", trust, chain)
        if arguments.checkpoints is not None:
            remote.add(_exported(arguments.checkpoints))
        checked = check(connection, [*local.anchors, *remote.anchors])
    finding = local.finding or remote.finding or checked.finding or remote.other_chain(set(arguments.except_chain))
    # What is wrong first in the chain is told, whatever else is.
    if checked.finding is not None:
        finding = checked.finding
    _tell(arguments, checked, finding, local, remote, judged=trust is not None)
    return Exit.OK if finding is None else Exit.PROBLEMS


class _Sealed:
    """The checkpoints of one source that are of ``chain`` (empty: of any), and what is wrong with them themselves."""

    def __init__(self, source: str, trust: Trust | None, chain: str = "") -> None:
        self._source = source
        self._trust = trust
        self._chain = chain
        self.anchors: list[Anchor] = []
        self.finding: Finding | None = None
        self.others: dict[str, Checkpoint] = {}

    def numbered(self, bodies: Iterable[tuple[int, bytes]]) -> None:
        """Add those that the device keeps, which are counted from 1."""
        for expected, (number, body) in enumerate(bodies, start=1):
            made = self._add(body)
            if self.finding is None and (number != expected or (made is not None and made.number != expected)):
                self.finding = Finding(Damage.REMOVED, 0, f"checkpoint {expected} of {self._source} is not there")

    def add(self, bodies: Iterable[bytes]) -> None:
        """Add some in any order."""
        for body in bodies:
            self._add(body)

    def other_chain(self, known: set[str]) -> Finding | None:
        """The gateway has another chain of this device than the one that is here."""
        unknown = [made for chain, made in self.others.items() if chain not in known]
        if not unknown:
            return None
        last = max(unknown, key=lambda made: made.at)
        said = f"{self._source} has other chains of {last.device}: {last.chain} was sealed to entry {last.seq}"
        return Finding(Damage.OTHER_CHAIN, last.seq, said)

    def _add(self, body: bytes) -> Checkpoint | None:
        try:
            made = checkpoint.read(body) if self._trust is None else checkpoint.opened(body, self._trust)
        except RelayError as error:
            self.finding = self.finding or Finding(
                Damage.CHANGED, 0, f"a checkpoint of {self._source} does not hold: {error}"
            )
            return None
        if made.chain == self._chain or not self._chain:
            source = f"{self._source}, checkpoint {made.number} of {made.at}"
            self.anchors.append(Anchor(made.seq, bytes.fromhex(made.digest), source))
        elif made.chain not in self.others or self.others[made.chain].number < made.number:
            self.others[made.chain] = made
        return made


def _chain(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT digest FROM audit ORDER BY seq LIMIT 1").fetchone()
    return bytes(row[0]).hex() if row else ""


def _exported(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for number in itertools.count(1):
            line = file.readline(_LONGEST_LINE + 1)
            if not line:
                return
            try:
                yield bytes(msgspec.json.decode(line, type=_Line).sealed)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise RecordsError(
                    Reason.UNREADABLE,
                    f"{path}: line {number} is no checkpoint",
                    "Export it again: python -m hotspotd.gateway.checkpoints export DEVICE.",
                ) from error


def _tell(
    arguments: argparse.Namespace,
    checked: Checked,
    finding: Finding | None,
    local: _Sealed,
    remote: _Sealed,
    *,
    judged: bool,
) -> None:
    told: dict[str, Any] = {
        "ok": finding is None,
        "entries": checked.entries,
        "chain": checked.chain,
        "sealed_until": checked.sealed,
        "local_checkpoints": len(local.anchors),
        "gateway_checkpoints": len(remote.anchors) if arguments.checkpoints is not None else None,
        "seals_judged": judged,
        "notes_erased": checked.notes_erased,
        "finding": None if finding is None else asdict(finding),
    }
    if arguments.json:
        print(msgspec.json.encode(told).decode())
        return
    if finding is not None:
        print(f"NOT as it was written ({finding.damage}): {finding.what}")
        print(f"{checked.entries} entries before that are whole.")
    else:
        print(f"{checked.entries} entries, each as it was written; sealed until entry {checked.sealed}.")
    print(f"Checkpoints: {len(local.anchors)} of this device, {len(remote.anchors)} of the gateway.")
    if arguments.checkpoints is None:
        print("Not compared with the gateway: --checkpoints.")
    if not judged:
        print("Nobody has judged who sealed them: --trust-anchors.")


def _show(arguments: argparse.Namespace) -> Exit:
    database, _ = _places(arguments)
    wanted = Wanted(arguments.since or "", arguments.event, arguments.subject)
    # Of a copy there is no key here: its notes show as sealed.
    source = None if arguments.database is not None else place(arguments.config or _CONFIG)[1]
    with audit_file.reading(database, source) as connection:
        found = audit_file.entries(connection, wanted)
        if arguments.json:
            for entry in found:
                print(msgspec.json.encode(entry).decode())
        else:
            _table(found)
    return Exit.OK


def _table(found: Iterator[audit_file.Entry]) -> None:
    while page := list(itertools.islice(found, _SHOWN_TOGETHER)):
        rows = [
            (
                str(one.seq),
                one.at + ("" if one.clock_trusted else " ?"),
                one.event,
                one.subject,
                one.actor,
                one.detail.partition("note=")[0].strip() + (f" “{one.note}”" if one.note else ""),
            )
            for one in page
        ]
        print_table(("entry", "at", "event", "subject", "by", ""), rows)
