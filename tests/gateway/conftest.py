"""Certificates once for all tests; a running gateway for each that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.gateway.bench import Certificates, GatewayBench, NumberSearch, make_certificates
from tests.gateway.postgres import Cluster, cluster


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server that runs; each test makes a database of its own."""
    with cluster() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Where a store may be: a file, then a database of a server."""
    if request.param == "sqlite":
        return tmp_path / "gateway.db"
    url: str = request.getfixturevalue("postgres").create()
    return url
