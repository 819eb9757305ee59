"""What travels when a national repository is brought up to date: deltas in chunks, and what is answered. Pure.

A delta is a statement (``Delta``) and its chunks. The statement names repository, sequence number, the digest of the
statement before it, and the hash of every chunk; its own digest is the SHA-256 of its bytes as they were made, which
are what is signed (ECDSA on P-256 with SHA-256, FIPS 186-5). So the signature covers every row, and each delta all
deltas before it. A chunk is JSON lines, compressed (zlib, RFC 1950). A row is named by an ``id`` that only who
submits can make (a keyed hash): a withdrawal tells nothing but that.

Promises: nothing here reads more than the stated limits, and bad bytes raise RelayError and nothing else.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.national.records import LONGEST_LINE, Record, RecordError, problem_of
from hotspotd.watchlist.numbers import Kind

GENESIS: Final = "0" * 64
"""What the first delta of a repository names as the one before it."""
MOST_CHUNKS: Final = 32
MOST_ROWS: Final = 100_000
"""Rows of one delta. It is taken in one transaction; what is more goes into several deltas."""
CHUNK_PLAIN: Final = 1024 * 1024
"""Bytes of a chunk's lines. Compressed it is about a fifth: half a minute at 64 kbit/s, lost at most when it breaks."""
CHUNK_WIRE: Final = CHUNK_PLAIN + 4096
"""Bytes of a chunk as sent: what cannot be compressed grows a little."""
MOST_REJECTED: Final = 5_000
"""Rows of one delta that may be unusable; with more it is refused as a whole, since something else is wrong with it."""
LONGEST_STATEMENT: Final = 16 * 1024
REPOSITORY_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
ROW_ID: Final = re.compile(r"[A-Za-z0-9_-]{16}")
"""12 bytes in URL-safe base64: two of 100 million rows have the same with a chance of 6e-14."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_CONTEXT: Final = b"hotspotd national delta 1\n"


class Put(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="op", tag="put"):
    """Add this record, or let it take the place of the one with the same ``id`` or key."""

    id: str


class Withdraw(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="withdraw"):
    """Erase the record with this ``id``."""

    id: str


class ChunkMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a chunk is known by: SHA-256 (hex) and length of its bytes as sent, and its rows."""

    sha256: str
    bytes: int
    rows: int


class Delta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The statement. ``all_since``: every record that no delta from this number on has named is withdrawn with it."""

    repository: str
    sequence: int
    previous: str
    chunks: tuple[ChunkMark, ...] = ()
    all_since: int | None = None

    @property
    def rows(self) -> int:
        """Rows of all chunks."""
        return sum(chunk.rows for chunk in self.chunks)


class SignedDelta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement's bytes and their signature (DER)."""

    statement: bytes
    signature: bytes

    @property
    def digest(self) -> str:
        """What the delta is known by, and what the next one names."""
        return hashlib.sha256(self.statement).hexdigest()


class RejectedRow(msgspec.Struct, frozen=True):
    """A row that was not taken: its place in the delta, from 0, and why."""

    row: int
    reason: str


class DeltaReceipt(msgspec.Struct, frozen=True, kw_only=True, tag_field="answer", tag="taken"):
    """The gateway holds the delta durably, and its repository is as the delta left it. Every row is counted once.

    ``absent``: withdrawals of what was not there. ``swept``: withdrawn since no delta from ``all_since`` on named it.
    ``count``: records of the repository after it. ``at``: ISO 8601 UTC.
    """

    repository: str
    sequence: int
    digest: str
    device: str
    gateway: str
    at: str
    added: int
    changed: int
    unchanged: int
    withdrawn: int
    absent: int
    swept: int
    count: int
    rejected: tuple[RejectedRow, ...] = ()


class ChunksWanted(msgspec.Struct, frozen=True, kw_only=True, tag_field="answer", tag="wanted"):
    """The statement is held; these chunks, by place from 0, are not there yet."""

    digest: str
    chunks: tuple[int, ...]


class RepositoryState(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gateway is with a repository: the last delta it took (0 and GENESIS for none), and what it takes."""

    repository: str
    owner: str
    sequence: int
    digest: str
    count: int
    kinds: tuple[Kind, ...]
    issuers: tuple[str, ...]
    keep_years: int


def sign(delta: Delta, key: ec.EllipticCurvePrivateKey) -> SignedDelta:
    """``delta`` signed with ``key``, which is on P-256."""
    statement = msgspec.json.encode(delta)
    return SignedDelta(statement=statement, signature=key.sign(_CONTEXT + statement, ec.ECDSA(hashes.SHA256())))


def encode_signed(signed: SignedDelta) -> bytes:
    """As sent."""
    return msgspec.json.encode(signed)


def decode_signed(raw: bytes) -> SignedDelta:
    """What ``encode_signed`` made. Raises RelayError (BAD_TRANSACTION, TOO_LARGE); judges nothing of it."""
    if len(raw) > LONGEST_STATEMENT:
        raise RelayError(Reason.TOO_LARGE, f"a delta's statement may have {LONGEST_STATEMENT} bytes")
    try:
        return msgspec.json.decode(raw, type=SignedDelta)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _bad(f"no signed statement: {_said(error)}") from error


def verify(signed: SignedDelta, key: object) -> Delta:
    """The statement, if ``key``, a public key on P-256, signed it, and it is within the limits.

    Raises RelayError: UNTRUSTED, BAD_TRANSACTION, TOO_LARGE.
    """
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RelayError(Reason.UNTRUSTED, "the device's key is not on P-256", "Give it a new certificate.")
    try:
        key.verify(signed.signature, _CONTEXT + signed.statement, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise RelayError(
            Reason.UNTRUSTED,
            "the delta's signature is not that of the device's certificate",
            "Sign it with the key of the certificate that it is sent under.",
        ) from error
    try:
        delta = msgspec.json.decode(signed.statement, type=Delta)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _bad(f"no statement: {_said(error)}") from error
    _check(delta)
    return delta


def _check(delta: Delta) -> None:
    if not REPOSITORY_NAME.fullmatch(delta.repository):
        raise _bad("repository: no name of one")
    if not 1 <= delta.sequence < 1 << 53:
        raise _bad("sequence: counts from 1")
    if not _DIGEST.fullmatch(delta.previous):
        raise _bad("previous: no digest")
    if len(delta.chunks) > MOST_CHUNKS or delta.rows > MOST_ROWS:
        raise RelayError(
            Reason.TOO_LARGE,
            f"a delta may have {MOST_CHUNKS} chunks and {MOST_ROWS} rows",
            "Make several deltas of it.",
        )
    for mark in delta.chunks:
        if not _DIGEST.fullmatch(mark.sha256) or not 1 <= mark.bytes <= CHUNK_WIRE or mark.rows < 1:
            raise _bad(f"chunks: a hash, 1 to {CHUNK_WIRE} bytes and a row at least")
    if delta.all_since is not None and not 1 <= delta.all_since <= delta.sequence:
        raise _bad("all_since: a number up to this delta's")
    if not delta.chunks and delta.all_since is None:
        raise _bad("it changes nothing")


def pack(lines: bytes) -> bytes:
    """A chunk of JSON lines as sent. The same lines give the same bytes on the same machine."""
    return zlib.compress(lines, 6)


def mark_of(chunk: bytes, rows: int) -> ChunkMark:
    """What a chunk as sent is known by."""
    return ChunkMark(sha256=hashlib.sha256(chunk).hexdigest(), bytes=len(chunk), rows=rows)


def check_chunk(chunk: bytes, mark: ChunkMark) -> None:
    """Raises RelayError (BAD_TRANSACTION) where ``chunk`` is not the one that ``mark`` names."""
    if len(chunk) != mark.bytes or hashlib.sha256(chunk).hexdigest() != mark.sha256:
        raise _bad("the chunk is not the one that the statement names", "Send it again.")


def unpack(chunk: bytes, mark: ChunkMark) -> list[bytes]:
    """The lines of a chunk. Raises RelayError (BAD_TRANSACTION): no zlib, too long, or not as many rows as named."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(chunk, CHUNK_PLAIN + 1)
    except zlib.error as error:
        raise _bad("a chunk is not compressed as it should be") from error
    if len(plain) > CHUNK_PLAIN or not inflater.eof or inflater.unused_data:
        raise _bad(f"a chunk is cut off, has more behind it, or more than {CHUNK_PLAIN} bytes inside")
    lines = plain.split(b"\n")
    if lines.pop() or len(lines) != mark.rows:
        raise _bad("a chunk has not as many lines as the statement names")
    return lines


_ROW: Final[msgspec.json.Decoder[Put | Withdraw]] = msgspec.json.Decoder(Put | Withdraw)


def encode_row(row: Put | Withdraw) -> bytes:
    """One line of a chunk."""
    return msgspec.json.encode(row) + b"\n"


def read_rows(lines: list[bytes]) -> Iterator[Put | Withdraw | RecordError]:
    """The rows in ``lines``; of one that cannot be used, why."""
    for line in lines:
        try:
            yield _row(line)
        except RecordError as error:
            yield error


def _row(line: bytes) -> Put | Withdraw:
    if len(line) > LONGEST_LINE:
        raise RecordError(f"longer than {LONGEST_LINE} bytes")
    try:
        row = _ROW.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordError(problem_of(error)) from error
    if not ROW_ID.fullmatch(row.id):
        raise RecordError("id: 16 characters of URL-safe base64")
    if isinstance(row, Put):
        row.check()
    return row


def decode_answer(raw: bytes) -> DeltaReceipt | ChunksWanted:
    """What the gateway answers to a statement. Raises RelayError (LINK_PROTOCOL)."""
    try:
        return msgspec.json.decode(raw, type=DeltaReceipt | ChunksWanted)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RelayError(Reason.LINK_PROTOCOL, "gateway: no receipt and no list of chunks") from error


def decode_state(raw: bytes) -> RepositoryState:
    """Where the gateway is. Raises RelayError (LINK_PROTOCOL)."""
    try:
        return msgspec.json.decode(raw, type=RepositoryState)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RelayError(Reason.LINK_PROTOCOL, "gateway: not the state of a repository") from error


def _said(error: Exception) -> str:
    return str(error)[:120]


def _bad(what: str, advice: str = "") -> RelayError:
    return RelayError(Reason.BAD_TRANSACTION, what, advice)
