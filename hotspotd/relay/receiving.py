"""What the gateway says: opened, checked, stored once, shown. Receipts of transactions, and the answers to them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import msgspec

from hotspotd.clock import Clock
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome
from hotspotd.errors import Reason, RecordsError, RelayError
from hotspotd.events import Events
from hotspotd.records import Records
from hotspotd.relay.answer_telling import AnswerTelling
from hotspotd.relay.compose import read_answer
from hotspotd.relay.links.base import Incoming
from hotspotd.relay.links.wire import Refusal, check_receipt, digest
from hotspotd.relay.message import unpack
from hotspotd.relay.seal import Trust

# As the courier's own.
logger = logging.getLogger("hotspotd.relay.courier")

HOPELESS = frozenset((Reason.BAD_TRANSACTION, Reason.TOO_LARGE, Reason.CONFLICT))
"""The gateway refused a row for what it is: sending it again would change nothing."""

MAX_MESSAGE = 16 * 1024 * 1024
_MAX_RECEIPT = 16 * 1024


class Receiving:
    """Takes what came over any link. ``refused`` counts what was not the gateway's, or not whole, by reason."""

    def __init__(self, records: Records, events: Events, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self.refused: Counter[str] = Counter()
        self.answers = AnswerTelling(events)

    def payload(self, incoming: Incoming, trust: Trust, most: int) -> bytes:
        """What the gateway says in ``incoming``. Raises RelayError for what is not sealed by it, for this, and now."""
        try:
            self._check_seal(incoming, trust)
        except RelayError as error:
            self.refused[error.reason.value] += 1
            raise
        return unpack(incoming.content, most)

    def _check_seal(self, incoming: Incoming, trust: Trust) -> None:
        claims = trust.open(incoming.seal, incoming.content, self._clock.now().at).claims
        if claims.kind != incoming.kind.value or claims.tcn != incoming.tcr:
            raise RelayError(Reason.TAMPERED, "message: its seal is for another one")

    async def receipt(self, incoming: Incoming, trust: Trust, payload: bytes | None = None) -> None:
        """Store the gateway's receipt for ``payload``; ``None``: for what the outbox holds under its number.

        Raises RelayError, RecordsError.
        """
        raw = self.payload(incoming, trust, _MAX_RECEIPT)
        if payload is None:
            payload = await self._sent(incoming.tcr)
            if not payload:
                return  # Answered already, and what was sent is gone.
        await asyncio.to_thread(check_receipt, raw, incoming.tcr, payload)
        await self._records.outbox_receipt(incoming.tcr, raw)

    async def _sent(self, tcn: str) -> bytes:
        try:
            return (await self._records.outbox_item(tcn)).payload
        except RecordsError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            # After a damaged database was set aside, say. The next one must not wait for what never comes back.
            logger.warning("courier: a receipt for %s, which is not known here", tcn)
            return b""

    async def refusal(self, incoming: Incoming, trust: Trust) -> RelayError | None:
        """Note why the gateway did not take what came to it by a link that does not answer. Raises RelayError.

        Returns the reason where it may take the row another time: it is queued again.
        """
        try:
            refusal = msgspec.json.decode(self.payload(incoming, trust, _MAX_RECEIPT), type=Refusal)
            reason = Reason(refusal.reason)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise RelayError(Reason.LINK_PROTOCOL, "gateway: a refusal that cannot be read") from error
        said = RelayError(reason, f"gateway: {refusal.what[:160]}", refusal.advice[:160])
        if reason in HOPELESS:
            await self.set_aside(incoming.tcr, said)
            return None
        await self._records.outbox_failed(incoming.tcr, str(said))
        return said

    async def set_aside(self, tcn: str, error: RelayError) -> None:
        """The gateway will never take this row. Raises RecordsError."""
        logger.warning("courier: transaction %s is set aside: %s", tcn, error)
        await self._records.outbox_quarantine(tcn, str(error), error.reason.value)

    async def reply(self, incoming: Incoming, trust: Trust) -> None:
        """Store an answer, and show what came of it. Raises RelayError, RecordsError."""
        payload = self.payload(incoming, trust, MAX_MESSAGE)
        answer = await asyncio.to_thread(_answer_in, incoming.tcr, payload)
        stored = await self._records.store_answer(answer, payload)
        self.answers.tell(answer, stored)


def _answer_in(tcr: str, payload: bytes) -> GatewayAnswer:
    """The answer in a reply. One that cannot be read is an error to what it answers: kept, shown, acknowledged."""
    try:
        return _answer_to(tcr, payload)
    except RelayError as error:
        logger.warning("courier: a reply to %s cannot be read: %s", tcr, error)
        return GatewayAnswer(
            outcome=GatewayOutcome.ERROR,
            tcn=f"unreadable-{digest(payload)[:24]}",
            tcr=tcr,
            text="The gateway's answer cannot be read.",
        )


def _answer_to(tcr: str, payload: bytes) -> GatewayAnswer:
    answer = read_answer(payload)
    if answer.tcr != tcr:
        raise RelayError(Reason.BAD_TRANSACTION, "1.010 TCR is not what the seal names")
    return answer
