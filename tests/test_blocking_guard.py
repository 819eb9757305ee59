"""The guard of conftest.py really guards."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from blockbuster import BlockingError


async def test_a_sleep_on_the_loop_fails() -> None:
    with pytest.raises(BlockingError):
        time.sleep(0)  # noqa: ASYNC251  # The blocking call is what is tested.


async def test_reading_a_file_on_the_loop_fails() -> None:
    with pytest.raises(BlockingError):
        Path(__file__).read_bytes()  # noqa: ASYNC240  # The blocking call is what is tested.


@pytest.mark.blocking_allowed
async def test_the_marker_lifts_the_guard() -> None:
    time.sleep(0)  # noqa: ASYNC251  # The blocking call is what is tested.
