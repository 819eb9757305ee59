"""Templates survive storage, and nothing but a stored template is taken for one."""

from __future__ import annotations

import contextlib
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.biometrics.finger.template import MOST_MINUTIAE
from hotspotd.errors import BiometricError, Reason


def _template(count: int, seed: int = 0) -> FingerTemplate:
    rng = np.random.default_rng(seed)
    return FingerTemplate(
        rng.uniform(0, 255, count).astype(np.float32),
        rng.uniform(0, 287, count).astype(np.float32),
        rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        rng.integers(0, 2, count).astype(np.uint8),
        rng.integers(0, 101, count).astype(np.uint8),
        256,
        288,
        77,
    )


@given(count=st.integers(0, MOST_MINUTIAE), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_a_template_comes_back_as_it_was_stored(count: int, seed: int) -> None:
    before = _template(count, seed)
    data = before.encode()
    after = FingerTemplate.decode(data)
    assert len(data) <= 2048
    assert after.encode() == data
    assert (after.width, after.height, after.quality) == (256, 288, 77)
    np.testing.assert_array_equal(after.kind, before.kind)
    np.testing.assert_array_equal(after.point_quality, before.point_quality)
    np.testing.assert_allclose(after.x, before.x, atol=1 / 32)
    np.testing.assert_allclose(after.y, before.y, atol=1 / 32)
    turned = np.angle(np.exp(1j * (after.angle - before.angle)))
    assert np.abs(turned).max(initial=0) <= np.pi / 256 + 1e-5


@given(data=st.binary(max_size=1200))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BiometricError) as refused:
        FingerTemplate.decode(data)
    assert refused.value.reason is Reason.BAD_TEMPLATE


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_one_changed_byte_is_noticed(data: st.DataObject) -> None:
    stored = bytearray(_template(20).encode())
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BiometricError) as refused:
        FingerTemplate.decode(bytes(stored))
    assert refused.value.reason is Reason.BAD_TEMPLATE


@given(
    quality=st.integers(0, 255),
    size=st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
    body=st.binary(max_size=12 * 6),
)
@settings(max_examples=200, deadline=None)
def test_a_forged_template_with_a_right_checksum_is_refused_or_within_its_bounds(
    quality: int, size: tuple[int, int], body: bytes
) -> None:
    count = len(body) // 6
    body = body[: count * 6]
    crc = zlib.crc32(struct.pack("<BHHH", quality, *size, count) + body)
    data = struct.pack("<4sBBHHH8xI", b"HSFT", 1, quality, *size, count, crc) + body
    acceptable = False
    with contextlib.suppress(BiometricError):
        found = FingerTemplate.decode(data)
        acceptable = True
    if not acceptable:
        return
    assert found.quality <= 100
    assert (found.x < found.width).all()
    assert (found.y < found.height).all()
    assert (found.point_quality <= 100).all()
    assert (found.kind <= 1).all()


def test_another_version_is_refused() -> None:
    data = bytearray(_template(3).encode())
    data[4] = 2
    with pytest.raises(BiometricError, match="version"):
        FingerTemplate.decode(bytes(data))
