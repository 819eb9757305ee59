"""Kiosk and gateway by mail: a real gateway, a real mail host, and whatever happens to mails in between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.compose import read_answer
from hotspotd.relay.links.base import IncomingKind
from hotspotd.relay.links.wire import Refusal, check_receipt
from hotspotd.relay.mail import smime
from hotspotd.relay.mail.smime import Envelope, Identity, longest_mail
from hotspotd.relay.message import encode, pack, unpack
from tests.gateway.bench import Certificates, GatewayBench
from tests.relay.mail.bench import (
    Kiosk,
    Post,
    at_once,
    body,
    outgoing,
    processed,
    until,
    until_counted,
    until_processed,
)
from tests.relay.mail.host import DOMAIN

RECEIPT, REPLY, REFUSAL = IncomingKind.RECEIPT, IncomingKind.REPLY, IncomingKind.REFUSAL
WAY = Envelope(f"kiosk-1@{DOMAIN}", f"gateway@{DOMAIN}")
BACK = Envelope(f"gateway@{DOMAIN}", f"kiosk-1@{DOMAIN}")


@pytest.fixture
async def kiosk(post: Post) -> Kiosk:
    return Kiosk(await post.link())


async def sent(post: Post, kiosk: Kiosk, number: int = 1) -> str:
    """Send a transaction; returns its control number."""
    message = outgoing(post, number)
    assert await kiosk.link.send(message, at_once) is None
    return message.tcn


async def goes_on(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    """Whatever was before: the next transaction is receipted and answered."""
    tcn = await sent(post, kiosk, 99)
    wanted = {(RECEIPT, tcn), (REPLY, tcn)}
    await kiosk.until_true(lambda: wanted <= {(one.kind, one.tcr) for one in kiosk.got})
    await kiosk.until_true(lambda: not post.host.mails("kiosk-1") and not post.host.mails("gateway"))


async def test_a_transaction_is_receipted_and_answered(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    tcn, payload = body()
    await kiosk.link.probe()
    await sent(post, kiosk)
    got = {one.kind: one for one in await kiosk.until(RECEIPT, REPLY)}
    check_receipt(unpack(got[RECEIPT].content, 10_000), tcn, payload)
    assert read_answer(unpack(got[REPLY].content, 100_000)).tcr == tcn
    for one in got.values():
        claims = post.certificates.trust("gateway")
        claims.know(post.certificates.sealer("gateway").certificate)
        assert claims.open(one.seal, one.content, datetime.now(UTC)).claims.tcn == tcn
    await kiosk.settle()
    await until(lambda: not post.host.mails("kiosk-1") and not post.host.mails("gateway"))
    assert await processed(gateway) == {tcn: (1, 1)}
    assert gateway.store is not None
    assert await gateway.store.replies("kiosk-1", 9) == []
    assert await gateway.store.refusals() == {}


async def test_nothing_of_a_traveller_is_seen_by_the_mail_host(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    await sent(post, kiosk)
    await kiosk.until(RECEIPT, REPLY)
    await kiosk.settle()
    assert len(post.host.submitted) == 4  # Transaction, receipt, reply, acknowledgement.
    for mail in post.host.submitted:
        for word in (b"ERIKSSON", b"ANNA", b"L898902C3", b"lane", b"PDF", b"<?xml"):
            assert word not in mail


async def test_a_mail_for_another_key_is_refused(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    await (await post.link(receiver="kiosk-2-mail.pem")).send(outgoing(post), at_once)
    await until_counted(gateway, "unknown", untrusted=1)
    await goes_on(post, gateway, kiosk)


async def test_a_mail_whose_body_was_changed_is_refused(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    def changed(mail: bytes) -> list[bytes]:
        place = mail.index(b"\r\n\r\n") + 2_000
        return [mail[:place] + (b"A" if mail[place : place + 1] != b"A" else b"B") + mail[place + 1 :]]

    post.host.on_delivery = changed
    await sent(post, kiosk)
    await until_counted(gateway, "unknown", tampered=1)
    post.host.on_delivery = lambda mail: [mail]
    await goes_on(post, gateway, kiosk)


async def test_headers_that_were_changed_change_nothing(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    post.host.on_delivery = lambda mail: [
        b"Received: by somebody\r\n"
        + mail.replace(b"From: kiosk-1@", b"From: kiosk-2@").replace(b"Subject: ", b"Subject: Fwd: ")
    ]
    tcn = await sent(post, kiosk)
    assert {one.tcr for one in await kiosk.until(RECEIPT, REPLY)} == {tcn}
    assert await processed(gateway) == {tcn: (1, 1)}


def mailed(post: Post, identity: Identity, seal: str, content: bytes, envelope: Envelope = WAY) -> bytes:
    receiver = post.identity(envelope.to.partition("@")[0]).receiver
    return smime.compose(encode(seal, content), identity, receiver, envelope, tcn="X", nonce="", at=datetime.now(UTC))


async def test_a_message_that_another_device_signed_is_refused(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    message = outgoing(post)
    post.host.deliver("gateway", mailed(post, post.identity("kiosk-2"), message.seal(60.0, True), message.content))
    await until_counted(gateway, "kiosk-2", untrusted=1)
    assert await processed(gateway) == {}
    await goes_on(post, gateway, kiosk)


async def test_the_seal_of_another_message_is_refused(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    one, other = outgoing(post, 1), outgoing(post, 2)
    post.host.deliver("gateway", mailed(post, post.identity("kiosk-1"), one.seal(60.0, True), other.content))
    await until_counted(gateway, "kiosk-1", tampered=1)
    await goes_on(post, gateway, kiosk)


async def test_a_seal_that_is_too_old_is_refused(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    message = outgoing(post)
    post.host.deliver("gateway", mailed(post, post.identity("kiosk-1"), message.seal(-60.0, True), message.content))
    await until_counted(gateway, "kiosk-1", stale=1)
    await goes_on(post, gateway, kiosk)


async def test_a_device_of_another_authority_is_refused(
    post: Post, gateway: GatewayBench, kiosk: Kiosk, strangers: Certificates
) -> None:
    message = outgoing(post)
    foreign = Post(post.host, strangers).identity("kiosk-1")
    post.host.deliver("gateway", mailed(post, foreign, message.seal(60.0, True), message.content))
    await until_counted(gateway, "unknown", untrusted=1)
    await goes_on(post, gateway, kiosk)


async def test_a_mail_that_is_replayed_is_counted_and_processed_once(
    post: Post, gateway: GatewayBench, kiosk: Kiosk
) -> None:
    tcn = await sent(post, kiosk)
    await kiosk.until(RECEIPT, REPLY)
    for _ in range(3):
        post.host.deliver("gateway", post.host.submitted[0])
    await until_counted(gateway, "kiosk-1", replayed=3)
    assert await processed(gateway) == {tcn: (1, 1)}
    await goes_on(post, gateway, kiosk)


async def test_a_transaction_that_is_sent_again_is_processed_once(
    post: Post, gateway: GatewayBench, kiosk: Kiosk
) -> None:
    tcn = await sent(post, kiosk)
    await kiosk.until(RECEIPT, REPLY)
    await sent(post, kiosk)
    await kiosk.until_true(lambda: [one.kind for one in kiosk.got].count(RECEIPT) == 2)
    assert await processed(gateway) == {tcn: (2, 1)}


async def test_mails_that_are_delivered_twice_change_nothing(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    post.host.on_delivery = lambda mail: [mail, mail]
    tcn = await sent(post, kiosk)
    await until_counted(gateway, "kiosk-1", replayed=1)
    await kiosk.until_true(lambda: {one.kind for one in kiosk.got} == {RECEIPT, REPLY})
    assert await processed(gateway) == {tcn: (1, 1)}
    post.host.on_delivery = lambda mail: [mail]
    await goes_on(post, gateway, kiosk)


async def test_mails_may_come_in_any_order(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    held: list[bytes] = []

    def hold(mail: bytes) -> list[bytes]:
        held.append(mail)
        return []

    post.host.on_delivery = hold
    tcns = [await sent(post, kiosk, number) for number in (1, 2, 3)]
    post.host.on_delivery = lambda mail: [mail]
    for mail in reversed(held):
        post.host.deliver("gateway", mail)
    await kiosk.until(*(RECEIPT, REPLY) * 3)
    assert await processed(gateway) == dict.fromkeys(reversed(tcns), (1, 1))


async def test_unsigned_mail_junk_and_huge_mail_are_deleted(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    host = post.host
    host.deliver("gateway", b"From: x@y.example\r\nSubject: cheap\r\n\r\nwatches\r\n")
    host.deliver("gateway", b"\x00\xff" * 400)
    head = b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    host.deliver("gateway", head + b"AAAA" * (longest_mail(gateway.config.limits.transaction_bytes) // 4))
    host.deliver("gateway", b"Subject: large\r\n\r\n" + b"x\r\n" * 100_000)
    host.deliver("gateway", head + b"AAAA\r\n")
    await until_counted(gateway, "unknown", unsigned=4, tampered=1)
    await goes_on(post, gateway, kiosk)


async def test_a_kiosks_mailbox_full_of_junk_holds_nothing_up(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    for _ in range(60):
        post.host.deliver("kiosk-1", b"Subject: cheap\r\n\r\nwatches\r\n")
    await goes_on(post, gateway, kiosk)
    assert kiosk.link.mailbox.junk == {"unsigned": 60}


async def test_a_receipt_that_a_device_has_made_is_deleted(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    content = pack(b"{}")
    seal = post.certificates.sealer("kiosk-2").seal(
        content, kind="receipt", tcn="X", now=datetime.now(UTC), valid=timedelta(hours=1), with_certificate=True
    )
    post.host.deliver("kiosk-1", mailed(post, post.identity("kiosk-2"), seal, content, BACK))
    await goes_on(post, gateway, kiosk)
    assert kiosk.link.mailbox.junk == {"untrusted": 1}
    assert "X" not in {one.tcr for one in kiosk.got}


@pytest.mark.parametrize("valid_s", [-60.0, 3600.0])
async def test_of_the_gateways_mails_only_what_is_sealed_and_fresh_counts(
    post: Post, kiosk: Kiosk, valid_s: float
) -> None:
    content = pack(b"{}")
    seal = post.certificates.sealer("gateway").seal(
        content, kind="receipt", tcn="X", now=datetime.now(UTC), valid=timedelta(seconds=valid_s)
    )
    for inside in (content, pack(b"{ }")):
        post.host.deliver("kiosk-1", mailed(post, post.identity("gateway"), seal, inside, BACK))
    found = await kiosk.ask(0.0)
    if valid_s > 0:
        assert ([one.content for one in found], kiosk.link.mailbox.junk) == ([content], {"tampered": 1})
    else:
        assert (found, kiosk.link.mailbox.junk) == ([], {"stale": 1, "tampered": 1})
    await kiosk.settle()
    assert post.host.mails("kiosk-1") == []


async def test_a_message_of_another_kind_is_deleted(post: Post, kiosk: Kiosk) -> None:
    content = pack(b"{}")
    seal = post.certificates.sealer("gateway").seal(
        content, kind="transaction", tcn="X", now=datetime.now(UTC), valid=timedelta(hours=1)
    )
    post.host.deliver("kiosk-1", mailed(post, post.identity("gateway"), seal, content, BACK))
    assert await kiosk.ask(0.0) == []
    assert kiosk.link.mailbox.junk == {"bad_transaction": 1}


async def test_what_can_never_be_taken_is_refused_by_mail(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    await kiosk.link.send(outgoing(post, payload=b"<no transaction/>"), at_once)
    (refused,) = await kiosk.until(REFUSAL)
    refusal = msgspec.json.decode(unpack(refused.content, 10_000), type=Refusal)
    assert (refused.tcr, refusal.reason) == (body()[0], "bad_transaction")
    await goes_on(post, gateway, kiosk)


async def test_a_number_that_was_used_for_something_else_is_refused_by_mail(
    post: Post, gateway: GatewayBench, kiosk: Kiosk
) -> None:
    tcn = await sent(post, kiosk)
    await kiosk.until(RECEIPT, REPLY)
    await kiosk.link.send(outgoing(post, payload=body()[1].replace(b"IMM", b"DEC")), at_once)
    (refused,) = (await kiosk.until(RECEIPT, REPLY, REFUSAL))[2:]
    refusal = msgspec.json.decode(unpack(refused.content, 10_000), type=Refusal)
    assert (refused.tcr, refusal.reason) == (tcn, "conflict")


async def test_a_mail_host_that_takes_nothing_now_loses_no_receipt(
    post: Post, gateway: GatewayBench, kiosk: Kiosk
) -> None:
    tcn = await sent(post, kiosk)
    await post.host.close_submission()
    await asyncio.to_thread(post.host.hang_up)
    await until_processed(gateway, {tcn: (1, 1)})
    await post.host.open_submission()
    await kiosk.until(RECEIPT, REPLY)
    assert await processed(gateway) == {tcn: (1, 1)}


async def test_a_gateway_that_dies_before_its_receipt_is_sent_takes_nothing_twice(
    post: Post, gateway: GatewayBench, kiosk: Kiosk
) -> None:
    tcn = await sent(post, kiosk)
    await post.host.close_submission()
    post.host.hang_up()
    await until_processed(gateway, {tcn: (1, 1)})
    await gateway.stop()
    assert len(post.host.mails("gateway")) == 1
    await post.host.open_submission()
    await gateway.start()
    await kiosk.until(RECEIPT, REPLY)
    assert await processed(gateway) == {tcn: (1, 1)}
    await goes_on(post, gateway, kiosk)


async def test_a_gateway_that_dies_before_it_deletes_a_mail_takes_nothing_twice(
    post: Post, gateway: GatewayBench, kiosk: Kiosk
) -> None:
    await gateway.stop()
    # Deletes with its next look, which never comes.
    gateway.doors = [await post.door(poll_s=3_600.0)]
    tcn = await sent(post, kiosk)
    await gateway.start()
    await kiosk.until(RECEIPT, REPLY)
    assert len(post.host.mails("gateway")) == 1
    await gateway.stop()
    gateway.doors = [await post.door()]
    await gateway.start()
    await until_counted(gateway, "kiosk-1", replayed=1)
    assert await processed(gateway) == {tcn: (1, 1)}
    await goes_on(post, gateway, kiosk)


async def test_a_kiosk_that_dies_before_it_deletes_a_mail_gets_it_again(
    post: Post, gateway: GatewayBench, kiosk: Kiosk
) -> None:
    await sent(post, kiosk)
    await kiosk.until(RECEIPT, REPLY)
    left = len(post.host.mails("kiosk-1"))
    assert left
    again = Kiosk(await post.link())
    assert len(await again.ask(0.0)) == left
    assert {one.seal for one in again.got} <= {one.seal for one in kiosk.got}
    await again.until_true(lambda: not post.host.mails("kiosk-1"))


async def test_a_reply_that_is_lost_is_sent_again(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    await gateway.stop()
    gateway.doors = [await post.door(again_s=0.0)]
    lost: list[bytes] = []
    replies = 0

    def lose_the_first_reply(mail: bytes) -> list[bytes]:
        nonlocal replies
        if b"From: gateway@" in mail and len(post.host.submitted) > 1:
            replies += 1
            if replies == 2:  # The receipt goes first.
                lost.append(mail)
                return []
        return [mail]

    post.host.on_delivery = lose_the_first_reply
    await gateway.start()
    tcns = {await sent(post, kiosk, number) for number in (1, 2)}
    await kiosk.until_true(lambda: {one.tcr for one in kiosk.got if one.kind is REPLY} == tcns)
    await kiosk.settle()
    assert lost
    assert gateway.store is not None
    async with asyncio.timeout(20):
        while await gateway.store.replies("kiosk-1", 9):
            await kiosk.ask(0.0)


async def test_a_device_that_cannot_be_written_to_holds_up_no_other(post: Post, gateway: GatewayBench) -> None:
    one, other = Kiosk(await post.link("kiosk-1")), Kiosk(await post.link("kiosk-2"))
    post.host.unknown.add("kiosk-1")
    for number in (1, 2):
        await sent(post, one, number)
    message = outgoing(post, 3, "kiosk-2")
    await other.link.send(message, at_once)
    assert {incoming.tcr for incoming in await other.until(RECEIPT, REPLY)} == {message.tcn}
    post.host.unknown.clear()
    # Given up meanwhile, or not: the courier sends again what was not receipted.
    tcn = await sent(post, one, 1)
    await one.until_true(lambda: (RECEIPT, tcn) in {(incoming.kind, incoming.tcr) for incoming in one.got})


async def test_a_clock_that_is_not_set_deletes_nothing(post: Post, gateway: GatewayBench, kiosk: Kiosk) -> None:
    await sent(post, kiosk)
    await until(lambda: len(post.host.mails("kiosk-1")) == 2)
    post.device_clock.by = timedelta(days=-20_000)
    with pytest.raises(RelayError) as caught:
        await Kiosk(await post.link()).ask(0.0)
    assert caught.value.reason is Reason.STALE
    post.device_clock.by = timedelta()
    await kiosk.until(RECEIPT, REPLY)


async def test_a_mail_from_the_future_waits_for_the_clock(post: Post, kiosk: Kiosk) -> None:
    content = pack(b"{}")
    later = datetime.now(UTC) + timedelta(hours=2)
    seal = post.certificates.sealer("gateway").seal(
        content, kind="receipt", tcn="X", now=later, valid=timedelta(hours=1)
    )
    post.host.deliver("kiosk-1", mailed(post, post.identity("gateway"), seal, content, BACK))
    assert await kiosk.ask(0.0) == []
    await kiosk.settle()
    assert len(post.host.mails("kiosk-1")) == 1
    post.device_clock.by = timedelta(hours=2)
    assert [one.tcr for one in await Kiosk(await post.link()).ask(0.0)] == ["X"]


async def test_what_is_not_acknowledged_is_handed_out_again_after_the_others(post: Post, kiosk: Kiosk) -> None:
    sealer, content = post.certificates.sealer("gateway"), pack(b"{}")
    for tcn in ("A", "B", "C"):
        seal = sealer.seal(content, kind="receipt", tcn=tcn, now=datetime.now(UTC), valid=timedelta(hours=1))
        post.host.deliver("kiosk-1", mailed(post, post.identity("gateway"), seal, content, BACK))
    first = await kiosk.link.incoming("", 0.0)
    assert [one.tcr for one in first] == ["A", "B", "C"]
    # A was stored, and B could not be.
    assert [one.tcr for one in await kiosk.link.incoming(first[0].cursor, 0.0)] == ["B", "C"]
    assert [one.tcr for one in await kiosk.link.incoming("", 0.0)] == ["B", "C"]
    await until(lambda: len(post.host.mails("kiosk-1")) == 3)


async def test_nothing_new_is_waited_for(post: Post, kiosk: Kiosk) -> None:
    asking = asyncio.create_task(kiosk.ask(20.0))
    content = pack(b"{}")
    seal = post.certificates.sealer("gateway").seal(
        content, kind="receipt", tcn="X", now=datetime.now(UTC), valid=timedelta(hours=1)
    )
    post.host.deliver("kiosk-1", mailed(post, post.identity("gateway"), seal, content, BACK))
    assert [one.tcr for one in await asking] == ["X"]


async def test_a_host_that_is_down_is_a_link_that_is_down(post: Post, kiosk: Kiosk) -> None:
    await post.host.close_submission()
    for call in (kiosk.link.probe(), kiosk.link.send(outgoing(post), at_once)):
        with pytest.raises(RelayError) as caught:
            await call
        assert caught.value.reason is Reason.LINK_DOWN
    assert kiosk.link.resend_s == 3600.0
