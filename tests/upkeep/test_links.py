"""Links tried where nobody answers, and the network as the machine has it; the rest is in tests/e2e."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hotspotd.clock import Clock
from hotspotd.config import LinkSection, RelaySection, load
from hotspotd.errors import UpkeepError
from hotspotd.upkeep.links import try_named
from hotspotd.upkeep.network import network
from tests.cli.conftest import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_a_link_that_nobody_answers_says_so(site: Site) -> None:
    config = await asyncio.to_thread(load, site.path)
    tried = await try_named("gateway", config, site.path, Clock())
    assert (tried.ok, tried.round_trip_ms, tried.certificate, tried.clock_s) == (False, None, None, None)
    assert tried.problem
    with pytest.raises(UpkeepError, match="no such link"):
        await try_named("nobody", config, site.path, Clock())


async def test_papers_that_cannot_be_used_are_told(site: Site) -> None:
    config = await asyncio.to_thread(load, site.path)
    await asyncio.to_thread((site.folder / "tls" / "KIOSK-01.key").unlink)
    tried = await try_named("gateway", config, site.path, Clock())
    assert not tried.ok
    assert "KIOSK-01.key" in tried.problem


def test_interfaces_and_the_names_of_gateways_are_told(tmp_path: Path) -> None:
    for name in ("wlan9", "lo"):
        (tmp_path / "sys/class/net" / name).mkdir(parents=True)
        (tmp_path / "sys/class/net" / name / "operstate").write_text("up\n")
    (tmp_path / "sys/class/net/wlan9/device").mkdir()
    (tmp_path / "sys/class/net/wlan9/wireless").mkdir()
    links = (
        LinkSection(name="here", url="https://localhost:1"),
        LinkSection(name="nowhere", url="https://gateway.invalid"),
    )
    found = network(RelaySection(links=links, trust_anchors="", certificate="", key=""), tmp_path)
    assert [(one.name, one.kind, one.up) for one in found.interfaces] == [("wlan9", "wireless", True)]
    here, nowhere = found.hosts
    assert "127.0.0.1" in here.addresses
    assert (nowhere.addresses, nowhere.problem != "") == ((), True)
