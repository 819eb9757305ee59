"""``hotspotctl people``: who may sign in at the kiosk's screens, and as what.

Works beside a running daemon, on its database; whoever may write that may do everything here.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys

from hotspotd.access import secrets
from hotspotd.cli.outbox_access import add_who, command, opened
from hotspotd.cli.output import Exit, print_json, print_table
from hotspotd.domain.rights import Role
from hotspotd.errors import AccessError, Reason
from hotspotd.records.people import Person

_CODES = "0 done, 3 could not be done"


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser(
        "people",
        help="who may sign in at the screens, and as what",
        description="People who may sign in at this kiosk. A running daemon knows of changes at once; who was signed\n"
        "in already stays so until the session ends.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    listing = command(
        commands, "list", "list them", "Lists badges, roles, locks and keys.", "  hotspotctl people list\n", _CODES
    )
    listing.set_defaults(run=_list)

    add = command(
        commands,
        "add",
        "let somebody sign in",
        "Adds somebody and prints a PIN made by chance, which is to be changed at the first sign-in. With\n"
        "--secret-stdin the secret is read instead: a PIN of 6 digits or more, or a password of 10 letters or more.",
        "  hotspotctl people add 1042 --role guard\n"
        "  hotspotctl people add 2001 --role supervisor --role auditor --by mjones\n"
        "  echo 'correct horse' | hotspotctl people add T7 --role technician --secret-stdin\n",
        _CODES,
    )
    _badge(add)
    add.add_argument("--role", action="append", required=True, choices=list(Role), help="may be repeated")
    _secret(add)
    add_who(add)
    add.set_defaults(run=_add)

    secret = command(
        commands,
        "new-secret",
        "give somebody a new PIN, and unlock",
        "Prints a new PIN made by chance, to be changed at the next sign-in, or reads a secret. Unlocks the badge.",
        "  hotspotctl people new-secret 1042\n",
        _CODES,
    )
    _badge(secret)
    _secret(secret)
    add_who(secret)
    secret.set_defaults(run=_new_secret)

    for name, short, run in (
        ("disable", "let somebody not sign in any more", _disable),
        ("enable", "let somebody sign in again, and unlock", _enable),
        ("remove-key", "forget somebody's security key: a lost one, say", _remove_key),
        ("remove", "forget somebody; what they did stays in the audit chain", _remove),
    ):
        made = command(commands, name, short, short.capitalize() + ".", f"  hotspotctl people {name} 1042\n", _CODES)
        _badge(made)
        add_who(made)
        made.set_defaults(run=run)


def _badge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("badge", metavar="BADGE", help="badge number: letters, digits and hyphens")


def _secret(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--secret-stdin", action="store_true", help="read the secret: nobody is asked to change it")


def _list(arguments: argparse.Namespace) -> Exit:
    people, keys = asyncio.run(_people(arguments))
    if arguments.json:
        print_json([_as_json(person, has_key=person.badge in keys) for person in people])
    else:
        rows = [
            (
                person.badge,
                ", ".join(person.roles),
                _state(person),
                "yes" if person.badge in keys else "",
                person.changed_at,
            )
            for person in people
        ]
        print_table(("badge", "roles", "state", "security key", "changed"), rows)
    return Exit.OK


async def _people(arguments: argparse.Namespace) -> tuple[list[Person], frozenset[str]]:
    async with opened(arguments.config) as records:
        return await records.people(), await records.badges_with_key()


def _as_json(person: Person, *, has_key: bool) -> dict[str, object]:
    return {
        "badge": person.badge,
        "roles": list(person.roles),
        "state": _state(person),
        "failures": person.failures,
        "security_key": has_key,
        "made_at": person.made_at,
        "changed_at": person.changed_at,
    }


def _state(person: Person) -> str:
    if person.disabled:
        return "disabled"
    if person.failures:
        return f"{person.failures} wrong tries"
    return "to change the PIN" if person.must_change else "well"


def _add(arguments: argparse.Namespace) -> Exit:
    secrets.check_badge(arguments.badge)
    secret = _chosen(arguments)
    person = Person(
        badge=arguments.badge,
        roles=tuple(Role(role) for role in dict.fromkeys(arguments.role)),
        secret=secrets.hashed(secret),
        must_change=not arguments.secret_stdin,
    )

    async def add() -> None:
        async with opened(arguments.config) as records:
            await records.add_person(person, arguments.by)

    asyncio.run(add())
    return _told(arguments, secret)


def _new_secret(arguments: argparse.Namespace) -> Exit:
    secret = _chosen(arguments)
    kept = secrets.hashed(secret)

    async def change() -> None:
        async with opened(arguments.config) as records:
            await records.set_secret(arguments.badge, kept, arguments.by, must_change=not arguments.secret_stdin)

    asyncio.run(change())
    return _told(arguments, secret)


def _chosen(arguments: argparse.Namespace) -> str:
    if not arguments.secret_stdin:
        return secrets.new_pin(arguments.badge)
    given = getpass.getpass("PIN or password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not given:
        raise AccessError(Reason.BAD_VALUE, "no secret was given", "Write it to standard input.")
    secrets.check_secret(arguments.badge, given)
    return given


def _told(arguments: argparse.Namespace, secret: str) -> Exit:
    pin = None if arguments.secret_stdin else secret
    if arguments.json:
        print_json({"badge": arguments.badge, "pin": pin})
    elif pin:
        print(f"badge {arguments.badge}: PIN {pin}, to be changed at the first sign-in; it is not shown again")
    return Exit.OK


def _disable(arguments: argparse.Namespace) -> Exit:
    return _switch(arguments, disabled=True)


def _enable(arguments: argparse.Namespace) -> Exit:
    return _switch(arguments, disabled=False)


def _switch(arguments: argparse.Namespace, *, disabled: bool) -> Exit:
    async def switch() -> None:
        async with opened(arguments.config) as records:
            await records.set_disabled(arguments.badge, arguments.by, disabled=disabled)

    asyncio.run(switch())
    return Exit.OK


def _remove(arguments: argparse.Namespace) -> Exit:
    async def remove() -> None:
        async with opened(arguments.config) as records:
            await records.remove_person(arguments.badge, arguments.by)

    asyncio.run(remove())
    return Exit.OK


def _remove_key(arguments: argparse.Namespace) -> Exit:
    async def remove() -> None:
        async with opened(arguments.config) as records:
            await records.remove_keys(arguments.badge, arguments.by)

    asyncio.run(remove())
    return Exit.OK
