"""What the drivers' tests share: no thread and no file descriptor may be left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


def driver_threads() -> list[str]:
    """Names of the threads that drivers have running."""
    prefixes = ("glib ", "r30x ", "mrz ", "replay ", "http ", "rtsp ", "v4l2 ", "picamera2 ", "relay ", "gpio ", "sbi ")
    prefixes += ("pcsc ",)
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefixes)]


def open_files() -> int:
    """How many file descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # Only the count is wanted.


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every driver's thread has ended with its test. What an earlier test has left behind was that one's failure."""
    before = driver_threads()
    yield
    assert [name for name in driver_threads() if name not in before] == []


def own_threads() -> set[str]:
    """Names of all threads but those in which asyncio runs other people's blocking calls."""
    return {thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


@pytest.fixture
def port(tmp_path: Path) -> Path:
    """Where an emulator makes its symlink."""
    return tmp_path / "port"
