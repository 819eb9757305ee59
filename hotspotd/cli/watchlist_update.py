"""``hotspotctl watchlist update``: fetch the list that the gateway has published, from it or from a stick."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine
from hotspotd.cli.output import Exit, print_json
from hotspotd.clock import Clock
from hotspotd.config import Config, load, resolve
from hotspotd.errors import ConfigError, Reason
from hotspotd.relay.list_updates import Credentials, ListUpdates
from hotspotd.watchlist.sync.following import Engines

OpenFaceEngine = Callable[[Config, Path], FaceEngine]
"""Opens the engine that a configuration names; the path is the configuration's own."""


def add_to(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    face_engine: OpenFaceEngine,
) -> None:
    """Add the command; ``face_engine`` opens the configuration's."""
    update = commands.add_parser(
        "update",
        help="fetch the published list",
        description="Fetches the list that the gateway has published, checks who signed it and that it is no older\n"
        "than the one before, and puts it in force. A running daemon takes it up within seconds. What breaks\n"
        "off is gone on with the next time.",
        epilog="examples:\n"
        "  hotspotctl watchlist update --config /etc/hotspotd/hotspotd.toml\n"
        "  hotspotctl watchlist update --config /etc/hotspotd/hotspotd.toml --from /media/stick/repository\n\n"
        "exit codes: 0 the newest list is in force, 3 it could not be fetched or trusted; the list before stays",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    update.add_argument("--config", type=Path, metavar="FILE", required=True)
    update.add_argument(
        "--from", dest="origin", metavar="PLACE", help="a folder or an https address instead of the gateway's"
    )
    update.add_argument("--json", action="store_true", help="print the result as JSON")
    update.set_defaults(run=lambda arguments: _update(arguments, face_engine))


def updates(config: Config, path: Path, face_engine: str | None) -> ListUpdates:
    """What updates the watchlist that ``config``, read from ``path``, names. Raises ConfigError."""
    credentials = Credentials.of(path, config)
    if credentials is None:
        raise ConfigError(
            Reason.MISSING_KEY,
            f"{path}: watchlist.root: without the root of what is published nothing can be trusted",
            "Copy metadata/1.root.json of the gateway's repository here, and name it there.",
        )
    list_key = resolve(path, config.watchlist.key) if config.watchlist.key else None
    folder, engines = resolve(path, config.watchlist.folder), Engines(finger.ENGINE, face_engine)
    return ListUpdates(folder, credentials, engines, Clock(), list_key)


def _update(arguments: argparse.Namespace, face_engine: OpenFaceEngine) -> Exit:
    config = load(arguments.config)
    origin = arguments.origin or config.watchlist.updates
    if not origin:
        raise ConfigError(
            Reason.MISSING_KEY,
            f"{arguments.config}: watchlist.updates names no address",
            "Name it there, or say where from: --from PLACE.",
        )
    engine = face_engine(config, arguments.config).engine if config.operation.face else None
    columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=arguments.json) as bar:
        task = bar.add_task("", total=None)
        outcome = updates(config, arguments.config, engine).bring(
            origin, lambda done, size: bar.update(task, completed=done, total=size)
        )
    if arguments.json:
        print_json({"version": outcome.version, "how": outcome.how, "received": outcome.received})
    elif outcome.how == "unchanged":
        print(f"{outcome.version} is in force already")
    else:
        print(f"{outcome.version} is in force now; {outcome.received} bytes were fetched")
    return Exit.OK
