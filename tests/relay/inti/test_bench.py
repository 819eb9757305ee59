"""The measurement of the codecs on damaged transactions, short."""

from __future__ import annotations

import bench_codecs


def test_damaged_and_refilled_transactions_are_read_or_refused() -> None:
    told: list[int] = []
    measured = bench_codecs.measure(1_500, seed=7, tell=told.append)
    assert told == [0, 1000]
    assert measured["read"] + measured["read_in_part"] + measured["refused"] == 1_500
    assert min(measured["read"], measured["read_in_part"], measured["refused"]) > 50
