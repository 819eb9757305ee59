"""A national repository over real TLS: additions, changes, withdrawals, repeats, and what is refused."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.config import RepositorySection
from hotspotd.relay.links.wire import Refusal
from hotspotd.relay.national.deltas import (
    GENESIS,
    ChunksWanted,
    Delta,
    DeltaReceipt,
    Put,
    RepositoryState,
    SignedDelta,
    Withdraw,
    decode_answer,
    decode_state,
    encode_row,
    encode_signed,
    mark_of,
    pack,
    sign,
)
from hotspotd.watchlist.numbers import Kind, Status
from tests.gateway.bench import Certificates, GatewayBench, NumberSearch, Wire, ask
from tests.gateway.office import REPOSITORY, Office, device_key, held, passport

RULE = RepositorySection(name=REPOSITORY, owner="UTO", devices=("kiosk-1",), kinds=(Kind.DOCUMENT,), issuers=("UTO",))
OTHER = RepositorySection(name="ruritania", owner="RUR", devices=("kiosk-2",))


@pytest.fixture
async def gateway(tmp_path: Path, certificates: Certificates) -> AsyncIterator[GatewayBench]:
    bench = GatewayBench(tmp_path / "gateway.db", certificates, NumberSearch())
    bench.repositories = {RULE.name: RULE, OTHER.name: OTHER}
    bench.clock = Clock(wall=lambda: datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    await bench.start()
    yield bench
    await bench.stop()


@pytest.fixture
def office(tmp_path: Path, certificates: Certificates, gateway: GatewayBench) -> Office:
    return Office(tmp_path, certificates, "kiosk-1", lambda: gateway.url)


@pytest.fixture
def kiosk(certificates: Certificates) -> ssl.SSLContext:
    return certificates.device("kiosk-1")


async def state_of(bench: GatewayBench, context: ssl.SSLContext) -> RepositoryState:
    return decode_state((await ask(f"{bench.url}/v1/repositories/{REPOSITORY}", context))[1])


async def test_additions_changes_and_withdrawals_arrive_and_nothing_else_is_sent(
    gateway: GatewayBench, office: Office
) -> None:
    first = await office.submit([passport(1), passport(2), passport(3)])
    assert (first.added, first.sequence, first.count) == (3, 1, 3)
    second = await office.submit([passport(1), passport(2, status="revoked"), passport(4)])
    assert (second.put, second.withdrawn) == (2, 1)
    assert (second.added, second.changed, second.removed, second.sequence) == (1, 1, 1, 2)
    found = await asyncio.to_thread(held, gateway.national)
    assert sorted(number for _, number in found) == ["X0000001", "X0000002", "X0000004"]
    assert found["document", "X0000002"]["status"] == "revoked"
    third = await office.submit([passport(1), passport(2, status="revoked"), passport(4)])
    assert (third.deltas, third.sequence, third.count) == (0, 2, 3)


async def test_a_file_of_changes_is_carried_out_line_by_line(gateway: GatewayBench, office: Office) -> None:
    await office.changes(*(passport(number, action="add") for number in (1, 2)))
    outcome = await office.changes(
        passport(1, action="change", status="invalid"),
        {"action": "withdraw", "kind": "document", "number": "x-0000002", "issuer": "UTO", "reference": "UTO/2"},
        passport(3, action="add"),
        passport(3, action="withdraw"),
        passport(9, action="withdraw"),
    )
    assert (outcome.added, outcome.changed, outcome.removed, outcome.count) == (1, 1, 2, 1)
    found = await asyncio.to_thread(held, gateway.national)
    assert found["document", "X0000001"]["status"] == "invalid"
    again = await office.changes(passport(1, action="change", status="invalid"))
    assert again.deltas == 0


async def test_bad_lines_are_told_by_line_here_and_there_and_stop_no_others(
    gateway: GatewayBench, office: Office
) -> None:
    outcome = await office.submit(
        [
            passport(1),
            passport(2, surname="ERIKSSON"),
            passport(3, status="gone"),
            passport(4, kind="vehicle"),
            passport(5, issuer="RUR"),
            passport(6, since="2015-01-01"),
            passport(1, status="revoked"),
            passport(7),
        ]
    )
    told = {problem.line: problem.reason for problem in outcome.problems}
    assert sorted(told) == [2, 3, 4, 5, 6, 7]
    assert "nothing about people" in told[2]
    assert told[3] == "status: one of stolen_blank, lost_or_stolen, revoked, invalid, wanted"
    assert told[4] == "refused by the gateway: kind: this repository holds document"
    assert told[5] == "refused by the gateway: issuer: this repository holds what UTO issued"
    assert told[6] == "refused by the gateway: has ended on 2025-01-01: give expires to keep it longer"
    assert "earlier line" in told[7]
    assert sorted(await asyncio.to_thread(held, gateway.national)) == [
        ("document", "X0000001"),
        ("document", "X0000007"),
    ]


async def test_a_record_whose_line_is_bad_now_stays_as_it_was(gateway: GatewayBench, office: Office) -> None:
    await office.submit([passport(1), passport(2)])
    outcome = await office.submit([passport(1, since="yesterday"), passport(2, since="2001-01-01")])
    assert outcome.left_out == 2
    assert len(await asyncio.to_thread(held, gateway.national)) == 2
    mended = await office.submit([passport(1, since="yesterday"), passport(1), passport(2, status="revoked")])
    assert [problem.line for problem in mended.problems] == [1]
    assert (mended.changed, mended.removed) == (1, 0)


async def test_a_record_that_is_refused_stays_as_it_was_when_everything_is_sent_anew(
    gateway: GatewayBench, office: Office
) -> None:
    await office.submit([passport(1), passport(2), passport(3)])
    await asyncio.to_thread(office.ledger.unlink)
    outcome = await office.submit([passport(1, since="2001-01-01"), passport(2)])
    assert [problem.line for problem in outcome.problems] == [1]
    found = await asyncio.to_thread(held, gateway.national)
    assert {number: record.get("since") for (_, number), record in found.items()} == {
        "X0000001": None,
        "X0000002": None,
    }
    await office.submit([passport(2)])
    assert list(await asyncio.to_thread(held, gateway.national)) == [("document", "X0000002")]


async def test_withdrawn_records_are_gone_from_the_disk(gateway: GatewayBench, office: Office) -> None:
    await office.submit([passport(1), passport(7654321, reason="taken from a car")])
    await office.submit([passport(1)])

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(gateway.national.parent.glob("national.db*")))

    stored = await asyncio.to_thread(on_disk)
    assert b"X0000001" in stored
    assert b"7654321" not in stored
    assert b"taken from a car" not in stored
    assert b"X0000001" not in await asyncio.to_thread(office.ledger.read_bytes)


async def test_records_that_have_ended_are_erased(gateway: GatewayBench, office: Office, kiosk: ssl.SSLContext) -> None:
    await office.submit([passport(1, expires="2026-11-30"), passport(2), passport(3, expires="2026-11-21")])
    assert len(await asyncio.to_thread(held, gateway.national)) == 2
    await gateway.stop()
    gateway.clock = Clock(wall=lambda: datetime(2026, 12, 1, 12, 0, tzinfo=UTC))
    await gateway.start()
    async with asyncio.timeout(20):
        while (await state_of(gateway, kiosk)).count > 1:
            pass
    assert list(await asyncio.to_thread(held, gateway.national)) == [("document", "X0000002")]
    office.today = "2026-12-01"
    outcome = await office.submit([passport(1, expires="2026-11-30"), passport(2)])
    assert (outcome.ended, outcome.count) == (1, 1)


async def test_a_dry_run_says_what_would_be_sent_and_changes_nothing(gateway: GatewayBench, office: Office) -> None:
    await office.submit([passport(1), passport(2)])
    office.dry_run = True
    outcome = await office.submit([passport(1, status="revoked"), passport(3)])
    assert (outcome.put, outcome.withdrawn, outcome.deltas) == (2, 1, 1)
    assert len(await asyncio.to_thread(held, gateway.national)) == 2
    office.dry_run = False
    assert (await office.submit([passport(1), passport(2)])).deltas == 0


async def test_an_export_that_was_cut_off_withdraws_nothing_unless_told(gateway: GatewayBench, office: Office) -> None:
    rows = [passport(number) for number in range(1000)]
    await office.submit(rows)
    with pytest.raises(RelayError) as caught:
        await office.submit([*rows[:500], passport(5000)], percent=20)
    assert caught.value.reason is Reason.CONFLICT
    assert "500 of 1000" in caught.value.what
    assert len(await asyncio.to_thread(held, gateway.national)) == 1001
    with pytest.raises(RelayError):
        await office.submit([], percent=20)
    outcome = await office.submit(rows[:500], percent=100)
    assert outcome.count == 500


@pytest.mark.parametrize("lose", ["ledger", "key", "gateway"])
async def test_where_the_two_do_not_agree_a_whole_export_is_sent_anew_and_changes_are_refused(
    gateway: GatewayBench, office: Office, certificates: Certificates, lose: str
) -> None:
    await office.submit([passport(1), passport(2), passport(3)])
    await office.submit([passport(1), passport(2)])
    match lose:
        case "ledger":
            await asyncio.to_thread(office.ledger.unlink)
        case "key":
            other = Office(office.ledger.parent, certificates, "kiosk-2", office.url)
            other.ledger = office.ledger
            await gateway.stop()
            gateway.repositories[REPOSITORY] = msgspec.structs.replace(RULE, devices=("kiosk-1", "kiosk-2"))
            await gateway.start()
            office = other
        case "gateway":
            await gateway.stop()
            for path in await asyncio.to_thread(lambda: list(gateway.national.parent.glob("national.db*"))):
                await asyncio.to_thread(path.unlink)
            await gateway.start()
    with pytest.raises(RelayError) as caught:
        await office.changes(passport(4, action="add"))
    assert caught.value.reason is Reason.CONFLICT
    assert "--full" in caught.value.advice
    outcome = await office.submit([passport(2), passport(5)])
    assert outcome.anew
    assert sorted(number for _, number in await asyncio.to_thread(held, gateway.national)) == ["X0000002", "X0000005"]
    assert (await office.changes(passport(2, action="withdraw"))).count == 1


async def offer(bench: GatewayBench, context: ssl.SSLContext, sequence: int, signed: SignedDelta) -> tuple[int, bytes]:
    url = f"{bench.url}/v1/repositories/{REPOSITORY}/deltas/{sequence}"
    return await ask(url, context, "PUT", encode_signed(signed))


async def send(bench: GatewayBench, context: ssl.SSLContext, sequence: int, digest: str, chunk: bytes) -> int:
    url = f"{bench.url}/v1/repositories/{REPOSITORY}/deltas/{sequence}/chunks/0?of={digest}"
    return (await ask(url, context, "PUT", chunk))[0]


def put(number: int) -> Put:
    return Put(
        id=f"row{number:013d}", kind=Kind.DOCUMENT, number=f"A{number}", issuer="UTO", status=Status.STOLEN_BLANK
    )


def made(sequence: int, previous: str, *rows: Put | Withdraw, repository: str = REPOSITORY) -> tuple[Delta, bytes]:
    chunk = pack(b"".join(encode_row(row) for row in rows))
    delta = Delta(repository=repository, sequence=sequence, previous=previous, chunks=(mark_of(chunk, len(rows)),))
    return delta, chunk


async def take(
    bench: GatewayBench, context: ssl.SSLContext, signed: SignedDelta, sequence: int, chunk: bytes
) -> DeltaReceipt:
    status, raw = await offer(bench, context, sequence, signed)
    assert status == 202
    assert isinstance(decode_answer(raw), ChunksWanted)
    assert await send(bench, context, sequence, signed.digest, chunk) == 200
    status, raw = await offer(bench, context, sequence, signed)
    assert status == 201
    receipt = decode_answer(raw)
    assert isinstance(receipt, DeltaReceipt)
    return receipt


async def test_a_repeat_has_the_same_receipt_and_changes_nothing(
    gateway: GatewayBench, kiosk: ssl.SSLContext, certificates: Certificates
) -> None:
    delta, chunk = made(1, GENESIS, put(1))
    signed = sign(delta, device_key(certificates, "kiosk-1"))
    receipt = await take(gateway, kiosk, signed, 1, chunk)
    later, later_chunk = made(2, signed.digest, Withdraw(id=put(1).id))
    await take(gateway, kiosk, sign(later, device_key(certificates, "kiosk-1")), 2, later_chunk)
    status, raw = await offer(gateway, kiosk, 1, signed)
    assert status == 200
    assert decode_answer(raw) == receipt
    assert await send(gateway, kiosk, 1, signed.digest, chunk) == 200
    assert await asyncio.to_thread(held, gateway.national) == {}
    state = await state_of(gateway, kiosk)
    assert (state.sequence, state.count, state.owner) == (2, 0, "UTO")


@pytest.mark.parametrize(
    ("sequence", "previous", "status", "what"),
    [
        (1, GENESIS, 409, "taken before with other content; the repository is at 1"),
        (3, "right", 409, "is not the next: the repository is at 1"),
        (2, "f" * 64, 409, "follows another delta"),
    ],
)
async def test_a_used_number_a_gap_and_a_broken_chain_are_refused_and_nothing_changes(
    gateway: GatewayBench,
    kiosk: ssl.SSLContext,
    certificates: Certificates,
    sequence: int,
    previous: str,
    status: int,
    what: str,
) -> None:
    key = device_key(certificates, "kiosk-1")
    delta, chunk = made(1, GENESIS, put(1))
    first = sign(delta, key)
    await take(gateway, kiosk, first, 1, chunk)
    other, _ = made(sequence, first.digest if previous == "right" else previous, put(2))
    got, raw = await offer(gateway, kiosk, sequence, sign(other, key))
    assert got == status
    refusal = msgspec.json.decode(raw, type=Refusal)
    assert refusal.reason == "conflict"
    assert what in refusal.what
    assert refusal.advice
    assert list(await asyncio.to_thread(held, gateway.national)) == [("document", "A1")]


async def test_what_was_changed_on_the_way_or_signed_by_another_is_refused(
    gateway: GatewayBench, kiosk: ssl.SSLContext, certificates: Certificates
) -> None:
    delta, chunk = made(1, GENESIS, put(1))
    signed = sign(delta, device_key(certificates, "kiosk-1"))
    tampered = SignedDelta(statement=signed.statement.replace(b'"rows":1', b'"rows":2'), signature=signed.signature)
    for wrong in (tampered, sign(delta, device_key(certificates, "kiosk-2"))):
        status, raw = await offer(gateway, kiosk, 1, wrong)
        assert (status, msgspec.json.decode(raw, type=Refusal).reason) == (422, "untrusted")
    status, raw = await offer(gateway, kiosk, 2, signed)
    assert (status, msgspec.json.decode(raw, type=Refusal).reason) == (422, "bad_transaction")
    assert await send(gateway, kiosk, 1, signed.digest, chunk) == 409
    assert (await offer(gateway, kiosk, 1, signed))[0] == 202
    for place in (0, len(chunk) // 2, len(chunk) - 1):
        assert await send(gateway, kiosk, 1, signed.digest, chunk[:place] + b"\x00" + chunk[place + 1 :] + b"x") == 422
    assert await send(gateway, kiosk, 1, signed.digest, bytes(3_000_000)) == 413
    assert await asyncio.to_thread(held, gateway.national) == {}


@pytest.mark.parametrize(
    "chunk",
    [b"no zlib", pack(b"{}\n{}\n"), pack(b" " * 2_000_000 + b"\n"), pack(b"{}\n") + b"more", pack(b"{}\n")[:-1]],
)
async def test_chunks_that_are_none_cost_their_delta_and_another_may_take_its_number(
    gateway: GatewayBench, kiosk: ssl.SSLContext, certificates: Certificates, chunk: bytes
) -> None:
    key = device_key(certificates, "kiosk-1")
    bad = sign(Delta(repository=REPOSITORY, sequence=1, previous=GENESIS, chunks=(mark_of(chunk, 1),)), key)
    assert (await offer(gateway, kiosk, 1, bad))[0] == 202
    assert await send(gateway, kiosk, 1, bad.digest, chunk) == 200
    status, raw = await offer(gateway, kiosk, 1, bad)
    assert (status, msgspec.json.decode(raw, type=Refusal).reason) == (422, "bad_transaction")
    delta, good = made(1, GENESIS, put(1))
    assert (await take(gateway, kiosk, sign(delta, key), 1, good)).added == 1


async def test_a_delta_that_is_mostly_unusable_is_refused_as_a_whole(
    gateway: GatewayBench, kiosk: ssl.SSLContext, certificates: Certificates
) -> None:
    rows = [put(0), *(msgspec.structs.replace(put(number), issuer="RUR") for number in range(1, 5002))]
    delta, chunk = made(1, GENESIS, *rows)
    signed = sign(delta, device_key(certificates, "kiosk-1"))
    assert (await offer(gateway, kiosk, 1, signed))[0] == 202
    assert await send(gateway, kiosk, 1, signed.digest, chunk) == 200
    status, raw = await offer(gateway, kiosk, 1, signed)
    assert status == 422
    assert "more than 5000 rows cannot be used" in msgspec.json.decode(raw, type=Refusal).what
    assert await asyncio.to_thread(held, gateway.national) == {}


@pytest.mark.parametrize("name", ["ruritania", "none", "UTO%2F..", "x" * 300])
async def test_a_repository_that_is_not_granted_is_refused_and_not_even_told_of(
    gateway: GatewayBench, kiosk: ssl.SSLContext, name: str
) -> None:
    status, raw = await ask(f"{gateway.url}/v1/repositories/{name}", kiosk)
    refusal = msgspec.json.decode(raw, type=Refusal)
    assert (status, refusal.reason) == (403, "link_refused")
    assert refusal.what == "kiosk-1 may not submit to a repository of this name"


async def test_a_foreign_device_is_told_what_to_do(
    gateway: GatewayBench, tmp_path: Path, certificates: Certificates
) -> None:
    foreign = Office(tmp_path, certificates, "kiosk-2", lambda: gateway.url)
    with pytest.raises(RelayError) as caught:
        await foreign.submit([passport(1)])
    assert caught.value.reason is Reason.LINK_REFUSED
    assert "intake.repositories" in caught.value.advice


async def test_a_line_that_breaks_at_any_point_loses_and_repeats_nothing(
    gateway: GatewayBench, tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire(lambda: gateway.port)
    await wire.start()
    try:
        office = Office(tmp_path, certificates, "kiosk-1", lambda: f"https://127.0.0.1:{wire.port}")
        rows = [passport(number) for number in range(300)]
        cuts = 0
        for round_, cut in enumerate(range(500, 9_500, 2000)):
            wire.carried = wire.carried_back = 0
            if round_ % 2:
                wire.cut_after, wire.cut_back_after = cut, None
            else:
                wire.cut_after, wire.cut_back_after = None, cut // 4
            rows = [*rows[30:], *(passport(1000 * (round_ + 1) + number) for number in range(60))]
            outcome = await office.submit(rows)
            cuts += wire.cut_after is None and wire.cut_back_after is None
            found = await asyncio.to_thread(held, gateway.national)
            assert sorted(number for _, number in found) == sorted(row["number"] for row in rows)
            assert outcome.sequence == round_ + 1
        assert cuts >= 4
        assert "Traceback" not in caplog.text
    finally:
        await wire.stop()


async def test_the_gateway_keeps_who_signed_what(gateway: GatewayBench, office: Office) -> None:
    await office.submit([passport(1)])

    def signed() -> tuple[str, bytes, bytes]:
        database = sqlite3.connect(gateway.national)
        try:
            return database.execute("SELECT device, signed, receipt FROM delta").fetchone()  # type: ignore[no-any-return]
        finally:
            database.close()

    device, raw, receipt = await asyncio.to_thread(signed)
    assert device == "kiosk-1"
    assert json.loads(receipt)["sequence"] == 1
    assert b"X0000001" not in raw
