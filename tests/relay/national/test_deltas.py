"""The codec of deltas: what is made is read, what is changed is refused, and no bytes do harm."""

from __future__ import annotations

import contextlib
import zlib

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.national import deltas
from hotspotd.relay.national.deltas import ChunkMark, Delta, Put, SignedDelta, Withdraw
from hotspotd.relay.national.records import RecordError
from hotspotd.watchlist.numbers import Kind, Status

KEY = ec.derive_private_key(0x1234567, ec.SECP256R1())
DIGEST = "ab" * 32
IDS = st.text("abcXYZ019_-", min_size=16, max_size=16)
NUMBERS = st.text("ABÉЖ123 -", min_size=4, max_size=12).map(lambda text: f"A1B2C{text}")
DAYS = st.none() | st.dates().map(str)


@st.composite
def puts(draw: st.DrawFn) -> Put:
    return Put(
        id=draw(IDS),
        kind=draw(st.sampled_from(Kind)),
        number=draw(NUMBERS),
        issuer=draw(st.sampled_from(["UTO", "D", "XPO"])),
        status=draw(st.sampled_from(Status)),
        reference=draw(st.text("AB/ 1é", max_size=60)),
        reason=draw(st.text("Stolen 漢字", max_size=200)),
        review=draw(DAYS),
    )


ROWS = st.lists(puts() | st.builds(Withdraw, id=IDS), min_size=1, max_size=20)
MARKS = st.builds(ChunkMark, sha256=st.just(DIGEST), bytes=st.integers(1, 1000), rows=st.integers(1, 1000))
DELTAS = st.builds(
    Delta,
    repository=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,39}", fullmatch=True),
    sequence=st.integers(1, 1 << 52),
    previous=st.just(deltas.GENESIS),
    chunks=st.lists(MARKS, min_size=1, max_size=deltas.MOST_CHUNKS).map(tuple),
    all_since=st.none() | st.just(1),
)


@given(ROWS)
def test_rows_come_out_of_a_chunk_as_they_went_in(rows: list[Put | Withdraw]) -> None:
    chunk = deltas.pack(b"".join(map(deltas.encode_row, rows)))
    mark = deltas.mark_of(chunk, len(rows))
    deltas.check_chunk(chunk, mark)
    assert list(deltas.read_rows(deltas.unpack(chunk, mark))) == rows


@given(DELTAS)
def test_a_signed_statement_is_read_back_and_known_by_its_digest(delta: Delta) -> None:
    signed = deltas.sign(delta, KEY)
    again = deltas.decode_signed(deltas.encode_signed(signed))
    assert deltas.verify(again, KEY.public_key()) == delta
    # Signatures differ each time; the digest is of what they sign.
    assert deltas.sign(delta, KEY).digest == again.digest


@given(DELTAS, st.integers(0, 10_000), st.integers(1, 255))
def test_any_byte_changed_in_a_statement_breaks_its_signature(delta: Delta, place: int, flip: int) -> None:
    signed = deltas.sign(delta, KEY)
    statement = bytearray(signed.statement)
    statement[place % len(statement)] ^= flip
    with pytest.raises(RelayError) as caught:
        deltas.verify(SignedDelta(statement=bytes(statement), signature=signed.signature), KEY.public_key())
    assert caught.value.reason is Reason.UNTRUSTED


@given(st.binary(max_size=300) | st.from_regex(rb'\{"statement":.{0,40}\}'))
def test_bytes_that_are_no_statement_are_refused(raw: bytes) -> None:
    with pytest.raises(RelayError):
        deltas.verify(deltas.decode_signed(raw), KEY.public_key())


@given(st.binary(max_size=300), st.booleans(), st.integers(1, 5))
def test_bytes_that_are_no_chunk_are_refused_or_give_rows_with_reasons(raw: bytes, packed: bool, rows: int) -> None:
    chunk = zlib.compress(raw) if packed else raw
    with contextlib.suppress(RelayError):
        lines = deltas.unpack(chunk, deltas.mark_of(chunk, rows))
        assert all(isinstance(row, RecordError) for row in deltas.read_rows(lines))


@given(st.binary(max_size=200))
def test_bytes_that_are_no_answer_are_refused(raw: bytes) -> None:
    for decode in (deltas.decode_answer, deltas.decode_state):
        with pytest.raises(RelayError) as caught:
            decode(raw)
        assert caught.value.reason is Reason.LINK_PROTOCOL


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"repository": "../etc"}, Reason.BAD_TRANSACTION),
        ({"sequence": 0}, Reason.BAD_TRANSACTION),
        ({"previous": "0"}, Reason.BAD_TRANSACTION),
        ({"chunks": ()}, Reason.BAD_TRANSACTION),
        ({"all_since": 6}, Reason.BAD_TRANSACTION),
        ({"chunks": (ChunkMark(sha256=DIGEST, bytes=0, rows=1),)}, Reason.BAD_TRANSACTION),
        ({"chunks": (ChunkMark(sha256=DIGEST, bytes=9, rows=100_001),)}, Reason.TOO_LARGE),
        ({"chunks": (ChunkMark(sha256=DIGEST, bytes=9, rows=1),) * 33}, Reason.TOO_LARGE),
    ],
)
def test_a_statement_outside_the_limits_is_refused_though_it_is_signed(
    change: dict[str, object], reason: Reason
) -> None:
    good = Delta(repository="uto", sequence=5, previous=DIGEST, chunks=(ChunkMark(sha256=DIGEST, bytes=9, rows=1),))
    assert deltas.verify(deltas.sign(good, KEY), KEY.public_key()) == good
    with pytest.raises(RelayError) as caught:
        deltas.verify(deltas.sign(msgspec.structs.replace(good, **change), KEY), KEY.public_key())
    assert caught.value.reason is reason


def test_a_key_on_another_curve_is_refused() -> None:
    delta = Delta(repository="uto", sequence=1, previous=DIGEST, all_since=1)
    with pytest.raises(RelayError) as caught:
        deltas.verify(deltas.sign(delta, KEY), ec.derive_private_key(7, ec.SECP384R1()).public_key())
    assert caught.value.reason is Reason.UNTRUSTED


def test_a_chunk_that_swells_is_not_swelled() -> None:
    bomb = zlib.compress(bytes(100_000_000), 9)
    assert len(bomb) < deltas.CHUNK_WIRE
    with pytest.raises(RelayError, match="more than 1048576 bytes"):
        deltas.unpack(bomb, deltas.mark_of(bomb, 1))
