"""A gateway with one published list, and a kiosk enrolled there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watchlist.sync.bench import Kiosk, PublishingGateway
from tests.watchlist.sync.server import RepositoryServer


@pytest.fixture
def gateway(tmp_path: Path) -> PublishingGateway:
    """It has enrolled ``kiosk-1`` and published list ``one``."""
    made = PublishingGateway(tmp_path / "gateway")
    made.publish("one")
    return made


@pytest.fixture
def kiosk(gateway: PublishingGateway, tmp_path: Path) -> Kiosk:
    """It has no list yet; its clock is the gateway's."""
    return Kiosk(tmp_path / "kiosk", gateway.identity, gateway.root, gateway.wall)


@pytest.fixture
def server(gateway: PublishingGateway) -> Iterator[RepositoryServer]:
    """Hands out the gateway's repository."""
    with RepositoryServer(gateway.served) as running:
        yield running
