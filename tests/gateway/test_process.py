"""The gateway as its own process with a real watchlist and the real engines: killed after its commit, started again."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
import pytest

from hotspotd.biometrics import finger
from hotspotd.clock import Stamp
from hotspotd.domain.candidate import ListRecord, Modality
from hotspotd.domain.notice import Notice
from hotspotd.gateway.storage.base import StoreCounts
from hotspotd.relay.compose import compose_nps, read_answer
from hotspotd.relay.links.wire import WireReplies
from hotspotd.relay.message import unpack
from hotspotd.watchlist.build import Entry
from hotspotd.watchlist.shelf import Shelf
from tests.gateway.bench import Certificates, ask, put_sealed, sealed
from tests.relay.travellers import ORIGIN, encounter

NOW = Stamp(datetime(2026, 11, 22, 12, 0, tzinfo=UTC), trusted=True)
CONFIG = """
bureau.country = "UTO"
server = {{ port = 0, certificate = "{pki}/gateway.pem", key = "{pki}/gateway.key", trust_anchors = "{pki}/ca.pem" }}
store.database = "gateway.db"
watchlist.folder = "list"
"""


@pytest.fixture
def folder(tmp_path: Path, certificates: Certificates) -> Path:
    (tmp_path / "list").mkdir()
    stolen = ListRecord(
        reference="SLTD-1", notice=Notice.SLTD, owner="UTO", document_number="L898902C3", document_issuer="UTO"
    )
    Shelf(tmp_path / "list").publish([Entry(stolen)], finger_engine=finger.ENGINE, face_engine=None, version="test-1")
    (tmp_path / "gateway.toml").write_text(CONFIG.format(pki=certificates.folder), encoding="utf-8")
    return tmp_path


@pytest.fixture
def kiosk(certificates: Certificates) -> ssl.SSLContext:
    return certificates.device("kiosk-1")


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[str, Callable[[signal.Signals], None]]]:
    """The process, its URL, and a way to signal it; it is ended in any case."""
    arguments = ("-m", "hotspotd.gateway", "--config", str(folder / "gateway.toml"), "--allow-faults")
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            ready = (await process.stdout.readline()).decode().split()
        assert ready[0] == "ready"
        yield ready[1], process.send_signal
        async with asyncio.timeout(60):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.blocking_allowed  # Starting a process blocks the loop in the standard library.
async def test_a_process_killed_between_commit_and_search_searches_once_when_it_is_back(
    folder: Path, certificates: Certificates, kiosk: ssl.SSLContext
) -> None:
    given = encounter(pictures=False)
    async with running(folder) as (url, send_signal):
        await ask(f"{url}/v1/faults", kiosk, "POST", b'{"delay_s": 3600}')
        body = compose_nps(given, ORIGIN, NOW, "IMM")
        seal = sealed(certificates.sealer("kiosk-1"), body, given.tcn)
        assert (await put_sealed(url, kiosk, body, given.tcn, seal))[0] == 200
        send_signal(signal.SIGKILL)
    async with running(folder) as (url, send_signal):
        _, raw = await ask(f"{url}/v1/replies?wait=25", kiosk)
        (reply,) = msgspec.json.decode(raw, type=WireReplies).replies
        counts = msgspec.json.decode((await ask(f"{url}/v1/status", kiosk))[1], type=StoreCounts)
        send_signal(signal.SIGTERM)
    answer = read_answer(unpack(reply.content, 1_000_000))
    assert answer.outcome == "hit"
    assert [(hit.record.reference, hit.record.notice) for hit in answer.hits] == [("SLTD-1", Notice.SLTD)]
    assert [candidate.modality for candidate in answer.hits[0].candidates] == [Modality.DOCUMENT]
    assert (counts.transactions, counts.processed, counts.replies) == (1, 1, 1)


@pytest.mark.blocking_allowed  # Starting a process blocks the loop in the standard library.
async def test_a_gateway_with_a_desk_prints_where_it_is_and_serves_it(folder: Path) -> None:
    with (folder / "gateway.toml").open("a", encoding="utf-8") as config:
        config.write("desk.port = 0\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hotspotd.gateway", "--config", str(folder / "gateway.toml")),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            ready, desk = [(await process.stdout.readline()).decode().split() for _ in range(2)]
        assert (ready[0], desk[0]) == ("ready", "desk")
        assert desk[1].startswith("http://127.0.0.1:")
        async with aiohttp.ClientSession() as session, session.get(desk[1]) as response:
            assert response.status == 200
            assert "Nothing to decide" in await response.text()
    finally:
        process.terminate()
        await process.wait()
    assert process.returncode == 0


@pytest.mark.blocking_allowed  # Starting a process blocks the loop in the standard library.
async def test_a_gateway_without_a_watchlist_does_not_start_and_says_why(folder: Path) -> None:
    (folder / "list" / "current").unlink()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hotspotd.gateway", "--config", str(folder / "gateway.toml")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 1
    assert out == b""
    assert b"no current watchlist" in err
    assert b"Traceback" not in err
