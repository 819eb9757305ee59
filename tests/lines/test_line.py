"""A real line between two network namespaces: it does what it says, and nothing of it is left."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lines.line import GATEWAY_ADDRESS, Line, LineError, remove_stale
from lines.medium import Kind
from lines.survey import survey

pytestmark = pytest.mark.namespaces
_ROOT = Path(__file__).resolve().parents[2]


def _namespaces() -> str:
    return subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout


def test_a_line_has_the_rate_delay_and_loss_it_was_laid_with() -> None:
    with Line(Kind(rate_bit_s=1_000_000, round_trip_s=0.1, loss=0.02, queue_s=0.2)) as line:
        found = survey(line, seconds=1.0, probes=2000, tcp_bytes=50_000)
    assert found.rate_there == pytest.approx(1_000_000, rel=0.1)
    assert found.rate_back == pytest.approx(1_000_000, rel=0.1)
    # A busy machine adds to it; nothing takes from it.
    assert 0.1 <= found.round_trip_s < 0.3
    assert 0.01 < found.loss_there < 0.035
    assert 0.01 < found.loss_back < 0.035
    # TCP sees the round trip: one connection cannot have this much through in less than several of them.
    assert 0 < found.tcp_there < 700_000


def test_a_cut_line_swallows_what_is_sent_until_it_is_mended() -> None:
    with Line(Kind(round_trip_s=0.02, loss=0)) as line:
        with line.gateway.entered():
            far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with line.kiosk.entered():
            near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with far, near:
            far.bind((GATEWAY_ADDRESS, 0))
            far.settimeout(5)
            line.cut()
            for _ in range(5):
                near.sendto(b"lost", far.getsockname())
            deadline = time.monotonic() + 10
            while line.there.count.dropped < 5:
                assert time.monotonic() < deadline
            line.mend()
            near.sendto(b"there", far.getsockname())
            assert far.recv(16) == b"there"


def test_nothing_is_left_of_a_line_and_its_processes() -> None:
    with Line() as line:
        name = line.kiosk.name
        sleeper = subprocess.Popen(line.kiosk.command("sleep", "600"))
        assert name in _namespaces()
    assert name not in _namespaces()
    assert sleeper.wait(10) != 0


def test_the_next_line_removes_what_a_killed_process_left() -> None:
    code = (
        "import os, signal; from lines.line import Line\n"
        "with Line() as line: print(line.kiosk.name, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": str(_ROOT / "scripts")}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    name = killed.stdout.strip()
    assert name in _namespaces()
    remove_stale()
    assert name not in _namespaces()


def test_a_line_that_cannot_be_laid_says_why_in_one_line_and_leaves_nothing() -> None:
    line = Line(congestion="nobody-knows-this")
    with pytest.raises(LineError, match="tcp_congestion_control") as caught, line:
        pass
    assert "\n" not in str(caught.value)
    assert line.kiosk.name not in _namespaces()
