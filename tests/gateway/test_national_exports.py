"""Whatever was submitted before, and wherever a run broke off: the gateway ends where the last whole export was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.config import RepositorySection
from hotspotd.relay.links.https_session import HttpsSession
from tests.gateway.bench import Certificates, GatewayBench, NumberSearch
from tests.gateway.office import REPOSITORY, Office, held, lines, passport

STATUSES = ("lost_or_stolen", "revoked", "stolen_blank")
EXPORTS = st.dictionaries(st.integers(0, 12), st.sampled_from(STATUSES), max_size=8)


class FailingLink(HttpsSession):
    """Breaks for good at its ``at``-th exchange, before the gateway is asked or after it has answered."""

    at = 0
    answered = False

    async def exchange(self, method: str, path: str, payload: bytes | None = None, *, longer_s: float = 0.0) -> bytes:
        self.at -= 1
        if self.at == 0 and not self.answered:
            raise RelayError(Reason.LINK_REFUSED, "broken before")
        answer = await super().exchange(method, path, payload, longer_s=longer_s)
        if self.at == 0:
            raise RelayError(Reason.LINK_REFUSED, "broken after")
        return answer


class BreakingOffice(Office):
    """An office whose runs can be made to break off."""

    breaks: tuple[int, bool] | None = None

    async def link(self) -> HttpsSession:
        link = FailingLink(self.url(), self.certificates.device(self.device), timeout_s=20.0, listen_s=0.05)
        link.at, link.answered = self.breaks or (-1, False)
        return link


@pytest.fixture
async def gateway(tmp_path: Path, certificates: Certificates) -> AsyncIterator[GatewayBench]:
    bench = GatewayBench(tmp_path / "gateway.db", certificates, NumberSearch())
    bench.repositories = {REPOSITORY: RepositorySection(name=REPOSITORY, owner="UTO", devices=("kiosk-1",))}
    await bench.start()
    yield bench
    await bench.stop()


async def test_any_sequence_of_whole_exports_ends_in_the_last(
    gateway: GatewayBench, tmp_path: Path, certificates: Certificates
) -> None:
    office = BreakingOffice(tmp_path, certificates, "kiosk-1", lambda: gateway.url)
    breaks = st.none() | st.tuples(st.integers(1, 6), st.booleans())

    # The repository goes on from example to example: each begins with what the one before left, and no ledger of it.
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
    @given(st.lists(st.tuples(EXPORTS, breaks), min_size=1, max_size=4))
    def check(exports: list[tuple[dict[int, str], tuple[int, bool] | None]]) -> None:
        office.ledger.unlink(missing_ok=True)
        for export, broken in [*exports, (exports[-1][0], None)]:
            office.breaks = broken
            try:
                office.submit_now(lines([passport(number, status=status) for number, status in export.items()]))
            except RelayError as error:
                if error.reason is not Reason.LINK_REFUSED:
                    raise
        found = {record["number"]: record["status"] for record in held(gateway.national).values()}
        assert found == {f"X{number:07d}": status for number, status in exports[-1][0].items()}

    await asyncio.to_thread(check)
