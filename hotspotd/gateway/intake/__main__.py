"""``python -m hotspotd.gateway.intake``: what national repositories hold, where it came from, and giving it on."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from hotspotd.clock import Clock
from hotspotd.config import resolve
from hotspotd.errors import ConfigError, HotspotError, Reason, WatchlistError
from hotspotd.gateway.config import load
from hotspotd.gateway.intake import giving
from hotspotd.gateway.intake.giving import Held, Repositories

_EXAMPLES = """examples:
  python -m hotspotd.gateway.intake show --config gateway.toml
  python -m hotspotd.gateway.intake export ./source --config gateway.toml
  python -m hotspotd.gateway.intake export ./source --as records --config gateway.toml --json
  python -m hotspotd.gateway.intake explain UTO/2026/17 --config gateway.toml
  python -m hotspotd.gateway.intake verify --config gateway.toml

What is exported is read by hotspotctl watchlist build. The gateway may run meanwhile.

exit codes: 0 done, 1 not, with the reason, 2 wrong usage
"""
_FORMS = {"records": giving.give_records, "numbers": giving.give_numbers}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        config = load(options.config)
        if config.intake is None:
            raise ConfigError(
                Reason.MISSING_KEY, f"{options.config}: no [intake]", "config/gateway.toml says what it is."
            )
        database = resolve(options.config, config.intake.database)
        with giving.opened(database, config.intake.rules(), Clock().now().at.date()) as repositories:
            options.run(options, repositories)
    except (HotspotError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hotspotd.gateway.intake",
        description="National repositories at the gateway.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    show = commands.add_parser("show", help="the repositories, and where each is")
    show.set_defaults(run=_show)

    export = commands.add_parser("export", help="write what they hold as a source of watchlists")
    export.add_argument("folder", type=Path, metavar="FOLDER", help="where records.jsonl or numbers.jsonl is written")
    export.add_argument(
        "--as",
        dest="form",
        choices=sorted(_FORMS),
        default="numbers",
        help="numbers: every kind, the usual; records: documents, each with its reference and reason",
    )
    export.set_defaults(run=_export)

    explain = commands.add_parser("explain", help="where a record came from, and since when it is there")
    explain.add_argument("reference", metavar="REF", help="the bureau's reference, or a number")
    explain.set_defaults(run=_explain)

    verify = commands.add_parser("verify", help="check again who signed every delta, and that none is missing")
    verify.set_defaults(run=_verify)

    for command in (show, export, explain, verify):
        command.add_argument("--config", type=Path, required=True, metavar="FILE", help="the gateway's")
        command.add_argument("--json", action="store_true", help="print it as JSON")
    return parser


def _show(options: argparse.Namespace, repositories: Repositories) -> None:
    states = repositories.states()
    if options.json:
        _print([dict(zip(("repository", "sequence", "digest", "count"), state, strict=True)) for state in states])
    for name, sequence, _, count in () if options.json else states:
        print(f"{name}: delta {sequence}, {count} records")  # noqa: T201


def _export(options: argparse.Namespace, repositories: Repositories) -> None:
    counts = _FORMS[options.form](repositories, options.folder)
    if options.json:
        _print({"folder": str(options.folder), "counts": dict(counts)})
    else:
        told = ", ".join(f"{count} {what}" for what, count in counts.items())
        print(f"{options.folder}: {told or 'nothing'}")  # noqa: T201


def _explain(options: argparse.Namespace, repositories: Repositories) -> None:
    found = repositories.named(options.reference)
    if not found:
        raise WatchlistError(
            Reason.NOT_FOUND, f"no repository holds {options.reference!r}", "It may have been withdrawn, or have ended."
        )
    told = [_told(one, repositories) for one in found]
    if options.json:
        _print(told)
        return
    for one in told:
        for name, value in one.items():
            print(f"{name:15} {value}")  # noqa: T201
        print()  # noqa: T201


def _verify(options: argparse.Namespace, repositories: Repositories) -> None:
    chains = repositories.chains()
    if options.json:
        _print(chains)
    else:
        for chain in chains:
            print(f"{chain.repository}: {chain.deltas} deltas: {chain.problem or 'whole'}")  # noqa: T201
    if wrong := [chain.repository for chain in chains if chain.problem]:
        raise WatchlistError(
            Reason.UNTRUSTED, f"not as it was signed: {', '.join(wrong)}", "Have it submitted anew into a new database."
        )


def _told(held: Held, repositories: Repositories) -> dict[str, Any]:
    first, last = (repositories.receipt(held.repository, number) for number in (held.first_sequence, held.sequence))
    record = {name: value for name, value in msgspec.to_builtins(held.record).items() if value}
    return record | {
        "reference": held.reference,
        "repository": held.repository,
        "owner": held.owner,
        "here since": held.listed,
        "counts until": held.ends,
        "brought by": f"delta {first.sequence}, {first.device}, {first.at}",
        "last named by": f"delta {last.sequence}, {last.device}, {last.at}",
    }


def _print(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
