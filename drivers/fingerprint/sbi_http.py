"""The HTTP side of a MOSIP biometric service on this computer: its own verbs, everything bounded.

Speaks to 127.0.0.1 only, whatever a service's ``callbackId`` says, follows no redirection, takes no compressed body and
no cookie, and uses a fresh connection for each request, as the standard's ``Connection: Closed`` has it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from email.message import Message

import aiohttp

from drivers.base import DriverError, DriverReason
from drivers.camera.mjpeg_stream import Parts
from drivers.fingerprint.sbi_messages import discovery_request

HOST = "127.0.0.1"
_APPLICATION = "hotspotd"
_PIECE = 64 * 1024
_CONNECT_S = 2.0
_DISCOVER_S = 2.0
LARGEST_INFO = 512 * 1024


class ServiceHttp:
    """Requests to services, between ``open`` and ``close``."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Be ready to ask. In the event loop's thread."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"EXT": _APPLICATION},
        )

    async def close(self) -> None:
        """Break off what is being asked."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(self, verb: str, port: int, path: str, body: bytes, *, limit_s: float, most: int) -> bytes:
        """The body of the answer, of at most ``most`` bytes, within ``limit_s``.

        Raises DriverError: ABSENT where nothing listens, LOST where it breaks off, TIMEOUT, PROTOCOL.
        """
        place = f"port {port}"
        with self._explained(place):
            try:
                async with asyncio.timeout(limit_s), self._request(verb, port, path, body) as response:
                    return await _bounded(response, place, most)
            except TimeoutError as error:
                raise DriverError(
                    DriverReason.TIMEOUT,
                    f"{place}: no answer to {verb} within {limit_s:g} s",
                    "restart the device's service",
                ) from error

    async def pictures(self, verb: str, port: int, path: str, body: bytes, limit_s: float) -> AsyncIterator[bytes]:
        """The JPEG pictures of a stream, each whole; ends when the service ends it.

        Raises DriverError as ``ask`` does, TIMEOUT where no picture came for ``limit_s``.
        """
        place = f"port {port}"
        with self._explained(place):
            async with self._request(verb, port, path, body) as response:
                parts = Parts(_boundary(response, place))
                while not parts.ended:
                    try:
                        async with asyncio.timeout(limit_s):
                            data = await response.content.read(_PIECE)
                    except TimeoutError as error:
                        raise DriverError(
                            DriverReason.TIMEOUT, f"{place}: the stream gives no picture", "restart the service"
                        ) from error
                    if not data:
                        return
                    for part in parts.feed(data):
                        yield part

    def _request(self, verb: str, port: int, path: str, body: bytes) -> aiohttp.client._RequestContextManager:
        if self._session is None:
            raise DriverError(DriverReason.LOST, f"port {port} is not open", "open it first")
        return self._session.request(
            verb,
            f"http://{HOST}:{port}{path}",
            data=body,
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
            allow_redirects=False,
            # The whole is limited by who asks.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
        )

    @staticmethod
    @contextlib.contextmanager
    def _explained(place: str) -> Iterator[None]:
        try:
            yield
        except aiohttp.ClientConnectorError as error:
            raise DriverError(
                DriverReason.ABSENT, f"nothing listens on {place}", "start the device's service"
            ) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise DriverError(
                DriverReason.TIMEOUT, f"{place} does not take connections", "restart the device's service"
            ) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise DriverError(
                DriverReason.LOST, f"the service on {place} has gone", "start it again, and look at its log"
            ) from error
        except aiohttp.ClientError as error:
            raise DriverError(
                DriverReason.PROTOCOL, f"{place} speaks no HTTP", "look what listens on the port"
            ) from error


async def discovery(http: ServiceHttp, port: int) -> bytes:
    """What is answered to MOSIPDISC on this port. Raises DriverError as ``ServiceHttp.ask`` does."""
    body = discovery_request()
    return await http.ask("MOSIPDISC", port, "/device", body, limit_s=_DISCOVER_S, most=LARGEST_INFO)


async def _bounded(response: aiohttp.ClientResponse, place: str, most: int) -> bytes:
    if response.status != 200:
        raise _refused(response, place)
    body = bytearray()
    while data := await response.content.read(_PIECE):
        body += data
        if len(body) > most:
            raise DriverError(
                DriverReason.PROTOCOL, f"{place}: an answer of more than {most} bytes", "look what listens on the port"
            )
    return bytes(body)


def _refused(response: aiohttp.ClientResponse, place: str) -> DriverError:
    return DriverError(
        DriverReason.PROTOCOL,
        f"{place}: HTTP status {response.status}",
        "look whether a biometric service listens there",
    )


def _boundary(response: aiohttp.ClientResponse, place: str) -> bytes:
    if response.status != 200:
        raise _refused(response, place)
    fields = Message()
    fields["Content-Type"] = response.headers.get("Content-Type", "")
    boundary = (fields.get_boundary() or "").strip().lstrip("-")
    if fields.get_content_maintype() != "multipart" or not boundary.isascii() or not 0 < len(boundary) <= 200:
        raise DriverError(DriverReason.UNSUPPORTED, f"{place}: no stream", "use a service that shows live pictures")
    return boundary.encode()
