"""The model of a line: what arrives when."""

from __future__ import annotations

import random

import pytest
from lines.medium import Direction, Kind


def direction(**kind: float) -> Direction:
    return Direction(Kind(**kind), random.Random(1))


def test_packets_go_out_one_after_the_other_and_are_on_their_way_for_half_the_round_trip() -> None:
    line = direction(rate_bit_s=8000, round_trip_s=0.6, loss=0)
    assert line.put(10.0, 500) == pytest.approx(10.8)
    assert line.put(10.0, 250) == pytest.approx(11.05)
    assert line.put(20.0, 1000) == pytest.approx(21.3)


def test_what_the_queue_cannot_hold_is_dropped_and_uses_no_rate() -> None:
    line = direction(rate_bit_s=8000, round_trip_s=0, loss=0, queue_s=3)
    arrivals = [line.put(0.0, 1000) for _ in range(5)]
    assert arrivals == [1.0, 2.0, 3.0, None, None]
    assert (line.count.carried, line.count.dropped) == (3, 2)


def test_lost_packets_have_used_the_rate() -> None:
    line = direction(rate_bit_s=8000, round_trip_s=0, loss=1, queue_s=60)
    assert line.put(0.0, 1000) is None
    assert (line.count.carried_bytes, line.count.lost) == (1000, 1)


def test_as_many_are_lost_as_was_asked_for() -> None:
    line = direction(rate_bit_s=1e9, loss=0.02)
    for at in range(10_000):
        line.put(float(at), 100)
    assert 150 < line.count.lost < 250


def test_a_line_that_is_down_carries_nothing() -> None:
    line = direction(loss=0)
    line.up = False
    assert line.put(0.0, 100) is None
    line.up = True
    assert line.put(0.0, 100) is not None
