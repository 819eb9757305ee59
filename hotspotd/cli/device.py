"""``hotspotctl device``: the device's identity and secrets, from enrolment to the end."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
import sys
from pathlib import Path
from typing import Final

from cryptography import x509

from hotspotd.cli import device_status
from hotspotd.cli.device_end import add_decommission
from hotspotd.cli.device_place import Place, add_config
from hotspotd.cli.output import Exit, complain
from hotspotd.clock import Clock
from hotspotd.errors import ConfigError, ProvisioningError, Reason
from hotspotd.provisioning import credentials, enrolment
from hotspotd.provisioning.certificates import renewal_due
from hotspotd.provisioning.files import erase, write_private
from hotspotd.provisioning.secrets import DATA_KEY, DEVICE_KEY, NAMES, load_secret, new_secret, written
from hotspotd.provisioning.stick import MOST_BYTES

log = logging.getLogger(__name__)

_EPILOG: Final = """\
examples:
  hotspotctl device enrol --gateway https://gateway.example:8445 --fingerprint 3f9a01c2-...
  hotspotctl device status --json
  hotspotctl device renew
  hotspotctl device export-request /media/stick/KIOSK-01.request --fingerprint 3f9a01c2-...
  hotspotctl device import-certificate /media/stick/KIOSK-01.answer
  hotspotctl device data-key
  hotspotctl device seal
  hotspotctl device decommission

Run them as root. docs/enrolment.md goes through all of it.

exit codes: 0 done, 1 the gateway or the device refuses, 2 wrong usage, 3 it could not be done
"""
_REFUSED: Final = frozenset(
    (Reason.WRONG_CODE, Reason.UNTRUSTED, Reason.REVOKED, Reason.EXPIRED, Reason.CONFLICT, Reason.TAMPERED)
)


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser(
        "device",
        help="enrol this device, look after its keys, erase it",
        description="The device's identity and secrets, from enrolment to the end.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)

    enrol = commands.add_parser("enrol", help="have a certificate made, with a one-time code")
    enrol.add_argument("--gateway", required=True, metavar="URL", help="of the gateway's enrolment port")
    _add_code(enrol)
    _add_keeping(enrol)
    enrol.set_defaults(run=_enrol)

    device_status.add_to(commands)

    renew = commands.add_parser("renew", help="have the next certificate made now; the daemon does it by itself")
    add_config(renew)
    renew.set_defaults(run=_renew)

    export = commands.add_parser("export-request", help="write a request to a stick, where there is no network")
    export.add_argument("file", type=Path, metavar="FILE")
    _add_code(export)
    _add_keeping(export)
    export.set_defaults(run=_export)

    imported = commands.add_parser("import-certificate", help="install the answer that came back on the stick")
    imported.add_argument("file", type=Path, metavar="FILE")
    add_config(imported)
    imported.set_defaults(run=_import)

    data = commands.add_parser("data-key", help="make the key that the records are encrypted under")
    data.add_argument("--file", type=Path, metavar="FILE", help="where it is kept, if not as a credential")
    _add_keeping(data)
    data.set_defaults(run=_data_key)

    seal = commands.add_parser("seal", help="move secrets from files into sealed credentials, or seal them anew")
    seal.add_argument("--data-key-file", type=Path, metavar="FILE", help="where the data key is now, if in a file")
    seal.add_argument("--pcrs", default="", metavar="N+N", help="registers of the TPM that must not change")
    add_config(seal)
    seal.set_defaults(run=_seal)

    add_decommission(commands)


def _add_code(command: argparse.ArgumentParser) -> None:
    command.add_argument("--code", default="", help="the one-time code; asked for if it is not here, - reads a line")
    command.add_argument(
        "--fingerprint",
        default="",
        help="of the gateway's authority, as printed with the code, its first 32 digits at least; not needed where the"
        " device was enrolled there before",
    )
    add_config(command)


def _add_keeping(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--keep-key-in",
        choices=("credential", "file"),
        help="where a secret that is made now is kept; a sealed credential wherever systemd runs",
    )


def _told(work: str, error: ProvisioningError) -> Exit:
    complain(f"{work}: {error}")
    return Exit.PROBLEMS if error.reason in _REFUSED else Exit.CANNOT


def _enrol(arguments: argparse.Namespace) -> Exit:
    place = Place.of(arguments.config)
    _need_fingerprint(arguments, place)
    code = _code(arguments)
    _make_secret(DEVICE_KEY, place.identity.secret, arguments.keep_key_in)
    try:
        certificate = asyncio.run(
            enrolment.enrol(place.identity, place.device, arguments.gateway, code, arguments.fingerprint, Clock())
        )
    except ProvisioningError as error:
        return _told("not enrolled", error)
    _enrolled(place, certificate)
    return Exit.OK


def _renew(arguments: argparse.Namespace) -> Exit:
    place = Place.of(arguments.config)
    try:
        certificate = asyncio.run(enrolment.renew(place.identity, Clock()))
    except ProvisioningError as error:
        return _told("not renewed, the present certificate stays", error)
    _enrolled(place, certificate)
    return Exit.OK


def _export(arguments: argparse.Namespace) -> Exit:
    place = Place.of(arguments.config)
    if not arguments.fingerprint:
        raise ConfigError(Reason.MISSING_KEY, "--fingerprint is missing", "It was printed with the code.")
    code = _code(arguments)
    _make_secret(DEVICE_KEY, place.identity.secret, arguments.keep_key_in)
    content = enrolment.export_request(place.identity, place.device, code, arguments.fingerprint)
    arguments.file.write_bytes(content)
    print(f"{arguments.file} holds the request of {place.device}. At the gateway:")
    print("  python -m hotspotd.gateway.devices sign-request FILE --out ANSWER --config gateway.toml")
    print("Then, here:  hotspotctl device import-certificate ANSWER")
    return Exit.OK


def _import(arguments: argparse.Namespace) -> Exit:
    place = Place.of(arguments.config)
    with arguments.file.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    try:
        certificate = enrolment.import_certificate(place.identity, content, Clock())
    except ProvisioningError as error:
        return _told("not installed", error)
    _enrolled(place, certificate)
    return Exit.OK


def _data_key(arguments: argparse.Namespace) -> Exit:
    place = Place.of(arguments.config)
    made = _make_secret(DATA_KEY, arguments.file or place.data_key, arguments.keep_key_in)
    print("The data key is there." if not made else f"A data key was made: {made}")
    return Exit.OK


def _seal(arguments: argparse.Namespace) -> Exit:
    place = Place.of(arguments.config)
    if not credentials.can_seal():
        complain("secrets can be sealed by root only, on a machine that systemd runs; they stay where they are")
        return Exit.CANNOT
    files = {DEVICE_KEY: place.identity.secret, DATA_KEY: arguments.data_key_file or place.data_key}
    for name in NAMES:
        try:
            secret = load_secret(name, files[name])
        except ProvisioningError as error:
            if error.reason is not Reason.NO_KEY:
                raise
            print(f"{name}: there is none")
            continue
        sealed = credentials.seal(name, written(secret), pcrs=arguments.pcrs)
        if files[name].exists():
            erase(files[name], overwrite=True)
        print(f"{name}: sealed in {sealed}")
    print("systemctl restart hotspotd")
    return Exit.OK


def _need_fingerprint(arguments: argparse.Namespace, place: Place) -> None:
    if not arguments.fingerprint and not place.identity.anchors.exists():
        raise ConfigError(
            Reason.MISSING_KEY,
            "--fingerprint is missing: this device does not know the gateway yet",
            "It was printed with the code. Without it the code might be told to anybody.",
        )


def _code(arguments: argparse.Namespace) -> str:
    said: str = arguments.code
    if said == "-":
        return sys.stdin.readline().strip()
    if said:
        return said
    if not sys.stdin.isatty():
        raise ConfigError(Reason.MISSING_KEY, "--code is missing", "--code - reads it from standard input.")
    return getpass.getpass("One-time code: ")


def _make_secret(name: str, file: Path, keep_in: str | None) -> Path | None:
    """See to it that there is such a secret; returns where it was put, None where it was there."""
    try:
        load_secret(name, file)
    except ProvisioningError as error:
        if error.reason is not Reason.NO_KEY or credentials.sealed_file(name).exists():
            raise
    else:
        return None
    if keep_in is None:
        keep_in = "credential" if credentials.can_seal() else "file"
    if keep_in == "credential":
        return credentials.seal(name, written(new_secret()))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(file, written(new_secret()))
    return file


def _enrolled(place: Place, certificate: x509.Certificate) -> None:
    until, due = certificate.not_valid_after_utc, renewal_due(certificate)
    print(f"{place.device} has a certificate until {until:%Y-%m-%d}; it renews it from {due:%Y-%m-%d} on.")
