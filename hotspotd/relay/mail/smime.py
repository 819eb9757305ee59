"""A message as a mail and back: signed by the sender, then encrypted to the receiver, S/MIME 4.0 (RFC 8551). Pure.

    mail       RFC 5322, neutral headers; its body is base64 of
    envelope   CMS AuthEnvelopedData (cms.py) around an entity of application/pkcs7-mime; smime-type=signed-data:
    signed     CMS SignedData around an entity of application/octet-stream:
    message    seal and content (message.py)

Nothing outside the envelope counts when a mail is opened, since anybody on its way may change it. The inner entities
go as they are (binary): base64 within base64 would cost a third more. In reading both are taken, and lines that end
with LF alone: others write so.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import format_datetime
from typing import Annotated

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Meta

from hotspotd.errors import ConfigError, Reason, RelayError
from hotspotd.relay.links.wire import TCN_PATTERN
from hotspotd.relay.mail import cms

_LONGEST_HEAD = 64 * 1024
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
# A dot-atom and a host name: what goes into headers and commands must not end them.
_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_CURSOR = re.compile(r"[!-~]{1,64}")
_PKCS7 = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_LINE = 57  # bytes that make a line of 76 characters

MOST_ACKNOWLEDGED = 64
VALID = timedelta(days=7)
"""How long the seal of a message by mail counts: mail hosts try for five days."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The two key pairs of one end: with one it signs, to the other is encrypted what it shall read."""

    signing: ec.EllipticCurvePrivateKey
    signer: x509.Certificate
    opening: ec.EllipticCurvePrivateKey
    receiver: x509.Certificate


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a message of the kind "ack": the device holds the replies with these cursors. Mails may be lost each
    for itself, so that none speaks for another.
    """

    cursors: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MOST_ACKNOWLEDGED)]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom."""

    sender: str
    to: str

    def __post_init__(self) -> None:
        """Raises ConfigError for what is no plain address."""
        for address in (self.sender, self.to):
            if not _ADDRESS.fullmatch(address):
                raise ConfigError(Reason.BAD_VALUE, f"{address[:80]!r}: not a mail address", "As in name@host.example.")


@dataclass(frozen=True, slots=True)
class Letter:
    """What was in a mail: a message, the certificate that signed it, and where given the cursor of a reply."""

    message: bytes
    signer: x509.Certificate
    cursor: str


def longest_mail(most: int) -> int:
    """Bytes of the longest mail that is looked at where contents of ``most`` bytes are taken."""
    # Base64 in lines twice is a factor of 1.9; seal, certificates and headers stay far below the rest.
    return 2 * most + 2 * _LONGEST_HEAD


def compose(
    message: bytes,
    identity: Identity,
    receiver: x509.Certificate,
    envelope: Envelope,
    *,
    tcn: str,
    nonce: str,
    at: datetime,
    cursor: str = "",
) -> bytes:
    """The mail with ``message``, which is about ``tcn`` and whose seal has ``nonce``. Lines end with CRLF.

    Raises RelayError (LINK_REFUSED) where the receiver's certificate is out of date.
    """
    if not receiver.not_valid_before_utc <= at <= receiver.not_valid_after_utc:
        raise RelayError(Reason.LINK_REFUSED, "mail: the receiver's certificate is out of date", "Have it renewed.")
    entity = _head(
        ("Content-Type", "application/octet-stream"),
        ("Content-Transfer-Encoding", "binary"),
        *((("X-Hotspotd-Cursor", cursor),) if _CURSOR.fullmatch(cursor) else ()),
    )
    signed = cms.sign(entity + message, identity.signing, identity.signer)
    entity = _head(
        ("Content-Type", 'application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"'),
        ("Content-Transfer-Encoding", "binary"),
    )
    enveloped = cms.envelop(entity + signed, receiver)
    head = _head(
        ("From", envelope.sender),
        ("To", envelope.to),
        ("Date", format_datetime(at)),
        ("Message-ID", f"<{message_id(tcn, nonce)}@{envelope.sender.partition('@')[2]}>"),
        # A device chooses the numbers of what it sends, and the answer carries them.
        ("Subject", tcn if TCN_PATTERN.fullmatch(tcn) else ""),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("Content-Type", 'application/pkcs7-mime; smime-type=authEnveloped-data; name="smime.p7m"'),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", 'attachment; filename="smime.p7m"'),
    )
    lines = (binascii.b2a_base64(enveloped[at : at + _LINE], newline=False) for at in range(0, len(enveloped), _LINE))
    return head + b"\r\n".join(lines) + b"\r\n"


def message_id(tcn: str, nonce: str) -> str:
    """The left part of a Message-ID: the same for the same seal, and saying nothing."""
    return hashlib.sha256(f"{tcn}/{nonce}".encode()).hexdigest()[:32]


def may_be_ours(head: bytes) -> bool:
    """Whether a mail with these headers may be one of these; spares fetching what is not."""
    headers = _headers(head[:_LONGEST_HEAD])
    return headers.get_content_type() in _PKCS7


def open_mail(mail: bytes, identity: Identity, most: int) -> Letter:
    """What is in ``mail``. Whether its signer counts, and the seal of the message, are not judged.

    Raises RelayError: TOO_LARGE, UNSIGNED for any other mail, UNTRUSTED for one encrypted for another, TAMPERED.
    """
    if len(mail) > longest_mail(most):
        raise RelayError(Reason.TOO_LARGE, f"mail: more than {longest_mail(most)} bytes")
    _, enveloped = _entity(mail, _PKCS7)
    _, signed = _entity(cms.open_envelope(enveloped, identity.opening, identity.receiver), _PKCS7)
    entity, signer = cms.verify(signed)
    headers, message = _entity(entity, frozenset(("application/octet-stream",)))
    cursor = str(headers.get("X-Hotspotd-Cursor", ""))
    if cursor and not _CURSOR.fullmatch(cursor):
        raise RelayError(Reason.TAMPERED, "mail: its cursor is none")
    return Letter(message, signer, cursor)


def _head(*fields: tuple[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("ascii") + b"\r\n"


def _headers(head: bytes) -> Message:
    # The old policy: it reads anything without raising, and decodes nothing unasked.
    return BytesHeaderParser().parsebytes(head)


def _entity(entity: bytes, types: frozenset[str]) -> tuple[Message, bytes]:
    """Headers and decoded body. Raises RelayError: UNSIGNED for another type, TAMPERED."""
    end = _BLANK_LINE.search(entity, 0, _LONGEST_HEAD)
    if end is None:
        raise RelayError(Reason.UNSIGNED, "mail: no headers")
    headers = _headers(entity[: end.end()])
    if headers.get_content_type() not in types:
        raise RelayError(Reason.UNSIGNED, "mail: not a signed and encrypted message", "Only those are taken.")
    body = entity[end.end() :]
    encoding = str(headers.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding == "binary":
        return headers, body
    if encoding != "base64":
        raise RelayError(Reason.TAMPERED, "mail: its body is neither base64 nor binary")
    try:
        return headers, binascii.a2b_base64(body.translate(None, b"\r\n"), strict_mode=True)
    except binascii.Error as error:
        raise RelayError(Reason.TAMPERED, "mail: its body is damaged") from error
