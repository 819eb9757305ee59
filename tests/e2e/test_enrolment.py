"""A kiosk from the box to its end: enrolled by code, relaying, renewed, revoked, enrolled anew. All real processes."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from hotspotd.biometrics import finger
from hotspotd.cli.main import main as ctl_main
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.gateway.authority import Authority
from hotspotd.gateway.devices import main as devices_main
from hotspotd.watchlist.build import Entry
from hotspotd.watchlist.shelf import Shelf

_GATEWAY = """
bureau.country = "UTO"
server = {{ port = {port}, certificate = "pki/gateway.pem", key = "pki/gateway.key", trust_anchors = "pki/ca.pem" }}
store.database = "gateway.db"
watchlist.folder = "list"
enrolment = {{ authority = "pki", port = {est}, valid_days = 0.4 }}
"""
_KIOSK = """
[device]
name = "KIOSK-01"
organisation = "Border Police"
country = "UTO"
[[lanes]]
name = "lane-1"
document = {{ driver = "mrz-serial", address = "serial:///nowhere/at/all" }}
[operation]
name = "test"
face = false
[watchlist]
folder = "watchlist"
[records]
database = "records.db"
[relay]
url = "{url}"
identity = "identity"
retry_longest_s = 1.0
[console]
port = 0
"""


@dataclass
class Site:
    """The two folders, and where the gateway listens."""

    bureau: Path
    kiosk: Path
    est: str = ""

    @property
    def config(self) -> str:
        return str(self.kiosk / "hotspotd.toml")

    async def ctl(self, *arguments: str) -> tuple[int, str]:
        return await _said(ctl_main, "device", *arguments, "--config", self.config)

    async def devices(self, *arguments: str) -> tuple[int, str]:
        return await _said(devices_main, *arguments, "--config", str(self.bureau / "gateway.toml"))

    async def code(self, *more: str) -> tuple[str, str]:
        status, said = await self.devices("code", "KIOSK-01", "--json", *more)
        assert status == 0, said
        told = json.loads(said)
        return told["code"], told["fingerprint"]


async def _said(command: Callable[[Sequence[str]], int], *arguments: str) -> tuple[int, str]:
    """Exit status and output of a command, which is run here: starting another Python takes seconds."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        status = await asyncio.to_thread(command, arguments)
    return status, said.getvalue()


@asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _heard(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(60):
        while line := (await process.stdout.readline()).decode():
            said += line
            if text in line:
                return said
    raise AssertionError(said)


def _make(folder: Path) -> Site:
    site = Site(folder / "bureau", folder / "kiosk")
    site.kiosk.mkdir()
    Authority.create(site.bureau / "pki").issue_server(["localhost", "127.0.0.1"])
    record = ListRecord(
        reference="SLTD-1", notice=Notice.SLTD, owner="UTO", document_number="L898902C3", document_issuer="UTO"
    )
    (site.bureau / "list").mkdir()
    Shelf(site.bureau / "list").publish(
        [Entry(record)], finger_engine=finger.ENGINE, face_engine=None, version="test-1"
    )
    (site.bureau / "gateway.toml").write_text(_GATEWAY.format(port=0, est=0))
    return site


@asynccontextmanager
async def _gateway(site: Site) -> AsyncIterator[asyncio.subprocess.Process]:
    async with _process("-m", "hotspotd.gateway", "--config", str(site.bureau / "gateway.toml")) as process:
        said = (await _heard(process, "enrolment https://")).splitlines()
        url = next(line for line in said if line.startswith("ready ")).split()[1]
        site.est = said[-1].split()[1]
        (site.kiosk / "hotspotd.toml").write_text(_KIOSK.format(url=url))
        yield process


async def _counts(site: Site) -> dict[str, int]:
    """What the gateway holds of the kiosk, asked of its database."""

    def ask() -> dict[str, int]:
        with closing(sqlite3.connect(site.bureau / "gateway.db")) as connection:
            (kept,) = connection.execute("SELECT count(*) FROM checkpoint WHERE device = 'KIOSK-01'").fetchone()
            refused = dict(connection.execute("SELECT reason, count FROM refusal WHERE device = 'KIOSK-01'"))
        return {"checkpoints": kept, **refused}

    return await asyncio.to_thread(ask)


async def _relayed(site: Site) -> None:
    """Until the gateway holds what the kiosk has sealed."""
    async with asyncio.timeout(60):
        while not (await _counts(site))["checkpoints"]:  # noqa: ASYNC110  # It is in another process's database.
            await asyncio.sleep(0.1)


@pytest.mark.blocking_allowed  # Starting a process blocks the loop in the standard library.
async def test_a_kiosk_is_enrolled_relays_is_renewed_revoked_and_enrolled_anew(tmp_path: Path) -> None:
    site = await asyncio.to_thread(_make, tmp_path)
    async with _gateway(site):
        code, mark = await site.code()
        status, said = await site.ctl("status")
        assert (status, "not enrolled" in said) == (1, True)
        enrol = ("enrol", "--gateway", site.est)
        assert (await site.ctl(*enrol, "--code", code, "--fingerprint", "0" * 64))[0] == 1, "another authority's"
        status, said = await site.ctl(*enrol, "--code", code)
        assert (status, "fingerprint" in said) == (3, True)
        status, said = await site.ctl(*enrol, "--code", "0000-0000-0000-0000", "--fingerprint", mark)
        assert (status, "wrong_code" in said) == (1, True)
        status, said = await site.ctl(*enrol, "--code", code, "--fingerprint", mark)
        assert status == 0, said
        status, said = await site.ctl("status", "--json")
        first = json.loads(said)
        assert (status, first["state"], first["pending"]) == (0, "enrolled", False)

        async with _process("-m", "hotspotd.app", "--config", site.config) as kiosk:
            # What was issued is past two thirds of its time at once: it is renewed before anything else.
            await _heard(kiosk, "this device goes on under the certificate that is on disk")
            renewed = json.loads((await site.ctl("status", "--json"))[1])
            assert renewed["serial"] != first["serial"]
            await _relayed(site)

            assert (await site.devices("revoke", "KIOSK-01", "--reason", "stolen"))[0] == 0
            said = await _heard(kiosk, "[revoked]")
            assert "hotspotctl device enrol" in said
            assert (await _counts(site))["revoked"] >= 1
            status, said = await site.ctl("renew")
            assert (status, "revoked" in said) == (1, True)

            code, _ = await site.code()
            status, said = await site.ctl(*enrol, "--code", code)
            assert status == 0, said
            await _heard(kiosk, "the gateway answers again")
        status, said = await site.devices("list", "KIOSK-01", "--json")
        assert [one["state"] for one in json.loads(said)] == ["revoked", "revoked", "good"]
    status, said = await site.ctl("decommission", "--yes", "KIOSK-02")
    assert status == 2
    assert (site.kiosk / "records.db").exists()
    status, said = await site.ctl("decommission", "--yes", "KIOSK-01")
    assert status == 0, said
    assert sorted(path.name for path in site.kiosk.rglob("*") if path.is_file()) == ["hotspotd.toml"]


@pytest.mark.blocking_allowed  # Starting a process blocks the loop in the standard library.
async def test_a_kiosk_without_a_network_is_enrolled_by_a_stick(tmp_path: Path) -> None:
    site = await asyncio.to_thread(_make, tmp_path)
    (site.kiosk / "hotspotd.toml").write_text(_KIOSK.format(url="https://127.0.0.1:1"))
    request, answer = tmp_path / "request", tmp_path / "answer"
    code, mark = await site.code()
    status, said = await site.ctl("export-request", str(request), "--code", code, "--fingerprint", mark)
    assert status == 0, said
    tampered = json.loads(request.read_bytes())
    tampered["device"] = "KIOSK-02"
    (tmp_path / "tampered").write_text(json.dumps(tampered))
    status, said = await site.devices("sign-request", str(tmp_path / "tampered"), "--out", str(answer))
    assert (status, answer.exists()) == (1, False), said
    status, said = await site.devices("sign-request", str(request), "--out", str(answer))
    assert status == 0, said
    status, said = await site.ctl("import-certificate", str(answer))
    assert status == 0, said
    status, said = await site.ctl("status", "--json")
    told = json.loads(said)
    assert (status, told["state"], told["gateway"]) == (0, "enrolled", "")
    status, said = await site.ctl("import-certificate", str(answer))
    assert (status, "no request is on its way" in said) == (3, True)
