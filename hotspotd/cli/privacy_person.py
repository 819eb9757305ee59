"""``hotspotctl privacy export`` and ``erase``: one person's data, on a lawful request."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec

from hotspotd.cli.outbox_access import add_who, command, plain
from hotspotd.cli.output import Exit, complain, print_json
from hotspotd.cli.records_place import place
from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.data_subjects import Held, Subject


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], key_help: str) -> None:
    """Add both commands."""
    export = command(
        commands,
        "export",
        "write down all that is held of one person",
        "Writes what is held of one person's encounters into a new folder, which only you may read: JSON, pictures,\n"
        "messages. "
        "Who asked and why goes into the audit chain first.\n\n" + key_help,
        "  hotspotctl privacy export ./request-17 --document L898902C3 --purpose 'request 17/2026, art. 14'\n"
        "  hotspotctl privacy export ./request-18 --surname Eriksson --given-names Anna --born 740812 --purpose '..'\n",
        "0 written, 1 nothing is held of this person, 3 not written",
    )
    export.add_argument("folder", type=Path, metavar="FOLDER")
    _add_person(export)
    export.set_defaults(run=_export)
    erase = command(
        commands,
        "erase",
        "erase all that is held of one person",
        "Destroys the keys of one person's encounters: nothing that was captured can be read any more, here or in\n"
        "copies of the database. Refused for what is under legal hold, for a traveller who is in the lane, and for\n"
        "what the gateway has not received. Who asked and why goes into the audit chain.\n\n" + key_help,
        "  hotspotctl privacy erase --document L898902C3 --purpose 'request 17/2026, art. 16'\n"
        "  hotspotctl privacy erase --surname Eriksson --born 740812 --purpose '...' --dry-run\n",
        "0 erased, 1 nothing is held of this person, or some was refused, 3 not done",
    )
    _add_person(erase)
    erase.add_argument("--unsent", action="store_true", help="even what the gateway has not received")
    erase.add_argument("--dry-run", action="store_true", help="only say which encounters would be")
    erase.set_defaults(run=_erase)


def _add_person(to: argparse.ArgumentParser) -> None:
    person = to.add_argument_group("the person", "what is given must all agree with the document that was read")
    person.add_argument("--document", default="", metavar="NUMBER")
    person.add_argument("--surname", default="", metavar="NAME")
    person.add_argument("--given-names", default="", metavar="NAMES")
    person.add_argument("--born", default="", metavar="YYMMDD", help="as documents have it")
    to.add_argument("--purpose", type=plain, required=True, metavar="WHY", help="for the audit chain: name the request")
    to.add_argument("--data-key", type=Path, metavar="FILE", help="its file, instead of where the daemon has it")
    add_who(to)
    to.set_defaults(parser=to)


def _person(arguments: argparse.Namespace) -> Subject:
    if not (arguments.document or arguments.surname):
        arguments.parser.error("name a --document or a --surname")
    return Subject(
        document=arguments.document,
        surname=arguments.surname,
        given_names=arguments.given_names,
        birth_date=arguments.born,
    )


async def _opened(arguments: argparse.Namespace) -> Records:
    database, source = await asyncio.to_thread(place, arguments.config, arguments.data_key)
    return await Records.beside(database, data_key=source)


def _export(arguments: argparse.Namespace) -> Exit:
    found = asyncio.run(_write(arguments, _person(arguments)))
    if arguments.json:
        print_json({"folder": str(arguments.folder), "encounters": found})
    else:
        print(f"{arguments.folder}: {len(found)} encounters" if found else "Nothing is held of this person.")
    return Exit.OK if found else Exit.PROBLEMS


async def _write(arguments: argparse.Namespace, person: Subject) -> list[str]:
    records = await _opened(arguments)
    try:
        found = await records.encounters_of(person)
        if found:
            await asyncio.to_thread(_make_empty, arguments.folder)
        await records.person_read(found, "exported", arguments.by, arguments.purpose)
        for encounter_id in found:
            held = await records.all_of(encounter_id)
            await asyncio.to_thread(_write_one, arguments.folder / encounter_id, held)
    finally:
        await records.close()
    return found


def _write_one(folder: Path, held: Held) -> None:
    folder.mkdir(mode=0o700)
    about: dict[str, Any] = {
        "exported_at": Clock().now().iso(),
        "encounter": held.stored,
        "alerts": held.alerts,
        "pictures": sorted(held.pictures),
        "messages": sorted(held.messages),
    }
    _put(folder / "encounter.json", msgspec.json.format(msgspec.json.encode(about), indent=2))
    for name, data in (held.pictures | held.messages).items():
        _put(folder / name, data)


def _put(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(data)


def _make_empty(folder: Path) -> None:
    """Raises RecordsError (CONFLICT) for a folder with something in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise RecordsError(Reason.CONFLICT, f"{folder}: is not empty", "Nothing is overwritten: name a new folder.")


def _erase(arguments: argparse.Namespace) -> Exit:
    erased, refused = asyncio.run(_erase_all(arguments, _person(arguments)))
    if arguments.json:
        print_json({"dry_run": arguments.dry_run, "erased": erased, "refused": refused})
    else:
        done = "would be erased" if arguments.dry_run else "erased"
        print("".join(f"{one}: {done}\n" for one in erased) or "Nothing was erased.\n", end="")
    for why in refused.values():
        complain(why)
    return Exit.OK if erased and not refused else Exit.PROBLEMS


async def _erase_all(arguments: argparse.Namespace, person: Subject) -> tuple[list[str], dict[str, str]]:
    erased: list[str] = []
    refused: dict[str, str] = {}
    records = await _opened(arguments)
    try:
        found = await records.encounters_of(person)
        await records.person_read(found, "searched", arguments.by, arguments.purpose)
        for encounter_id in found:
            if arguments.dry_run:
                erased.append(encounter_id)
                continue
            try:
                await records.erase_encounter(encounter_id, arguments.by, arguments.purpose, unsent=arguments.unsent)
            except RecordsError as error:
                if error.reason is not Reason.CONFLICT:
                    raise
                refused[encounter_id] = str(error)
            else:
                erased.append(encounter_id)
    finally:
        await records.close()
    return erased, refused
