"""What systemd hears, on a real datagram socket."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotspotd.health.notify import Notifier, watchdog_period_s


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd's, and its NOTIFY_SOCKET value."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@hotspotd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(10)
        listening.bind(address.replace("@", "\0", 1))
        yield listening, address


def test_messages_arrive_as_systemd_reads_them(systemd: tuple[socket.socket, str]) -> None:
    listening, address = systemd
    notifier = Notifier({"NOTIFY_SOCKET": address})
    assert notifier.enabled
    notifier.ready("lane 1 open")
    notifier.alive()
    notifier.status("two\nlines")
    notifier.stopping()
    notifier.close()
    notifier.close()
    received = [listening.recv(4096) for _ in range(4)]
    assert received == [b"READY=1\nSTATUS=lane 1 open", b"WATCHDOG=1", b"STATUS=two lines", b"STOPPING=1"]


def test_from_a_shell_nothing_is_sent() -> None:
    notifier = Notifier({})
    assert not notifier.enabled
    notifier.ready()
    notifier.close()


def test_a_listener_that_is_gone_is_told_and_not_raised(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    with caplog.at_level(logging.WARNING):
        notifier.alive()
    notifier.close()
    assert "WATCHDOG=1" in caplog.text


def test_a_full_socket_drops_and_does_not_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "full"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "full")})
        for _ in range(2000):
            notifier.alive()
            if caplog.records:
                break
        notifier.close()
    assert "not told WATCHDOG=1" in caplog.text


def test_an_address_of_another_kind_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert not Notifier({"NOTIFY_SOCKET": "vsock:2:1234"}).enabled
    assert "NOTIFY_SOCKET" in caplog.text


@pytest.mark.parametrize(
    ("environment", "period"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "20000000"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdogs_period_is_read_as_systemd_sets_it(environment: dict[str, str], period: float | None) -> None:
    assert watchdog_period_s(environment) == period
