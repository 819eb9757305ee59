"""``python -m hotspotd.gateway.devices``: codes for new devices, what devices have, and what is revoked."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hotspotd.clock import Clock
from hotspotd.errors import ConfigError, HotspotError, ProvisioningError, Reason
from hotspotd.gateway.config import EnrolmentSection, GatewayConfig, load
from hotspotd.gateway.enrolment.issuing import Issuing, described, open_issuing
from hotspotd.gateway.storage import Store, open_store
from hotspotd.gateway.storage.devices import DeviceCertificate, How
from hotspotd.provisioning.certificates import device_named, fingerprint, issued
from hotspotd.provisioning.files import write_private
from hotspotd.provisioning.stick import MOST_BYTES, read_request_file, write_answer

_DEVICE: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_EPILOG: Final = """\
examples:
  python -m hotspotd.gateway.devices code KIOSK-01 --config gateway.toml
  python -m hotspotd.gateway.devices sign-request KIOSK-01.request --out KIOSK-01.answer --config gateway.toml
  python -m hotspotd.gateway.devices list --config gateway.toml
  python -m hotspotd.gateway.devices revoke KIOSK-01 --reason "stolen on 2026-11-22" --config gateway.toml
  python -m hotspotd.gateway.devices revoke --certificate KIOSK-01.pem --reason "key lost" --config gateway.toml
  python -m hotspotd.gateway.devices crl --out devices.crl --config gateway.toml
  python -m hotspotd.gateway.devices export certificates --config gateway.toml

The gateway may run meanwhile; what is revoked is refused from its next message on.

exit status:
  0  done        1  refused: a wrong code, a request that is not what it says, no such device
  2  wrong use   3  it could not be done: database, configuration, files
"""
_REFUSED: Final = frozenset(
    (Reason.WRONG_CODE, Reason.BAD_VALUE, Reason.TAMPERED, Reason.NOT_FOUND, Reason.CONFLICT, Reason.UNTRUSTED)
)


@dataclass(frozen=True, slots=True)
class _Office:
    """What the commands work with."""

    store: Store
    issuing: Issuing
    authorities: list[x509.Certificate]
    config: GatewayConfig
    section: EnrolmentSection


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    device: str
    state: str
    serial: str
    issued_at: str
    expires_at: str
    how: str
    revoked_at: str
    revoked_why: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        config = load(options.config)
        return asyncio.run(_run(options, config))
    except ProvisioningError as error:
        sys.stderr.write(f"{error}\n")
        return 1 if error.reason in _REFUSED else 3
    except HotspotError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    except OSError as error:
        sys.stderr.write(f"{error.filename or 'system'}: {error.strerror}\n")
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hotspotd.gateway.devices",
        description="Enrols devices, lists and revokes their certificates.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace, _Office], Awaitable[None]], text: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument("--config", type=Path, required=True, metavar="FILE")
        made.set_defaults(run=run)
        return made

    code = command("code", _code, "issue a one-time code for a device; an earlier one no longer counts")
    code.add_argument("device", type=_device, metavar="DEVICE")
    code.add_argument("--hours", type=float, default=24.0, help="for how long it counts (24)")
    code.add_argument("--json", action="store_true")
    sign = command("sign-request", _sign, "answer the request file of a device that has no network")
    sign.add_argument("file", type=Path, metavar="FILE")
    sign.add_argument("--out", type=Path, required=True, metavar="FILE")
    listed = command("list", _list, "print the certificates of devices")
    listed.add_argument("device", nargs="?", default="", metavar="DEVICE")
    listed.add_argument("--json", action="store_true")
    revoke = command("revoke", _revoke, "refuse a device from now on")
    revoke.add_argument("device", nargs="?", default="", metavar="DEVICE")
    revoke.add_argument("--serial", default="", help="only the certificate with this serial number")
    revoke.add_argument("--certificate", type=Path, metavar="FILE", help="one that was issued by other means (PEM)")
    revoke.add_argument("--reason", required=True, help="why; it is kept")
    crl = command("crl", _crl, "write the list of revoked certificates, for brokers and mail hosts")
    crl.add_argument("--out", type=Path, required=True, metavar="FILE")
    export = command("export", _export, "write each device's newest good certificate, for publishing the watchlist")
    export.add_argument("folder", type=Path, metavar="FOLDER")
    return parser


def _device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:50]!r} is no name of a device: 1 to 40 of A-Z a-z 0-9 _ -")
    return text


async def _run(options: argparse.Namespace, config: GatewayConfig) -> int:
    if config.enrolment is None:
        raise ConfigError(
            Reason.MISSING_KEY, f"{options.config}: there is no [enrolment]", "config/gateway.toml explains it."
        )
    store = await open_store(config.store.place(options.config))
    try:
        issuing, authorities = await asyncio.to_thread(
            open_issuing, options.config, config, config.enrolment, store.devices
        )
        await options.run(options, _Office(store, issuing, authorities, config, config.enrolment))
    finally:
        await store.close()
    return 0


async def _code(options: argparse.Namespace, office: _Office) -> None:
    if not 0 < options.hours <= 24 * 31:
        raise ConfigError(Reason.BAD_VALUE, f"--hours {options.hours:g}", "More than 0, at most 744.")
    code, until = await office.issuing.new_code(options.device, timedelta(hours=options.hours))
    section, server = office.section, office.config.server
    url = section.url or f"https://{server.host}:{section.port}"
    mark = fingerprint(office.authorities[0])
    if options.json:
        told = {"device": options.device, "code": code, "expires_at": until, "gateway": url, "fingerprint": mark}
        _print(msgspec.json.encode(told).decode())
        return
    _print(f"Device        {options.device}")
    _print(f"Code          {code}")
    _print(f"Good until    {until:%Y-%m-%d %H:%M} UTC, once")
    _print(f"Gateway       {url}")
    _print(f"Fingerprint   {mark}")
    _print("")
    _print("At the device, as root:")
    _print(f"  hotspotctl device enrol --gateway {url} --fingerprint {mark}")


async def _sign(options: argparse.Namespace, office: _Office) -> None:
    content = await asyncio.to_thread(_read, options.file)
    certificate = await office.issuing.sign(read_request_file(content))
    answer = write_answer([certificate, *office.authorities])
    await asyncio.to_thread(options.out.write_bytes, answer)
    _print(f"{device_named(certificate)} is enrolled. Bring {options.out} back to it:")
    _print(f"  hotspotctl device import-certificate {options.out.name}")


async def _list(options: argparse.Namespace, office: _Office) -> None:
    now = Clock().now().iso()
    rows = [_listed(one, now) for one in await office.store.devices.all(options.device)]
    if options.json:
        _print(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        why = f" on {row.revoked_at[:10]}: {row.revoked_why}" if row.revoked_at else ""
        _print(f"{row.device:20} {row.state:8} until {row.expires_at[:10]}  {row.how:8} {row.serial}{why}")
    if not rows:
        _print("No device has been enrolled here.")


def _listed(one: DeviceCertificate, now: str) -> _Listed:
    state = "revoked" if one.revoked_at else "expired" if one.expires_at <= now else "good"
    return _Listed(
        device=one.device,
        state=state,
        serial=one.serial,
        issued_at=one.issued_at,
        expires_at=one.expires_at,
        how=one.how,
        revoked_at=one.revoked_at,
        revoked_why=one.revoked_why,
    )


async def _revoke(options: argparse.Namespace, office: _Office) -> None:
    if bool(options.device) == bool(options.certificate):
        raise ConfigError(Reason.BAD_VALUE, "revoke: whom?", "Name a device, or --certificate FILE.")
    now = Clock().now()
    if options.certificate:
        certificate = await asyncio.to_thread(_certificate, options.certificate)
        if not any(issued(authority, certificate) for authority in office.authorities):
            raise ProvisioningError(
                Reason.UNTRUSTED, f"{options.certificate}: of another authority", "It is refused here anyway."
            )
        made = described(certificate, device_named(certificate), How.LISTED, now)
        made = msgspec.structs.replace(made, revoked_at=now.iso(), revoked_why=options.reason)
        await office.store.devices.revoke_listed(made)
        _print(f"Certificate {made.serial} of {made.device} is revoked.")
        return
    serial = options.serial.lower().lstrip("0")
    number = await office.store.devices.revoke(options.device, options.reason, now.iso(), serial)
    if not number:
        raise ProvisioningError(
            Reason.NOT_FOUND,
            f"{options.device}: has no good certificate that was enrolled here",
            "See list; one that was issued by other means is named with --certificate.",
        )
    _print(f"{number} certificate{'s' if number > 1 else ''} of {options.device} revoked.")


async def _crl(options: argparse.Namespace, office: _Office) -> None:
    der = await office.issuing.revocation_list()
    pem = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
    await asyncio.to_thread(options.out.write_bytes, pem)


async def _export(options: argparse.Namespace, office: _Office) -> None:
    now = Clock().now().iso()
    newest = {
        one.device: one for one in await office.store.devices.all() if not one.revoked_at and one.expires_at > now
    }
    await asyncio.to_thread(_write, options.folder, newest)
    _print(f"{len(newest)} certificates in {options.folder}")


def _write(folder: Path, newest: dict[str, DeviceCertificate]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for device, one in newest.items():
        write_private(folder / f"{device}.pem", x509.load_der_x509_certificate(one.body).public_bytes(Encoding.PEM))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError as error:
        raise ConfigError(Reason.UNREADABLE, f"{path}: no PEM certificate", "Name the device's certificate.") from error


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
