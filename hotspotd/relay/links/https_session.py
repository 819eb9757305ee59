"""Requests over mutual TLS to one gateway, with errors told apart as links do."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import msgspec
from yarl import URL

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.flow import PacedBody, tcp_socket
from hotspotd.relay.links.tls import client_context
from hotspotd.relay.links.wire import Refusal

# The gateway answers with at most 16 replies of small XML; pictures do not come back.
MAX_ANSWER = 8 * 1024 * 1024
_REFUSED = frozenset((401, 403, 407))
_FAULTY = {400: Reason.BAD_TRANSACTION, 409: Reason.CONFLICT, 413: Reason.TOO_LARGE, 422: Reason.BAD_TRANSACTION}
# What the gateway's own reason says that its status does not. A seal that was seen before, or was changed on the way,
# is made anew with the next try.
_BY_REASON = {
    Reason.STALE.value: Reason.STALE,
    Reason.UNTRUSTED.value: Reason.LINK_REFUSED,
    Reason.REVOKED.value: Reason.REVOKED,
    Reason.REPLAYED.value: Reason.LINK_PROTOCOL,
    Reason.TAMPERED.value: Reason.LINK_PROTOCOL,
    Reason.UNSIGNED.value: Reason.LINK_PROTOCOL,
    Reason.WRONG_OFFSET.value: Reason.LINK_PROTOCOL,
}
_SUCCESS = frozenset((200, 201, 202, 204))

# Half of the 64 kbit/s line that the appliance is made for.
_SLOWEST_BYTES_PER_S = 4_000
# Travellers come every half minute or so; a new connection is three round trips. A gateway keeps them longer.
_KEPT_S = 60.0
# A gateway that is being restarted hangs up as one does that refuses; it is listened to again after this long.
_LISTEN_AGAIN_S = 1.0


Moved = Callable[[bool], None]
MakeBody = Callable[[Moved], io.BytesIO | PacedBody]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back with a success."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpsSession:
    """One gateway at one URL; connects with the first request."""

    def __init__(
        self,
        url: str,
        context: ssl.SSLContext,
        timeout_s: float,
        listen_s: float = 2.0,
        make_context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._url = URL(url.rstrip("/") + "/v1/")
        self._context = context
        self.timeout_s = timeout_s
        self._listen_s = listen_s
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._make_context = make_context
        self._using: Counter[aiohttp.ClientSession] = Counter()
        self._retired: list[aiohttp.ClientSession] = []

    @classmethod
    async def open(
        cls, url: str, *, trust_anchors: Path, certificate: Path, key: Path, timeout_s: float
    ) -> HttpsSession:
        """A session with ``url``. Raises ConfigError for unusable files."""
        make = partial(client_context, trust_anchors, certificate, key)
        return cls(url, await asyncio.to_thread(make), timeout_s, make_context=make)

    async def renewal(self) -> Callable[[], None]:
        """Read the files anew; what is returned goes over to them: requests that are under way are finished.

        Raises ConfigError, ProvisioningError.
        """
        context = self._context if self._make_context is None else await asyncio.to_thread(self._make_context)

        def switch() -> None:
            self._context = context
            if self._session is not None:
                # A connection shows the certificate that it was made with: what begins now needs another one.
                self._retired.append(self._session)
                self._session = None

        return switch

    async def exchange(self, method: str, path: str, payload: bytes | None = None, *, longer_s: float = 0.0) -> bytes:
        """One request to ``/v1/PATH``; returns the body of a success.

        ``payload`` is JSON, or whatever the path takes; ``longer_s`` is time for the gateway's work. Raises RelayError.
        """
        within_s = self.timeout_s + longer_s + len(payload or b"") / _SLOWEST_BYTES_PER_S
        if payload is None:
            return (await self._request(method, path, {}, within_s)).body
        # As a stream: raw bytes of megabytes would be written in one go and hold up the loop.
        body = io.BytesIO(payload)
        headers = {"Content-Type": "application/json"}
        # The body goes when the gateway wants it: a refusal costs no time on a slow line, and is read instead of being
        # lost under a body that nobody takes.
        return (await self._request(method, path, headers, within_s, lambda _: body, expect=True)).body

    async def ask(self, method: str, path: str, headers: Mapping[str, str], *, longer_s: float = 0.0) -> Answer:
        """A request without a body. Raises RelayError."""
        return await self._request(method, path, headers, self.timeout_s + longer_s)

    async def upload(self, method: str, path: str, headers: Mapping[str, str], body: MakeBody) -> Answer:
        """A request whose body goes as the line takes it: only standing still for too long ends it.

        ``body`` makes it, given what it calls when bytes have moved (True) or are held back on purpose (False).
        Raises RelayError.
        """
        return await self._request(method, path, headers, self.timeout_s, body)

    async def close(self) -> None:
        """Let go of connections."""
        self._closed = True
        for session in (self._session, *self._retired):
            if session is not None:
                await session.close()
        self._session = None
        self._retired.clear()

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RelayError(Reason.LINK_DOWN, "gateway: the link was closed")
        if self._session is None:
            # Proxies of the environment are not for this: the client certificate must reach the gateway itself.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._context,
                    limit=8,
                    keepalive_timeout=_KEPT_S,
                    socket_factory=partial(tcp_socket, silence_s=2 * self.timeout_s),
                ),
                trust_env=False,
                auto_decompress=False,
            )
        return self._session

    async def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        within_s: float,
        body: MakeBody | None = None,
        *,
        expect: bool = False,
    ) -> Answer:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within_s) as limit:

                def moved(on: bool) -> None:
                    if not limit.expired():
                        limit.reschedule(loop.time() + within_s if on else None)

                return await self._exchange(method, path, headers, None if body is None else body(moved), expect=expect)
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

    async def _exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: io.BytesIO | PacedBody | None,
        *,
        expect: bool,
    ) -> Answer:
        session = self._opened()
        self._using[session] += 1
        try:
            async with session.request(
                method,
                self._url.join(URL(path)),
                data=body,
                headers=headers,
                expect100=expect,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as response:
                content = await _read(response, MAX_ANSWER)
                if response.status in _SUCCESS:
                    return Answer(response.status, response.headers, content)
                raise _refusal(response.status, content)
        finally:
            self._using[session] -= 1
            await self._let_go()

    async def _let_go(self) -> None:
        """Close what was retired and is not in use any more."""
        idle = [session for session in self._retired if not self._using[session]]
        self._retired = [session for session in self._retired if session not in idle]
        for session in idle:
            del self._using[session]
            await session.close()

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
    reason = _BY_REASON.get(refusal.reason) or _by_status(status, gateway=True)
    return RelayError(reason, f"gateway: {status}: {said}", refusal.advice[:160])


def _by_status(status: int, *, gateway: bool) -> Reason:
    if status in _REFUSED:
        return Reason.LINK_REFUSED
    if gateway and status in _FAULTY:
        return _FAULTY[status]
    return Reason.LINK_PROTOCOL
