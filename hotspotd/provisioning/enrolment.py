"""Enrolment and renewal as a device does them, step by step, over the network or by files.

Each can be broken off anywhere and begun again: the key of a request is on disk before the gateway hears of it, and the
gateway answers the same request with the same certificate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cryptography import x509

from hotspotd.clock import Clock
from hotspotd.errors import ProvisioningError, Reason
from hotspotd.provisioning import stick
from hotspotd.provisioning.certificates import Issued, accept, has_fingerprint, make_request
from hotspotd.provisioning.est import EstClient, authority_by_fingerprint, trusting
from hotspotd.provisioning.identity import Awaited, Enrolled, IdentityFolder, not_enrolled


async def enrol(
    folder: IdentityFolder, device: str, gateway: str, code: str, fingerprint: str, clock: Clock
) -> x509.Certificate:
    """Have a certificate made for ``device`` with a one-time code, and install it.

    The authority is the one with ``fingerprint``; without one, those of the identity that is there already. Raises
    ProvisioningError, ConfigError, OSError.
    """
    if fingerprint:
        anchors: list[x509.Certificate] = [await authority_by_fingerprint(gateway, fingerprint)]
    else:
        anchors = await asyncio.to_thread(folder.trusted)
    key = await asyncio.to_thread(folder.pending_key)
    request = make_request(key, device)
    async with EstClient(gateway, await asyncio.to_thread(trusting, anchors)) as client:
        # By whom the fingerprint vouches for: the others that are to be believed.
        authorities = await client.authorities()
        answer = await client.enrol(request, device, code)
    issued = accept(answer, key=key.public_key(), device=device, anchors=anchors, now=clock.now().at)
    together = Issued(issued.certificate, _together(anchors, authorities))
    await asyncio.to_thread(folder.install, together, key, Enrolled(device=device, gateway=gateway))
    return issued.certificate


async def renew(folder: IdentityFolder, clock: Clock) -> x509.Certificate:
    """Have the next certificate made for a new key, try it at the gateway, and only then install it.

    Raises ProvisioningError, ConfigError, OSError: the present identity is then what it was.
    """
    enrolled = await asyncio.to_thread(folder.enrolled)
    if not enrolled.gateway:
        raise ProvisioningError(
            Reason.NOT_FOUND,
            "this device was enrolled by files: there is no gateway to ask",
            "Enrol it again in time: hotspotctl device enrol, or export-request.",
        )
    anchors = await asyncio.to_thread(folder.trusted)
    key = await asyncio.to_thread(folder.pending_key)
    request = make_request(key, enrolled.device)
    async with EstClient(enrolled.gateway, await asyncio.to_thread(trusting, anchors, folder.device)) as client:
        authorities = await client.authorities()
        answer = await client.renew(request)
    issued = accept(answer, key=key.public_key(), device=enrolled.device, anchors=anchors, now=clock.now().at)
    candidate = await asyncio.to_thread(folder.candidate, issued, key)
    async with EstClient(enrolled.gateway, await asyncio.to_thread(trusting, anchors, candidate)) as client:
        # The same request again, under the new certificate: answered alike, if that one is accepted.
        again = await client.renew(request)
    accept(again, key=key.public_key(), device=enrolled.device, anchors=anchors, now=clock.now().at)
    together = Issued(issued.certificate, _together(anchors, authorities))
    await asyncio.to_thread(folder.install, together, key, enrolled)
    return issued.certificate


def export_request(folder: IdentityFolder, device: str, code: str, fingerprint: str) -> bytes:
    """A request file to be carried to the gateway. Blocks. Raises ProvisioningError, ConfigError, OSError."""
    key = folder.pending_key()
    content = stick.write_request(make_request(key, device), device, code)
    folder.await_answer(Awaited(device=device, fingerprint=fingerprint))
    return content


def import_certificate(folder: IdentityFolder, content: bytes, clock: Clock) -> x509.Certificate:
    """Install what is in the file that came back. Blocks. Raises ProvisioningError, ConfigError, OSError."""
    awaited = folder.awaited()
    if not folder.has_pending():
        raise not_enrolled(folder.folder)
    key = folder.pending_key()
    answer = stick.read_answer(content)
    anchors = [one for one in answer if has_fingerprint(one, awaited.fingerprint)]
    issued = accept(answer, key=key.public_key(), device=awaited.device, anchors=anchors, now=clock.now().at)
    folder.install(issued, key, Enrolled(device=awaited.device))
    return issued.certificate


def _together(anchors: Sequence[x509.Certificate], more: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    return (*anchors, *(one for one in more if one not in anchors))


class Enroller:
    """Enrolment as a technician asks for it at the page: the running daemon takes the new identity up by itself."""

    def __init__(self, folder: IdentityFolder, device: str, clock: Clock) -> None:
        self._folder = folder
        self._device = device
        self._clock = clock

    async def enrol(self, url: str, code: str, fingerprint: str) -> str:
        """Enrol at the gateway at ``url``; what was got, in words. Raises ProvisioningError, ConfigError."""
        certificate = await enrol(self._folder, self._device, url, code, fingerprint, self._clock)
        until = certificate.not_valid_after_utc.date().isoformat()
        return f"Enrolled until {until}. The links take the certificate up within a minute."
