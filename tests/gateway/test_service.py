"""The gateway over real TLS: receipts, copies, refusals, replies, and what is left when it stops."""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import msgspec
import pytest
from msgspec.structs import replace

from hotspotd.clock import Stamp
from hotspotd.errors import BiometricError, GatewayError, Reason
from hotspotd.gateway import processing
from hotspotd.gateway.storage import open_store
from hotspotd.gateway.storage.base import Found, StoreCounts, Taken, TransactionCount
from hotspotd.relay.compose import compose_nps, read_answer
from hotspotd.relay.links.wire import Receipt, Refusal, WireReplies, check_receipt, digest
from hotspotd.relay.message import unpack
from tests.gateway.bench import Certificates, GatewayBench, ask
from tests.gateway.bench import put as put_whole
from tests.relay.travellers import ORIGIN, encounter, hit

NOW = Stamp(datetime(2026, 11, 22, 12, 0, tzinfo=UTC), trusted=True)
ENCOUNTER = encounter(pictures=False)
BODY = compose_nps(ENCOUNTER, ORIGIN, NOW, "IMM")
OTHERS_BODY = compose_nps(ENCOUNTER, replace(ORIGIN, device="kiosk-2"), NOW, "IMM")


@pytest.fixture
def kiosk(certificates: Certificates) -> ssl.SSLContext:
    return certificates.device("kiosk-1")


async def put(
    bench: GatewayBench, context: ssl.SSLContext, body: bytes = BODY, tcn: str = "", device: str = "kiosk-1"
) -> tuple[int, bytes]:
    return await put_whole(bench, context, body, tcn or ENCOUNTER.tcn, device=device)


@dataclass(frozen=True)
class Got:
    """A reply without its seal, which is another one each time."""

    cursor: str
    tcr: str
    payload: bytes


@dataclass(frozen=True)
class Answered:
    replies: tuple[Got, ...]


async def replies(bench: GatewayBench, context: ssl.SSLContext, after: str = "", wait: str = "20") -> Answered:
    status, body = await ask(f"{bench.url}/v1/replies?after={after}&wait={wait}", context)
    assert status == 200
    found = msgspec.json.decode(body, type=WireReplies).replies
    return Answered(tuple(Got(one.cursor, one.tcr, unpack(one.content, 1_000_000)) for one in found))


async def counts(bench: GatewayBench, context: ssl.SSLContext) -> StoreCounts:
    return msgspec.json.decode((await ask(f"{bench.url}/v1/status", context))[1], type=StoreCounts)


async def test_a_transaction_is_receipted_by_its_number_and_hash(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    status, raw = await put(gateway, kiosk)
    assert status == 200
    receipt = msgspec.json.decode(raw, type=Receipt)
    assert (receipt.tcn, receipt.sha256, receipt.device) == (ENCOUNTER.tcn, digest(BODY), "kiosk-1")
    assert check_receipt(raw, ENCOUNTER.tcn, BODY) == receipt


async def test_a_copy_gets_the_same_receipt_and_is_processed_once(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    first = await put(gateway, kiosk)
    got = await replies(gateway, kiosk)
    second = await put(gateway, kiosk)
    assert (first[0], second[0]) == (200, 200)
    assert first[1] == second[1]
    assert len(got.replies) == 1
    assert (await counts(gateway, kiosk)).by_tcn == {
        ENCOUNTER.tcn: TransactionCount(deliveries=2, processed=1, replies=1)
    }
    assert gateway.search.asked == [ENCOUNTER.tcn]


async def test_a_number_used_again_for_something_else_is_a_conflict(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    await put(gateway, kiosk)
    status, body = await put(gateway, kiosk, BODY.replace(b"ANNA", b"ANNI"))
    assert status == 409
    assert msgspec.json.decode(body, type=Refusal).reason == "conflict"


async def test_the_same_number_of_two_devices_is_two_transactions(
    gateway: GatewayBench, kiosk: ssl.SSLContext, certificates: Certificates
) -> None:
    other = certificates.device("kiosk-2")
    assert (await put(gateway, kiosk))[0] == 200
    assert (await put(gateway, other, OTHERS_BODY.replace(b"ANNA", b"ANNI"), device="kiosk-2"))[0] == 200
    assert (await counts(gateway, other)).transactions == 1
    mine, others = await replies(gateway, kiosk), await replies(gateway, other)
    assert len(mine.replies) == len(others.replies) == 1
    assert read_answer(mine.replies[0].payload).tcn != read_answer(others.replies[0].payload).tcn


@pytest.mark.parametrize(
    ("body", "tcn", "status"),
    [
        (b"not xml", "", 422),
        (BODY, "OTHER-1", 422),
        (b"", "", 422),
        (OTHERS_BODY, "", 422),
        (compose_nps(ENCOUNTER, replace(ORIGIN, device=""), NOW, "IMM"), "", 422),
        (BODY, "bad number", 422),
        (BODY, "x" * 41, 422),
        (BODY.replace(b"<itl:NIST", b"<!DOCTYPE a []><itl:NIST", 1), "", 422),
    ],
)
async def test_what_cannot_be_read_is_refused_with_a_reason_and_not_stored(
    gateway: GatewayBench, kiosk: ssl.SSLContext, body: bytes, tcn: str, status: int
) -> None:
    got, answer = await put(gateway, kiosk, body, tcn)
    assert got == status
    assert msgspec.json.decode(answer, type=Refusal).reason == "bad_transaction"
    assert (await counts(gateway, kiosk)).transactions == 0


async def test_a_transaction_in_the_name_of_another_device_is_refused_by_the_field(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    _, answer = await put(gateway, kiosk, OTHERS_BODY)
    assert msgspec.json.decode(answer, type=Refusal).what == "1.008 ORI is not the device of the seal"


@pytest.mark.parametrize("query", ["after=x:y&wait=0", "wait=soon"])
async def test_a_bad_question_for_replies_is_refused_or_means_from_the_start(
    gateway: GatewayBench, kiosk: ssl.SSLContext, query: str
) -> None:
    status, _ = await ask(f"{gateway.url}/v1/replies?{query}", kiosk)
    assert status == (400 if "soon" in query else 200)
    assert gateway.store
    assert (await ask(f"{gateway.url}/v1/replies?after={gateway.store.gateway}:-1", kiosk))[0] == 400


async def test_unknown_paths_are_refused_as_json(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    status, body = await ask(f"{gateway.url}/other", kiosk)
    assert status == 404
    assert msgspec.json.decode(body, type=Refusal)


async def test_a_reply_is_handed_out_until_it_is_acknowledged(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    await put(gateway, kiosk)
    first = await replies(gateway, kiosk)
    assert await replies(gateway, kiosk) == first
    assert len(first.replies) == 1
    assert await replies(gateway, kiosk, wait="0") == first
    assert (await replies(gateway, kiosk, first.replies[0].cursor, wait="0")).replies == ()
    assert (await replies(gateway, kiosk, wait="0")).replies == ()


async def test_a_cursor_of_another_gateway_acknowledges_nothing(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    await put(gateway, kiosk)
    assert len((await replies(gateway, kiosk, "elsewhere:99")).replies) == 1


async def test_a_transaction_sent_again_after_its_reply_was_acknowledged_has_the_reply_sent_again(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    await put(gateway, kiosk)
    first = (await replies(gateway, kiosk)).replies[0]
    await replies(gateway, kiosk, first.cursor, wait="0")
    await put(gateway, kiosk)
    again = (await replies(gateway, kiosk, first.cursor)).replies
    assert [reply.payload for reply in again] == [first.payload]
    assert again[0].cursor != first.cursor
    assert gateway.search.asked == [ENCOUNTER.tcn]


async def test_a_waiting_device_gets_the_reply_when_it_is_made(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    gateway.search.listed["L898902C3"] = hit()
    waiting = asyncio.create_task(replies(gateway, kiosk))
    await put(gateway, kiosk)
    got = (await waiting).replies[0]
    assert got.tcr == ENCOUNTER.tcn
    answer = read_answer(got.payload)
    assert (answer.outcome, answer.determination, answer.hits) == ("hit", "UC", (hit(),))


async def test_a_search_that_fails_is_answered_with_an_error_and_the_next_goes_on(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    gateway.search.fails_with = BiometricError(Reason.BAD_IMAGE, "nothing could be searched")
    await put(gateway, kiosk)
    first = (await replies(gateway, kiosk)).replies[0]
    assert read_answer(first.payload).text.startswith("501")
    gateway.search.fails_with = None
    second = encounter(2, pictures=False)
    await put(gateway, kiosk, compose_nps(second, ORIGIN, NOW, "IMM"), second.tcn)
    assert read_answer((await replies(gateway, kiosk, first.cursor)).replies[0].payload).outcome == "no_hit"


async def test_a_listed_text_that_cannot_be_sent_is_answered_with_an_error_and_the_next_goes_on(
    gateway: GatewayBench, kiosk: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    found = hit()
    gateway.search.listed["L898902C3"] = replace(found, record=replace(found.record, reason="Wanted\x01"))
    await put(gateway, kiosk)
    first = (await replies(gateway, kiosk)).replies[0]
    assert read_answer(first.payload).text.startswith("999")
    (logged,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert ENCOUNTER.tcn in logged.getMessage()
    assert "Wanted" not in logged.getMessage()
    gateway.search.listed["L898902C3"] = found
    second = encounter(2, pictures=False)
    await put(gateway, kiosk, compose_nps(second, ORIGIN, NOW, "IMM"), second.tcn)
    assert read_answer((await replies(gateway, kiosk, first.cursor)).replies[0].payload).hits == (found,)


async def test_an_answer_that_cannot_be_stored_for_long_is_stored_when_it_can_be(
    gateway: GatewayBench, kiosk: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gateway.store
    monkeypatch.setattr(processing, "_STORAGE_RETRY_S", 0.0)
    finish, full = gateway.store.finish, iter(range(6))

    async def fails_at_first(taken: Taken, body: bytes, at: str, found: Found | None = None) -> None:
        if next(full, None) is not None:
            raise GatewayError(Reason.STORAGE_FULL, "the database's disk is full")
        await finish(taken, body, at, found)

    monkeypatch.setattr(gateway.store, "finish", fails_at_first)
    await put(gateway, kiosk)
    assert read_answer((await replies(gateway, kiosk)).replies[0].payload).outcome == "no_hit"
    assert gateway.search.asked == [ENCOUNTER.tcn] * 7


async def test_a_copy_after_the_body_was_erased_is_known_and_other_content_is_a_conflict(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    first = await put(gateway, kiosk)
    got = await replies(gateway, kiosk)
    await gateway.stop()
    assert b"ERIKSSON" not in gateway.database.read_bytes()
    await gateway.start()
    assert (await put(gateway, kiosk)) == (200, first[1])
    assert (await put(gateway, kiosk, BODY.replace(b"ANNA", b"ANNI")))[0] == 409
    assert await replies(gateway, kiosk) == got
    assert gateway.search.asked == [ENCOUNTER.tcn]


async def test_a_type_of_transaction_that_is_not_searched_is_answered_with_error_116(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    await put(gateway, kiosk, BODY.replace(b">NPS<", b">ATP<"))
    assert read_answer((await replies(gateway, kiosk)).replies[0].payload).text.startswith("116 TOT")


async def test_what_breaks_the_rules_is_answered_with_each_code_and_mnemonic(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    wrong = BODY.replace(b"Date>2026-11-22<", b"Date>2026-11-31<").replace(b">IMM<", b"><")
    await put(gateway, kiosk, wrong)
    text = read_answer((await replies(gateway, kiosk)).replies[0].payload).text
    assert text == "112 DAT invalid date; 101 CIV mandatory field missing"
    assert gateway.search.asked == []


async def test_what_a_reader_can_pass_over_is_searched_all_the_same(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    await put(gateway, kiosk, BODY.replace(b"SexCode>F<", b"SexCode>X<"))
    assert read_answer((await replies(gateway, kiosk)).replies[0].payload).outcome == "no_hit"


async def test_stopping_lets_waiting_devices_go(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(replies(gateway, kiosk))
        # Any other request is answered while the first one waits.
        await counts(gateway, kiosk)
        group.create_task(gateway.stop())
    assert waiting.result().replies == ()


async def test_what_was_stored_and_not_processed_is_processed_once_by_the_next_process(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    await ask(f"{gateway.url}/v1/faults", kiosk, "POST", b'{"delay_s": 3600}')
    assert (await put(gateway, kiosk))[0] == 200
    await gateway.stop()
    assert gateway.search.asked == []
    await gateway.start()
    assert len((await replies(gateway, kiosk)).replies) == 1
    assert gateway.search.asked == [ENCOUNTER.tcn]
    assert (await counts(gateway, kiosk)).by_tcn[ENCOUNTER.tcn].processed == 1


async def test_a_transaction_that_brings_the_process_down_is_given_up_with_an_error(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    await ask(f"{gateway.url}/v1/faults", kiosk, "POST", b'{"delay_s": 3600}')
    await put(gateway, kiosk)
    await gateway.stop()
    store = await open_store(gateway.database)
    for _ in range(3):
        assert await store.begin([])
    await store.close()
    await gateway.start()
    assert read_answer((await replies(gateway, kiosk)).replies[0].payload).text.startswith("999")
    assert gateway.search.asked == []


async def test_too_much_unprocessed_is_refused_for_now(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    await gateway.restart(unprocessed=1)
    await ask(f"{gateway.url}/v1/faults", kiosk, "POST", b'{"delay_s": 3600}')
    assert (await put(gateway, kiosk))[0] == 200
    second = encounter(2, pictures=False)
    status, body = await put(gateway, kiosk, compose_nps(second, ORIGIN, NOW, "IMM"), second.tcn)
    assert (status, msgspec.json.decode(body, type=Refusal).reason) == (503, "busy")
    assert (await put(gateway, kiosk))[0] == 200


async def test_faults_cannot_be_ordered_unless_allowed(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    assert (await ask(f"{gateway.url}/v1/faults", kiosk, "POST", b'{"error": 1}'))[0] == 400
    await gateway.stop()
    gateway.allow_faults = False
    await gateway.start()
    assert (await ask(f"{gateway.url}/v1/faults", kiosk, "POST", b"{}"))[0] == 404


async def test_a_device_of_another_authority_is_refused(gateway: GatewayBench, strangers: Certificates) -> None:
    stranger = strangers.device("kiosk-1")
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    with pytest.raises((aiohttp.ClientError, OSError)):
        await put(gateway, stranger)
    assert gateway.store
    assert (await gateway.store.counts("kiosk-1")).transactions == 0


async def test_a_device_without_a_certificate_is_refused(gateway: GatewayBench, certificates: Certificates) -> None:
    bare = await asyncio.to_thread(ssl.create_default_context, cafile=str(certificates.anchor))
    with pytest.raises((aiohttp.ClientError, OSError)):
        await put(gateway, bare)


async def test_the_servers_certificate_is_no_devices(gateway: GatewayBench, certificates: Certificates) -> None:
    with pytest.raises((aiohttp.ClientError, OSError)):
        await put(gateway, await asyncio.to_thread(certificates.device, "gateway"))


async def test_older_tls_is_refused(gateway: GatewayBench, certificates: Certificates) -> None:
    old = await asyncio.to_thread(certificates.device, "kiosk-1")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((aiohttp.ClientError, OSError)):
        await put(gateway, old)
