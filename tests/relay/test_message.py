"""Messages as they travel: packed within bounds, sealed in front."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.message import decode, encode, pack, unpack


@given(payload=st.binary(max_size=5000))
def test_what_is_packed_comes_out_again(payload: bytes) -> None:
    assert unpack(pack(payload), 5000) == payload
    assert decode(encode("a..b", pack(payload))) == ("a..b", pack(payload))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<plain/>", Reason.BAD_TRANSACTION),
        (b"", Reason.BAD_TRANSACTION),
        (pack(b"whole")[:-1], Reason.BAD_TRANSACTION),
        (pack(b"whole") + b"more", Reason.BAD_TRANSACTION),
        (zlib.compress(bytes(50_000_000), 9), Reason.TOO_LARGE),
    ],
)
def test_what_cannot_be_unpacked_is_refused(content: bytes, reason: Reason) -> None:
    with pytest.raises(RelayError) as caught:
        unpack(content, 1000)
    assert caught.value.reason is reason


@pytest.mark.parametrize("message", [b"", b"no line", b"\ncontent", b"\xff\ncontent", b"a" * 20_000 + b"\n"])
def test_a_message_without_a_seal_is_refused(message: bytes) -> None:
    with pytest.raises(RelayError) as caught:
        decode(message)
    assert caught.value.reason is Reason.UNSIGNED
