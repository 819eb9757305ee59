"""The link over HTTPS with a client certificate. docs/relay.md has the protocol."""

from __future__ import annotations

import asyncio
import io
import ssl
from pathlib import Path

import aiohttp
import msgspec
from yarl import URL

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.base import Link, Reply
from hotspotd.relay.links.tls import client_context
from hotspotd.relay.links.wire import Refusal, WireReplies

_MAX_RECEIPT = 16 * 1024
# The gateway answers with at most 16 replies of small XML; pictures do not come back.
_MAX_REPLIES = 8 * 1024 * 1024
_REFUSED = frozenset((401, 403, 407))
_FAULTY = {400: Reason.BAD_TRANSACTION, 409: Reason.CONFLICT, 413: Reason.TOO_LARGE, 422: Reason.BAD_TRANSACTION}

# Half of the 64 kbit/s line that the appliance is made for.
_SLOWEST_BYTES_PER_S = 4_000
# A gateway that is being restarted hangs up as one does that refuses; it is listened to again after this long.
_LISTEN_AGAIN_S = 1.0


class HttpsLink(Link):
    """One gateway at one URL. Make it with ``open``."""

    def __init__(self, url: str, context: ssl.SSLContext, timeout_s: float, listen_s: float = 2.0) -> None:
        self._url = URL(url.rstrip("/") + "/v1/")
        self._context = context
        self._timeout_s = timeout_s
        self._listen_s = listen_s
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    @classmethod
    async def open(cls, url: str, *, trust_anchors: Path, certificate: Path, key: Path, timeout_s: float) -> HttpsLink:
        """The link to ``url``; connects with the first call. Raises ConfigError for unusable files."""
        context = await asyncio.to_thread(client_context, trust_anchors, certificate, key)
        return cls(url, context, timeout_s)

    async def send(self, tcn: str, payload: bytes) -> bytes:
        """See Link. A large transaction on a thin line has the time that it needs."""
        within_s = self._timeout_s + len(payload) / _SLOWEST_BYTES_PER_S
        return await self._ask("PUT", self._url / "transactions" / tcn, within_s, _MAX_RECEIPT, payload=payload)

    async def replies(self, after: str, wait_s: float) -> list[Reply]:
        """See Link."""
        query = {"after": after, "wait": f"{wait_s:g}"}
        body = await self._ask("GET", (self._url / "replies") % query, wait_s + self._timeout_s, _MAX_REPLIES)
        try:
            answer = msgspec.json.decode(body, type=WireReplies)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RelayError(Reason.LINK_PROTOCOL, "gateway: no list of replies") from error
        return [Reply(reply.cursor, reply.tcr, reply.payload) for reply in answer.replies]

    async def exchange(self, method: str, path: str, payload: bytes | None = None, *, longer_s: float = 0.0) -> bytes:
        """One request to ``/v1/PATH`` for what is no transaction; returns the body of a success.

        ``payload`` is JSON, or whatever the path takes; ``longer_s`` is time for the gateway's work. Raises RelayError
        as ``send`` does.
        """
        within_s = self._timeout_s + longer_s + len(payload or b"") / _SLOWEST_BYTES_PER_S
        return await self._ask(
            method, self._url.join(URL(path)), within_s, _MAX_REPLIES, payload=payload, kind="application/json"
        )

    async def close(self) -> None:
        """See Link."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RelayError(Reason.LINK_DOWN, "gateway: the link was closed")
        if self._session is None:
            # Proxies of the environment are not for this: the client certificate must reach the gateway itself.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context, limit=4), trust_env=False, auto_decompress=False
            )
        return self._session

    async def _ask(
        self,
        method: str,
        url: URL,
        within_s: float,
        most: int,
        *,
        payload: bytes | None = None,
        kind: str = "application/xml",
    ) -> bytes:
        headers = {} if payload is None else {"Content-Type": kind}
        try:
            async with (
                asyncio.timeout(within_s),
                self._open_session().request(
                    method,
                    url,
                    # As a stream: raw bytes of megabytes would be written in one go and hold up the loop.
                    data=None if payload is None else io.BytesIO(payload),
                    headers=headers,
                    # The body goes when the gateway wants it: a refusal costs no time on a slow line, and is read
                    # instead of being lost under a body that nobody takes.
                    expect100=payload is not None,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response,
            ):
                body = await _read(response, most)
                if response.status in {200, 201, 202}:
                    return body
                raise _refusal(response.status, body)
        except TimeoutError as error:
            raise RelayError(Reason.LINK_DOWN, f"gateway: no answer within {within_s:g} s") from error
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError) as error:
            raise _untrusted(error) from error
        except aiohttp.ClientConnectorError as error:
            raise RelayError(Reason.LINK_DOWN, f"gateway: {error.strerror or 'cannot be reached'}") from error
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error.__cause__, ssl.SSLError) or await self._refuses():
                raise _untrusted(error) from error
            raise RelayError(Reason.LINK_DOWN, f"gateway: the connection broke ({type(error).__name__})") from error

    async def _refuses(self) -> bool:
        """Whether the gateway hangs up on this device twice, some time apart: once may be a restart."""
        if not await self._hangs_up():
            return False
        await asyncio.sleep(_LISTEN_AGAIN_S)
        return await self._hangs_up()

    async def _hangs_up(self) -> bool:
        """Whether the gateway ends a connection on which it was asked nothing: it does not want this device.

        With TLS 1.3 a server judges the device's certificate after the device's handshake is over, and Python's
        then hangs up without an alert, which looks like any broken connection. A gateway that accepts the
        certificate waits for a request instead.
        """
        writer = None
        try:
            async with asyncio.timeout(self._listen_s):
                reader, writer = await asyncio.open_connection(self._url.host, self._url.port, ssl=self._context)
                return not await reader.read(1)
        except ssl.SSLError:
            return True
        except OSError:  # TimeoutError too: it waits for a request.
            return False
        finally:
            if writer is not None:
                writer.transport.abort()


def _untrusted(error: BaseException) -> RelayError:
    return RelayError(
        Reason.LINK_REFUSED,
        f"gateway: the certificates do not agree ({type(error).__name__})",
        "Check relay.trust_anchors, relay.certificate, their dates, and this device's clock.",
    )


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > most:
            raise RelayError(Reason.LINK_PROTOCOL, f"gateway: an answer of more than {most} bytes")
    return bytes(body)


def _refusal(status: int, body: bytes) -> RelayError:
    try:
        refusal = msgspec.json.decode(body, type=Refusal)
        said = f"{refusal.what[:160]} [{refusal.reason[:40]}]"
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Not the gateway's own words: a proxy's refusal says nothing about the transaction.
        return RelayError(_by_status(status, gateway=False), f"status {status}, not from a gateway")
    return RelayError(_by_status(status, gateway=True), f"gateway: {status}: {said}", refusal.advice[:160])


def _by_status(status: int, *, gateway: bool) -> Reason:
    if status in _REFUSED:
        return Reason.LINK_REFUSED
    if gateway and status in _FAULTY:
        return _FAULTY[status]
    return Reason.LINK_PROTOCOL
