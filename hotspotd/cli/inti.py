"""``hotspotctl inti``: INT-I transactions in files: what is in them, what is wrong with them, the other encoding."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from rich.text import Text

from hotspotd.cli.output import Exit, complain, print_json, print_table
from hotspotd.errors import Reason, RelayError
from hotspotd.relay import images
from hotspotd.relay.inti import either
from hotspotd.relay.inti.check import Fault, check
from hotspotd.relay.inti.convert import convert, convert_lossy
from hotspotd.relay.inti.fields import RULES
from hotspotd.relay.inti.limits import MAX_BYTES
from hotspotd.relay.inti.record import DATA, Encoding, Package, Record

_LONGEST = 80
_ENCODINGS = {".xml": Encoding.XML}


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser(
        "inti",
        help="look at, check and convert INT-I transactions",
        description="Reads INT-I v6 XML and traditional ANSI/NIST-ITL files; which it is, is seen by the content.",
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    show = _command(
        commands, "show", "list the records and fields of a file", "Shows texts, not pictures.\n", "show nps.xml"
    )
    show.add_argument("--hide-persons", action="store_true", help="leave out the texts of Type-2, to show it to others")
    show.set_defaults(run=_show)
    checks = _command(
        commands,
        "check",
        "say what is wrong with a file, in INT-I's error codes",
        "Exit code 1 when anything is wrong, also what a reader can pass over (told as such).\n",
        "check nps.xml --json",
    )
    checks.set_defaults(run=_check)
    converts = _command(
        commands,
        "convert",
        "write a file in the other encoding",
        "Refuses what the other encoding has no place for, unless --lossy is given, and then tells it.\n",
        "convert nps.xml nps.an2",
    )
    converts.add_argument(
        "out", type=Path, metavar="OUT", help=".xml is written in XML, any other in the traditional way"
    )
    converts.add_argument("--to", choices=[encoding.value for encoding in Encoding], help="whatever OUT is called")
    converts.add_argument("--lossy", action="store_true", help="leave out what there is no place for")
    converts.set_defaults(run=_convert)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, short: str, long: str, example: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=short,
        description=long,
        epilog=f"example: hotspotctl inti {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--json", action="store_true", help="for programs")
    return command


def _read(path: Path) -> Package:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return either.read(data)
    except RelayError as error:
        raise RelayError(error.reason, f"{path}: {error.what}", error.advice) from error


def _show(arguments: argparse.Namespace) -> Exit:
    package = _read(arguments.file)
    hidden = {2} if arguments.hide_persons else set()
    if arguments.json:
        records = [_as_json(record, hidden=record.type in hidden) for record in package.records]
        print_json({"encoding": package.encoding, "charset": package.charset, "records": records})
        return Exit.OK
    rows = [row for place, one in enumerate(package.records, 1) for row in _rows(one, place, hidden=one.type in hidden)]
    print_table(("record", "field", "", "content"), rows)
    return Exit.OK


def _as_json(record: Record, *, hidden: bool) -> dict[str, object]:
    return {
        "type": record.type,
        "idc": record.idc,
        "fields": [
            {
                "number": field.number,
                "mnemonic": _mnemonic(record, field.number),
                "subfields": None if hidden else field.subfields,
            }
            for field in record.fields
        ],
        "data_bytes": None if record.data is None else len(record.data),
        "picture": _picture(record),
        "unnumbered": [] if hidden else [_name(foreign.xml) for foreign in record.foreign],
    }


def _rows(record: Record, place: int, *, hidden: bool) -> list[tuple[str | Text, ...]]:
    rows: list[tuple[str | Text, ...]] = []
    for field in record.fields:
        text = "; ".join(" | ".join(items) for items in field.subfields)
        # Control characters of a file must not steer a terminal.
        text = "".join(character if character.isprintable() else "�" for character in " ".join(text.split()))
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
        name = f"{record.type}.{field.number:03}"
        rows.append((str(place), name, _mnemonic(record, field.number), "(hidden)" if hidden else text))
    if record.data is not None:
        rows.append((str(place), f"{record.type}.{DATA}", "DATA", f"{len(record.data)} bytes, {_picture(record)}"))
    rows += [
        (str(place), "", _name(foreign.xml), "(hidden)" if hidden else f"{len(foreign.xml)} characters of XML")
        for foreign in record.foreign
        if foreign.position >= 0
    ]
    return rows or [(str(place), f"Type-{record.type}", "", "no fields")]


def _mnemonic(record: Record, number: int) -> str:
    rule = RULES.get(record.type, {}).get(number)
    # XML has no lengths, and its records begin with their type.
    return rule.mnemonic if rule else ("LEN or RCC" if number == 1 else "")


def _name(xml: str) -> str:
    return xml[1:100].split(">", maxsplit=1)[0].split(" ", maxsplit=1)[0]


def _picture(record: Record) -> str | None:
    """Size of the picture by its own header."""
    if not record.data:
        return None
    try:
        width, height = images.size_of(record.data)
    except RelayError:
        return "no picture of a known format"
    return f"{width} x {height} pixels"


def _check(arguments: argparse.Namespace) -> Exit:
    package = _read(arguments.file)
    faults = check(package, images.size_of)
    if arguments.json:
        print_json({"encoding": package.encoding, "sound": not faults, "faults": faults})
    elif faults:
        print_table(("code", "record", "field", "", "what", ""), [_fault_row(fault) for fault in faults])
    else:
        print(f"{arguments.file}: nothing is wrong")
    return Exit.PROBLEMS if faults else Exit.OK


def _fault_row(fault: Fault) -> tuple[str, ...]:
    where = f"{fault.type}.{fault.field:03}" if fault.field else f"Type-{fault.type}"
    return (fault.code, str(fault.place), where, fault.mnemonic, fault.text, "can be passed over" * fault.tolerated)


def _convert(arguments: argparse.Namespace) -> Exit:
    package = _read(arguments.file)
    named = _ENCODINGS.get(arguments.out.suffix.lower(), Encoding.TRADITIONAL)
    encoding = Encoding(arguments.to) if arguments.to else named
    if encoding is package.encoding:
        raise RelayError(Reason.BAD_VALUE, f"{arguments.file}: is in the {encoding} encoding already", "Copy it.")
    lost: tuple[str, ...] = ()
    try:
        converted, lost = convert_lossy(package, encoding) if arguments.lossy else (convert(package, encoding), ())
    except RelayError as error:
        raise RelayError(error.reason, f"{arguments.file}: {error.what}", "With --lossy it is left out.") from error
    data = either.write(converted)
    _write(arguments.out, data)
    if arguments.json:
        print_json({"encoding": encoding, "bytes": len(data), "left_out": lost})
    else:
        print(f"{arguments.out}: {len(data)} bytes, {encoding}")
        for name in lost:
            complain(f"left out: {name}")
    return Exit.PROBLEMS if lost else Exit.OK


def _write(path: Path, data: bytes) -> None:
    """Write ``path`` so that it is the old file or the new one; readable by its owner alone, it holds personal data."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
