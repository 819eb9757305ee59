"""The link over HTTPS with a client certificate: messages go up as tus 1.0 does it, what the gateway has to say is
polled for. docs/relay.md has the protocol.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

import msgspec
from yarl import URL

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.base import Incoming, IncomingKind, Link, Outgoing, Pace
from hotspotd.relay.links.flow import PacedBody
from hotspotd.relay.links.https_session import Answer, HttpsSession, Moved
from hotspotd.relay.links.wire import SEAL_HEADER, TUS, TUS_VERSION, WireReplies
from hotspotd.relay.seal import Trust

# From sealing it until the gateway has the last byte: a large message on a thin line waits for what is more urgent.
_SEAL_VALID_S = 300.0
_SLOWEST_BYTES_PER_S = 1_000.0
_MAX_RECEIPT = 16 * 1024


class HttpsLink(Link):
    """One gateway at one URL; connects with the first call."""

    def __init__(self, session: HttpsSession, trust: Trust, name: str = "https") -> None:
        self.name = name
        self.trust = trust
        self._session = session

    async def probe(self) -> None:
        """See Link."""
        await self._session.ask("OPTIONS", "uploads", {})

    async def send(self, message: Outgoing, pace: Pace) -> Incoming | None:
        """See Link. What of it arrived before is not sent again."""
        metadata = {"tcn": message.tcn, "sha256": message.sha256}
        creation = {
            TUS: TUS_VERSION,
            "Upload-Length": str(len(message.content)),
            "Upload-Metadata": ",".join(f"{name} {_base64(value)}" for name, value in metadata.items()),
        }
        if message.begun:
            # Only what is still wanted is sent: the answer says from where on.
            answer = await self._session.ask("POST", "uploads", creation)
        else:
            answer = await self._put("POST", "uploads", creation, message, 0, pace)
        while answer.status != 200:
            offset, path = _whereto(answer, len(message.content))
            headers = {TUS: TUS_VERSION, "Upload-Offset": str(offset)}
            before = offset
            answer = await self._put("PATCH", path, headers, message, offset, pace)
            if answer.status != 200 and _whereto(answer, len(message.content), path)[0] <= before:
                raise RelayError(Reason.LINK_PROTOCOL, "gateway: takes bytes of a message and does not count them")
        if len(answer.body) > _MAX_RECEIPT:
            raise RelayError(Reason.LINK_PROTOCOL, "gateway: a receipt of more than 16 kB")
        incoming = Incoming("", IncomingKind.RECEIPT, message.tcn, answer.headers.get(SEAL_HEADER, ""), answer.body)
        await self._know(incoming.seal)
        return incoming

    async def _put(
        self, method: str, path: str, headers: dict[str, str], message: Outgoing, start: int, pace: Pace
    ) -> Answer:
        def body(moved: Moved) -> PacedBody:
            return PacedBody(message.content, start, pace, moved)

        seal = message.seal(_SEAL_VALID_S + len(message.content) / _SLOWEST_BYTES_PER_S, False)
        return await self._session.upload(method, path, {**headers, SEAL_HEADER: seal}, body)

    async def incoming(self, after: str, wait_s: float) -> list[Incoming]:
        """See Link."""
        query = URL("replies").with_query({"after": after, "wait": f"{wait_s:g}"})
        answer = await self._session.ask("GET", str(query), {}, longer_s=wait_s)
        try:
            replies = msgspec.json.decode(answer.body, type=WireReplies).replies
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RelayError(Reason.LINK_PROTOCOL, "gateway: no list of replies") from error
        for reply in replies:
            await self._know(reply.seal)
        return [Incoming(reply.cursor, IncomingKind.REPLY, reply.tcr, reply.seal, reply.content) for reply in replies]

    async def _know(self, seal: str) -> None:
        """See to it that the certificate behind ``seal`` is at hand; whether it counts is judged later."""
        try:
            known = self.trust.knows(seal)
        except RelayError:
            return  # Nothing that could be a seal: refused where it is opened.
        if not known:
            self.trust.know((await self._session.ask("GET", "certificate", {})).body)

    @property
    def resend_s(self) -> float:
        """See Link. A receipt comes with the answer, or not at all."""
        return 0.0

    async def renewal(self) -> Callable[[], None]:
        """See Link."""
        return await self._session.renewal()

    async def close(self) -> None:
        """See Link."""
        await self._session.close()


def _whereto(answer: Answer, length: int, path: str = "") -> tuple[int, str]:
    """From which byte on the message is wanted, and where. Raises RelayError (LINK_PROTOCOL)."""
    offset, place = answer.headers.get("Upload-Offset", ""), answer.headers.get("Location", path)
    name = place.rsplit("/", 1)[-1]
    if not (offset.isascii() and offset.isdigit() and len(offset) < 12 and int(offset) <= length and name.isalnum()):
        raise RelayError(Reason.LINK_PROTOCOL, "gateway: does not say how much of a message it has")
    return int(offset), f"uploads/{name}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
