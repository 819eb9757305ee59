"""Certificates once for all tests; a running gateway for each that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.bench import Certificates, GatewayBench, NumberSearch, make_certificates


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
