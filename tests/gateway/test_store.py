"""The gateway's store in both databases: what it takes, what it answers, what it keeps, and callers that go away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from hotspotd.clock import Stamp
from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.storage import Store, open_store
from hotspotd.gateway.storage import store as rules
from hotspotd.gateway.storage.base import Received
from hotspotd.gateway.storage.finds import FindEntry
from hotspotd.gateway.storage.retention import Terms
from hotspotd.relay.links.wire import Receipt, digest

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def time(seconds: float = 0.0) -> str:
    return Stamp(START + timedelta(seconds=seconds), trusted=True).iso()


def message(tcn: str = "T1", body: bytes = b"<a/>", **fields: object) -> Received:
    return msgspec.structs.replace(
        Received(device="kiosk-1", tcn=tcn, priority=2, body=body, nonce="", signed_at=time(), expires_at=time(300)),
        **fields,
    )


async def take(store: Store, given: Received, *, seconds: float = 0.0, most: int = 9) -> tuple[bytes, bool]:
    return await store.take(given, at=time(seconds), most_unprocessed=most)


async def answer(store: Store, body: bytes) -> None:
    taken = await store.begin([])
    assert taken
    await store.finish(taken, body, time())


async def given_out(store: Store, device: str = "kiosk-1") -> list[tuple[int, bytes]]:
    return [(reply.sequence, reply.body) for reply in await store.replies(device, 9)]


@pytest.fixture
async def store(place: str | Path) -> AsyncIterator[Store]:
    made = await open_store(place)
    yield made
    await made.close()


async def test_a_message_is_receipted_and_a_copy_has_the_same_receipt(store: Store) -> None:
    raw, new = await take(store, message())
    assert new
    receipt = msgspec.json.decode(raw, type=Receipt)
    assert receipt == Receipt(
        tcn="T1", sha256=digest(b"<a/>"), bytes=4, device="kiosk-1", gateway=store.gateway, received_at=time()
    )
    assert await take(store, message(), seconds=9) == (raw, False)
    counts = await store.counts("kiosk-1")
    assert (counts.transactions, counts.by_tcn["T1"].deliveries) == (1, 2)
    assert (await store.counts("kiosk-2")).transactions == 0
    with pytest.raises(RelayError) as caught:
        await take(store, message(body=b"<b/>"))
    assert caught.value.reason is Reason.CONFLICT
    assert (await take(store, message(device="kiosk-2", body=b"<b/>")))[1]


async def test_what_is_stored_is_there_after_opening_again_under_the_same_name(place: str | Path) -> None:
    store = await open_store(place)
    await take(store, message(nonce="n1"))
    name = store.gateway
    await store.close()
    store = await open_store(place)
    assert store.gateway == name
    with pytest.raises(RelayError):
        await take(store, message(nonce="n1"))
    taken = await store.begin([])
    assert taken is not None
    assert (taken.tcn, taken.body, taken.runs) == ("T1", b"<a/>", 1)
    await store.close()


async def test_a_transaction_is_answered_once_and_its_body_erased(store: Store) -> None:
    await take(store, message())
    first, second = await store.begin([]), await store.begin([])
    assert first
    assert second
    assert (first.runs, second.runs) == (1, 2)
    assert await store.begin([first.id]) is None
    await store.finish(first, b"<reply/>", time())
    await store.finish(second, b"<another/>", time())
    assert await given_out(store) == [(1, b"<reply/>")]
    assert await store.begin([]) is None
    assert (await store.counts("kiosk-1")).processed == 1


async def test_a_run_that_is_given_back_does_not_count(store: Store) -> None:
    await take(store, message())
    taken = await store.begin([])
    assert taken
    await store.give_back(taken)
    again = await store.begin([])
    assert again
    assert again.runs == 1


async def test_the_most_urgent_comes_first_and_then_the_oldest(store: Store) -> None:
    for tcn, priority in (("T1", 5), ("T2", 1), ("T3", 5)):
        await take(store, message(tcn, priority=priority))
    order = []
    busy: list[int] = []
    while taken := await store.begin(busy):
        busy.append(taken.id)
        order.append(taken.tcn)
    assert order == ["T2", "T1", "T3"]


async def test_acknowledged_replies_are_handed_out_again_in_order_when_the_transaction_comes_again(
    store: Store,
) -> None:
    for tcn in ("T1", "T2"):
        await take(store, message(tcn))
        await answer(store, tcn.encode())
    assert await given_out(store) == [(1, b"T1"), (2, b"T2")]
    await store.acknowledge("kiosk-1", 2)
    assert await given_out(store) == []
    await take(store, message("T1"))
    assert await given_out(store) == [(3, b"T1")]
    await take(store, message("T1"))
    assert await given_out(store) == [(3, b"T1")]


async def test_a_seal_counts_once_until_it_has_run_out(store: Store) -> None:
    await take(store, message(nonce="n1"))
    with pytest.raises(RelayError) as caught:
        await take(store, message(nonce="n1"), seconds=300)
    assert caught.value.reason is Reason.REPLAYED
    with pytest.raises(RelayError):
        await take(store, message("T2", nonce="n1"), seconds=300)
    assert (await store.counts("kiosk-1")).transactions == 1
    assert (await take(store, message("T2", nonce="n1", device="kiosk-2")))[1], "another device's"
    assert not (await take(store, message(nonce="n2"), seconds=300))[1]
    # Whoever lets it pass then is no longer the store: a seal that has run out is refused before.
    assert not (await take(store, message(nonce="n1"), seconds=301))[1]


async def test_a_seal_is_not_spent_on_what_was_not_taken(store: Store) -> None:
    await take(store, message("T1"))
    for _ in range(2):
        with pytest.raises(RelayError) as caught:
            await take(store, message("T2", nonce="n2"), most=1)
        assert caught.value.reason is Reason.BUSY
    assert not (await take(store, message("T1"), most=1))[1], "a copy needs no room"
    assert (await take(store, message("T2", nonce="n2")))[1]


@pytest.mark.parametrize("wrong", ["", "soon", "2026-11-22T12:00:00"])
async def test_a_seal_without_a_time_is_refused(store: Store, wrong: str) -> None:
    with pytest.raises(RelayError) as caught:
        await take(store, message(nonce="n1", expires_at=wrong))
    assert caught.value.reason is Reason.BAD_TRANSACTION


@pytest.mark.parametrize("kind", ["statistics", "log"])
async def test_a_report_is_receipted_as_a_transaction_is_and_has_no_reply(store: Store, kind: str) -> None:
    raw, new = await take(store, message(kind=kind), most=0)
    assert new
    assert msgspec.json.decode(raw, type=Receipt).sha256 == digest(b"<a/>")
    assert await take(store, message(kind=kind), most=0) == (raw, False)
    for other in (message(kind=kind, body=b"<b/>"), message(kind="transaction")):
        with pytest.raises(RelayError) as caught:
            await take(store, other)
        assert caught.value.reason is Reason.CONFLICT
    assert await store.begin([]) is None
    assert await given_out(store) == []


async def test_a_report_that_is_too_large_is_refused(store: Store) -> None:
    with pytest.raises(RelayError) as caught:
        await take(store, message(kind="log", body=bytes(1_048_577)))
    assert caught.value.reason is Reason.TOO_LARGE


async def test_what_was_kept_for_its_time_is_erased(store: Store) -> None:
    await take(store, message("T1", kind="log"))
    await take(store, message("T2", kind="log"), seconds=2)
    await store.finds.note(FindEntry(device="k", purpose="IMM", asked=("document",), candidates=0, at=time()))
    later = Stamp(START + timedelta(days=90, seconds=1), trusted=True)
    erased = await store.erase(Terms(later, report_days=90, hit_days=30, find_days=90))
    assert (erased.reports, erased.finds) == (1, 1)
    assert (await take(store, message("T1", kind="log")))[1]
    assert not (await take(store, message("T2", kind="log")))[1]


async def test_refusals_are_counted_for_each_device_and_reason(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_MOST_REFUSED_DEVICES", 2)
    for device, reason in (("k1", "replayed"), ("k1", "stale"), ("k2", "stale"), ("k1", "stale"), ("k3", "stale")):
        await store.count_refusal(device, reason)
    assert await store.refusals() == {
        "k1": {"replayed": 1, "stale": 2},
        "k2": {"stale": 1},
        rules.OTHERS: {"stale": 1},
    }
    assert (await store.counts("k1")).refused == {"replayed": 1, "stale": 2}
    assert (await store.counts("k3")).refused == {}


async def test_many_callers_at_once_are_all_served_and_numbered_without_a_gap(store: Store) -> None:
    await asyncio.gather(*(take(store, message(f"T{number}"), most=99) for number in range(24)))
    busy: list[int] = []
    taken = []
    while one := await store.begin(busy):
        busy.append(one.id)
        taken.append(one)
    await asyncio.gather(*(store.finish(one, b"<reply/>", time()) for one in taken))
    assert [reply.sequence for reply in await store.replies("kiosk-1", 99)] == list(range(1, 25))


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
async def test_a_caller_that_is_cancelled_anywhere_leaves_the_store_usable(store: Store, turns: int) -> None:
    taking = asyncio.create_task(take(store, message()))
    for _ in range(turns):
        await asyncio.sleep(0)
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    await take(store, message())
    assert (await store.counts("kiosk-1")).transactions == 1


async def test_two_stores_on_one_database_see_each_others_work(store: Store, place: str | Path) -> None:
    other = await open_store(place)
    try:
        assert other.gateway == store.gateway
        await asyncio.gather(*(take(one, message(f"{one is store}-{n}")) for n in range(4) for one in (store, other)))
        assert (await other.counts("kiosk-1")).transactions == 8
    finally:
        await other.close()
