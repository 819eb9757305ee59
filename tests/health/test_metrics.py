"""The kiosk's numbers: read with Prometheus' own parser, each counted once, none about a person."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hotspotd.clock import Clock
from hotspotd.domain.verdict import GatewayOutcome
from hotspotd.events import DeviceState, DeviceView, Events, LaneState, LaneView, LinkView, Prompt, RouteView
from hotspotd.health.metrics import Metrics
from hotspotd.records import Records
from hotspotd.records.model import Decision, Rank
from tests.records.examples import CLEAR, REFER_HIT, answer, encounter, item
from tests.records.test_outbox import row

_TABLE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Numbers:
    """A kiosk's numbers with what they are read from, and a clock that the test moves."""

    def __init__(self) -> None:
        self.at = NOON
        self.events = Events()
        self.clock = Clock(wall=lambda: self.at)
        self.records: Records
        self.metrics: Metrics

    async def read(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Each sample by name and labels; every family must have a type and a help."""
        text = (await self.metrics.exposition()).decode()
        samples = {}
        for family in text_string_to_metric_families(text):
            assert family.documentation, family.name
            assert family.type in ("gauge", "counter", "histogram"), family.name
            assert family.name.startswith("hotspotd_")
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in samples
                samples[key] = sample.value
        return samples

    async def __call__(self, name: str, **labels: str) -> float:
        return (await self.read())[name, frozenset(labels.items())]


@pytest.fixture
async def numbers(tmp_path: Path) -> AsyncIterator[Numbers]:
    made = Numbers()
    made.records = await Records.open(tmp_path / "records.db", made.clock)
    made.metrics = Metrics(made.records, made.events, made.clock)
    await made.metrics.start()
    yield made
    await made.records.close()


async def test_the_outbox_is_read_as_it_is_and_the_oldest_grows_old(numbers: Numbers) -> None:
    assert await numbers("hotspotd_outbox_oldest_seconds") == 0
    await numbers.records.record_encounter(encounter(1), item(encounter(1)))
    await numbers.records.enqueue(row(60, Rank.LOG, size=50))
    await numbers.records.enqueue(row(61, Rank.DECISION, size=50))
    await numbers.records.outbox_quarantine("T00061", "no [conflict]")
    numbers.at += timedelta(minutes=5)
    assert await numbers("hotspotd_outbox_waiting", rank="live") == 1
    assert await numbers("hotspotd_outbox_waiting", rank="decision") == 0
    assert await numbers("hotspotd_outbox_waiting_bytes") == 50 + len(item(encounter(1)).payload)
    assert await numbers("hotspotd_outbox_oldest_seconds") == 300
    assert await numbers("hotspotd_outbox_rows", state="quarantined") == 1
    assert await numbers("hotspotd_outbox_set_aside_total") == 1


async def test_what_happens_is_counted_once_however_often_it_is_read(numbers: Numbers) -> None:
    first, second = encounter(1), encounter(2)
    for one, verdict in ((first, CLEAR), (second, REFER_HIT)):
        await numbers.records.record_encounter(one, item(one))
        await numbers.records.record_verdict(one.encounter_id, verdict)
    numbers.at = NOON + timedelta(seconds=12)
    await numbers.records.store_answer(answer(first), b"<sre/>")
    await numbers.records.store_answer(answer(first), b"<sre/>")
    (alert,) = await numbers.records.alerts()
    await numbers.records.decide(alert.alert_id, Decision.CONFIRM, "", "somebody")
    for _ in range(2):
        assert await numbers("hotspotd_encounters_recorded_total") == 2
        assert await numbers("hotspotd_local_checks_total", outcome="clear") == 1
        assert await numbers("hotspotd_local_checks_total", outcome="refer") == 1
        assert await numbers("hotspotd_local_check_seconds_count") == 2
        assert await numbers("hotspotd_local_check_seconds_sum") == pytest.approx(0.025)
        assert await numbers("hotspotd_gateway_answers_total", outcome="no_hit") == 1
        assert await numbers("hotspotd_gateway_answer_seconds_bucket", le="10.0") == 0
        assert await numbers("hotspotd_gateway_answer_seconds_bucket", le="15.0") == 1
        assert await numbers("hotspotd_gateway_answer_seconds_sum") == 12
        assert await numbers("hotspotd_alerts_raised_total", kind="local") == 1
        assert await numbers("hotspotd_alert_decisions_total", decision="confirm") == 1
        assert await numbers("hotspotd_alerts_open", kind="local") == 0


async def test_a_second_reply_to_one_transaction_is_counted_and_has_no_time(numbers: Numbers) -> None:
    one = encounter(1)
    await numbers.records.record_encounter(one, item(one))
    await numbers.records.store_answer(answer(one, GatewayOutcome.HIT, "R1"), b"<sre/>")
    numbers.at += timedelta(hours=3)
    await numbers.records.store_answer(answer(one, GatewayOutcome.HIT, "R2"), b"<sre/>")
    assert await numbers("hotspotd_gateway_answers_total", outcome="hit") == 2
    assert await numbers("hotspotd_gateway_answer_seconds_count") == 1


async def test_what_was_before_the_start_is_not_counted_and_more_than_a_page_is(numbers: Numbers) -> None:
    for number in range(520):
        await numbers.records.enqueue(row(number, Rank.STATISTICS))
        await numbers.records.outbox_quarantine(f"T{number:05d}", "no [conflict]")
    again = Metrics(numbers.records, numbers.events, numbers.clock)
    await again.start()
    assert b"hotspotd_outbox_set_aside_total 0.0" in await again.exposition()
    assert await numbers("hotspotd_outbox_set_aside_total") == 520


async def test_links_lanes_and_devices_are_shown_as_they_were_told(numbers: Numbers) -> None:
    numbers.events.publish(LaneView(lane="one", state=LaneState.FACE, prompt=Prompt.LOOK_AT_CAMERA))
    numbers.events.publish(DeviceView(lane="one", device="camera", state=DeviceState.FAULTED))
    routes = (
        RouteView(name="fibre", up=False, sent_bytes=70, received_bytes=7, last_error="x"),
        RouteView(name="lte", up=True, sent_bytes=5, under_way=2),
    )
    numbers.events.publish(LinkView(up=True, queued=0, active="lte", routes=routes, refused={"tampered": 3}))
    assert await numbers("hotspotd_lane_state", lane="one", state="face") == 1
    assert await numbers("hotspotd_lane_state", lane="one", state="idle") == 0
    assert await numbers("hotspotd_device_state", lane="one", device="camera", state="faulted") == 1
    assert await numbers("hotspotd_gateway_reachable") == 1
    assert [await numbers("hotspotd_link_up", link=link) for link in ("fibre", "lte")] == [0, 1]
    assert await numbers("hotspotd_link_active", link="lte") == 1
    assert await numbers("hotspotd_link_sent_bytes_total", link="fibre") == 70
    assert await numbers("hotspotd_link_received_bytes_total", link="fibre") == 7
    assert await numbers("hotspotd_link_under_way", link="lte") == 2
    assert await numbers("hotspotd_messages_refused_total", reason="tampered") == 3


async def test_labels_are_few_and_say_nothing_about_anybody(numbers: Numbers) -> None:
    one = encounter(1)
    await numbers.records.record_encounter(one, item(one))
    await numbers.records.record_verdict(one.encounter_id, REFER_HIT)
    values = {value for _, labels in await numbers.read() for name, value in labels if name != "le"}
    assert len(values) < 60
    text = (await numbers.metrics.exposition()).decode()
    for secret in ("ERIKSSON", "L898902C", one.tcn, one.encounter_id, "DOE"):
        assert secret not in text


def documented() -> dict[str, tuple[str, set[str]]]:
    """Type and labels of each metric in the table."""
    found = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `hotspotd_"):
            name, kind, labels, _ = (cell.strip() for cell in line.strip("|").split("|"))
            found[name.strip("`").removesuffix("_total")] = (kind, {one for one in labels.split(", ") if one})
    return found


async def test_the_documentation_names_each_metric_with_its_type_and_labels(numbers: Numbers) -> None:
    numbers.events.publish(LaneView(lane="one", state=LaneState.IDLE, prompt=Prompt.PLACE_DOCUMENT))
    numbers.events.publish(DeviceView(lane="one", device="camera", state=DeviceState.READY))
    routes = (RouteView(name="fibre", up=True),)
    numbers.events.publish(LinkView(up=True, queued=0, routes=routes, refused={"stale": 1}))
    text = (await numbers.metrics.exposition()).decode()
    exposed = {
        family.name: (family.type, {label for sample in family.samples for label in sample.labels} - {"le"})
        for family in text_string_to_metric_families(text)
    }
    assert exposed == await asyncio.to_thread(documented)


async def test_when_the_database_cannot_be_read_the_rest_is_still_told(numbers: Numbers, tmp_path: Path) -> None:
    numbers.events.publish(LinkView(up=True, queued=0))
    assert await numbers("hotspotd_records_readable") == 1
    with sqlite3.connect(tmp_path / "records.db") as other:
        other.execute("ALTER TABLE outbox RENAME TO gone")
    assert await numbers("hotspotd_records_readable") == 0
    assert await numbers("hotspotd_gateway_reachable") == 1
    with sqlite3.connect(tmp_path / "records.db") as other:
        other.execute("ALTER TABLE gone RENAME TO outbox")
    other.close()
    assert await numbers("hotspotd_records_readable") == 1
