"""``hotspotctl privacy``: what is held of people, why and until when; legal hold; the keys that it is sealed with."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, Final

from hotspotd.cli import privacy_person
from hotspotd.cli.outbox_access import add_who, command, plain
from hotspotd.cli.output import Exit, complain, print_json, print_table
from hotspotd.cli.records_place import place
from hotspotd.config import load
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.data_key import make_key_file
from hotspotd.records.keeping import Held, Keeping, Why, term
from hotspotd.records.rotation import Rotated, rotate

KEY_HELP: Final = """\
The data key: what is held of people can only be read, or wrapped anew, with it. A key file that the configuration
names (records.data_key), or one beside the database, is read from there by whoever may: the user hotspotd runs as, or
root. Where systemd hands the key over as a credential, run the command with the same credential:

  systemd-run --pipe --wait -p User=hotspotd -p LoadCredentialEncrypted=data-key:hotspotd.data-key \\
    hotspotctl privacy ...
"""
_SAID: Final = {
    Why.NO_HIT: "no hit; its time runs",
    Why.HANDED_OVER: "a hit, handed over; its time runs",
    Why.NOT_CHECKED: "not checked yet",
    Why.NOT_ANSWERED: "the gateway has not answered",
    Why.NOT_SEARCHED: "the gateway answered with an error",
    Why.NOT_DECIDED: "an alert is open",
    Why.NOT_HANDED_OVER: "a hit that the gateway has no decision on",
    Why.LEGAL_HOLD: "legal hold",
}


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser(
        "privacy",
        help="what is held of people; one person's data; legal hold; the keys",
        description="Says what is held of people, and looks after the keys that it is sealed with.",
        epilog=KEY_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    report = command(
        commands,
        "report",
        "say what is held, why, and until when",
        "Lists every encounter of which something personal is held: why, and until when. Names nobody, needs no key.",
        "  hotspotctl privacy report\n  hotspotctl privacy report --json\n",
        "0 said",
    )
    report.set_defaults(run=_report)
    for name, short, long in (
        ("hold", "keep an encounter from being erased", "Puts an encounter under legal hold: only lifting ends it."),
        ("lift", "end a legal hold", "Ends a legal hold: the encounter is erased when its time is up, or at once."),
    ):
        held = command(
            commands,
            name,
            short,
            f"{long} Who and why goes into the audit chain." + (f"\n\n{KEY_HELP}" if name == "hold" else ""),
            f"  hotspotctl privacy {name} 0199f4... --reason 'order 12/2026 of the district court'\n",
            "0 done, 3 not done: no such encounter, or nothing is held of it",
        )
        held.add_argument("encounter", metavar="ENCOUNTER", help="as hotspotctl privacy report names it")
        held.add_argument("--reason", type=plain, required=True, metavar="WHY", help="for the audit chain")
        add_who(held)
        held.set_defaults(run=_hold, lift=name == "lift")
    privacy_person.add_to(commands, KEY_HELP)
    _add_keys(commands)


def _add_keys(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    changed = command(
        commands,
        "rotate",
        "change the data key, and wrap every key anew",
        "Makes a new data key and a new master key, and wraps the keys of all encounters anew while the daemon works.\n"
        "A key file is replaced. Interrupted, both data keys open everything: run it again. Instead of a credential\n"
        "the new key goes to --to FILE: encrypt that for systemd and start hotspotd again, which then forgets the old\n"
        "key; then destroy FILE.\n\n" + KEY_HELP,
        "  hotspotctl privacy rotate\n  hotspotctl privacy rotate --to /run/new-data-key\n",
        "0 done, 3 not done, or not to its end: run it again",
    )
    changed.add_argument("--to", type=Path, metavar="FILE", help="where the new data key is, or will be")
    add_key_file(changed)
    add_who(changed)
    changed.set_defaults(run=_rotate)
    make = commands.add_parser(
        "make-key",
        help="make a key file",
        description="Writes a new data key into FILE, which is not there yet, for its owner only. Made by root, it is\n"
        "given to the owner of its folder.",
        epilog="examples:\n  hotspotctl privacy make-key /etc/hotspotd/data.key\n\nexit codes: 0 made, 3 not made",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    make.add_argument("file", type=Path, metavar="FILE")
    make.set_defaults(run=_make_key)


def add_key_file(to: argparse.ArgumentParser) -> None:
    """Let the data key be named."""
    to.add_argument("--data-key", type=Path, metavar="FILE", help="its file, instead of where the daemon has it")


def _report(arguments: argparse.Namespace) -> Exit:
    operation = load(arguments.config).operation
    keeping = Keeping(operation.keep_clear_hours, operation.keep_hit_hours, operation.keep_longest_days * 24)
    held = asyncio.run(_held(arguments.config))
    rows = [(one, term(one, keeping)) for one in held]
    counts = Counter(kept.why for _, kept in rows)
    if arguments.json:
        print_json({
            "keeping_hours": {
                "no_hit": keeping.clear_hours, "hit": keeping.hit_hours, "longest": keeping.longest_hours
            },
            "counts": dict(counts),
            "encounters": [_row(one) | {"why": kept.why, "until": kept.until} for one, kept in rows],
        })  # fmt: skip
        return Exit.OK
    print_table(
        ("encounter", "transaction", "lane", "operation", "recorded", "why", "until"),
        [
            (one.encounter_id, one.tcn, one.lane, one.operation, one.recorded_at, _SAID[kept.why], kept.until or "open")
            for one, kept in rows
        ],
    )
    for why, count in counts.most_common():
        print(f"{count:6} {_SAID[why]}")
    print(f"{len(rows):6} encounters of which something personal is held")
    return Exit.OK


def _row(one: Held) -> dict[str, Any]:
    return {
        "encounter": one.encounter_id,
        "tcn": one.tcn,
        "lane": one.lane,
        "operation": one.operation,
        "recorded_at": one.recorded_at,
        "hit": one.hit,
        "held_since": one.held_since,
    }


async def _held(config: Path) -> list[Held]:
    database, _ = await asyncio.to_thread(place, config)
    records = await Records.beside(database)
    try:
        return await records.held()
    finally:
        await records.close()


def _hold(arguments: argparse.Namespace) -> Exit:
    asyncio.run(_put(arguments))
    if arguments.json:
        print_json({"encounter": arguments.encounter, "held": not arguments.lift})
    else:
        print(f"{arguments.encounter}: {'no longer under' if arguments.lift else 'under'} legal hold")
    return Exit.OK


async def _put(arguments: argparse.Namespace) -> None:
    database, source = await asyncio.to_thread(place, arguments.config)
    records = await Records.beside(database, data_key=source)
    try:
        do = records.lift if arguments.lift else records.hold
        await do(arguments.encounter, arguments.by, arguments.reason)
    finally:
        await records.close()


def _rotate(arguments: argparse.Namespace) -> Exit:
    database, source = place(arguments.config, arguments.data_key)
    if source is None:
        raise RecordsError(Reason.NO_KEY, "records: the data key is not here", "hotspotctl privacy rotate --help")
    done = None
    for done in rotate(database, source, arguments.to):  # noqa: B007  # The last counts.
        pass
    if done is None:
        complain("nothing was changed")
        return Exit.CANNOT
    asyncio.run(_say_rotated(database, done, arguments.by))
    if arguments.json:
        print_json({"data_key": done.data_key, "rewrapped": done.rewrapped, "replaced": done.replaced})
    else:
        print(f"{done.rewrapped} keys are wrapped anew; the data key is {done.data_key}.")
        if not done.replaced:
            print(f"Hand {arguments.to} over as the daemon's data key and start it again: it then forgets the old one.")
    return Exit.OK


async def _say_rotated(database: Path, done: Rotated, by: str) -> None:
    records = await Records.beside(database)
    try:
        detail = f"{done.rewrapped} keys" + ("" if done.replaced else ", not replaced yet")
        await records.audited("data_key.rotated", subject=done.data_key, actor=by, detail=detail)
    finally:
        await records.close()


def _make_key(arguments: argparse.Namespace) -> Exit:
    make_key_file(arguments.file)
    print(f"{arguments.file}: made. hotspotd's user has to own it: chown hotspotd {arguments.file}")
    print("Keep a copy where no thief of the kiosk finds it: without it nothing can be read.")
    return Exit.OK
