"""``python -m hotspotd.gateway.desk``: the hit desk at the terminal, on the gateway's own database."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from hotspotd.clock import Clock
from hotspotd.console.alert_view import Strength, strength
from hotspotd.errors import HotspotError, Reason
from hotspotd.gateway.config import GatewayConfig, load, responder_of
from hotspotd.gateway.desk import probes, view
from hotspotd.gateway.desk.ruling import Rulings
from hotspotd.gateway.storage import Store, open_store
from hotspotd.gateway.storage.desk import DeskHit, HitState

_EPILOG: Final = """\
examples:
  python -m hotspotd.gateway.desk list --config gateway.toml
  python -m hotspotd.gateway.desk show 12 --config gateway.toml
  python -m hotspotd.gateway.desk confirm 12 --by NCB-0417 --reason "Scar over the left brow" --config gateway.toml
  python -m hotspotd.gateway.desk reject 12 --by NCB-0417 --reason "Ears differ" --config gateway.toml --json

exit status:
  0  done        1  the database or the configuration cannot be used
  2  wrong use   3  there is no such hit        4  the hit was decided before
"""
_EXIT: Final = {Reason.NOT_FOUND: 3, Reason.CONFLICT: 4, Reason.BAD_VALUE: 2}


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        config = load(options.config)
    except HotspotError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        sys.stdout.write(asyncio.run(_run(options, config)))
    except HotspotError as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT.get(error.reason, 1)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hotspotd.gateway.desk",
        description="Hits that wait for an officer of the bureau: list, show, confirm, reject.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--config", type=Path, required=True, metavar="FILE", help="the gateway's configuration")
    every.add_argument("--json", action="store_true", help="as JSON, for programs")
    one = argparse.ArgumentParser(add_help=False, parents=[every])
    one.add_argument("hit", type=int, metavar="HIT", help="its number in the list")
    ruling = argparse.ArgumentParser(add_help=False, parents=[one])
    ruling.add_argument("--by", required=True, metavar="BADGE", help="your badge number")
    ruling.add_argument("--reason", required=True, metavar="TEXT", help="what you saw; it is kept with the decision")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", parents=[every], help="the hits that wait, the most urgent first")
    listing.add_argument("--decided", action="store_true", help="those that were decided last, instead")
    commands.add_parser("show", parents=[one], help="one hit in full, without its pictures")
    commands.add_parser("confirm", parents=[ruling], help="it is the listed person; the border is told")
    commands.add_parser("reject", parents=[ruling], help="it is somebody else; the border is told")
    return parser


async def _run(options: argparse.Namespace, config: GatewayConfig) -> str:
    store = await open_store(config.store.place(options.config))
    try:
        if options.command == "list":
            return await _list(store, decided=options.decided, as_json=options.json)
        if options.command == "show":
            return await _show(store, options.hit, as_json=options.json)
        state = HitState.CONFIRMED if options.command == "confirm" else HitState.REJECTED
        # The gateway is another process: the device learns of it when it next asks.
        desk = Rulings(store, responder_of(config), Clock(), lambda _device: None)
        hit = await desk.rule(options.hit, state, options.by, options.reason)
        return _json(hit) if options.json else f"Hit {hit.id} is {hit.state}. The border is told.\n"
    finally:
        await store.close()


async def _list(store: Store, *, decided: bool, as_json: bool) -> str:
    hits = await (store.desk.decided() if decided else store.desk.waiting())
    if as_json:
        return _json(hits)
    if not hits:
        return "No hit was decided yet.\n" if decided else "No hit waits.\n"
    rows = [
        (str(line.id), "asked for" if line.escalated else view.STATES[hit.state], line.heading, line.title, line.where)
        for hit, line in ((hit, view.line(hit)) for hit in hits)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "".join(_plain("  ".join(map(str.ljust, row, widths)).rstrip()) + "\n" for row in rows)


async def _show(store: Store, hit_id: int, *, as_json: bool) -> str:
    hit = await store.desk.hit(hit_id)
    if as_json:
        return _json(hit)
    found = await asyncio.to_thread(probes.read, await store.desk.body(hit_id))
    shown = view.opened(hit, found, frozenset(), Clock().now().iso()[:10])
    rows = [
        ("Hit", f"{hit.id}, {shown.state}"),
        ("Listed", f"{shown.line.heading}: {shown.line.title} ({shown.owner} {shown.reference})"),
        ("For", shown.reason),
        ("Warnings", "; ".join(shown.cautions)),
        ("Seen", f"{shown.line.when}, {shown.line.where}, transaction {hit.tcn}"),
        *((one.label, f"{one.words} ({one.exact})") for one in _strengths(hit)),
        *((row.label, f"{row.document or '-'} / {row.record or '-'}") for row in shown.comparisons if row.differs),
        ("At the border", shown.border),
        ("Pictures", "on the desk's page" if hit.pictures else "erased"),
        ("Decided", f"{shown.ruling}: {shown.ruling_reason}" if shown.decided else ""),
    ]
    return "".join(f"{label:<14}{_plain(text)}\n" for label, text in rows if text)


def _strengths(hit: DeskHit) -> list[Strength]:
    return [strength(candidate, hit.hit.record.notice) for candidate in hit.hit.candidates]


def _plain(text: str) -> str:
    """``text`` without what a terminal would obey: lists and devices wrote it."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _json(value: DeskHit | list[DeskHit]) -> str:
    return msgspec.json.encode(value).decode() + "\n"


if __name__ == "__main__":
    sys.exit(main())
