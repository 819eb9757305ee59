"""A scanner in a process of its own: whatever becomes of that process is a fault of the device."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers import registry
from drivers.base import DriverError, DriverReason
from drivers.isolated import IsolatedScanner
from tests.drivers.pictures import striped


@pytest.fixture
async def scanner(tmp_path: Path) -> AsyncIterator[IsolatedScanner]:
    """The replay driver, apart: a picture lies on its glass."""
    cv2.imwrite(str(tmp_path / "1.png"), striped(1))
    one = IsolatedScanner("replay", f"replay://{tmp_path}")
    yield one
    await one.close()


async def test_it_gives_what_the_driver_gives(scanner: IsolatedScanner, tmp_path: Path) -> None:
    here = registry.scanner_here("replay", f"replay://{tmp_path}")
    told = await here.open()
    assert await scanner.open() == told
    there, same = await scanner.capture(), await here.capture()
    np.testing.assert_array_equal(there.pixels, same.pixels)
    assert (there.dpi, there.levels, there.position) == (same.dpi, same.levels, same.position)
    await here.close()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
async def test_a_crash_is_a_lost_device_and_it_opens_again(scanner: IsolatedScanner, number: int) -> None:
    await scanner.open()
    pid = scanner.pid
    assert pid is not None
    os.kill(pid, number)
    with pytest.raises(DriverError, match=f"signal {int(number)}") as caught:
        await scanner.capture()
    assert caught.value.reason is DriverReason.LOST
    await scanner.open()
    assert scanner.pid != pid
    assert (await scanner.capture()).pixels.size


async def test_a_drivers_own_errors_come_through(tmp_path: Path) -> None:
    scanner = IsolatedScanner("replay", f"replay://{tmp_path}/nowhere")
    with pytest.raises(DriverError) as caught:
        await scanner.open()
    assert caught.value.reason is DriverReason.ABSENT
    assert "nowhere" in caught.value.what
    assert scanner.pid is None


# Answers that it is open, then neither answers nor ends when its input does.
_HANGS = """
import json, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdin.readline()
print(json.dumps({"info": {"driver": "x", "address": "y"}, "slaps": []}), flush=True)
while True:
    signal.pause()
"""


async def test_one_that_hangs_is_ended_when_its_call_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.isolated._LET_GO_S", 0.1)
    scanner = IsolatedScanner("x", "y:///", command=(sys.executable, "-c", _HANGS))
    await scanner.open()
    pid = scanner.pid
    assert pid is not None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await scanner.capture()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(DriverError) as caught:
        await scanner.capture()
    assert caught.value.reason is DriverReason.LOST
    await scanner.close()
