"""``hotspotctl update``: the software's own versions: look, fetch, apply, go back."""

from __future__ import annotations

import argparse
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotspotd.cli.doctor import DEFAULT_CONFIG
from hotspotd.cli.output import Exit, print_json
from hotspotd.clock import Clock
from hotspotd.config import load, resolve
from hotspotd.errors import ConfigError, Reason, UpdateError
from hotspotd.relay.links.tls import client_context
from hotspotd.updates import applying
from hotspotd.updates.building import Builder
from hotspotd.updates.following import Following
from hotspotd.updates.obeying import Software, obey
from hotspotd.updates.versions import ROOT, Versions
from hotspotd.updates.wishes import OUTCOMES, WISHES
from hotspotd.watchlist.sync.trusted_source import TrustedSource
from hotspotd.watchlist.sync.trusted_time import TrustedTime

_EXAMPLES = """\
examples:
  hotspotctl update status
  hotspotctl update check --json
  sudo hotspotctl update apply
  sudo hotspotctl update apply --from /media/stick/repository
  sudo hotspotctl update rollback

exit codes: 0 done, 1 (check) there is a newer version, 2 wrong usage, 3 it could not be done; what ran before runs
"""


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser(
        "update",
        help="keep the software up to date",
        description="Versions of the software: two are kept, one runs. A new one is fetched from a signed repository,\n"
        "built beside the present one and put back by itself where it does not become ready.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    for name, run, words in (
        ("status", _status, "which versions are here, and which one runs"),
        ("check", _check, "whether a newer version is published"),
        ("fetch", _fetch, "fetch the newest version, and change nothing"),
        ("apply", _apply, "fetch the newest version and run it"),
        ("rollback", _rollback, "run the version before"),
        ("wished", _wished, "do what the technician's page asked for; hotspotd-update.service runs it"),
    ):
        command = commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        command.add_argument("--root", type=Path, default=ROOT, metavar="FOLDER", help="default: %(default)s")
        command.add_argument("--json", action="store_true", help="print the result as JSON")
        if name in {"check", "fetch", "apply", "wished"}:
            command.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
            command.add_argument("--from", dest="origin", metavar="PLACE", help="a folder or an https address")
        if name == "wished":
            command.add_argument(
                "--wishes", type=Path, default=WISHES, metavar="FOLDER", help="the daemon's; default: %(default)s"
            )
            command.add_argument(
                "--outcomes", type=Path, default=OUTCOMES, metavar="FOLDER", help="root's; default: %(default)s"
            )
        command.set_defaults(run=run)


def _status(arguments: argparse.Namespace) -> Exit:
    versions = Versions(arguments.root)
    if arguments.json:
        print_json({"current": versions.current, "trial": versions.trial, "versions": versions.complete()})
        return Exit.OK
    for version in versions.complete():
        runs = "runs" + (", on trial" if versions.trial else "") if version == versions.current else "is kept"
        print(f"{version} {runs}")
    if not versions.complete():
        print(f"no version in {arguments.root}: this one was not put here by scripts/install")
    return Exit.OK


def _check(arguments: argparse.Namespace) -> Exit:
    current = Versions(arguments.root).current
    with _following(arguments) as following:
        offer = following.check()
    newer = offer.version != current
    if arguments.json:
        print_json({"current": current, "published": offer.version, "bytes": offer.bytes, "newer": newer})
    else:
        print(f"{offer.version} is published" + (f", {current} runs" if newer else " and runs"))
    return Exit.PROBLEMS if newer else Exit.OK


def _fetch(arguments: argparse.Namespace) -> Exit:
    with _following(arguments) as following:
        offer = following.check()
        path = following.fetch(offer)
    if arguments.json:
        print_json({"version": offer.version, "bundle": str(path)})
    else:
        print(f"{offer.version} is in {path}")
    return Exit.OK


def _apply(arguments: argparse.Namespace) -> Exit:
    with _following(arguments) as following:
        version, changed = applying.apply_newest(following, Builder(Versions(arguments.root)))
    if arguments.json:
        print_json({"version": version, "changed": changed})
    else:
        print(f"{version} runs" + ("" if changed else " already"))
    return Exit.OK


def _rollback(arguments: argparse.Namespace) -> Exit:
    _refuse_others()
    version = applying.roll_back(Versions(arguments.root))
    if arguments.json:
        print_json({"version": version})
    else:
        print(f"{version} runs")
    return Exit.OK


def _wished(arguments: argparse.Namespace) -> Exit:
    _refuse_others()
    versions = Versions(arguments.root)
    software = Software(
        Builder(versions, config=arguments.config), lambda: _following(arguments), applying.judged_by_systemd
    )
    outcome = obey(arguments.wishes, arguments.outcomes, _owners(), software, Clock())
    if arguments.json:
        print_json(outcome)
    else:
        print(outcome.words)
    return Exit.OK if outcome.state == "done" else Exit.CANNOT


def _owners() -> set[int]:
    """Who may wish: root, and the daemon's user."""
    return {0, *(entry.pw_uid for entry in pwd.getpwall() if entry.pw_name == "hotspotd")}


@contextmanager
def _following(arguments: argparse.Namespace) -> Iterator[Following]:
    """What follows the repository that the command line or the configuration names. Raises ConfigError."""
    _refuse_others()
    config = load(arguments.config)
    origin = arguments.origin or config.software.updates
    if not origin or not config.software.root:
        key = "updates" if config.software.root else "root"
        raise ConfigError(
            Reason.MISSING_KEY,
            f"{arguments.config}: software.{key} names nothing",
            "Name where software is published and the root that signs it; docs/updates.md.",
        )
    state = arguments.root / "updates"
    state.mkdir(parents=True, exist_ok=True)
    root = resolve(arguments.config, config.software.root).read_bytes()
    time = TrustedTime(state / "time", Clock())
    if origin.startswith("https://"):
        source = TrustedSource.https(origin, client_context(*config.relay.files(arguments.config)), state, root, time)
    else:
        source = TrustedSource.folder(Path(origin), state, root, time)
    try:
        yield Following(source, state)
    finally:
        source.close()


def _refuse_others() -> None:
    if os.geteuid() != 0:
        raise UpdateError(Reason.FAILED, "only root may change the software", "sudo hotspotctl update ...")
