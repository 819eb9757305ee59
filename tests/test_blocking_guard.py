"""The guard of conftest.py really guards: our code that blocks on the loop's thread is caught."""

from __future__ import annotations

from pathlib import Path

import pytest
from blockbuster import BlockingError

from hotspotd import config


async def test_our_code_reading_a_file_on_the_loop_fails() -> None:
    with pytest.raises(BlockingError):
        config.load(Path(__file__))


@pytest.mark.blocking_allowed
async def test_the_marker_lifts_the_guard() -> None:
    with pytest.raises(config.ConfigError):
        config.load(Path(__file__))
