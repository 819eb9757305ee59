"""The compiled scan gives numpy's sums with every instruction set, and reads nothing that is not there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hotspotd.biometrics.face import native


@pytest.fixture(params=native.available() or ["none"])
def kernels(request: pytest.FixtureRequest) -> Iterator[str]:
    if native.library() is None:
        pytest.skip("the kernels are not built here")
    native.select(request.param)
    yield request.param
    native.select(native.available()[-1])


@pytest.mark.parametrize("length", [64, 128, 192, 512, 1024])
@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 63, 200])
def test_every_instruction_set_gives_the_exact_sums(kernels: str, length: int, rows: int) -> None:
    rng = np.random.default_rng(rows * 10_000 + length)
    listed = rng.integers(-128, 128, (rows, length), dtype=np.int8)
    probe = rng.integers(-127, 128, length, dtype=np.int8)
    found = native.scan(probe, listed)
    assert found is not None
    assert found.tolist() == (listed.astype(np.int64) @ probe.astype(np.int64)).tolist()


def test_the_largest_sums_do_not_overflow(kernels: str) -> None:
    for value in (-128, 127):
        listed = np.full((9, 8192), value, np.int8)
        found = native.scan(np.full(8192, -127, np.int8), listed)
        assert found is not None
        assert found.tolist() == [-127 * value * 8192] * 9


@pytest.mark.parametrize(
    ("probe", "listed"),
    [
        (np.zeros(63, np.int8), np.zeros((2, 63), np.int8)),
        (np.zeros(64, np.int8), np.zeros((2, 128), np.int8)),
        (np.zeros(64, np.uint8), np.zeros((2, 64), np.int8)),
        (np.zeros(64, np.int8), np.zeros((2, 64), np.float32)),
        (np.zeros(64, np.int8), np.zeros((4, 128), np.int8)[:, ::2]),
        (np.zeros(0, np.int8), np.zeros((4, 0), np.int8)),
    ],
)
def test_what_does_not_fit_is_refused(probe: np.ndarray, listed: np.ndarray) -> None:
    if native.library() is None:
        pytest.skip("the kernels are not built here")
    with pytest.raises(ValueError, match="cannot be scanned"):
        native.scan(probe, listed)


def test_reading_takes_any_length() -> None:
    if native.library() is None:
        assert not native.read(np.zeros(3, np.uint64))
        return
    for words in (0, 1, 63, 64, 1000):
        assert native.read(np.zeros(words, np.uint64))
