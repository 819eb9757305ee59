"""What a log line looks like, and where it goes."""

from __future__ import annotations

import io
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotspotd.health import log


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Logging is global: put back what the test's set-up replaced."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, sys.excepthook, threading.excepthook)
    talkative = {name: logging.getLogger(name).level for name in log._TALKATIVE}
    root.handlers.clear()
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    sys.excepthook, threading.excepthook = before[2], before[3]
    for name, level in talkative.items():
        logging.getLogger(name).setLevel(level)


def test_a_terminal_gets_time_level_logger_and_message() -> None:
    stream = io.StringIO()
    log.set_up("info", stream=stream, environment={})
    logging.getLogger("hotspotd.lane").warning("scanner of %s is gone", "lane 1")
    logging.getLogger("hotspotd.lane").debug("not wanted")
    pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARNING hotspotd\.lane: scanner of lane 1 is gone\n"
    assert re.fullmatch(pattern, stream.getvalue())


def test_every_line_for_the_journal_carries_its_priority() -> None:
    record = logging.LogRecord("a.b", logging.ERROR, __file__, 1, "first\nsecond", None, None)
    assert log.PriorityFormatter().format(record) == "<3>a.b: first\n<3>second"
    assert [log.priority(level) for level in (10, 20, 30, 40, 50)] == [7, 6, 4, 3, 2]


def test_the_journal_is_used_only_when_it_is_this_stream(tmp_path: Path) -> None:
    with (tmp_path / "err").open("w") as stream:
        found = os.fstat(stream.fileno())
        ours = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert log.under_journal(stream, ours)
        assert not log.under_journal(stream, {"JOURNAL_STREAM": "1:2"})
        assert not log.under_journal(stream, {"JOURNAL_STREAM": "nonsense"})
        assert not log.under_journal(stream, {})
        assert not log.under_journal(io.StringIO(), ours)


def test_without_the_os_bindings_the_journal_gets_prefixed_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "systemd", None)
    monkeypatch.setitem(sys.modules, "systemd.journal", None)
    with (tmp_path / "err").open("w+") as stream:
        found = os.fstat(stream.fileno())
        log.set_up("info", stream=stream, environment={"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        logging.getLogger("hotspotd").info("started")
        stream.flush()
        assert (tmp_path / "err").read_text() == "<6>hotspotd: started\n"


def test_a_thread_that_dies_is_logged() -> None:
    stream = io.StringIO()
    log.set_up("info", stream=stream, environment={})

    def die() -> None:
        raise LookupError("no such thing")

    thread = threading.Thread(target=die, name="relay-1")
    thread.start()
    thread.join()
    assert "CRITICAL hotspotd.health.log: thread relay-1 died" in stream.getvalue()
    assert "LookupError: no such thing" in stream.getvalue()


def test_what_ends_the_process_is_logged() -> None:
    program = "from hotspotd.health import log; log.set_up('info', environment={}); raise LookupError('no such thing')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "CRITICAL hotspotd.health.log: uncaught, the process ends" in done.stderr
    assert "LookupError: no such thing" in done.stderr
