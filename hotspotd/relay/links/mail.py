"""The link by mail: S/MIME to the gateway's address, its answers out of a mailbox. docs/relay-mail.md has the format,
relay/mail/url.py the URL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.base import Incoming, IncomingKind, Link, Outgoing, Pace
from hotspotd.relay.mail import smime
from hotspotd.relay.mail.mailbox import Mailbox
from hotspotd.relay.mail.submission import Submission
from hotspotd.relay.mail.url import Post, read_url
from hotspotd.relay.message import decode, encode, pack
from hotspotd.relay.seal import Claims, Sealer, Trust, claimed

_RESEND_S = 3600.0
_MOST = 16 * 1024 * 1024
_MOST_HELD = 64
_MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the gateway's: its signature holds, its seal is not judged yet."""

    claims: Claims
    seal: str
    content: bytes
    cursor: str


class MailLink(Link):
    """The gateway's address, and one mailbox. Make it with ``open``."""

    def __init__(self, name: str, post: Post, trust: Trust, clock: Clock) -> None:
        self.name = name
        self.trust = trust
        self._post = post
        self._clock = clock
        self._sealer = Sealer(post.identity.signing, post.identity.signer)
        self._submission = Submission(post.host, post.envelope.sender.partition("@")[2])
        self.mailbox = Mailbox(post.host, self._read, _MOST)
        self._held: dict[str, Received] = {}
        """Fetched and still in the mailbox: oldest first, and last what was handed out already."""
        self._handed: list[tuple[int, str]] = []
        self._done: set[str] = set()
        """Stored by the courier, or of no use: deleted with the next look."""
        self._owed: dict[str, None] = {}
        """Cursors of replies that are stored here, which the gateway is to be told, in order."""
        self._number = 0
        self._looked_at: float | None = None
        self._more = False
        self._read_post: Callable[[], Post] | None = None

    @classmethod
    async def open(
        cls, url: str, *, trust_anchors: Path, certificate: Path, key: Path, timeout_s: float, name: str, trust: Trust
    ) -> MailLink:
        """The link to ``url``; connects with the first call. Raises ConfigError."""
        clock = Clock()

        def read() -> Post:
            return read_url(url, trust_anchors, certificate, key, timeout_s, clock.now().at)

        link = cls(name, await asyncio.to_thread(read), trust, clock)
        link._read_post = read
        return link

    async def renewal(self) -> Callable[[], None]:
        """See Link."""
        if self._read_post is None:
            return await super().renewal()
        post = await asyncio.to_thread(self._read_post)

        def switch() -> None:
            self._post = post
            self._sealer.take_over(Sealer(post.identity.signing, post.identity.signer))
            self._submission.move(post.host)
            self.mailbox.move(post.host)

        return switch

    async def probe(self) -> None:
        """See Link. Both ways: what is sent is of no use where no receipt can come back."""
        await self._submission.probe()
        await self._look()

    async def send(self, message: Outgoing, pace: Pace) -> Incoming | None:
        """See Link."""
        seal = message.seal(smime.VALID.total_seconds(), False)
        await self._submit(seal, message.content, pace)
        return None

    async def incoming(self, after: str, wait_s: float) -> list[Incoming]:
        """See Link. What was handed out and not acknowledged is handed out again, after all others.

        So a message that cannot be stored stops no other.
        """
        self._acknowledge(after)
        deadline = self._clock.monotonic() + wait_s
        looked = False
        while True:
            found = await self._hand_out()
            if found or (looked and self._clock.monotonic() >= deadline):
                return found
            if wait_s > 0 and not await self._due(deadline):
                return []
            await self._look()
            looked = True

    @property
    def resend_s(self) -> float:
        """See Link."""
        return _RESEND_S

    async def close(self) -> None:
        """See Link."""
        self._submission.close()

    def _acknowledge(self, after: str) -> None:
        last = int(after) if after.isascii() and after.isdigit() else 0
        for number, uid in self._handed:
            if number <= last and (received := self._held.pop(uid, None)) is not None:
                self._done.add(uid)
                if received.cursor:
                    self._owed[received.cursor] = None
        self._handed.clear()

    async def _due(self, deadline: float) -> bool:
        """Wait until the mailbox is to be looked into again; whether that is before ``deadline``."""
        if self._more or self._looked_at is None:
            return True
        due = self._looked_at + self._post.poll_s
        await asyncio.sleep(max(min(due, deadline) - self._clock.monotonic(), 0.0))
        return due <= deadline

    async def _hand_out(self) -> list[Incoming]:
        found = []
        for uid, received in list(self._held.items())[:_MOST_AT_ONCE]:
            self._held[uid] = self._held.pop(uid)
            if not await self._counts(uid, received):
                continue
            self._number += 1
            self._handed.append((self._number, uid))
            kind = IncomingKind(received.claims.kind)
            found.append(Incoming(str(self._number), kind, received.claims.tcn, received.seal, received.content))
        return found

    async def _counts(self, uid: str, received: Received) -> bool:
        """Whether the seal holds now. One that never will is of no use to anybody."""
        now = self._clock.now().at
        try:
            await asyncio.to_thread(self.trust.open, received.seal, received.content, now)
        except RelayError as error:
            # One of the future waits: this clock is behind, or the gateway's ahead.
            if error.reason is not Reason.STALE or received.claims.signed_at <= now.timestamp():
                self._held.pop(uid)
                self._done.add(uid)
                self.mailbox.set_aside(error)
            return False
        return True

    async def _look(self) -> None:
        """Tell the gateway what is stored, then delete that, then fetch. Raises RelayError."""
        if not self._clock.now().trusted:
            # Every certificate and seal would be out of date, and what is deleted as such is gone.
            raise RelayError(Reason.STALE, "mail: this device's clock is not set", "Set it, or wait for the network.")
        while self._owed:
            await self._tell(tuple(self._owed)[: smime.MOST_ACKNOWLEDGED])
        self._looked_at = self._clock.monotonic()
        found = await self.mailbox.look(self._done, self._held.keys(), room=_MOST_HELD - len(self._held))
        self._done -= found.gone
        self._more = found.more
        self._held.update(found.mails)

    async def _tell(self, cursors: tuple[str, ...]) -> None:
        content = pack(msgspec.json.encode(smime.Acknowledgement(cursors=cursors)))
        seal = self._sealer.seal(content, kind="ack", tcn="", now=self._clock.now().at, valid=smime.VALID)
        await self._submit(seal, content, _at_once)
        for cursor in cursors:
            self._owed.pop(cursor, None)

    async def _submit(self, seal: str, content: bytes, pace: Pace) -> None:
        claims, post = claimed(seal), self._post
        mail = await asyncio.to_thread(
            smime.compose,
            encode(seal, content),
            post.identity,
            post.receiver,
            post.envelope,
            tcn=claims.tcn,
            nonce=claims.nonce,
            at=self._clock.now().at,
        )
        await self._submission.submit(mail, post.envelope, pace)

    def _read(self, mail: bytes) -> Received:
        """Runs in a thread. Raises RelayError for what is not a message of the gateway's to this device."""
        letter = smime.open_mail(mail, self._post.identity, _MOST)
        self.trust.check(letter.signer, self._clock.now().at)
        seal, content = decode(letter.message)
        claims = claimed(seal)
        if claims.kind not in {kind.value for kind in IncomingKind}:
            raise RelayError(Reason.BAD_TRANSACTION, "mail: not a message of a gateway's")
        self.trust.know(letter.signer.public_bytes(Encoding.DER))
        return Received(claims, seal, content, letter.cursor)


async def _at_once(size: int) -> None:
    """The pace of what is as small as this."""
