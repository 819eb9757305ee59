"""What an officer decides at the kiosk, on its way to the bureau: page, records, courier, gateway, hit desk."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from hotspotd.clock import Clock
from hotspotd.console.controls import Reporting
from hotspotd.domain.candidate import Determination
from hotspotd.domain.verdict import Outcome, Verdict
from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.desk.pages import DeskPages
from hotspotd.gateway.desk.ruling import Rulings
from hotspotd.gateway.storage.desk import HitState
from hotspotd.operations.log_reports import LogReports, LogRing
from hotspotd.operations.statistics import Statistics
from hotspotd.records.model import Alert, AlertKind, AlertState, Decision, Kind, Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.courier import Courier
from hotspotd.relay.decisions import compose_decision
from hotspotd.relay.inquiry import Responder
from hotspotd.relay.inti.transaction import Organisation
from hotspotd.relay.pace import Pacer
from hotspotd.relay.parts import Parts, Patience
from hotspotd.relay.reports import MOST_REFERENCES, decode_decision
from hotspotd.relay.routes import Route, Routes
from tests.console.kiosk import Kiosk, running
from tests.gateway.bench import Certificates, GatewayBench
from tests.relay.travellers import encounter, hit, item

CLOCK = Clock()
RESPONDER = Responder(Organisation(identifier="UTO-NCB", name="National Central Bureau", country="UTO"), "+00 1")
compose = partial(compose_decision, country="UTO", role="officer")


class Border:
    """A kiosk with its pages, and its courier, which runs."""

    def __init__(self, kiosk: Kiosk, courier: Courier) -> None:
        self.kiosk = kiosk
        self.records = kiosk.records
        self.courier = courier

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until ``condition`` holds, looking again whenever the kiosk publishes something."""
        with self.kiosk.events.subscribe() as subscription:
            async with asyncio.timeout(60):
                while not await condition():
                    await subscription.next()

    async def late_hit(self, number: int, passport: str) -> Alert:
        """A traveller is let go, and then the gateway has a hit: the alert."""
        given = encounter(number, passport, pictures=False)
        await self.records.record_encounter(given, item(given, CLOCK.now()))
        await self.records.record_verdict(given.encounter_id, Verdict(outcome=Outcome.CLEAR))
        await self.records.release(given.encounter_id)
        self.courier.wake()
        found: list[Alert] = []

        async def raised() -> bool:
            found[:] = [one for one in await self.records.alerts() if one.encounter_id == given.encounter_id]
            return bool(found)

        await self.until(raised)
        return found[0]

    async def decide(self, alert: Alert, decision: Decision) -> None:
        """An officer decides on the page, and the gateway's receipt for the report comes."""
        async with self.kiosk.client() as client:
            path = f"/api/alerts/{alert.alert_id}/decision"
            async with client.post(path, json={"decision": decision, "note": "seen by E. Example"}) as answer:
                assert answer.status == 200, await answer.text()

        async def told() -> bool:
            return not (await self.records.queue_state()).ranks[Rank.DECISION]

        await self.until(told)


@pytest.fixture
async def border(tmp_path: Path, certificates: Certificates, gateway: GatewayBench) -> AsyncIterator[Border]:
    couriers: list[Courier] = []

    def wake() -> None:
        couriers[0].wake()

    async with running(tmp_path / "kiosk", reporting=Reporting(compose, wake)) as kiosk:
        link = gateway.link(certificates.device("kiosk-1"))
        routes = Routes([Route(link, Pacer(Rank.DECISION), Backoff(0.05, 0.5))])
        sealer = certificates.sealer("kiosk-1")
        couriers.append(Courier(Parts(kiosk.records, routes, sealer, kiosk.events, CLOCK, Patience(0.05, 0.5))))
        carrying = asyncio.create_task(couriers[0].run())
        yield Border(kiosk, couriers[0])
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await link.close()


def told(gateway: GatewayBench, kind: str = "decision") -> list[bytes]:
    """The messages of ``kind`` that the gateway holds, oldest first."""
    with closing(sqlite3.connect(gateway.database)) as raw:
        return [bytes(row[0]) for row in raw.execute("SELECT body FROM report WHERE kind = ? ORDER BY id", (kind,))]


async def test_the_bureau_sees_first_what_the_border_has_escalated_and_its_word_comes_back(
    border: Border, gateway: GatewayBench
) -> None:
    assert gateway.store
    assert gateway.service
    gateway.search.listed |= {"L898902C3": hit("2026/1"), "X1000002": hit("2026/2")}
    rulings = Rulings(gateway.store, RESPONDER, CLOCK, gateway.service.answered)
    await border.late_hit(1, "L898902C3")
    second = await border.late_hit(2, "X1000002")
    assert [one.hit.record.reference for one in await gateway.store.desk.waiting()] == ["2026/1", "2026/2"]

    await border.decide(second, Decision.ESCALATE)
    first, _ = await gateway.store.desk.waiting()
    assert (first.hit.record.reference, first.escalated, first.tcn) == ("2026/2", True, second.tcn)
    pages = DeskPages(gateway.store, rulings, None, CLOCK)
    await pages.start(0)
    try:
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"http://127.0.0.1:{pages.port}/hits/{first.id}") as page,
        ):
            shown = await page.text()
    finally:
        await pages.stop()
    assert "the border asks for you" in shown
    assert "The officer at the border" in shown

    await rulings.rule(first.id, HitState.CONFIRMED, "NCB-0417", "Scar over the left brow")

    async def confirmed() -> bool:
        return (await border.records.alert(second.alert_id)).determination is Determination.CONFIRMED

    await border.until(confirmed)
    # What the officer at the border has decided stays.
    assert (await border.records.alert(second.alert_id)).state is AlertState.ESCALATED


async def test_a_decision_taken_back_is_told_too_and_nobody_is_named(border: Border, gateway: GatewayBench) -> None:
    assert gateway.store
    gateway.search.listed["L898902C3"] = hit("2026/1")
    alert = await border.late_hit(1, "L898902C3")
    decisions = [Decision.ESCALATE, Decision.REOPEN, Decision.HAND_OVER, Decision.REOPEN]
    for decision in decisions:
        await border.decide(alert, decision)
    (waiting,) = await gateway.store.desk.waiting()
    assert (waiting.escalated, waiting.border_decision) == (False, "reopen")
    bodies = await asyncio.to_thread(told, gateway)
    assert [decode_decision(body).decision for body in bodies] == decisions
    # Of the officer the role is told, and not what they wrote.
    assert not [body for body in bodies if b"Example" in body or b"guard screen" in body]


async def test_statistics_and_warnings_reach_the_gateway_by_the_same_way(border: Border, gateway: GatewayBench) -> None:
    assert gateway.store
    ahead = timedelta()
    clock = Clock(wall=lambda: CLOCK.wall() + ahead)
    statistics = Statistics(border.records, border.kiosk.events, clock, "UTO", border.courier.wake)
    await statistics.tell_closed_hours()
    await border.kiosk.check(await border.kiosk.encounter(), hit())
    ahead = timedelta(minutes=70)
    assert await statistics.tell_closed_hours() == 1
    ring = LogRing()
    ring.emit(logging.makeLogRecord({"levelno": logging.WARNING, "levelname": "WARNING", "msg": "the disk is old"}))
    await LogReports(ring, border.records, CLOCK, "UTO", border.courier.wake).tell()

    async def carried() -> bool:
        ranks = (await border.records.queue_state()).ranks
        return not ranks[Rank.STATISTICS] + ranks[Rank.LOG]

    await border.until(carried)
    (hour,) = await asyncio.to_thread(told, gateway, "statistics")
    assert [each["operation"] for each in json.loads(hour)["operations"]] == ["adriatic"]
    (lines,) = await asyncio.to_thread(told, gateway, "log")
    assert json.loads(lines)["lines"][0]["text"] == "the disk is old"


async def test_an_officer_may_decide_though_the_report_of_it_cannot_be_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RelayError(Reason.BAD_TRANSACTION, "a decision that cannot be told")

    async with running(tmp_path, reporting=Reporting(fail, lambda: None)) as kiosk, kiosk.client() as client:
        alert_id = await kiosk.check(await kiosk.encounter(), hit())
        async with client.post(f"/api/alerts/{alert_id}/decision", json={"decision": "confirm"}) as answer:
            assert (answer.status, (await answer.json())["state"]) == (200, "confirmed")
    assert "cannot be told" in caplog.text


def alert(*references: str, kind: AlertKind = AlertKind.LOCAL) -> Alert:
    return Alert(
        alert_id=1,
        encounter_id="019-00001",
        lane="lane-1",
        kind=kind,
        urgency=1,
        hits=tuple(hit(reference) for reference in references),
        reasons=(),
        determination=Determination.UNCONFIRMED,
        state=AlertState.OPEN,
        raised_at="2026-11-22T12:00:00.000Z",
        tcn="UTO-KIOSK1-00001",
    )


def test_trouble_is_no_news_for_the_bureau() -> None:
    assert compose(alert(kind=AlertKind.TROUBLE), Decision.DISMISS, CLOCK.now()) is None


def test_a_report_names_the_transaction_and_the_most_urgent_records() -> None:
    references = [f"2026/{number}" for number in range(70)]
    items = [compose(alert(*references), Decision.CONFIRM, CLOCK.now()) for _ in range(2)]
    assert items[0]
    assert items[1]
    assert items[0].tcn != items[1].tcn
    assert (items[0].kind, items[0].rank, items[0].encounter_id) == (Kind.DECISION, Rank.DECISION, "019-00001")
    report = decode_decision(items[0].payload)
    assert (report.tcn, report.references) == ("UTO-KIOSK1-00001", tuple(references[:MOST_REFERENCES]))
