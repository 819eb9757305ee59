"""The gateway by mail: takes messages out of its mailbox, sends receipts, refusals and replies. docs/relay-mail.md.

A mail is deleted when its receipt was given to the mail host, and what the receipt says is on disk by then. Killed
anywhere on the way, the gateway finds the mail again: it is not taken twice, and its receipt is sent once more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from hotspotd.cancelling import insist
from hotspotd.clock import Clock
from hotspotd.errors import GatewayError, Reason, RelayError
from hotspotd.gateway.doors.mailed import MailedReplies
from hotspotd.gateway.doors.post_office import DOOR, PostOffice
from hotspotd.gateway.reception import Reception
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.wire import Refusal, digest
from hotspotd.relay.mail import smime
from hotspotd.relay.mail.mailbox import Mailbox
from hotspotd.relay.mail.smime import Acknowledgement, Envelope
from hotspotd.relay.mail.submission import Submission
from hotspotd.relay.message import decode, encode, pack, unpack
from hotspotd.relay.seal import Claims, Sealer, claimed

logger = logging.getLogger(__name__)

# Refused for what they are: the device is told, so that it does not send them again.
# The device is told: that it is of no use to send this again, or that it has to be enrolled.
_ANSWERED = frozenset((Reason.BAD_TRANSACTION, Reason.TOO_LARGE, Reason.CONFLICT, Reason.REVOKED))
# Refused, counted by the reception, and not answered: who forges or delays mails learns nothing.
_DROPPED = frozenset((Reason.UNSIGNED, Reason.TAMPERED, Reason.UNTRUSTED, Reason.STALE))
_MOST_TRIES = 8
_MOST_ACK = 16 * 1024
_AGAIN_S = 4 * 3600.0
_FIRST_DELAY_S = 2.0
_LONGEST_DELAY_S = 120.0


@dataclass(frozen=True, slots=True)
class _Mail:
    """A mail of a device's: its signature holds, its seal is not judged yet."""

    device: str
    claims: Claims
    seal: str
    content: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    device: str
    seal: str
    content: bytes


class MailDoor:
    """One mailbox. A part of the service. A reply that is not acknowledged is sent again after ``again_s``."""

    name = "mail"

    def __init__(self, reception: Reception, office: PostOffice, clock: Clock, again_s: float = _AGAIN_S) -> None:
        self._reception = reception
        self._office = office
        self._clock = clock
        self._sealer = Sealer(office.identity.signing, office.identity.signer)
        self._submission = Submission(office.host, office.address.partition("@")[2])
        self._replies = MailedReplies(reception, self._send, clock.monotonic, office.poll_s, again_s)
        self.mailbox = Mailbox(office.host, self._read, reception.max_bytes)
        self._done: set[str] = set()
        self._owed: dict[str, _Answer] = {}
        """Answers to what is taken, by the names of its mails, until the mail host has them."""
        self._tries: Counter[str] = Counter()

    def add_to(self, application: web.Application) -> None:
        """See Part. It has no routes."""

    async def run(self) -> None:
        """See Part."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_persistently("in", self._take_in), name="mail-in"),
                    group.create_task(_persistently("out", self._replies.push), name="mail-out"),
                ]
                group.create_task(insist(tasks), name="mail-end")
        finally:
            self._submission.close()

    async def _take_in(self) -> None:
        """One look into the mailbox, and after it a pause where it holds no more."""
        await self._answer_all()
        found = await self.mailbox.look(self._done, self._owed.keys())
        self._done -= found.gone
        for error in found.junk:
            await self._reception.count("", error)
        for uid, mail in found.mails:
            answer = await self._take(mail)
            if answer is None:
                self._done.add(uid)
            else:
                self._owed[uid] = answer
        await self._answer_all()
        if not found.more:
            await asyncio.sleep(self._office.poll_s)

    async def _take(self, mail: _Mail) -> _Answer | None:
        """What ``mail`` is answered with. Raises RelayError (BUSY) and GatewayError where it must wait."""
        self._reception.trust.know(mail.certificate)
        try:
            await self._reception.admit(mail.certificate)
        except RelayError as error:
            await self._reception.count(mail.device, error)
            return await self._refused(mail, error)
        await self._replies.wrote(mail.device)
        try:
            if mail.claims.kind == "ack":
                await self._replies.acknowledge(mail.device, await self._acknowledged(mail))
                return None
            receipt = await self._reception.take(
                mail.seal, mail.content, door=DOOR, device=mail.device, valid=smime.VALID
            )
        except RelayError as error:
            return await self._refused(mail, error)
        return _Answer(receipt.device, receipt.seal, receipt.content)

    async def _acknowledged(self, mail: _Mail) -> tuple[str, ...]:
        await self._reception.opened(mail.seal, mail.content, mail.device)
        try:
            return msgspec.json.decode(unpack(mail.content, _MOST_ACK), type=Acknowledgement).cursors
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RelayError(Reason.BAD_TRANSACTION, "mail: not an acknowledgement") from error

    async def _refused(self, mail: _Mail, error: RelayError) -> _Answer | None:
        if error.reason is Reason.REPLAYED:
            # Delivered twice, or taken before a crash: what is held is said again.
            sha256 = await asyncio.to_thread(lambda: digest(unpack(mail.content, self._reception.max_bytes)))
            held = await self._reception.receipt(mail.device, mail.claims.tcn, sha256, valid=smime.VALID)
            return None if held is None else _Answer(held.device, held.seal, held.content)
        if error.reason in _ANSWERED:
            content = pack(
                msgspec.json.encode(Refusal(reason=error.reason.value, what=error.what, advice=error.advice))
            )
            seal = self._sealer.seal(
                content, kind="refusal", tcn=mail.claims.tcn, now=self._clock.now().at, valid=smime.VALID
            )
            return _Answer(mail.device, seal, content)
        if error.reason in _DROPPED:
            return None
        raise error

    async def _answer_all(self) -> None:
        """Send what is owed. What the host will not carry is given up in the end: the device sends again."""
        for uid, answer in list(self._owed.items()):
            try:
                await self._send(answer.device, answer.seal, answer.content, "")
            except RelayError as error:
                if error.reason is Reason.LINK_DOWN:
                    raise
                self._tries[uid] += 1
                logger.warning("mail: %s is not answered: %s", answer.device, error)
                if self._tries[uid] < _MOST_TRIES:
                    continue
            self._owed.pop(uid)
            self._tries.pop(uid, None)
            self._done.add(uid)

    async def _send(self, device: str, seal: str, content: bytes, cursor: str) -> None:
        """One mail to ``device``. Raises RelayError."""
        office, claims = self._office, claimed(seal)
        correspondent = office.devices.get(device)
        if correspondent is None:
            raise RelayError(Reason.LINK_REFUSED, f"mail: no address of {device}", "See mail.devices.")
        envelope = Envelope(office.address, correspondent.address)
        mail = await asyncio.to_thread(
            smime.compose,
            encode(seal, content),
            office.identity,
            correspondent.receiver,
            envelope,
            tcn=claims.tcn,
            nonce=claims.nonce,
            at=self._clock.now().at,
            cursor=cursor,
        )
        await self._submission.submit(mail, envelope, _at_once)

    def _read(self, raw: bytes) -> _Mail:
        """Runs in a thread. Raises RelayError for what is not a message of a device that is written to."""
        letter = smime.open_mail(raw, self._office.identity, self._reception.max_bytes)
        device = self._reception.trust.check(letter.signer, self._clock.now().at)
        if device not in self._office.devices:
            raise RelayError(Reason.UNTRUSTED, "mail: signed by a device that is not written to", "See mail.devices.")
        seal, content = decode(letter.message)
        return _Mail(device, claimed(seal), seal, content, letter.signer.public_bytes(Encoding.DER))


async def _persistently(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do ``work`` again and again, with growing pauses while it fails. The first failure is a warning."""
    backoff = Backoff(_FIRST_DELAY_S, _LONGEST_DELAY_S)
    complained = False
    while True:
        try:
            await work()
        except (RelayError, GatewayError) as error:
            logger.log(logging.DEBUG if complained else logging.WARNING, "mail %s: %s", name, error)
            complained = True
            await asyncio.sleep(backoff.next())
        else:
            backoff.reset()
            if complained:
                logger.info("mail %s: goes on", name)
            complained = False


async def _at_once(size: int) -> None:
    """The gateway's line is not the thin one."""
