"""Messages between a device and the gateway as they lie at a broker."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from nats.aio.msg import Msg

from hotspotd.errors import RelayError
from hotspotd.gateway.reception import SealedReply
from hotspotd.relay.links.base import IncomingKind
from hotspotd.relay.links.jetstream import subjects
from hotspotd.relay.links.wire import digest
from hotspotd.relay.message import unpack

# As the door's own.
logger = logging.getLogger("hotspotd.gateway.doors.nats")


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes to a device, sealed."""

    kind: IncomingKind
    tcr: str
    seal: str
    content: bytes
    cursor: str = ""


class Arrived:
    """A message that lies at the broker: whose it is, by its subject, and its number; none: what it holds.

    ``again``: it may have been here before. No device: it is under a subject that means nothing.
    """

    def __init__(self, message: Msg, latest: int) -> None:
        self.message = message
        try:
            self.device, self.tcn = subjects.parse(message.subject)
        except RelayError as error:
            logger.warning("door nats: %s", error)
            self.device = self.tcn = ""
        metadata = message.metadata
        self.again = metadata.num_delivered > 1 or metadata.sequence.stream <= latest


def letter_of(reply: SealedReply) -> Letter:
    return Letter(IncomingKind.REPLY, reply.tcr, reply.seal, reply.content, reply.cursor)


def sha256_of(content: bytes, most: int) -> str:
    """Of the payload; of nothing where there is none, which is for the one who opens the seal to say."""
    try:
        return digest(unpack(content, most))
    except RelayError:
        return ""
