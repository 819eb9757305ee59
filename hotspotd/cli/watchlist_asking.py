"""``hotspotctl watchlist lookup`` and ``explain``: what the list says of a number, and of one of its records.

Whoever asks on a kiosk says why. Its audit chain holds who asked, when, what kind of thing and how many hits there
were; the purpose, and the reference of a record, are a note there, which is erased in time. Nothing is answered that
could not be written down.
"""

from __future__ import annotations

import argparse
import getpass
import syslog
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hotspotd.cli.output import Exit, complain, print_json, print_table
from hotspotd.cli.records_place import place
from hotspotd.clock import Clock
from hotspotd.config import load, resolve
from hotspotd.domain.candidate import ListRecord
from hotspotd.errors import ConfigError, Reason, WatchlistError
from hotspotd.records import audit_file
from hotspotd.watchlist import Shelf
from hotspotd.watchlist.layout import Manifest, read_manifest
from hotspotd.watchlist.numbers import Kind, NumberHit
from hotspotd.watchlist.snapshot import Snapshot

_CONFIG = Path("/etc/hotspotd/hotspotd.toml")
_T = TypeVar("_T")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    lookup = commands.add_parser(
        "lookup",
        help="look a document, vehicle or thing up by its number",
        description="Looks a number up in the current list: of a travel document, a registration plate, a VIN, a\n"
        "vehicle's part, a vessel or a firearm. O or 0, I or 1, spaces, and a check digit given or not make no\n"
        "difference. A hit is unconfirmed until a person has compared it. Who asked, why, and how many hits\n"
        "there were goes to the system's log and, on a kiosk, to its audit chain; the number does not.",
        epilog="examples:\n"
        "  hotspotctl watchlist lookup vehicle 'LJ 12-345' --issuer SVN --purpose 'second line, lane 2'\n"
        "  hotspotctl watchlist lookup vin 1HGCM82633A004352 --purpose 'vehicle search' --json\n\n"
        "exit codes: 0 not listed, 1 listed, 3 could not be looked up",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    lookup.add_argument("kind", choices=[kind.value for kind in Kind], metavar="KIND", help=", ".join(Kind))
    lookup.add_argument("number", metavar="NUMBER")
    lookup.add_argument("--issuer", default="", help="who issued or registered it; without, every issuer is tried")
    lookup.add_argument("--purpose", required=True, metavar="TEXT", help="why it is looked up")
    _add_place(lookup)
    lookup.set_defaults(run=_lookup, command="lookup")

    explain = commands.add_parser(
        "explain",
        help="show one record, where it came from, and which lists have it",
        description="Shows the record with this reference, and in which of the lists that are kept it is.",
        epilog="example: hotspotctl watchlist explain XPO/2026/1 --purpose 'complaint 2026/7'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    explain.add_argument("reference", metavar="REFERENCE")
    explain.add_argument("--purpose", default="", metavar="TEXT", help="why it is looked at; a kiosk asks for it")
    _add_place(explain)
    explain.set_defaults(run=_explain, command="explain")


def _add_place(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, metavar="FILE", help=f"names list and key; by default {_CONFIG}")
    command.add_argument("--folder", type=Path, help="folder of the lists, in place of the configuration's")
    command.add_argument("--key", type=Path, metavar="FILE", help="key file, in place of the configuration's")
    command.add_argument("--json", action="store_true", help="print it as JSON")


def _shelf(arguments: argparse.Namespace) -> Shelf:
    folder: Path | None = arguments.folder
    key: Path | None = arguments.key
    if folder is None:
        path: Path = arguments.config or _CONFIG
        if arguments.config is None and not path.exists():
            raise ConfigError(Reason.UNREADABLE, "no list is named", "Give --folder, or --config.")
        config = load(path)
        folder = resolve(path, config.watchlist.folder)
        if key is None and config.watchlist.key:
            key = resolve(path, config.watchlist.key)
    return Shelf(folder, key)


@dataclass(frozen=True, slots=True)
class _Kept:
    """One list on the shelf, open."""

    role: str
    manifest: Manifest
    snapshot: Snapshot


def _kept(shelf: Shelf) -> Iterator[_Kept]:
    """The lists that can be opened, the current one first; what is wrong with another is told."""
    for role, folder in (("current", shelf.current()), ("previous", shelf.previous())):
        if folder is None:
            continue
        try:
            manifest = read_manifest(folder)
            yield _Kept(role, manifest, shelf.open_without_engines(folder, manifest))
        except WatchlistError as error:
            if error.reason not in (Reason.DAMAGED, Reason.NOT_FOUND):
                raise
            complain(f"the {role} list is left out: {error}")


def _from_newest(shelf: Shelf, ask: Callable[[Snapshot], _T]) -> tuple[_T, str]:
    """What the newest list that is whole answers, and its version. Raises WatchlistError where there is none."""
    for kept in _kept(shelf):
        try:
            return ask(kept.snapshot), kept.manifest.version
        except WatchlistError as error:
            if error.reason is not Reason.DAMAGED:
                raise
            complain(f"the {kept.role} list is left out: {error}")
    raise WatchlistError(
        Reason.NOT_FOUND, f"no list in {shelf.folder} can be used", "Build one, or name another folder."
    )


def _lookup(arguments: argparse.Namespace) -> Exit:
    kind, today = Kind(arguments.kind), Clock().now().at.date()
    shelf = _shelf(arguments)

    def find(snapshot: Snapshot) -> list[NumberHit]:
        return snapshot.find_number(kind, arguments.number, arguments.issuer, today)

    purpose = _purpose(arguments)
    hits, version = _from_newest(shelf, find)
    _log(f"lookup of a {kind.label}", f"{len(hits)} hits", purpose)
    _audit(arguments, "watchlist.lookup", f"{kind.value} {len(hits)} hits", purpose)
    if arguments.json:
        print_json({"version": version, "hits": [_told(hit) for hit in hits]})
    elif hits:
        for hit in hits:
            print_table(("", ""), list(_told(hit).items()))
        print(f"Unconfirmed. {kind.instruction}")
    else:
        print(f"This {kind.label} is not listed in {version}.")
    return Exit.PROBLEMS if hits else Exit.OK


def _purpose(arguments: argparse.Namespace) -> str:
    """Why it is asked, on one line. Raises ConfigError where a kiosk is asked without."""
    said = "".join(character if character.isprintable() else "?" for character in arguments.purpose)[:200].strip()
    if not said and (arguments.command == "lookup" or _records(arguments) is not None):
        raise ConfigError(Reason.MISSING_KEY, "--purpose is missing", "Say why it is looked up: it is written down.")
    return said


def _records(arguments: argparse.Namespace) -> Path | None:
    """The records of the kiosk that is asked: of the configuration named, or of the machine's own.

    A machine without either only has lists on it: who builds and tries them is no kiosk's user.
    """
    path = _configuration(arguments)
    return None if path is None else place(path)[0]


def _configuration(arguments: argparse.Namespace) -> Path | None:
    return arguments.config or (_CONFIG if _CONFIG.exists() else None)


def _log(what: str, outcome: str, purpose: str) -> None:
    syslog.openlog("hotspotctl", facility=syslog.LOG_AUTHPRIV)
    syslog.syslog(f"watchlist {what} by {getpass.getuser()}: {outcome}; purpose: {purpose}")


def _audit(arguments: argparse.Namespace, event: str, detail: str, note: str) -> None:
    """Write it into the kiosk's audit chain. Raises RecordsError: then nothing is answered."""
    path = _configuration(arguments)
    if path is None:
        return
    database, source = place(path)
    if not database.exists():
        complain(f"{database} is not there yet: only the system's log has this")
        return
    audit_file.add(
        database,
        Clock().now(),
        event,
        subject="watchlist",
        actor=getpass.getuser(),
        detail=detail,
        note=note,
        source=source,
    )


def _told(hit: NumberHit) -> dict[str, str]:
    listing = hit.listing
    return {
        "reference": hit.reference,
        "kind": listing.kind.value,
        "issuer": listing.issuer,
        "status": listing.status.label,
        "owner": listing.owner,
        "purpose": listing.purpose,
        "source": listing.source,
        "expires": hit.expires.isoformat() if hit.expires else "",
        "agrees": hit.detail,
    }


def _explain(arguments: argparse.Namespace) -> Exit:
    shelf = _shelf(arguments)
    purpose = _purpose(arguments)
    reference: str = arguments.reference
    lists: list[dict[str, str]] = []
    record: dict[str, Any] | None = None
    for kept in _kept(shelf):
        found = _record(kept.snapshot, reference)
        if found is not None:
            record = record or found
            lists.append({"role": kept.role, "version": kept.manifest.version, "made_at": kept.manifest.made_at})
    outcome = "found" if record else "not found"
    if purpose:
        _log("record asked for", outcome, purpose)
    _audit(arguments, "watchlist.explain", outcome, f"{purpose} ({reference})")
    if record is None:
        raise WatchlistError(
            Reason.NOT_FOUND, f"no list in {shelf.folder} has the record {reference}", "It may be gone."
        )
    if arguments.json:
        print_json({"record": record, "lists": lists})
    else:
        shown = [(name, text) for name, text in record.items() if text not in ("", None, [])]
        print_table(("", ""), [(name, str(text)) for name, text in shown])
        print_table(("in", "version", "made"), [(one["role"], one["version"], one["made_at"]) for one in lists])
    return Exit.OK


def _record(snapshot: Snapshot, reference: str) -> dict[str, Any] | None:
    hit = snapshot.listed_number(reference)
    if hit is not None:
        return _told(hit)
    try:
        record: ListRecord = snapshot.record(reference)
    except WatchlistError as error:
        if error.reason is not Reason.NOT_FOUND:
            raise
        return None
    told: dict[str, Any] = msgspec.to_builtins(record)
    return told
