"""Who may do what at a broker, and what a link makes of brokers that are none, are silent, or are not ours."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from nats.js.api import ConsumerConfig

from hotspotd.errors import ConfigError, Reason, RelayError
from hotspotd.gateway.authority import Authority
from hotspotd.gateway.enrolment.issuing import described
from hotspotd.gateway.storage.devices import How
from hotspotd.relay.links.jetstream import subjects
from hotspotd.relay.links.nats import NatsLink
from hotspotd.relay.seal import Sealer
from tests.gateway.bench import Certificates
from tests.relay.broker import Broker
from tests.relay.postbox import NatsGateway, at_broker, postbox, until

LETTERS = "AZaz09"
TCNS = st.builds(lambda first, rest: first + rest, st.sampled_from(LETTERS), st.text(LETTERS + "._-", max_size=39))


async def until_gone(before: set[asyncio.Task[Any]]) -> None:
    """Until no task of the client's is left but those of ``before`` (the gateway in this loop has some, too)."""

    def of_the_client() -> bool:
        codes = [getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks() - before]
        return any("/nats/" in code.co_filename for code in codes if code is not None)

    await until(lambda: not of_the_client())


async def refusal(link: NatsLink) -> RelayError:
    with pytest.raises(RelayError) as caught:
        await link.probe()
    await link.close()
    return caught.value


async def link_with(
    broker: Broker, certificates: Certificates, name: str, *, anchor: Path | None = None, device: str = ""
) -> NatsLink:
    return await NatsLink.open(
        "broker",
        broker.url,
        trust_anchors=anchor or broker.anchor,
        certificate=certificates.folder / f"{name}.pem",
        key=certificates.folder / f"{name}.key",
        timeout_s=5.0,
        device=device or name,
        trust=await asyncio.to_thread(certificates.trust),
    )


async def test_a_strangers_certificate_is_refused(
    broker: Broker, nats_gateway: NatsGateway, strangers: Certificates
) -> None:
    assert (await refusal(await link_with(broker, strangers, "kiosk-1"))).reason is Reason.LINK_REFUSED


async def test_a_device_that_the_broker_does_not_know_is_refused(
    broker: Broker, nats_gateway: NatsGateway, certificates: Certificates
) -> None:
    if not (certificates.folder / "kiosk-9.pem").exists():
        await asyncio.to_thread(lambda: Authority.open(certificates.folder).issue_device("kiosk-9"))
    assert (await refusal(await link_with(broker, certificates, "kiosk-9"))).reason is Reason.LINK_REFUSED


async def test_a_broker_of_another_authority_is_refused(
    broker: Broker, nats_gateway: NatsGateway, certificates: Certificates
) -> None:
    link = await link_with(broker, certificates, "kiosk-1", anchor=certificates.anchor)
    assert (await refusal(link)).reason is Reason.LINK_REFUSED


async def test_a_device_cannot_be_another(
    broker: Broker, nats_gateway: NatsGateway, certificates: Certificates
) -> None:
    link = await link_with(broker, certificates, "kiosk-1", device="kiosk-2")
    assert (await refusal(link)).reason is Reason.LINK_REFUSED


@pytest.mark.parametrize(
    "subject",
    [
        subjects.sent("kiosk-2", "UTO-1"),
        subjects.acknowledged("kiosk-2"),
        subjects.outgoing("kiosk-1"),
        subjects.outgoing("kiosk-2"),
        "$JS.API.STREAM.PURGE.HOTSPOT_IN",
        "$JS.API.STREAM.MSG.GET.HOTSPOT_OUT",
        "$JS.API.CONSUMER.MSG.NEXT.HOTSPOT_OUT.kiosk-2",
        "$JS.API.CONSUMER.DELETE.HOTSPOT_IN.gateway",
    ],
)
async def test_a_device_publishes_on_its_own_subjects_only(
    broker: Broker, nats_gateway: NatsGateway, subject: str
) -> None:
    kiosk = await at_broker(broker, "kiosk-1")
    with pytest.raises(RelayError) as caught:
        await kiosk.store(subject, b"x", {})
    assert caught.value.reason is Reason.LINK_REFUSED
    assert kiosk.ended
    await kiosk.close()


async def test_a_device_cannot_fetch_what_is_for_another(broker: Broker, nats_gateway: NatsGateway) -> None:
    kiosk = await at_broker(broker, "kiosk-1")
    theirs = ConsumerConfig(name="kiosk-1", durable_name="kiosk-1", filter_subject=subjects.outgoing("kiosk-2"))
    with pytest.raises(RelayError) as caught:
        await kiosk.guard(kiosk._js.add_consumer(subjects.STREAM_OUT, theirs))
    assert caught.value.reason is Reason.LINK_REFUSED
    await kiosk.close()
    # The subject of the request is the device's own here, what is asked for is not.
    kiosk = await at_broker(broker, "kiosk-1")
    own = f"$JS.API.CONSUMER.CREATE.HOTSPOT_OUT.kiosk-1.{subjects.outgoing('kiosk-1')}"
    request = (
        b'{"stream_name": "HOTSPOT_OUT", "config": {"name": "kiosk-1", "durable_name": "kiosk-1",'
        b' "ack_policy": "explicit", "filter_subject": "hotspot.kiosk-2.out"}}'
    )
    answer = await kiosk.guard(kiosk._client.request(own, request, timeout=5))
    assert b'"error"' in answer.data
    await kiosk.close()


async def test_what_is_sealed_by_another_device_is_refused(
    broker: Broker, nats_gateway: NatsGateway, certificates: Certificates
) -> None:
    thief = await postbox(broker, certificates, "kiosk-2")
    thief.sealer = await asyncio.to_thread(certificates.sealer, "kiosk-1")
    await thief.send()
    _, refused = await thief.until_refusal()
    assert refused.reason == "untrusted"
    await thief.link.close()


async def test_a_revoked_device_is_told_so(
    broker: Broker, nats_gateway: NatsGateway, certificates: Certificates
) -> None:
    box = await postbox(broker, certificates)
    assert nats_gateway.store is not None
    leaf = x509.load_der_x509_certificate(certificates.sealer("kiosk-1").certificate)
    now = nats_gateway.clock.now()
    revoked = msgspec.structs.replace(described(leaf, "kiosk-1", How.LISTED, now), revoked_at=now.iso())
    await nats_gateway.store.devices.revoke_listed(revoked)
    await box.send()
    _, refused = await box.until_refusal()
    assert refused.reason == "revoked"
    await box.link.close()


async def test_the_brokers_own_certificate_seals_nothing(
    broker: Broker, nats_gateway: NatsGateway, certificates: Certificates
) -> None:
    """It is of another authority: otherwise a broker could give receipts in the gateway's name."""
    box = await postbox(broker, certificates)
    box.sealer = await asyncio.to_thread(Sealer.load, broker.folder / "broker.pem", broker.folder / "broker.key")
    forged = await asyncio.to_thread(box.outgoing)
    with pytest.raises(RelayError) as caught:
        box.link.trust.open(forged.seal(60.0, True), forged.content, nats_gateway.clock.now().at)
    assert caught.value.reason is Reason.UNTRUSTED
    await box.link.close()


async def test_nothing_is_sent_in_the_clear(certificates: Certificates, broker: Broker) -> None:
    heard = bytearray()
    ended = asyncio.Event()

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.9.10","max_payload":1048576,"headers":true}\r\n')
        heard.extend(await reader.read())
        writer.close()
        ended.set()

    server = await asyncio.start_server(pretend, "127.0.0.1", 0)
    link = await link_with(broker, certificates, "kiosk-1")
    link._place = server.sockets[0].getsockname()[:2]
    assert (await refusal(link)).reason is Reason.LINK_REFUSED
    async with asyncio.timeout(30):
        await ended.wait()
    assert bytes(heard) == b""
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", Reason.LINK_DOWN),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason.LINK_PROTOCOL),
        (b"INFO not json\r\n", Reason.LINK_PROTOCOL),
        (b"INFO {}\r\n", Reason.LINK_REFUSED),
        (b'INFO {"tls_required":true}\r\nnot TLS at all\r\n', Reason.LINK_DOWN),
        (b"\x00" * 200_000, Reason.LINK_PROTOCOL),
    ],
)
async def test_what_is_no_broker_is_told_as_such(
    certificates: Certificates, broker: Broker, said: bytes, reason: Reason
) -> None:
    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        with suppress(ConnectionError):
            if said:
                await reader.read()
        writer.close()

    server = await asyncio.start_server(pretend, "127.0.0.1", 0)
    link = await link_with(broker, certificates, "kiosk-1")
    link._place = server.sockets[0].getsockname()[:2]
    link._timeout_s = 2.0
    assert (await refusal(link)).reason is reason
    server.close()
    await server.wait_closed()


async def test_nobody_there_is_a_link_that_is_down(broker: Broker, certificates: Certificates) -> None:
    await broker.kill()
    assert (await refusal(await link_with(broker, certificates, "kiosk-1"))).reason is Reason.LINK_DOWN


async def test_a_broker_without_streams_is_no_gateways(broker: Broker, certificates: Certificates) -> None:
    assert (await refusal(await link_with(broker, certificates, "kiosk-1"))).reason is Reason.LINK_PROTOCOL


async def test_a_broker_that_falls_silent_is_noticed(
    broker: Broker, nats_gateway: NatsGateway, certificates: Certificates
) -> None:
    box = await postbox(broker, certificates, timeout_s=0.5)
    await box.fetch()
    broker.signal(signal.SIGSTOP)
    with pytest.raises(RelayError) as caught:
        await box.fetch()
    assert caught.value.reason is Reason.LINK_DOWN
    with pytest.raises(RelayError) as caught:
        await box.send()
    assert caught.value.reason is Reason.LINK_DOWN
    broker.signal(signal.SIGCONT)
    await box.until_up()
    await box.until_reply(await box.send())
    await box.link.close()


async def test_nothing_is_left_behind(
    broker: Broker, nats_gateway: NatsGateway, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    before = asyncio.all_tasks()
    box = await postbox(broker, certificates)
    tcn = await box.send()
    await box.until_reply(tcn)
    waiting = asyncio.create_task(box.fetch(60.0))
    sending = asyncio.create_task(box.send(2))
    await asyncio.sleep(0)
    for task in (waiting, sending):
        task.cancel()
    await asyncio.gather(waiting, sending, return_exceptions=True)
    broken = asyncio.create_task(box.fetch(60.0))
    await asyncio.sleep(0)
    await box.link.close()
    with pytest.raises(RelayError):
        await broken
    await box.link.close()
    with pytest.raises(RelayError) as caught:
        await box.send(3)
    assert caught.value.reason is Reason.LINK_DOWN
    await until_gone(before)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_connecting_can_be_given_up(broker: Broker, certificates: Certificates) -> None:
    before = asyncio.all_tasks()
    reached = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    link = await link_with(broker, certificates, "kiosk-1")
    link._place = server.sockets[0].getsockname()[:2]
    probing = asyncio.create_task(link.probe())
    async with asyncio.timeout(30):
        await reached.wait()
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    await link.close()
    server.close()
    await server.wait_closed()
    await until_gone(before)


async def test_the_door_complains_once(
    broker: Broker, nats_gateway: NatsGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "hotspotd.gateway.doors.nats")
    await broker.kill()

    def levels() -> list[int]:
        return [record.levelno for record in caplog.records if record.name == "hotspotd.gateway.doors.nats"]

    await until(lambda: len(levels()) >= 4)
    await broker.start()
    await nats_gateway.until_connected()
    assert levels()[0] == logging.WARNING
    assert levels()[-1] == logging.INFO
    assert set(levels()[1:-1]) == {logging.DEBUG}


@pytest.mark.parametrize(
    "url", ["nats://", "nats://:1", "https://a:1", "nats://u:p@a", "nats://a:x", "nats://a/b", "a"]
)
def test_a_place_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        subjects.place(url)
    assert caught.value.reason is Reason.BAD_VALUE


def test_places_are_host_and_port() -> None:
    assert subjects.place("nats://broker.example") == ("broker.example", 4222)
    assert subjects.place("nats://[::1]:4223") == ("::1", 4223)


@given(tcn=TCNS, device=st.text(LETTERS + "_-", min_size=1, max_size=40))
def test_a_subject_names_device_and_number(tcn: str, device: str) -> None:
    assert subjects.parse(subjects.sent(device, tcn)) == (device, tcn)
    assert subjects.parse(subjects.acknowledged(device)) == (device, "")


@given(subject=st.text(max_size=60))
def test_other_subjects_are_none(subject: str) -> None:
    with pytest.raises(RelayError):
        subjects.parse(subject)


@pytest.mark.parametrize("tcn", ["", "a b", "*", ">", "ä", "a" * 41, ".a"])
def test_what_is_no_control_number_has_no_subject(tcn: str) -> None:
    with pytest.raises(RelayError):
        subjects.sent("kiosk-1", tcn)


async def test_a_missing_library_is_told(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nats.js", None)
    with pytest.raises(ConfigError, match="nats-py"):
        await NatsLink.open(
            "broker",
            "nats://127.0.0.1:1",
            trust_anchors=certificates.anchor,
            certificate=certificates.folder / "kiosk-1.pem",
            key=certificates.folder / "kiosk-1.key",
            timeout_s=1.0,
            device="kiosk-1",
        )
