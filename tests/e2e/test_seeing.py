"""A row that was set aside is queued again from another process than the daemon's, and goes; seen in the metrics."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hotspotd.clock import Clock
from hotspotd.records import Records
from tests.e2e.test_daemon import _daemon, _until_logged
from tests.gateway.bench import GatewayBench, NumberSearch, make_certificates
from tests.relay.travellers import encounter, item

_CONFIG = """
[device]
name = "kiosk-1"
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
minimum_free_mb = 1
[relay]
url = "{url}"
trust_anchors = "pki/ca.pem"
certificate = "pki/kiosk-1.pem"
key = "pki/kiosk-1.key"
[console]
port = 0
"""


async def _outbox(config: Path, *arguments: str) -> tuple[int | None, str]:
    """Run ``hotspotctl outbox`` as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "import sys; from hotspotd.cli.main import main; sys.exit(main(sys.argv[1:]))"),
        *("outbox", *arguments, "--config", str(config), "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def _metrics(port: int) -> dict[str, float]:
    """Samples by name, and value of the first label where there is one."""
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        families = text_string_to_metric_families(await answer.text())
        return {
            " ".join((sample.name, *list(sample.labels.values())[:1])): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.mark.blocking_allowed  # Starting a process blocks the loop in the standard library.
async def test_a_row_queued_again_beside_the_running_daemon_goes_without_a_restart(tmp_path: Path) -> None:
    certificates = await asyncio.to_thread(make_certificates, tmp_path / "pki")
    gateway = GatewayBench(tmp_path / "gateway.db", certificates, NumberSearch())
    await gateway.start()
    config = tmp_path / "hotspotd.toml"
    config.write_text(_CONFIG.format(url=gateway.url))
    records = await Records.open(tmp_path / "records.db")
    given = encounter(1, pictures=False)
    await records.record_encounter(given, item(given, Clock().now()))
    await records.outbox_quarantine(given.tcn, "gateway: said no [bad_transaction]")
    await records.close()
    try:
        async with _daemon(config) as process, asyncio.timeout(100):
            port = int((await _until_logged(process, "ready on http://")).rsplit(":", 1)[1].split()[0])
            assert (await _metrics(port))["hotspotd_outbox_rows quarantined"] == 1
            code, out = await _outbox(config, "list")
            assert code == 1
            assert [row["tcn"] for row in json.loads(out)["rows"]] == [given.tcn]
            while not (await _metrics(port)).get("hotspotd_link_up gateway"):
                pass  # Connected and with nothing to do: it must find the row by itself.
            assert (await _outbox(config, "retry", given.tcn, "--by", "mjones"))[0] == 0
            while json.loads((await _outbox(config, "show", given.tcn))[1])["state"] != "answered":
                pass
            told = await _metrics(port)
            # The check, and perhaps by now the checkpoint of the audit chain that was made at the start.
            assert told["hotspotd_outbox_rows answered"] in {1, 2}
            assert told["hotspotd_gateway_answers_total no_hit"] == 1
            assert told["hotspotd_link_sent_bytes_total gateway"] > 0
            assert (await _outbox(config, "list"))[0] == 0
    finally:
        await gateway.stop()
