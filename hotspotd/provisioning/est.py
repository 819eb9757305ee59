"""Client of Enrollment over Secure Transport (RFC 7030): cacerts, simpleenroll, simplereenroll.

TLS 1.3 only. A device that knows nobody yet fetches the authorities from whoever answers, takes the one whose
fingerprint was printed with its code, and begins again with that one as its only trust anchor (section 4.1.1): the code
is sent to nobody else.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import aiohttp
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from yarl import URL

from hotspotd.errors import ProvisioningError, Reason
from hotspotd.provisioning.certificates import MOST_ANSWER, has_fingerprint, read_certs_only
from hotspotd.provisioning.secrets import password_of

_PATH: Final = "/.well-known/est/"
_MOST_BODY: Final = 2 * MOST_ANSWER
_TIMEOUT_S: Final = 30.0


class _Refusal(msgspec.Struct, frozen=True):
    """What the reference gateway says with a refusal."""

    reason: str
    what: str = ""
    advice: str = ""


_REASONS: Final = {
    reason.value: reason
    for reason in (
        Reason.WRONG_CODE,
        Reason.REVOKED,
        Reason.EXPIRED,
        Reason.CONFLICT,
        Reason.BAD_VALUE,
        Reason.TAMPERED,
        Reason.BUSY,
        Reason.UNTRUSTED,
    )
}


class EstClient:
    """One EST server. ``async with`` it."""

    def __init__(self, url: str, context: ssl.SSLContext, timeout_s: float = _TIMEOUT_S) -> None:
        self._url = URL(url)
        if self._url.scheme != "https" or not self._url.host:
            raise ProvisioningError(Reason.BAD_VALUE, f"{url[:80]}: no https:// address", "As the gateway printed it.")
        self._context = context
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def __aenter__(self) -> Self:
        """Ready to be asked; connects with the first request."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._context, limit=1), timeout=self._timeout, trust_env=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        await self._session.close()

    async def authorities(self) -> list[x509.Certificate]:
        """``cacerts``: whom the server says to trust. Raises ProvisioningError."""
        return await self._ask("GET", "cacerts")

    async def enrol(self, request: bytes, device: str, code: str) -> list[x509.Certificate]:
        """``simpleenroll`` with a one-time code: what came back for the PKCS #10 request. Raises ProvisioningError."""
        return await self._ask("POST", "simpleenroll", request, _basic(device, code))

    async def renew(self, request: bytes) -> list[x509.Certificate]:
        """``simplereenroll`` under the present certificate. Raises ProvisioningError."""
        return await self._ask("POST", "simplereenroll", request)

    async def _ask(
        self, method: str, operation: str, request: bytes | None = None, authorization: str = ""
    ) -> list[x509.Certificate]:
        headers = {} if request is None else {"Content-Type": "application/pkcs10"}
        if authorization:
            headers["Authorization"] = authorization
        body = None if request is None else base64.encodebytes(request)
        try:
            async with self._session.request(
                method, self._url.join(URL(_PATH + operation)), data=body, headers=headers, allow_redirects=False
            ) as response:
                content = await _read(response)
                if response.status != 200:
                    raise _refused(response.status, content)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError) as error:
            raise ProvisioningError(
                Reason.UNTRUSTED,
                f"{self._url.host}: its certificate is not one of the gateway's ({type(error).__name__})",
                "Check the address and this device's clock. If both are right, somebody is in between.",
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            # TimeoutError too.
            raise ProvisioningError(
                Reason.LINK_DOWN,
                f"{self._url.host}: no answer ({type(error).__name__})",
                "Check the address and the network, or enrol by files: hotspotctl device export-request.",
            ) from error
        try:
            return read_certs_only(base64.b64decode(content))
        except binascii.Error as error:
            raise ProvisioningError(
                Reason.BAD_VALUE, "gateway: what came back is no base64", "Is this the gateway's enrolment port?"
            ) from error


async def authority_by_fingerprint(url: str, fingerprint: str, timeout_s: float = _TIMEOUT_S) -> x509.Certificate:
    """The authority with this fingerprint, fetched from whoever answers at ``url``. Nothing is told to them.

    Raises ProvisioningError: UNTRUSTED where nobody of that fingerprint is among those that came.
    """
    # Whom to believe is what is asked for here: the fingerprint decides.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with EstClient(url, context, timeout_s) as client:
        found = await client.authorities()
    for certificate in found:
        if has_fingerprint(certificate, fingerprint):
            return certificate
    raise ProvisioningError(
        Reason.UNTRUSTED,
        "gateway: its authority does not have this fingerprint",
        "Compare it with the paper. If it is the same, this is not the gateway: do not go on.",
    )


def trusting(anchors: Sequence[x509.Certificate], identity: Path | None = None) -> ssl.SSLContext:
    """A context that believes ``anchors`` alone, and shows ``identity`` (certificate and key) where one is given.

    Blocks. Raises ProvisioningError (UNREADABLE).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(cadata="".join(one.public_bytes(Encoding.PEM).decode() for one in anchors))
        if identity is not None:
            context.load_cert_chain(identity, identity, password=password_of(identity))
    except OSError as error:  # SSLError too.
        raise ProvisioningError(
            Reason.UNREADABLE, f"{identity or 'authority'}: not usable for TLS", "Enrol the device again."
        ) from error
    return context


def _basic(device: str, code: str) -> str:
    return "Basic " + base64.b64encode(f"{device}:{code}".encode()).decode()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > _MOST_BODY:
            raise ProvisioningError(Reason.BAD_VALUE, "gateway: its answer is too long", "Is this the right port?")
    return bytes(body)


def _refused(status: int, body: bytes) -> ProvisioningError:
    try:
        said = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ProvisioningError(
            Reason.LINK_PROTOCOL, f"gateway: status {status}, not as an EST server", "Is this the enrolment port?"
        )
    reason = _REASONS.get(said.reason, Reason.LINK_PROTOCOL)
    return ProvisioningError(reason, f"gateway: {said.what[:160]}", said.advice[:160])
