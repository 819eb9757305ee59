"""The command line: groups, help and exit codes. The work is in the groups' modules."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from hotspotd import __version__
from hotspotd.cli import (
    audit,
    calibrate,
    compare,
    config,
    device,
    devices,
    doctor,
    evaluate,
    inti,
    models,
    outbox,
    people,
    privacy,
    sbom,
    support_bundle,
    update,
    watchlist,
)
from hotspotd.cli.output import Exit, complain
from hotspotd.errors import HotspotError
from hotspotd.health import log

_EPILOG = """\
examples:
  hotspotctl doctor --config /etc/hotspotd/hotspotd.toml
  hotspotctl config check /etc/hotspotd/hotspotd.toml
  hotspotctl devices probe
  hotspotctl watchlist build ./source /var/lib/hotspotd/watchlist
  hotspotctl models list
  hotspotctl evaluate fingers ./prints/* --plot det.png
  hotspotctl inti check nps.xml
  hotspotctl outbox list
  hotspotctl audit verify
  hotspotctl people add 1042 --role guard
  hotspotctl privacy report
  hotspotctl device status
  hotspotctl update status
  hotspotctl support-bundle ./kiosk.zip

exit codes: 0 fine, 1 problems were found, 2 wrong usage, 3 it could not be done
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line; each command sets ``run``, which takes the parsed arguments."""
    root = argparse.ArgumentParser(
        prog="hotspotctl",
        description="Looks after a hotspotd kiosk.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"hotspotctl {__version__}")
    groups = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    first = (doctor, config, device, devices, watchlist)
    second = (evaluate, calibrate, compare, models, inti)
    for module in (*first, *second, outbox, audit, people, privacy, update, sbom, support_bundle):
        module.add_to(groups)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parsed = parser().parse_args(arguments)
    log.set_up("warning", environment={})
    try:
        return int(parsed.run(parsed))
    except HotspotError as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename or 'system'}: {error.strerror}")
    except KeyboardInterrupt:
        complain("stopped")
    return Exit.CANNOT
