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
from hotspotd.biometrics.finger.template import MOST_BYTES, MOST_MINUTIAE, NO_RIDGES, RIDGE_TURNS, ridge_shape
from hotspotd.errors import BiometricError, Reason


def _template(count: int, seed: int = 0, shape: tuple[int, int] = (256, 288), bare: float = 0.4) -> FingerTemplate:
    rng = np.random.default_rng(seed)
    ridges = rng.integers(0, RIDGE_TURNS, ridge_shape(*shape)).astype(np.uint8)
    ridges[rng.random(ridges.shape) < bare] = NO_RIDGES
    return FingerTemplate(
        rng.uniform(0, 255, count).astype(np.float32),
        rng.uniform(0, 287, count).astype(np.float32),
        rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        rng.integers(0, 2, count).astype(np.uint8),
        rng.integers(0, 101, count).astype(np.uint8),
        *shape,
        77,
        ridges,
    )


@given(count=st.integers(0, MOST_MINUTIAE), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_a_template_comes_back_as_it_was_stored(count: int, seed: int) -> None:
    before = _template(count, seed)
    data = before.encode()
    after = FingerTemplate.decode(data)
    assert len(data) <= MOST_BYTES == 2048
    assert after.encode() == data
    assert (after.width, after.height, after.quality) == (256, 288, 77)
    np.testing.assert_array_equal(after.ridges, before.ridges)
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
    box=st.tuples(*(st.integers(0, 255),) * 2, *(st.integers(0, 4),) * 2),
    samples=st.integers(0, 255),
)
@settings(max_examples=200, deadline=None)
def test_a_forged_template_with_a_right_checksum_is_refused_or_within_its_bounds(
    quality: int, size: tuple[int, int], body: bytes, box: tuple[int, int, int, int], samples: int
) -> None:
    count = len(body) // 6
    body = body[: count * 6] + bytes([samples]) * (box[2] * box[3])
    crc = zlib.crc32(struct.pack("<BHHH4B", quality, *size, count, *box) + body)
    data = struct.pack("<4sBBHHH4B4xI", b"HSFT", 2, quality, *size, count, *box, crc) + body
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
    assert found.ridges.shape in {(0, 0), ridge_shape(found.width, found.height)}
    assert ((found.ridges < RIDGE_TURNS) | (found.ridges == NO_RIDGES)).all()


@pytest.mark.parametrize("shape", [(640, 480), (800, 1000), (2000, 2000)])
def test_a_large_print_is_stored_with_its_best_minutiae_in_as_many_bytes_as_any(shape: tuple[int, int]) -> None:
    before = _template(MOST_MINUTIAE + 30, 4, shape, bare=0.02)
    data = before.encode()
    after = FingerTemplate.decode(data)
    assert len(data) <= MOST_BYTES
    assert MOST_MINUTIAE >= len(after) >= 64
    assert np.sort(after.point_quality)[0] >= np.sort(before.point_quality)[::-1][len(after) - 1]
    assert after.encode() == data
    known = after.ridges != NO_RIDGES
    assert known.sum() * 1.1 + len(after) * 6 >= min(before.ridges.size, MOST_BYTES - 100)
    np.testing.assert_array_equal(after.ridges[known], before.ridges[known])


def test_a_template_without_a_ridge_field_is_stored_without_one() -> None:
    before = FingerTemplate(*(np.zeros(3, np.float32),) * 3, *(np.zeros(3, np.uint8),) * 2, 300, 300, 50)
    data = before.encode()
    assert len(data) == 24 + 3 * 6
    assert FingerTemplate.decode(data).ridges.shape == (0, 0)


def test_another_version_is_refused() -> None:
    data = bytearray(_template(3).encode())
    data[4] = 1
    with pytest.raises(BiometricError, match="version"):
        FingerTemplate.decode(bytes(data))
