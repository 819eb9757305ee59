"""What handlers ask of a request: which device sent it, and its body within limits."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import HttpVersion11, web

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.wire import Refusal


def device_of(request: web.Request) -> str:
    """The common name of the certificate that the connection showed. Raises RelayError (LINK_REFUSED)."""
    certificate = request.get_extra_info("peercert") or {}
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    if len(names) != 1 or not names[0]:
        raise RelayError(Reason.LINK_REFUSED, "the certificate names no device")
    return str(names[0])


def device_certificate(request: web.Request) -> bytes | None:
    """The certificate that the connection showed, in DER."""
    connection = request.get_extra_info("ssl_object")
    certificate: bytes | None = None if connection is None else connection.getpeercert(binary_form=True)
    return certificate


def answer(value: msgspec.Struct, status: int = 200) -> web.Response:
    """``value`` as JSON."""
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


class Bodies:
    """Takes bodies of at most ``most`` bytes within ``within_s`` seconds; ``what`` is what they are, for refusals."""

    def __init__(self, what: str, most: int, within_s: float) -> None:
        self._what = what
        self._most = most
        self._within_s = within_s

    async def expected(self, request: web.Request) -> web.StreamResponse | None:
        """Whether the body is wanted: too long a one is refused before it is sent."""
        if request.version == HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
            if request.content_length is not None and request.content_length > self._most:
                error = self._too_large()
                refused = answer(Refusal(reason=error.reason.value, what=error.what), 413)
                # The rest of the body is not read: the connection cannot be used again.
                refused.force_close()
                return refused
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # What was written for 100 is not part of the answer.
            request.writer.output_size = 0
        return None

    async def read(self, request: web.Request) -> bytes:
        """The whole body. Raises RelayError: TOO_LARGE, LINK_DOWN when it does not come, or not in time."""
        if request.content_length is not None and request.content_length > self._most:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(self._within_s):
                async for chunk in request.content.iter_chunked(64 * 1024):
                    body += chunk
                    if len(body) > self._most:
                        raise self._too_large()
        except TimeoutError as error:
            raise RelayError(Reason.LINK_DOWN, f"the {self._what} did not come in time") from error
        except ConnectionError as error:
            # On a thin line an everyday thing; nobody is left to be answered.
            raise RelayError(Reason.LINK_DOWN, f"the line broke within the {self._what}") from error
        return bytes(body)

    def _too_large(self) -> RelayError:
        return RelayError(Reason.TOO_LARGE, f"a {self._what} may have {self._most} bytes")
