"""``hotspotctl device status``: whether this device is enrolled, until when, and where its secrets are."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from hotspotd.cli.device_place import Place, add_config
from hotspotd.cli.output import Exit, print_json
from hotspotd.clock import Clock, Stamp
from hotspotd.errors import HotspotError, ProvisioningError, Reason
from hotspotd.provisioning import credentials
from hotspotd.provisioning.certificates import device_named, fingerprint, renewal_due
from hotspotd.provisioning.secrets import DATA_KEY, DEVICE_KEY, load_secret, read_key


class _Status(msgspec.Struct, kw_only=True):
    """What is printed as JSON. ``state``: enrolled, not_enrolled, expired, unusable."""

    device: str
    state: str
    what: str = ""
    certificate_until: str = ""
    renewed_from: str = ""
    serial: str = ""
    authority: str = ""
    gateway: str = ""
    pending: bool = False
    secrets: dict[str, str] = {}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    status = commands.add_parser(
        "status",
        help="say whether this device is enrolled, and until when",
        description="Says whether this device is enrolled, until when, and where its secrets are kept.",
        epilog="exit codes: 0 enrolled, 1 not enrolled, expired or not usable, 3 it could not be found out",
    )
    add_config(status)
    status.add_argument("--json", action="store_true", help="print it as JSON")
    status.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> Exit:
    place = Place.of(arguments.config)
    status = _status(place)
    status.secrets = {
        DEVICE_KEY: _kept(DEVICE_KEY, place.identity.secret),
        DATA_KEY: _kept(DATA_KEY, place.data_key),
    }
    if arguments.json:
        print_json(status)
    else:
        _tell(status)
    return Exit.OK if status.state == "enrolled" else Exit.PROBLEMS


def _status(place: Place) -> _Status:
    identity, status = place.identity, _Status(device=place.device, state="not_enrolled")
    status.pending = identity.has_pending()
    try:
        certificate = identity.certificate()
        status.gateway = identity.enrolled().gateway
        status.authority = fingerprint(identity.trusted()[0])
        status.certificate_until = Stamp(certificate.not_valid_after_utc, trusted=True).iso()
        status.renewed_from = Stamp(renewal_due(certificate), trusted=True).iso()
        status.serial = f"{certificate.serial_number:x}"
        read_key(identity.device)
    except ProvisioningError as error:
        status.state = "not_enrolled" if error.reason is Reason.NOT_FOUND else "unusable"
        status.what = str(error)
        return status
    except HotspotError as error:
        status.state, status.what = "unusable", str(error)
        return status
    if device_named(certificate) != place.device:
        status.state, status.what = "unusable", f"the certificate names {device_named(certificate)}: enrol it anew"
    elif Clock().now().at > certificate.not_valid_after_utc:
        status.state, status.what = "expired", "have a code issued, then: hotspotctl device enrol"
    else:
        status.state = "enrolled"
    return status


def _kept(name: str, file: Path) -> str:
    """How a secret is kept: credential, file, none; or what is wrong with it."""
    if credentials.handed_over(name) is not None or (credentials.sealed_file(name).exists() and not file.exists()):
        return "credential"
    try:
        load_secret(name, file)
    except ProvisioningError as error:
        return "none" if error.reason is Reason.NO_KEY else str(error)
    return "file"


def _tell(status: _Status) -> None:
    words = {"enrolled": "enrolled", "not_enrolled": "not enrolled", "expired": "expired", "unusable": "not usable"}
    print(f"{status.device}: {words[status.state]}" + (f" ({status.what})" if status.what else ""))
    if status.certificate_until:
        renewed = (
            f", renewed from {status.renewed_from[:10]} on" if status.gateway else ", by files: not renewed by itself"
        )
        print(f"Certificate   {status.serial}, until {status.certificate_until[:10]}{renewed}")
        print(f"Gateway       {status.gateway or 'reached by files only'}")
        print(f"Authority     {status.authority}")
    if status.pending:
        print("A request is under way.")
    for name, kept in status.secrets.items():
        print(f"{name:13} {kept}")
