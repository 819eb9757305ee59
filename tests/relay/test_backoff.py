"""Delays grow, are jittered and bounded."""

from __future__ import annotations

import random

from hotspotd.relay.backoff import Backoff


def test_delays_double_up_to_the_longest_within_the_jitter() -> None:
    backoff = Backoff(1.0, 60.0, random.Random(1))
    for whole in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        assert whole / 2 <= backoff.next() <= whole


def test_many_failures_do_not_overflow() -> None:
    backoff = Backoff(1.0, 60.0, random.Random(1))
    assert all(backoff.next() <= 60 for _ in range(5_000))


def test_a_refusal_jumps_to_the_longest_until_it_works() -> None:
    backoff = Backoff(1.0, 60.0, random.Random(1))
    backoff.jump()
    assert backoff.next() >= 30
    backoff.reset()
    assert backoff.next() <= 1


def test_two_kiosks_do_not_call_in_step() -> None:
    one, other = Backoff(1.0, 60.0, random.Random(1)), Backoff(1.0, 60.0, random.Random(2))
    assert [one.next() for _ in range(5)] != [other.next() for _ in range(5)]
