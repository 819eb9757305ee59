"""The gateway's EST server (RFC 7030) on a port of its own, and its list of revoked certificates.

    GET  /.well-known/est/cacerts          the authorities
    POST /.well-known/est/simpleenroll     HTTP Basic, the device's name and its one-time code
    POST /.well-known/est/simplereenroll   a good certificate of the device's, shown in the TLS handshake
    GET  /crl                              application/pkix-crl, DER

Refusals are JSON with a reason, as everywhere at this gateway. Neither key generation here nor full CMC is offered.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web
from cryptography import x509

from hotspotd.errors import GatewayError, HotspotError, ProvisioningError, Reason, RelayError
from hotspotd.gateway.enrolment.issuing import Issuing
from hotspotd.gateway.requests import Bodies, answer, device_certificate
from hotspotd.provisioning.certificates import MOST_REQUEST, certs_only
from hotspotd.relay.links.tls import server_context
from hotspotd.relay.links.wire import Refusal

log = logging.getLogger(__name__)

_EST: Final = "/.well-known/est"
_BODY_S: Final = 20.0
_LONGEST_AUTHORIZATION: Final = 512
_AT_ONCE: Final = 16
_STATUS: Final = {
    Reason.WRONG_CODE: 401,
    Reason.REVOKED: 403,
    Reason.UNTRUSTED: 403,
    Reason.BAD_VALUE: 400,
    Reason.TAMPERED: 400,
    Reason.CONFLICT: 409,
    Reason.TOO_LARGE: 413,
    Reason.LINK_DOWN: 408,
    Reason.BUSY: 503,
}


def enrolment_context(trust_anchors: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """As the gateway's own, but a device may be without a certificate. Blocks. Raises ConfigError."""
    context = server_context(trust_anchors, certificate, key)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


class EstServer:
    """Serves one authority's issuing."""

    def __init__(self, issuing: Issuing, authorities: Sequence[x509.Certificate]) -> None:
        self._issuing = issuing
        self._authorities = certs_only(authorities)
        self._bodies = Bodies("request", 2 * MOST_REQUEST, _BODY_S)
        self._runner: web.AppRunner | None = None
        self._busy = 0

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return 0 if self._runner is None else int(self._runner.addresses[0][1])

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> None:
        """Listen. Raises OSError."""
        application = web.Application(middlewares=[self._refusals])
        application.router.add_get(f"{_EST}/cacerts", self._cacerts)
        application.router.add_post(f"{_EST}/simpleenroll", self._enrol)
        application.router.add_post(f"{_EST}/simplereenroll", self._renew)
        application.router.add_get("/crl", self._crl)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=context, reuse_port=False).start()

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _cacerts(self, request: web.Request) -> web.StreamResponse:
        del request
        return _certificates(self._authorities)

    async def _enrol(self, request: web.Request) -> web.StreamResponse:
        device, code = _basic(request)
        certificate = await self._issuing.enrol(await self._request(request), device, code)
        return _certificates(await asyncio.to_thread(certs_only, [certificate]))

    async def _renew(self, request: web.Request) -> web.StreamResponse:
        shown = device_certificate(request)
        if shown is None:
            raise ProvisioningError(
                Reason.UNTRUSTED, "no certificate was shown", "A device without a good one is enrolled with a code."
            )
        certificate = await self._issuing.renew(await self._request(request), shown)
        return _certificates(await asyncio.to_thread(certs_only, [certificate]))

    async def _crl(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(body=await self._issuing.revocation_list(), content_type="application/pkix-crl")

    async def _request(self, request: web.Request) -> bytes:
        try:
            return base64.b64decode(await self._bodies.read(request))
        except binascii.Error as error:
            raise ProvisioningError(Reason.BAD_VALUE, "request: no base64", "RFC 7030, section 4.2.1.") from error

    @web.middleware
    async def _refusals(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if self._busy >= _AT_ONCE:
            return _refused(503, Refusal(reason="busy", what="too many devices at once", advice="Try again soon."))
        self._busy += 1
        try:
            return await handler(request)
        except GatewayError as error:
            log.error("enrolment: the gateway cannot store: %s", error)
            return _refused(503, Refusal(reason=error.reason.value, what="the gateway cannot store just now"))
        except HotspotError as error:
            log.warning("enrolment: %s from %s: %s", request.path, request.remote, error)
            status = _STATUS.get(error.reason, 500)
            return _refused(status, Refusal(reason=error.reason.value, what=error.what, advice=error.advice))
        except web.HTTPException as error:
            return _refused(error.status, Refusal(reason="http", what=error.reason))
        finally:
            self._busy -= 1


def _basic(request: web.Request) -> tuple[str, str]:
    """Device and code of HTTP Basic (RFC 7617). Raises ProvisioningError, RelayError."""
    said = request.headers.get("Authorization", "")
    scheme, _, encoded = said.partition(" ")
    if len(said) > _LONGEST_AUTHORIZATION:
        raise RelayError(Reason.TOO_LARGE, "the authorization is too long")
    try:
        device, colon, code = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        device, colon, code = "", "", ""
    if scheme.lower() != "basic" or not colon:
        raise ProvisioningError(Reason.WRONG_CODE, "a one-time code is asked for", "hotspotctl device enrol --code")
    return device, code


def _certificates(message: bytes) -> web.Response:
    return web.Response(
        body=base64.encodebytes(message),
        headers={
            "Content-Type": "application/pkcs7-mime; smime-type=certs-only",
            "Content-Transfer-Encoding": "base64",
        },
    )


def _refused(status: int, refusal: Refusal) -> web.Response:
    response = answer(refusal, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="hotspotd enrolment"'
    if status in {408, 413}:
        response.force_close()
    return response
