"""The courier with real records on a link by mail: rows leave the outbox as on any other link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotspotd.clock import Clock
from hotspotd.events import Events
from hotspotd.records import Records
from hotspotd.records.model import OutboxState, Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.courier import Courier
from hotspotd.relay.pace import Pacer
from hotspotd.relay.parts import Parts, Patience
from hotspotd.relay.routes import Route, Routes
from tests.gateway.bench import GatewayBench
from tests.relay.mail.bench import Post, at_once, outgoing, processed, until, until_so
from tests.relay.travellers import encounter, hit, item

PATIENCE = Patience(first_s=0.05, longest_s=0.2, poll_s=1.0, rows_s=0.2)


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    opened = await Records.open(tmp_path / "records.db", Clock())
    yield opened
    await opened.close()


@pytest.fixture
async def courier(post: Post, records: Records) -> AsyncIterator[Courier]:
    link = await post.link()
    routes = Routes([Route(link, Pacer(Rank.DECISION), Backoff(PATIENCE.first_s, PATIENCE.longest_s))])
    made = Courier(Parts(records, routes, post.certificates.sealer("kiosk-1"), Events(), Clock(), PATIENCE))
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await link.close()


async def add(records: Records, courier: Courier, number: int, payload: bytes | None = None) -> str:
    given = encounter(number, pictures=False)
    await records.record_encounter(given, item(given, Clock().now(), payload))
    courier.wake()
    return given.tcn


async def until_state(records: Records, tcn: str, state: OutboxState) -> None:
    async def so() -> bool:
        return (await records.outbox_item(tcn)).state is state

    await until_so(so)


async def test_rows_are_receipted_and_answered_by_mail(
    post: Post, gateway: GatewayBench, records: Records, courier: Courier
) -> None:
    gateway.search.listed["L898902C3"] = hit()
    tcns = [await add(records, courier, number) for number in range(1, 6)]
    for tcn in tcns:
        await until_state(records, tcn, OutboxState.ANSWERED)
    assert len(await records.alerts()) == 5
    await until(lambda: not post.host.mails("kiosk-1") and not post.host.mails("gateway"))
    assert await processed(gateway) == dict.fromkeys(tcns, (1, 1))


async def test_a_row_that_the_gateway_refuses_by_mail_is_set_aside(
    gateway: GatewayBench, records: Records, courier: Courier
) -> None:
    bad = await add(records, courier, 1, payload=b"<no transaction/>")
    good = await add(records, courier, 2)
    await until_state(records, bad, OutboxState.QUARANTINED)
    await until_state(records, good, OutboxState.ANSWERED)


async def test_rows_wait_for_a_mail_host_that_is_down(
    post: Post, gateway: GatewayBench, records: Records, courier: Courier
) -> None:
    await post.host.close_submission()
    tcn = await add(records, courier, 1)
    await until(lambda: not courier.link_up)
    await post.host.open_submission()
    await until_state(records, tcn, OutboxState.ANSWERED)
    assert await processed(gateway) == {tcn: (1, 1)}


async def test_a_receipt_for_a_row_that_is_not_known_here_holds_up_nothing(
    post: Post, gateway: GatewayBench, records: Records, courier: Courier
) -> None:
    # As after a damaged database was set aside: the mails to what was sent before come all the same.
    await (await post.link()).send(outgoing(post, 50), at_once)
    tcn = await add(records, courier, 1)
    await until_state(records, tcn, OutboxState.ANSWERED)
    await until(lambda: not post.host.mails("kiosk-1"))
