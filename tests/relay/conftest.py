"""Certificates once for all tests; a running gateway for each that asks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotspotd.records import Records
from hotspotd.relay.links.base import Link
from tests.gateway.bench import Certificates, GatewayBench, NumberSearch, Wire, make_certificates
from tests.relay.broker import Broker, gateway_certificate
from tests.relay.courier_rig import CLOCK, Rig, ScriptedLink
from tests.relay.postbox import NatsGateway


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Another authority's certificates, with the same names in them."""
    return make_certificates(tmp_path_factory.mktemp("strangers"))


@pytest.fixture
async def gateway(tmp_path: Path, certificates: Certificates) -> AsyncIterator[GatewayBench]:
    bench = GatewayBench(tmp_path / "gateway.db", certificates, NumberSearch())
    await bench.start()
    yield bench
    await bench.stop()


@pytest.fixture
async def broker(tmp_path: Path, certificates: Certificates) -> AsyncIterator[Broker]:
    await asyncio.to_thread(gateway_certificate, certificates)
    made = await asyncio.to_thread(Broker, tmp_path / "broker", certificates, ("kiosk-1", "kiosk-2"))
    await made.start()
    yield made
    await made.kill()


@pytest.fixture
async def nats_gateway(tmp_path: Path, certificates: Certificates, broker: Broker) -> AsyncIterator[NatsGateway]:
    made = await asyncio.to_thread(NatsGateway, tmp_path, certificates, broker)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def rig(tmp_path: Path, certificates: Certificates) -> AsyncIterator[Rig]:
    records = await Records.open(tmp_path / "records.db", CLOCK)
    made = Rig(records, tmp_path / "records.db", certificates.sealer("kiosk-1"))
    yield made
    await made.stop()
    await made.records.close()


@pytest.fixture
async def wire(gateway: GatewayBench) -> AsyncIterator[Wire]:
    made = Wire(lambda: gateway.port)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def kiosk(certificates: Certificates) -> ssl.SSLContext:
    return certificates.device("kiosk-1")


@pytest.fixture
async def link(rig: Rig, gateway: GatewayBench, wire: Wire, kiosk: ssl.SSLContext) -> AsyncIterator[Link]:
    made = gateway.link(kiosk, wire.port)
    yield made
    await rig.stop()
    await made.close()


@pytest.fixture
def scripted(certificates: Certificates) -> ScriptedLink:
    return ScriptedLink(certificates)
