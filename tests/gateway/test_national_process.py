"""The gateway and the command as processes of their own: a large export, killed between two chunks and gone on with."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hotspotd.biometrics import finger
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.watchlist.build import Entry
from hotspotd.watchlist.shelf import Shelf
from tests.gateway.bench import Certificates, Wire

# Five chunks of one delta.
ROWS = 40_000
GATEWAY = """
bureau.country = "UTO"
server = {{ port = 0, certificate = "{pki}/gateway.pem", key = "{pki}/gateway.key", trust_anchors = "{pki}/ca.pem" }}
store.database = "gateway.db"
watchlist.folder = "list"
[intake]
database = "national.db"
repositories = [{{ name = "uto-sltd", owner = "UTO", devices = ["kiosk-1"] }}]
"""
OFFICE = """
[device]
name = "kiosk-1"
organisation = "Border Police"
country = "UTO"
[[lanes]]
name = "one"
document = {{ driver = "mrz-serial", address = "serial:///dev/null" }}
[operation]
name = "none"
[watchlist]
folder = "lists"
[records]
database = "data/records.sqlite"
[relay]
url = "https://127.0.0.1:{port}"
trust_anchors = "{pki}/ca.pem"
certificate = "{pki}/kiosk-1.pem"
key = "{pki}/kiosk-1.key"
retry_first_s = 600.0
retry_longest_s = 600.0
"""
# Memory is told by the process itself, in kilobytes, as it was at its highest.
COMMAND = """
import resource, sys
from hotspotd.cli.main import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


@asynccontextmanager
async def running(folder: Path, certificates: Certificates) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The gateway's process and its port."""
    (folder / "list").mkdir()
    stolen = ListRecord(
        reference="SLTD-1", notice=Notice.SLTD, owner="UTO", document_number="L898902C3", document_issuer="UTO"
    )
    Shelf(folder / "list").publish([Entry(stolen)], finger_engine=finger.ENGINE, face_engine=None, version="test-1")
    (folder / "gateway.toml").write_text(GATEWAY.format(pki=certificates.folder), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hotspotd.gateway", "--config", str(folder / "gateway.toml")),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            ready = (await process.stdout.readline()).decode().split()
        yield process, int(ready[1].rpartition(":")[2])
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def submit(folder: Path, *more: str) -> asyncio.subprocess.Process:
    arguments = ("watchlist", "submit", str(folder / "export.csv"), "--repository", "uto-sltd", "--full", "--json")
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", COMMAND, *arguments, "--config", str(folder / "office.toml"), *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def write_export(folder: Path, rows: int) -> None:
    with (folder / "export.csv").open("w", encoding="utf-8") as file:
        file.write("kind,number,issuer,status,reference,category,since\n")
        for number in range(rows):
            scattered = number * 2_654_435_761 % 10**9
            status = ("stolen_blank", "lost_or_stolen", "revoked")[number % 3]
            file.write(f"document,X{scattered:09d},UTO,{status},UTO/{number},P,2025-{number % 12 + 1:02d}-01\n")


def highest_memory(pid: int) -> int:
    """Kilobytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


@pytest.mark.timeout(400)  # Three processes, two of them with work, on a machine that may be busy.
@pytest.mark.blocking_allowed  # Starting a process blocks the loop in the standard library.
async def test_a_large_export_killed_between_chunks_goes_on_there_within_bounded_memory(
    tmp_path: Path, certificates: Certificates
) -> None:
    write_export(tmp_path, ROWS)
    async with running(tmp_path, certificates) as (gateway, port):
        wire = Wire(lambda: port)
        await wire.start()
        try:
            (tmp_path / "office.toml").write_text(OFFICE.format(port=wire.port, pki=certificates.folder))
            before = highest_memory(gateway.pid)
            wire.cut_after = 600_000
            killed = await submit(tmp_path)
            await wire.was_cut.wait()
            killed.kill()
            await killed.communicate()
            wire.carried = 0
            resumed = await submit(tmp_path)
            out, err = await resumed.communicate()
            assert resumed.returncode == 0, err.decode()
            done = json.loads(out)
            assert done["gateway"]["count"] == done["gateway"]["added"] == ROWS
            assert done["gateway"]["sequence"] == 1
            # What was there already was not sent again: two chunks at least.
            assert wire.carried < done["sent"]["bytes"] - 400_000
        finally:
            await wire.stop()
        grown = highest_memory(gateway.pid) - before
    assert grown < 96 * 1024
    assert int(err.splitlines()[-1]) < 192 * 1024
