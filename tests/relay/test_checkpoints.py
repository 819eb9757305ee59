"""Checkpoints from a kiosk's chain to the gateway, by the courier, over real TLS."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hotspotd.clock import Clock, Stamp
from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.storage.base import StoreCounts
from hotspotd.records import Records
from hotspotd.records.model import Kind, OutboxItem, OutboxState, Rank
from hotspotd.relay import checkpoint
from hotspotd.relay.checkpoints import EVERY_ENTRIES, EVERY_S, Checkpoints
from hotspotd.relay.seal import Trust
from tests.gateway.bench import Certificates, GatewayBench
from tests.relay.test_courier import Rig

DEVICE = "kiosk-1"


@pytest.fixture
async def rig(tmp_path: Path, certificates: Certificates) -> AsyncIterator[Rig]:
    made = Rig(await Records.open(tmp_path / "records.db"), tmp_path / "records.db", certificates.sealer(DEVICE))
    yield made
    await made.stop()
    await made.records.close()


def checkpoints(rig: Rig, clock: Clock | None = None) -> Checkpoints:
    return Checkpoints(
        rig.records, rig.sealer, clock or Clock(), DEVICE, lambda: rig.courier.wake() if rig.courier else None
    )


async def note(records: Records, times: int = 1) -> None:
    await asyncio.gather(*(records.audited("test.noted", subject="test") for _ in range(times)))


async def waiting(records: Records) -> list[OutboxItem]:
    return [one for one in await records.outbox_due(100) if one.kind is Kind.CHECKPOINT]


async def at_gateway(gateway: GatewayBench) -> StoreCounts:
    assert gateway.store
    return await gateway.store.counts(DEVICE)


async def test_the_gateway_holds_what_was_sealed_and_the_row_is_done_with_its_receipt(
    rig: Rig, gateway: GatewayBench, certificates: Certificates
) -> None:
    await note(rig.records, 3)
    assert await checkpoints(rig).make()
    (item,) = await waiting(rig.records)
    assert (item.rank, item.deadline) == (Rank.STATISTICS, None)
    link = gateway.link(await asyncio.to_thread(certificates.device, DEVICE), gateway.port)
    rig.start(link)
    await rig.until_answered(item.tcn)
    counts = await at_gateway(gateway)
    assert (counts.audit_chains, counts.audit_seq, counts.audit_findings) == (1, 3, {})
    assert gateway.store
    (kept,) = [one async for one in gateway.store.checkpoints.of(DEVICE)]
    made = checkpoint.opened(bytes(kept.sealed), Trust(certificates.anchors, "device"))
    tail = await rig.records.audit_tail()
    assert tail is not None
    assert (made.device, made.number, made.seq, made.chain) == (DEVICE, 1, 3, tail.chain)
    assert tail.seq == 4, "that it was received is in the chain"
    await rig.stop()
    await link.close()


async def test_a_database_that_was_put_back_is_a_fork_at_the_gateway(
    rig: Rig, gateway: GatewayBench, certificates: Certificates, tmp_path: Path
) -> None:
    context = await asyncio.to_thread(certificates.device, DEVICE)
    await note(rig.records)
    await checkpoints(rig).make()
    await rig.records.close()
    await asyncio.to_thread(shutil.copy, rig.path, tmp_path / "backup.db")
    for path in (rig.path, tmp_path / "backup.db"):
        rig.records = await Records.open(path)
        await note(rig.records, 2)
        await checkpoints(rig).make()
        tcns = [item.tcn for item in await waiting(rig.records)]
        link = gateway.link(context, gateway.port)
        rig.start(link)
        await rig.until_answered(*tcns)
        await rig.stop()
        await link.close()
        await rig.records.close()
    assert (await at_gateway(gateway)).audit_findings == {"fork": 1}
    rig.records = await Records.open(rig.path)


async def test_one_is_made_at_once_then_after_an_hour_or_so_many_entries(rig: Rig) -> None:
    steady = 0.0
    made = checkpoints(rig, Clock(monotonic=lambda: steady))
    assert not await made.look(), "nothing is in the chain"
    await note(rig.records)
    assert await made.look()
    assert not await made.look()
    await note(rig.records, EVERY_ENTRIES - 1)
    assert not await made.look()
    await note(rig.records)
    assert await made.look()
    steady += EVERY_S
    assert not await made.look(), "nothing is new"
    await note(rig.records)
    assert await made.look()
    assert not await made.make()
    assert [checkpoint.read(one.payload).seq for one in await waiting(rig.records)] == [
        1,
        EVERY_ENTRIES + 1,
        EVERY_ENTRIES + 2,
    ]


async def test_without_room_in_the_outbox_it_is_kept_here_and_the_next_is_queued(
    certificates: Certificates, tmp_path: Path
) -> None:
    records = await Records.open(tmp_path / "full.db", outbox_limit=1)
    made = Checkpoints(records, certificates.sealer(DEVICE), Clock(), DEVICE, lambda: None)
    await note(records)
    assert await made.make()
    tail = await records.audit_tail()
    assert tail is not None
    assert (tail.number, tail.sealed) == (1, 1)
    assert (await records.queue_state()).states[OutboxState.QUEUED] == 0
    await records.close()


async def test_a_device_whose_clock_was_never_set_seals_all_the_same(rig: Rig, certificates: Certificates) -> None:
    await note(rig.records)
    await checkpoints(rig, Clock(wall=lambda: datetime(1970, 1, 1, tzinfo=UTC))).make()
    (item,) = await waiting(rig.records)
    made = checkpoint.opened(item.payload, Trust(certificates.anchors, "device"))
    assert (made.at, made.clock_trusted) == ("1970-01-01T00:00:00.000Z", False)


async def test_a_seal_of_something_else_is_no_checkpoint(certificates: Certificates, rig: Rig) -> None:
    await note(rig.records)
    await checkpoints(rig).make()
    (item,) = await waiting(rig.records)
    content = checkpoint.read(item.payload)
    other = checkpoint.seal(certificates.sealer("kiosk-2"), content, item.tcn, Stamp(datetime.now(UTC), trusted=True))
    with pytest.raises(RelayError) as caught:
        checkpoint.opened(other, Trust(certificates.anchors, "device"))
    assert caught.value.reason is Reason.UNTRUSTED
