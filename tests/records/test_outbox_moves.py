"""Any order of moves leaves every row where the table in records.outbox says, its payload kept or dropped with it."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.model import Kind, OutboxState, Rank
from tests.records.conftest import HandClock
from tests.records.examples import encounter, item
from tests.records.test_outbox import row

S = OutboxState
_WAITING = (S.QUEUED, S.SENDING)
_MOVES = ("sending", "failed", "requeue", "receipt", "quarantine", "retry", "expire", "answer")


@dataclass
class Model:
    """One row as it ought to be."""

    kind: Kind
    state: OutboxState = S.QUEUED
    attempts: int = 0
    payload: bool = True

    def move(self, name: str) -> Reason | None:
        """Do one move; the reason for which it is refused, if it is."""
        match name, self.state:
            case "sending", S.QUEUED:
                self.state = S.SENDING
            case "failed", S.QUEUED | S.SENDING:
                self.state, self.attempts = S.QUEUED, self.attempts + 1
            case "requeue", S.SENDING:
                self.state = S.QUEUED
            case "receipt", S.QUEUED | S.SENDING | S.QUARANTINED | S.EXPIRED:
                self.attempts += 1
                self.state = S.RECEIVED if self.kind is Kind.TRANSACTION else S.ANSWERED
                self.payload = self.payload and self.kind is Kind.TRANSACTION
            case "quarantine", S.QUEUED | S.SENDING:
                self.state = S.QUARANTINED
            case "retry", S.QUARANTINED | S.EXPIRED if self.payload:
                self.state, self.attempts = S.QUEUED, 0
            case "retry", _:
                return Reason.CONFLICT
            case "expire", S.QUEUED if self.kind is Kind.LOG:
                self.state, self.payload = S.EXPIRED, False
            case "answer", _ if self.kind is Kind.TRANSACTION:
                self.state, self.payload = S.ANSWERED, False
        return None


async def _do(records: Records, name: str, tcn: str, number: int) -> None:
    match name:
        case "sending":
            await records.outbox_sending(tcn, "fibre")
        case "failed":
            await records.outbox_failed(tcn, "cut")
        case "requeue":
            await records.outbox_requeue(tcn)
        case "receipt":
            await records.outbox_receipt(tcn, b"{}")
        case "quarantine":
            await records.outbox_quarantine(tcn, "bad")
        case "retry":
            await records.outbox_retry(tcn)
        case "expire":
            await records.outbox_expire()
        case "answer":
            answer = GatewayAnswer(outcome=GatewayOutcome.NO_HIT, tcn=f"R{number}", tcr=tcn)
            await records.store_answer(answer, b"")


async def _run(folder: Path, moves: list[tuple[str, int]]) -> None:
    records = await Records.open(folder / "records.db", HandClock().clock())
    try:
        live = encounter(1)
        await records.record_encounter(live, item(live))
        await records.enqueue(row(2, Rank.DECISION))
        await records.enqueue(row(3, Rank.LOG, deadline="2026-11-22T11:00:00.000Z"))
        models = {live.tcn: Model(Kind.TRANSACTION), "T00002": Model(Kind.DECISION), "T00003": Model(Kind.LOG)}
        for number, (name, which) in enumerate(moves):
            tcn = list(models)[which]
            touched = models.values() if name == "expire" else [models[tcn]]
            reasons = [model.move(name) for model in touched]
            try:
                await _do(records, name, tcn, number)
                told = None
            except RecordsError as error:
                told = error.reason
            assert told == reasons[0]
            await _compare(records, models)
    finally:
        await records.close()


async def _compare(records: Records, models: dict[str, Model]) -> None:
    for tcn, model in models.items():
        stored = await records.outbox_item(tcn)
        assert (stored.state, stored.attempts, bool(stored.payload)) == (model.state, model.attempts, model.payload)
    queue = await records.queue_state()
    assert queue.waiting == sum(model.state in _WAITING for model in models.values())
    due = {each.tcn for each in await records.outbox_due(9)}
    assert due == {tcn for tcn, model in models.items() if model.state is S.QUEUED}


@pytest.mark.blocking_allowed
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(_MOVES), st.integers(0, 2)), max_size=25))
def test_every_order_of_moves_ends_where_the_table_says(moves: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_run(Path(folder), moves))
