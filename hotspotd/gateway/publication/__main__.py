"""``python -m hotspotd.gateway.publication``: make a repository, publish watchlists into it, look after its keys."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from hotspotd.errors import HotspotError, Reason, WatchlistError
from hotspotd.gateway.publication.key_ring import KINDS, ONLINE, ROOT, TARGETS, KeyRing, make_keys
from hotspotd.gateway.publication.publisher import Publisher, read_devices
from hotspotd.gateway.publication.repository import Repository
from hotspotd.gateway.publication.software import publish_software
from hotspotd.watchlist.layout import read_manifest
from hotspotd.watchlist.shelf import Shelf

_EXAMPLES = """examples:
  python -m hotspotd.gateway.publication create REPOSITORY --keys KEYS
  python -m hotspotd.gateway.publication publish REPOSITORY --keys KEYS/targets KEYS/online \\
      --secrets SECRETS --devices CERTIFICATES --watchlist LISTS
  python -m hotspotd.gateway.publication software SOFTWARE --keys KEYS/targets KEYS/online --bundle kiosk.tar
  python -m hotspotd.gateway.publication rotate REPOSITORY targets --keys KEYS/root KEYS/online --new STICK
  python -m hotspotd.gateway.publication show REPOSITORY --json

KEYS/root and KEYS/targets belong in a safe, on media of their own, and are brought out to publish and rotate.
The gateway needs KEYS/online only. The file REPOSITORY/metadata/1.root.json is what kiosks are given to trust.

exit codes: 0 done, 1 refused, with the reason, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (HotspotError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hotspotd.gateway.publication",
        description="Publishes watchlists for kiosks: signed by The Update Framework, sealed for each device.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    create = commands.add_parser("create", help="a new repository and its keys")
    create.add_argument("repository", type=Path)
    create.add_argument("--keys", type=Path, required=True, help="folder for the new keys; must hold none")
    create.add_argument("--root", type=int, nargs=2, metavar=("KEYS", "NEEDED"), default=(3, 2))
    create.add_argument("--targets", type=int, nargs=2, metavar=("KEYS", "NEEDED"), default=(2, 2))
    create.set_defaults(run=_create)

    publish = commands.add_parser("publish", help="publish a watchlist")
    _common(publish)
    publish.add_argument("--secrets", type=Path, required=True, help="folder of the keys that lists are sealed with")
    publish.add_argument("--devices", type=Path, required=True, help="folder of the enrolled devices' certificates")
    publish.add_argument("--list-key", type=Path, help="file of the key to what is listed by number")
    source = publish.add_mutually_exclusive_group(required=True)
    source.add_argument("--watchlist", type=Path, help="a watchlist folder: its current list")
    source.add_argument("--snapshot", type=Path, help="the folder of one list")
    publish.set_defaults(run=_publish)

    software = commands.add_parser("software", help="publish the kiosks' software, in a repository of its own")
    _common(software)
    software.add_argument("--bundle", type=Path, required=True, help="made by scripts/install --bundle")
    software.set_defaults(run=_software)

    renew = commands.add_parser("renew", help="sign anew that the repository is as it is")
    _common(renew)
    renew.set_defaults(run=_renew)

    rotate = commands.add_parser("rotate", help="replace the keys of one kind")
    rotate.add_argument("repository", type=Path)
    rotate.add_argument("kind", choices=KINDS)
    rotate.add_argument("--keys", type=Path, nargs="+", required=True, help="folders of the present keys")
    rotate.add_argument("--new", type=Path, required=True, help="folder for the new keys")
    rotate.add_argument("--count", type=int, default=None, help="how many (default: as many as now)")
    rotate.add_argument("--needed", type=int, default=None, help="how many must sign (default: as now)")
    rotate.set_defaults(run=_rotate)

    show = commands.add_parser("show", help="what is published, and until when it counts")
    show.add_argument("repository", type=Path)
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=_show)
    return parser


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("repository", type=Path)
    command.add_argument("--keys", type=Path, nargs="+", required=True, help="folders of the keys that sign")


def _create(options: argparse.Namespace) -> None:
    if any(options.keys.rglob("*.pem")):
        raise WatchlistError(Reason.CONFLICT, f"{options.keys} holds keys already", "Give a new folder.")
    counts = {ROOT: options.root[0], TARGETS: options.targets[0], ONLINE: 1}
    made = {kind: make_keys(options.keys / kind, kind, counts[kind]) for kind in KINDS}
    public = {kind: [signer.public_key for signer in signers] for kind, signers in made.items()}
    thresholds = {ROOT: options.root[1], TARGETS: options.targets[1]}
    ring = KeyRing([signer for signers in made.values() for signer in signers])
    repository = Repository(options.repository)
    repository.create(public, thresholds, ring)
    print(f"{repository.metadata / '1.root.json'} is what kiosks are given to trust.")  # noqa: T201


def _publish(options: argparse.Namespace) -> None:
    snapshot = options.snapshot or Shelf(options.watchlist).current()
    if snapshot is None:
        raise WatchlistError(Reason.NOT_FOUND, f"no list in {options.watchlist}", "Build one first.")
    publisher = Publisher(Repository(options.repository), options.secrets)
    devices = read_devices(options.devices)
    size = sum(mark.size for mark in read_manifest(snapshot).files.values())
    columns = (TextColumn("sealing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=size)
        latest = publisher.publish(
            snapshot, devices, KeyRing.load(options.keys), options.list_key, lambda count: bar.advance(task, count)
        )
    print(f"{latest.version} is published for {len(devices)} devices: {latest.full.bytes} bytes")  # noqa: T201


def _software(options: argparse.Namespace) -> None:
    offer = publish_software(Repository(options.repository), options.bundle, KeyRing.load(options.keys))
    print(f"{offer.version} is published as {offer.path}: {offer.bytes} bytes")  # noqa: T201


def _renew(options: argparse.Namespace) -> None:
    repository = Repository(options.repository)
    repository.renew(KeyRing.load(options.keys))
    print(f"it counts until {repository.expires():%Y-%m-%d %H:%M} UTC")  # noqa: T201


def _rotate(options: argparse.Namespace) -> None:
    repository = Repository(options.repository)
    present = repository.roles(options.kind)
    count = options.count or len(present.keyids)
    fresh = make_keys(options.new, options.kind, count)
    ring = KeyRing.load([*options.keys, options.new])
    keys = [signer.public_key for signer in fresh]
    repository.rotate(options.kind, keys, options.needed or present.threshold, ring)
    print(f"root version {repository.root.signed.version} gives {options.kind} new keys")  # noqa: T201


def _show(options: argparse.Namespace) -> None:
    repository = Repository(options.repository)
    latest = Publisher(repository, options.repository).latest()
    found = {
        "version": None if latest is None else latest.version,
        "made_at": None if latest is None else latest.made_at,
        "bytes": None if latest is None else latest.full.bytes,
        "steps": [] if latest is None else [f"{step.since} to {step.to}" for step in latest.steps],
        "root_version": repository.root.signed.version,
        "counts_until": repository.expires().isoformat(),
    }
    if options.json:
        print(json.dumps(found, indent=2))  # noqa: T201
    else:
        for key, value in found.items():
            print(f"{key.replace('_', ' '):15} {value}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
