"""Checkpoints of a device's audit chain: how far it is, under the seal of the device's key. Pure.

A checkpoint is JSON, ``{"content", "seal"}``. ``content`` is the text of a ``Checkpoint``, ``seal`` is made as those of
messages are (seal.py), of kind ``audit``, with the certificate in it: whoever has the authority's certificate can judge
it years later, on any machine. It travels as a message of kind ``checkpoint``, under a seal of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from cryptography import x509
from msgspec import Meta

from hotspotd.clock import Stamp
from hotspotd.errors import Reason, RelayError
from hotspotd.relay.seal import LONGEST_SEAL, LONGEST_VALID, Sealer, Trust, claimed

KIND: Final = "audit"
"""Of the seal in it. No message has this kind: one can never be taken for the other."""
MOST_BYTES: Final = LONGEST_SEAL + 4096

_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
_Number = Annotated[int, Meta(ge=1, lt=2**53)]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Entry ``seq`` of the chain has the digest ``digest``.

    ``chain`` is the digest of its first entry; a database that is begun anew has another. ``number`` counts the
    checkpoints of the chain from 1. ``at`` is the device's time, ISO 8601 in UTC with milliseconds.
    """

    device: Annotated[str, Meta(min_length=1, max_length=64)]
    chain: _Digest
    number: _Number
    seq: _Number
    digest: _Digest
    at: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")]
    clock_trusted: bool


class Sealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A checkpoint's text, and the seal on it."""

    content: Annotated[str, Meta(max_length=2048)]
    seal: Annotated[str, Meta(max_length=LONGEST_SEAL)]


def seal(sealer: Sealer, checkpoint: Checkpoint, tcn: str, now: Stamp) -> bytes:
    """``checkpoint``, sealed: the body of the message ``tcn``."""
    content = msgspec.json.encode(checkpoint)
    made = sealer.seal(
        content,
        kind=KIND,
        tcn=tcn,
        # A device whose clock was never set still seals; the time that counts is the one in the content.
        now=_within(sealer.certificate, now.at),
        valid=LONGEST_VALID,
        with_certificate=True,
    )
    return msgspec.json.encode(Sealed(content=content.decode(), seal=made))


def read(body: bytes) -> Checkpoint:
    """The checkpoint in ``body``, whoever made it. Raises RelayError: TOO_LARGE, BAD_TRANSACTION."""
    return _parts(body)[1]


def opened(body: bytes, trust: Trust) -> Checkpoint:
    """The checkpoint in ``body``, if its device has sealed it.

    The seal is judged as of when it was made: it is evidence, and does not run out. Raises RelayError.
    """
    sealed, checkpoint = _parts(body)
    at = datetime.fromtimestamp(claimed(sealed.seal).signed_at, UTC)
    found = trust.open(sealed.seal, sealed.content.encode(), at)
    if found.claims.kind != KIND or found.signer != checkpoint.device:
        raise RelayError(Reason.UNTRUSTED, "checkpoint: sealed by another device, or for something else")
    return checkpoint


def _parts(body: bytes) -> tuple[Sealed, Checkpoint]:
    if len(body) > MOST_BYTES:
        raise RelayError(Reason.TOO_LARGE, f"a checkpoint may have {MOST_BYTES} bytes")
    try:
        sealed = msgspec.json.decode(body, type=Sealed)
        return sealed, msgspec.json.decode(sealed.content, type=Checkpoint)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        said = str(error) if isinstance(error, msgspec.ValidationError) else "not JSON"
        raise RelayError(Reason.BAD_TRANSACTION, f"checkpoint: {said}") from error


def _within(certificate: bytes, at: datetime) -> datetime:
    """``at``, or the nearest time at which the certificate counts."""
    leaf = x509.load_der_x509_certificate(certificate)
    return min(max(at, leaf.not_valid_before_utc), leaf.not_valid_after_utc)
