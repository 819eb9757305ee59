"""Checkpoints of audit chains at the gateway: kept, compared, exported; what contradicts another is said loudly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from hotspotd.clock import Stamp
from hotspotd.errors import Reason, RelayError
from hotspotd.gateway import checkpoints
from hotspotd.gateway.storage import Store, open_store
from hotspotd.gateway.storage.base import Received
from hotspotd.gateway.storage.retention import Terms
from hotspotd.relay import checkpoint
from hotspotd.relay.checkpoint import Checkpoint
from hotspotd.relay.seal import Trust
from tests.gateway.bench import Certificates, GatewayBench, ask, put
from tests.gateway.test_store import START, message, time

CHAIN, OTHER = "ab" * 32, "cd" * 32


def made(number: int, seq: int, *, digest: str = "", chain: str = CHAIN, device: str = "kiosk-1") -> Checkpoint:
    return Checkpoint(
        device=device,
        chain=chain,
        number=number,
        seq=seq,
        digest=digest or f"{seq:064x}",
        at=time(number),
        clock_trusted=True,
    )


def sealed(certificates: Certificates, given: Checkpoint, by: str = "kiosk-1") -> bytes:
    return checkpoint.seal(certificates.sealer(by), given, f"CP-{given.number}", Stamp(START, trusted=True))


@pytest.fixture
async def store(place: str | Path) -> AsyncIterator[Store]:
    opened = await open_store(place)
    yield opened
    await opened.close()


async def send(store: Store, certificates: Certificates, given: Checkpoint, tcn: str, seconds: float = 0.0) -> bool:
    received: Received = message(tcn, sealed(certificates, given), kind="checkpoint", device=given.device)
    return (await store.take(received, at=time(seconds), most_unprocessed=9))[1]


async def findings(store: Store) -> dict[str, int]:
    return (await store.counts("kiosk-1")).audit_findings


async def test_checkpoints_in_any_order_and_twice_are_kept_once_and_contradict_nothing(
    store: Store, certificates: Certificates
) -> None:
    for number, seq in ((2, 20), (1, 10), (4, 40), (3, 20)):
        assert await send(store, certificates, made(number, seq), f"CP-{number}")
    again = message("CP-4", sealed(certificates, made(4, 40)), kind="checkpoint")
    with pytest.raises(RelayError) as caught:
        await store.take(again, at=time(), most_unprocessed=9)
    assert caught.value.reason is Reason.CONFLICT, "sealed anew, it is another message under the same number"
    await send(store, certificates, made(4, 40), "CP-4b")
    counts = await store.counts("kiosk-1")
    assert (counts.audit_chains, counts.audit_seq, counts.audit_findings) == (1, 40, {})
    (state,) = await store.checkpoints.states()
    assert (state.number, state.seq, state.kept, state.at) == (4, 40, 4, time(4))
    assert (await store.counts("kiosk-2")).audit_chains == 0


async def test_another_digest_under_a_number_or_of_an_entry_is_a_fork_and_said_loudly(
    store: Store, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    await send(store, certificates, made(1, 10), "CP-1")
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
    await send(store, certificates, made(1, 10, digest="f" * 64), "CP-1b")
    await send(store, certificates, made(2, 10, digest="e" * 64), "CP-2")
    assert await findings(store) == {"fork": 2}
    errors = [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]
    assert len(errors) == 2
    assert all("AUDIT" in text and "kiosk-1" in text and "fork" in text for text in errors)


async def test_a_later_checkpoint_of_an_earlier_entry_goes_backwards(store: Store, certificates: Certificates) -> None:
    await send(store, certificates, made(3, 30), "CP-3")
    await send(store, certificates, made(4, 20), "CP-4")
    await send(store, certificates, made(1, 35), "CP-1")
    assert await findings(store) == {"backwards": 2}


async def test_a_chain_that_is_begun_anew_is_said_once(store: Store, certificates: Certificates) -> None:
    await send(store, certificates, made(7, 70), "CP-7")
    await send(store, certificates, made(1, 5, chain=OTHER), "CP-1")
    await send(store, certificates, made(2, 6, chain=OTHER), "CP-2")
    await send(store, certificates, made(1, 5, chain=OTHER, device="kiosk-2"), "CP-1")
    counts = await store.counts("kiosk-1")
    assert (counts.audit_chains, counts.audit_seq, counts.audit_findings) == (2, 6, {"new_chain": 1})
    assert (await store.counts("kiosk-2")).audit_findings == {}


async def test_the_latest_and_what_is_contradicted_are_kept_for_good(store: Store, certificates: Certificates) -> None:
    for number in (1, 2, 3):
        await send(store, certificates, made(number, number * 10), f"CP-{number}")
    await send(store, certificates, made(1, 10, digest="f" * 64), "CP-1b")
    terms = Terms(Stamp(START + timedelta(days=91), trusted=True), report_days=90, hit_days=30, find_days=730)
    assert (await store.erase(terms)).reports == 4
    kept = [checkpoint.read(bytes(one.sealed)) async for one in store.checkpoints.of("kiosk-1")]
    assert [(one.number, one.digest[0]) for one in kept] == [(1, "0"), (3, "0"), (1, "f")]


async def test_only_what_the_device_itself_has_sealed_is_taken(
    gateway: GatewayBench, certificates: Certificates, strangers: Certificates
) -> None:
    context = await asyncio.to_thread(certificates.device, "kiosk-1")
    for number, (body, reason) in enumerate(
        (
            (sealed(certificates, made(1, 1)), ""),
            (sealed(certificates, made(1, 1, device="kiosk-2"), by="kiosk-2"), "bad_transaction"),
            (sealed(certificates, made(1, 1, device="kiosk-2")), "untrusted"),
            (sealed(strangers, made(1, 1)), "untrusted"),
            (b'{"content": "{}", "seal": ""}', "bad_transaction"),
            (b"not JSON", "bad_transaction"),
        )
    ):
        status, said = await put(gateway, context, body, f"CP-{number}", kind="checkpoint")
        assert (status == 200) == (not reason), said
        assert reason in str(said)
    _, counts = await ask(f"{gateway.url}/v1/status", context)
    assert b'"audit_seq":1,' in counts


async def test_they_are_shown_and_exported_with_seals_that_hold_on_their_own(
    tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    store = await open_store(tmp_path / "gateway.db")
    await send(store, certificates, made(1, 10), "CP-1")
    await send(store, certificates, made(2, 20), "CP-2")
    await store.close()
    assert await _command(tmp_path, "show") == 0
    assert "checkpoint 2, entry 20" in capsys.readouterr().out
    assert await _command(tmp_path, "export", "kiosk-1") == 0
    bodies = [bytes(msgspec.json.decode(line, type=_Line).sealed) for line in capsys.readouterr().out.splitlines()]
    trust = Trust(certificates.anchors, "device")
    assert [checkpoint.opened(body, trust).number for body in bodies] == [1, 2]
    forged = bodies[0].replace(b'\\"seq\\":10', b'\\"seq\\":11')
    assert forged != bodies[0]
    with pytest.raises(RelayError) as caught:
        checkpoint.opened(forged, trust)
    assert caught.value.reason is Reason.TAMPERED
    assert await _command(tmp_path, "export", "nobody") == 3
    store = await open_store(tmp_path / "gateway.db")
    await send(store, certificates, made(1, 9), "CP-1b")
    await store.close()
    capsys.readouterr()
    assert await _command(tmp_path, "show") == 1
    assert "CONTRADICTED: 1 fork" in capsys.readouterr().out


class _Line(msgspec.Struct):
    sealed: msgspec.Raw


async def _command(folder: Path, *arguments: str) -> int:
    config = folder / "gateway.toml"
    config.write_text(
        'bureau.country = "UTO"\nserver = { certificate = "c", key = "k", trust_anchors = "a" }\n'
        'store.database = "gateway.db"\nwatchlist.folder = "list"\n'
    )
    # A process has a loop of its own.
    return await asyncio.to_thread(checkpoints.main, [*arguments, "--config", str(config)])
