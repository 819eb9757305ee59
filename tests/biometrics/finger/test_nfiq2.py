"""NIST's quality tool, played by executables that speak its documented command line."""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.biometrics.finger.nfiq2 import MOST_HANGS, Nfiq2

Tool = Callable[..., Nfiq2]

PRINT = np.full((300, 260), 255, np.uint8)
# A peer of ``nfiq2 -F -i FILE``: refuses other arguments and what is no PNG, and keeps the picture it was given.
PEER = """
[ "$#" = 3 ] && [ "$1" = -F ] && [ "$2" = -i ] || { echo usage >&2; exit 2; }
[ "$(head -c 4 "$3" | tail -c 3)" = PNG ] || { echo "no picture" >&2; exit 3; }
echo "$3" >> "$0.asked"
cp "$3" "$0.png"
"""


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    def made(script: str, timeout_s: float = 30.0) -> Nfiq2:
        program = tmp_path / "nfiq2"
        program.write_text(f"#!/bin/sh\n{PEER}\n{script}\n")
        program.chmod(0o755)
        return Nfiq2(program, timeout_s)

    return made


def asked(of: Nfiq2) -> list[str]:
    return Path(f"{of.program}.asked").read_text().split()


def ended(process: int) -> bool:
    """Whether a process ends; one that was killed may still be on its way out."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 30)[0])
    finally:
        os.close(handle)


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ("57", 57),
        ("0", 0),
        ("100", 100),
        ("255", None),
        ('"Filename",FingerCode,QualityScore,"OptionalError",Quantized,Resampled\n"print.png",0,42,,0,0', 42),
        ('"Filename",FingerCode,QualityScore,"OptionalError",Quantized,Resampled\n"p",0,NA,"too small",0,0', None),
    ],
)
def test_the_score_is_read_as_documented(
    tool: Tool, said: str, score: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert tool(f"cat <<'END'\n{said}\nEND").score(PRINT, 500) == score
    assert not caplog.records


def test_the_picture_is_brought_to_500_dpi_and_gone_afterwards(tool: Tool) -> None:
    peer = tool("echo 50")
    assert peer.score(PRINT, 1000) == 50
    given = cv2.imread(f"{peer.program}.png", cv2.IMREAD_UNCHANGED)
    assert given is not None
    assert given.shape == (150, 130)
    assert not Path(asked(peer)[0]).parent.exists()


@pytest.mark.parametrize(
    "script",
    [
        "echo segmentation fault",
        "echo -5",
        "echo 101",
        "echo 57.5",
        "printf '\\377\\376\\n'",
        "true",
        "echo 57; echo 58",
        "echo 57; exit 1",
        "kill -9 $$",
        "head -c 100000 /dev/zero",
        "yes",
    ],
)
def test_a_broken_tool_is_no_score_and_one_warning(tool: Tool, script: str, caplog: pytest.LogCaptureFixture) -> None:
    peer = tool(script)
    assert [peer.score(PRINT, 500) for _ in range(3)] == [None] * 3
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [logging.WARNING]
    assert str(peer.program) in caplog.text
    assert len(asked(peer)) == 3


@pytest.mark.parametrize("then", ["wait", "exit 0"])
def test_a_tool_that_hangs_is_ended_and_soon_not_asked_again(
    tool: Tool, caplog: pytest.LogCaptureFixture, then: str
) -> None:
    # It holds its output open in a child of its own: that one has to go as well.
    peer = tool(f'sleep 600 & echo "$!" >> "$0.children"; {then}', timeout_s=0.5)
    assert [peer.score(PRINT, 500) for _ in range(MOST_HANGS + 2)] == [None] * (MOST_HANGS + 2)
    assert len(asked(peer)) <= MOST_HANGS
    assert "not asked again" in caplog.text
    for child in Path(f"{peer.program}.children").read_text().split():
        assert ended(int(child))


def test_a_tool_that_works_again_is_said_to(tool: Tool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert tool("exit 1").score(PRINT, 500) is None
    peer = tool('[ -e "$0.mended" ] && echo 61 || { touch "$0.mended"; exit 1; }')
    assert peer.score(PRINT, 500) is None
    assert peer.score(PRINT, 500) == 61
    assert "works again" in caplog.text


def test_a_tool_that_cannot_be_run_is_no_score(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    program = tmp_path / "nfiq2"
    program.write_bytes(b"\x7fELF of another machine")
    program.chmod(0o755)
    assert Nfiq2(program).score(PRINT, 500) is None
    assert Nfiq2(tmp_path / "gone").score(PRINT, 500) is None
    assert len(caplog.records) == 2


def test_it_is_looked_for_in_the_path(tool: Tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    peer = tool("echo 33")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert Nfiq2.installed() is None
    monkeypatch.setenv("PATH", f"{peer.program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    found = Nfiq2.installed()
    assert found is not None
    assert found.score(PRINT, 500) == 33
