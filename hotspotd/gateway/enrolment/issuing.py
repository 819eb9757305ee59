"""Who gets a certificate: a device with a one-time code, or one that has a good certificate already.

A code is good for one key. An answer that was lost on the way is given again: to the same code with the same key, to
the same device with the same key. Whatever is refused is logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hotspotd.clock import Clock, Stamp
from hotspotd.config import resolve
from hotspotd.errors import ConfigError, ProvisioningError, Reason, RelayError
from hotspotd.gateway.authority import Authority
from hotspotd.gateway.config import EnrolmentSection, GatewayConfig
from hotspotd.gateway.storage.devices import Code, DeviceCertificate, DeviceShelf, How
from hotspotd.provisioning import codes
from hotspotd.provisioning.certificates import Request, public_bytes, read_request
from hotspotd.provisioning.stick import StickRequest
from hotspotd.relay.seal import Trust, thumbprint

log = logging.getLogger(__name__)

# scrypt takes 16 MiB and some 50 ms each.
_CODES_AT_ONCE: Final = 2
_NO_CODE: Final = Code(verifier="00" * 32, expires_at="", tries=0, used_for="")


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what is issued counts."""

    certificate: timedelta
    revocation_list: timedelta


class Issuing:
    """One authority's issuing, in one database."""

    def __init__(self, authority: Authority, devices: DeviceShelf, trust: Trust, clock: Clock, terms: Terms) -> None:
        self._authority = authority
        self._devices = devices
        self._trust = trust
        self._clock = clock
        self._terms = terms
        self._trying = asyncio.Semaphore(_CODES_AT_ONCE)

    async def new_code(self, device: str, valid: timedelta) -> tuple[str, datetime]:
        """A code for ``device``, in the place of any other of its, and until when it counts. Raises GatewayError."""
        code, now = codes.new_code(), self._clock.now()
        until = now.at + valid
        verifier = await asyncio.to_thread(codes.verifier, code, device)
        await self._devices.add_code(device, verifier, now.iso(), _iso(until))
        return code, until

    async def enrol(self, request: bytes, device: str, code: str) -> x509.Certificate:
        """A certificate for who has the one-time code of ``device``.

        Raises ProvisioningError: WRONG_CODE for any code that does not count, with no word about why; BAD_VALUE and
        TAMPERED for a bad request; GatewayError.
        """

        def fits(kept: Code) -> bool:
            return hmac.compare_digest(codes.verifier(code, device), kept.verifier)

        return await self._by_code(request, device, How.CODE, fits)

    async def sign(self, file: StickRequest) -> x509.Certificate:
        """A certificate for a request that came by a file, signed with the code. Raises as ``enrol``."""

        def fits(kept: Code) -> bool:
            return codes.signed_with_code(kept.verifier, file.signature, file.signed())

        return await self._by_code(file.request, file.device, How.STICK, fits)

    async def _by_code(self, request: bytes, device: str, how: How, fits: Callable[[Code], bool]) -> x509.Certificate:
        kept = await self._devices.try_code(device, self._clock.now().iso())
        async with self._trying:
            # As long for a device without a code: nobody learns which have one.
            good = await asyncio.to_thread(_quietly, fits, kept or _NO_CODE)
        if kept is None or not good:
            log.warning("enrolment of %s is refused: wrong, used or expired code, or too many tries", device[:40])
            raise _wrong_code()
        asked = await asyncio.to_thread(_asked, request, device)
        key = _digest(asked)
        if kept.used_for:
            given = await self._devices.good_for(device, key, self._clock.now().iso()) if kept.used_for == key else None
            if given is None:
                log.warning("enrolment of %s is refused: its code was used before, for another key", device[:40])
                raise _wrong_code()
            return x509.load_der_x509_certificate(given.body)
        certificate, made = await self._made(asked, how)
        if not await self._devices.spend_code(kept.verifier, made):
            raise _wrong_code()
        log.info("%s is enrolled by %s: certificate %s", device, how.value, made.serial)
        return certificate

    async def renew(self, request: bytes, shown: bytes) -> x509.Certificate:
        """The next certificate of the device that has shown the DER certificate ``shown``.

        Raises ProvisioningError: REVOKED, UNTRUSTED for one that does not count, BAD_VALUE, TAMPERED, CONFLICT;
        GatewayError.
        """
        if await self._devices.is_revoked(thumbprint(shown)):
            raise revoked()
        now = self._clock.now()
        try:
            device = self._trust.check(x509.load_der_x509_certificate(shown), now.at)
        except RelayError as error:
            raise ProvisioningError(Reason.UNTRUSTED, error.what, "Enrol the device anew.") from error
        asked = await asyncio.to_thread(_asked, request, device)
        # One that was made by other means is known from here on, so that it is revoked with the device's others.
        leaf = await asyncio.to_thread(x509.load_der_x509_certificate, shown)
        await self._devices.know(described(leaf, device, How.LISTED, now))
        given = await self._devices.good_for(device, _digest(asked), now.iso())
        if given is not None:
            return x509.load_der_x509_certificate(given.body)
        certificate, made = await self._made(asked, How.RENEWAL)
        if not await self._devices.add(made, now.iso()):
            log.warning("%s asks for certificates without end: it gets no more until some expire", device)
            raise ProvisioningError(
                Reason.CONFLICT, "this device has too many certificates", "Revoke those that it does not use."
            )
        log.info("%s has a new certificate: %s", device, made.serial)
        return certificate

    async def revocation_list(self) -> bytes:
        """The authority's list of what is revoked now; DER. Raises GatewayError."""
        now = self._clock.now()
        listed = [
            (int(one.serial, 16), datetime.fromisoformat(one.revoked_at))
            for one in await self._devices.revoked(now.iso())
        ]
        made = await asyncio.to_thread(self._authority.revocation_list, listed, now.at, self._terms.revocation_list)
        return made.public_bytes(Encoding.DER)

    async def _made(self, asked: Request, how: How) -> tuple[x509.Certificate, DeviceCertificate]:
        certificate = await asyncio.to_thread(self._authority.certify, asked.device, asked.key, self._terms.certificate)
        return certificate, described(certificate, asked.device, how, self._clock.now())


def open_issuing(
    path: Path, config: GatewayConfig, section: EnrolmentSection, devices: DeviceShelf, clock: Clock | None = None
) -> tuple[Issuing, list[x509.Certificate]]:
    """Issuing as ``config``, read from ``path``, has it, and the authorities that devices are to trust.

    The one that signs is the first of them. Blocks. Raises ConfigError.
    """
    anchors = resolve(path, config.server.trust_anchors)
    authority = Authority.open(resolve(path, section.authority))
    trust = Trust.load(anchors, "device")
    others = x509.load_pem_x509_certificates(anchors.read_bytes())
    if authority.certificate not in others:
        raise ConfigError(
            Reason.UNTRUSTED,
            f"{path}: enrolment.authority: {anchors} does not name it",
            "Add its ca.pem to server.trust_anchors: what it issues would be refused.",
        )
    terms = Terms(timedelta(days=section.valid_days), timedelta(hours=section.crl_hours))
    authorities = [authority.certificate, *(one for one in others if one != authority.certificate)]
    return Issuing(authority, devices, trust, clock or Clock(), terms), authorities


def described(certificate: x509.Certificate, device: str, how: How, now: Stamp) -> DeviceCertificate:
    """A certificate as it is kept."""
    der = certificate.public_bytes(Encoding.DER)
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return DeviceCertificate(
        device=device,
        serial=f"{certificate.serial_number:x}",
        thumbprint=thumbprint(der),
        public_key=hashlib.sha256(key).hexdigest(),
        body=der,
        issued_at=now.iso(),
        expires_at=_iso(certificate.not_valid_after_utc),
        how=how.value,
    )


def revoked() -> ProvisioningError:
    """What the holder of a revoked certificate is told."""
    return ProvisioningError(
        Reason.REVOKED, "this device's certificate was revoked", "If that is a mistake, enrol it with a new code."
    )


def _wrong_code() -> ProvisioningError:
    # One answer for all: nobody learns whether there is a code, or how it was wrong.
    return ProvisioningError(
        Reason.WRONG_CODE,
        "this code does not count for this device: wrong, used, expired, or tried too often",
        "Have the gateway's operator issue another one.",
    )


def _quietly(fits: Callable[[Code], bool], kept: Code) -> bool:
    try:
        return fits(kept)
    except ProvisioningError:
        return False  # Not even a code.


def _asked(request: bytes, device: str) -> Request:
    asked = read_request(request)
    if asked.device != device:
        raise ProvisioningError(
            Reason.BAD_VALUE, f"request: for {asked.device}, not for {device[:40]}", "Make it for this device."
        )
    return asked


def _digest(asked: Request) -> str:
    return hashlib.sha256(public_bytes(asked.key)).hexdigest()


def _iso(at: datetime) -> str:
    return Stamp(at, trusted=True).iso()
