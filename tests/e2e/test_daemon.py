"""The daemon as a process: what it refuses, what it tells systemd, how it stops."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from hotspotd import __version__
from hotspotd.gateway.authority import Authority

_CONFIG = """
[device]
name = "kiosk"
organisation = "Border Police"
country = "UTO"
[[lanes]]
name = "lane-1"
document = { driver = "mrz-serial", address = "serial:///nowhere/at/all" }
[operation]
name = "test"
face = false
[watchlist]
folder = "watchlist"
[records]
database = "records.db"
[relay]
url = "https://127.0.0.1:1"
trust_anchors = "ca.pem"
certificate = "kiosk.pem"
key = "kiosk.key"
[console]
port = 0
"""


def _configure(folder: Path, text: str = _CONFIG) -> Path:
    path = folder / "hotspotd.toml"
    path.write_text(text)
    Authority.create(folder).issue_device("kiosk")
    return path


@asynccontextmanager
async def _daemon(config: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hotspotd.app",
        "--config",
        str(config),
        env={"PATH": "/usr/bin:/bin", **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _until_logged(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stderr is not None
    logged = ""
    while line := (await process.stderr.readline()).decode():
        logged += line
        if text in line:
            return logged
    raise AssertionError(logged)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("country", "contry"), "contry"),
        (('name = "lane-1"', "name = 5"), "lanes[0].name"),
        (('driver = "mrz-serial"', 'driver = "crystal-ball"'), "crystal-ball"),
    ],
)
async def test_a_configuration_that_cannot_be_right_is_refused(
    tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    config = await asyncio.to_thread(_configure, tmp_path, _CONFIG.replace(*change))
    async with _daemon(config) as process:
        _, said = await process.communicate()
        assert process.returncode in (2, 3)
        assert says in said.decode()


async def test_it_starts_without_list_gateway_or_device_and_stops_when_told(tmp_path: Path) -> None:
    config = await asyncio.to_thread(_configure, tmp_path)
    async with _daemon(config) as process:
        logged = await _until_logged(process, "ready on http://")
        assert "no current watchlist" in logged
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    chain, sealed = await asyncio.to_thread(_chain, tmp_path / "records.db")
    assert chain[0] == ("daemon.started", __version__)
    assert ("configuration.used", hashlib.sha256(config.read_bytes()).hexdigest()) in chain
    assert chain[-1] == ("daemon.stopped", "")
    assert sealed == len(chain), "the last entry has a checkpoint"


def _chain(database: Path) -> tuple[list[tuple[str, str]], int]:
    """Event and detail of each entry, and which is the last one that was sealed."""
    with closing(sqlite3.connect(database)) as connection:
        chain = connection.execute("SELECT event, detail FROM audit ORDER BY seq").fetchall()
        (sealed,) = connection.execute("SELECT max(seq) FROM audit_checkpoint").fetchone()
    return chain, sealed


async def test_systemd_hears_ready_then_beats_then_stopping(tmp_path: Path) -> None:
    config = await asyncio.to_thread(_configure, tmp_path)
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.setblocking(False)
        loop = asyncio.get_running_loop()

        async def heard(text: str) -> None:
            while text not in (await loop.sock_recv(systemd, 4096)).decode():
                pass

        async with _daemon(config, NOTIFY_SOCKET=str(path), WATCHDOG_USEC="1500000") as process:
            async with asyncio.timeout(60):
                await heard("READY=1")
                await heard("WATCHDOG=1")
                await heard("WATCHDOG=1")
                process.send_signal(signal.SIGTERM)
                await heard("STOPPING=1")
            assert await process.wait() == 0
