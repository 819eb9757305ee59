"""``scripts/install``: what it is told, and in which order it is done."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hotspotd.errors import UpdateError
from hotspotd.updates import bundle as bundles
from hotspotd.updates import making
from hotspotd.updates.building import Builder
from hotspotd.updates.versions import Versions
from installation import machine, packages, removal, storage, system
from installation.telling import fail, say

CHECKOUT = Path(__file__).resolve().parents[2]
_EXAMPLES = """\
examples:
  sudo ./scripts/install                                  install or upgrade from this checkout, with the network
  ./scripts/install --bundle hotspotd-arm64.tar --architecture arm64 --python 3.11
                                                          make a bundle for a Raspberry Pi without network (Debian 12)
  sudo ./scripts/install --offline hotspotd-arm64.tar     install or upgrade from that bundle
  sudo ./scripts/install --screens traveller=HDMI-A-1,guard=HDMI-A-2 --lane lane-1
                                                          and show both pages with Chromium, one on each screen
  sudo ./scripts/install --drivers chip,gpio              with the OS's packages for those devices
  sudo ./scripts/install --data /dev/mmcblk0p3 --read-only-root
                                                          records and software on that partition, all else read-only
  sudo ./scripts/install --luks /dev/nvme0n1p4            the watchlist on an encrypted partition, opened by the TPM
  sudo ./scripts/install --uninstall                      take the software off; configuration and records stay
  sudo ./scripts/install --uninstall --purge              and remove those too, with keys and all that was recorded

Run twice it changes nothing the second time. A bundle unpacked with tar holds this installer: release/scripts/install.

exit codes: 0 done, 1 installed but not working (after an upgrade the version before runs again), 2 wrong usage,
3 it could not be done
"""


def parser() -> argparse.ArgumentParser:
    """All that can be asked for."""
    parser = argparse.ArgumentParser(
        prog="scripts/install",
        description="Installs hotspotd under systemd on Debian 12 or 13 or Raspberry Pi OS (arm64, amd64).",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--offline", type=Path, metavar="BUNDLE", help="install from this file, without any network")
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE", help="make a bundle of this checkout and install nothing"
    )
    parser.add_argument(
        "--architecture", choices=sorted(making.MACHINES), help="of --bundle; by default this machine's"
    )
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser.add_argument("--python", choices=making.PYTHONS, default=own, help="of --bundle; by default this machine's")
    parser.add_argument(
        "--screens", type=system.outputs, metavar="traveller=OUTPUT,guard=OUTPUT", help="set up browsers"
    )
    parser.add_argument(
        "--lane", default="lane-1", help="whose page the traveller's screen shows; default: %(default)s"
    )
    parser.add_argument(
        "--drivers",
        type=_drivers,
        default=(),
        metavar="NAME,...",
        help=f"with packages for {', '.join(packages.DRIVERS)}",
    )
    parser.add_argument("--no-watchdog", action="store_true", help="leave the machine's own watchdog alone")
    parser.add_argument("--no-start", action="store_true", help="install, but neither start nor restart the daemon")
    parser.add_argument("--data", metavar="DEVICE", help="ext4 partition for records and software, mounted from now on")
    parser.add_argument("--read-only-root", action="store_true", help="all but --data read-only from the next boot on")
    parser.add_argument("--luks", metavar="DEVICE", help="partition for the watchlist; all that is on it is lost")
    parser.add_argument("--luks-key", type=Path, metavar="FILE", help="key of --luks where the machine has no TPM")
    parser.add_argument("--uninstall", action="store_true", help="take hotspotd off this machine")
    parser.add_argument(
        "--purge", action="store_true", help="with --uninstall: configuration, keys and records as well"
    )
    return parser


def _drivers(text: str) -> list[str]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(packages.DRIVERS)):
        raise argparse.ArgumentTypeError(f"{unknown[0]} needs no packages; {', '.join(packages.DRIVERS)} do")
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked for."""
    asked = parser()
    options = asked.parse_args(arguments)
    _refuse_nonsense(asked, options)
    try:
        if options.bundle:
            return _bundle(options)
        machine.refuse_unknown()
        if options.uninstall:
            return removal.remove(purge=options.purge)
        return _install(options)
    except UpdateError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'system'}: {error.strerror}")
    return 3


def _refuse_nonsense(asked: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.purge and not options.uninstall:
        asked.error("--purge goes with --uninstall")
    if options.read_only_root and not (options.data or storage.has_data()):
        asked.error("--read-only-root needs --data DEVICE: records must lie somewhere that can be written")
    if options.luks_key and not options.luks:
        asked.error("--luks-key goes with --luks")
    if not options.bundle and os.geteuid() != 0:
        asked.error("run it as root: sudo ./scripts/install")


def _bundle(options: argparse.Namespace) -> int:
    made = making.make(CHECKOUT, options.bundle, options.architecture or bundles.machine(), options.python)
    size = options.bundle.stat().st_size / 1e6
    say(f"{options.bundle}: version {made.version} for {made.architecture}, Python {made.python}, {size:.0f} MB")
    return 0


def _install(options: argparse.Namespace) -> int:
    _require(options)
    if options.data:
        storage.use_data(options.data)
    versions = Versions()
    with versions.alone():
        return _put(options, versions)


def _require(options: argparse.Namespace) -> None:
    """Have the packages of the OS that what was asked for needs, before anything is changed. Raises UpdateError."""
    names: tuple[str, ...] = packages.BASE
    if machine.TPM.exists():
        names += packages.TPM
    for driver in options.drivers:
        names += packages.DRIVERS[driver]
    if options.screens:
        names += packages.SCREENS
    if options.luks:
        names += packages.for_luks()
    if options.read_only_root:
        names += packages.READ_ONLY
    packages.require(names, offline=options.offline is not None)


def _put(options: argparse.Namespace, versions: Versions) -> int:
    """The version, what lies around it, and the daemon's start; 0, or 1 where that does not work."""
    before = versions.current
    version = _build(options, versions)
    release = versions.folder(version) / "release"
    system.lay_users(release)
    if options.luks:
        storage.use_luks(options.luks, options.luks_key)
    versions.switch(version)
    system.lay(release, watchdog=not options.no_watchdog)
    if options.screens:
        system.lay_screens(release, options.screens, options.lane)
    if options.read_only_root:
        storage.make_root_read_only()
    system.apply()
    if machine.root_is_read_only():
        say("the root is read-only: of what was written outside the data partition, all but the units is gone with the")
        say("next boot. If files of the OS have changed: boot once with overlayroot=disabled, and run this again.")
    say(f"hotspotd {version} is installed" + (f"; {before} is kept" if before not in (None, version) else ""))
    working = options.no_start or system.start(versions)
    versions.prune()
    return 0 if working else 1


def _build(options: argparse.Namespace, versions: Versions) -> str:
    if options.offline:
        return Builder(versions).build(options.offline)
    with tempfile.TemporaryDirectory(prefix="hotspotd-install-") as scratch:
        path = Path(scratch, "bundle.tar")
        say("fetching what this version needs")
        making.make(CHECKOUT, path, bundles.machine(), options.python)
        return Builder(versions).build(path)


if __name__ == "__main__":
    sys.exit(main())
