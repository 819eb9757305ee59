"""Submission to a real SMTP server, over STARTTLS and TLS: what it takes, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.mail.host import Endpoint, Login, MailHost, host_context
from hotspotd.relay.mail.smime import Envelope
from hotspotd.relay.mail.submission import Submission
from tests.gateway.bench import Certificates
from tests.relay.mail.bench import at_once
from tests.relay.mail.host import PASSWORD
from tests.relay.mail.host import MailHost as RealHost

WAY = Envelope("kiosk-1@border.example", "gateway@border.example")
MAIL = b"Subject: x\r\n\r\n" + b"AAAA\r\n" * 1_000


async def submission(certificates: Certificates, host: RealHost, timeout_s: float = 10.0) -> Submission:
    folder = certificates.folder
    context = await asyncio.to_thread(host_context, certificates.anchor, folder / "kiosk-1.pem", folder / "kiosk-1.key")
    at = Endpoint("127.0.0.1", host.smtp_port, implicit_tls=host.implicit_tls)
    return Submission(MailHost(at, at, context, Login("kiosk-1", PASSWORD), timeout_s), "border.example")


@pytest.fixture
async def ours(host: RealHost, certificates: Certificates) -> AsyncIterator[Submission]:
    made = await submission(certificates, host)
    yield made
    made.close()


async def reason_of(ours: Submission, mail: bytes = MAIL, way: Envelope = WAY) -> Reason:
    with pytest.raises(RelayError) as caught:
        await ours.submit(mail, way, at_once)
    assert PASSWORD not in str(caught.value)
    assert "@" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "TLS"])
async def test_a_mail_arrives_as_it_is(host: RealHost, certificates: Certificates, implicit: bool) -> None:
    await host.close_submission()
    host.implicit_tls, host.smtp_port = implicit, 0
    await host.open_submission()
    ours = await submission(certificates, host)
    await ours.probe()
    await ours.submit(MAIL, WAY, at_once)
    ours.close()
    assert host.submitted == [MAIL]
    assert len(host.mails("gateway")) == 1


async def test_a_connection_is_used_again(host: RealHost, ours: Submission) -> None:
    for _ in range(5):
        await ours.submit(MAIL, WAY, at_once)
    assert (len(host.submitted), host.connections) == (5, 1)


async def test_a_connection_that_the_host_has_ended_is_made_anew(host: RealHost, ours: Submission) -> None:
    await ours.submit(MAIL, WAY, at_once)
    host.hang_up()
    await ours.submit(MAIL, WAY, at_once)
    assert (len(host.submitted), host.connections) == (2, 2)


async def test_a_mail_that_waits_holds_up_no_other(host: RealHost, ours: Submission) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def held(size: int) -> None:
        begun.set()
        await go_on.wait()

    waiting = asyncio.create_task(ours.submit(b"Subject: late\r\n\r\n", WAY, held))
    await begun.wait()
    await ours.submit(MAIL, WAY, at_once)
    assert host.submitted == [MAIL]
    go_on.set()
    await waiting
    assert len(host.submitted) == 2


async def test_a_mail_goes_piece_by_piece(host: RealHost, ours: Submission) -> None:
    sizes = []

    async def pace(size: int) -> None:
        sizes.append(size)

    await ours.submit(MAIL, WAY, pace)
    assert sum(sizes) == len(MAIL)
    assert max(sizes) <= 2048


async def test_a_mail_that_is_given_up_half_way_is_not_taken(host: RealHost, ours: Submission) -> None:
    half = asyncio.Event()
    left = [len(MAIL) // 2]

    async def pace(size: int) -> None:
        left[0] -= size
        if left[0] < 0:
            half.set()
            await asyncio.Event().wait()

    sending = asyncio.create_task(ours.submit(MAIL, WAY, pace))
    await half.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await ours.submit(MAIL, WAY, at_once)
    assert host.submitted == [MAIL]


async def test_nobody_there_is_a_link_that_is_down(host: RealHost, ours: Submission) -> None:
    await host.close_submission()
    assert await reason_of(ours) is Reason.LINK_DOWN


async def test_a_host_that_falls_silent_is_down(certificates: Certificates, host: RealHost) -> None:
    await host.close_submission()
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", host.smtp_port)
    assert await reason_of(await submission(certificates, host, timeout_s=0.3)) is Reason.LINK_DOWN
    for writer in held:
        writer.transport.abort()
    server.close()


async def test_a_wrong_login_is_refused(host: RealHost, ours: Submission) -> None:
    host.passwords = "another"
    assert await reason_of(ours) is Reason.LINK_REFUSED


async def test_a_host_without_starttls_is_refused(host: RealHost, ours: Submission) -> None:
    host.starttls = False
    assert await reason_of(ours) is Reason.LINK_REFUSED
    assert host.submitted == []


async def test_a_host_of_another_authority_is_refused(host: RealHost, strangers: Certificates) -> None:
    assert await reason_of(await submission(strangers, host)) is Reason.LINK_REFUSED
    await host.close_submission()
    host.implicit_tls = True
    await host.open_submission()
    assert await reason_of(await submission(strangers, host)) is Reason.LINK_REFUSED


@pytest.mark.parametrize(
    ("command", "said", "reason"),
    [
        ("MAIL", "451 try later", Reason.LINK_PROTOCOL),
        ("RCPT", "450 greylisted", Reason.LINK_PROTOCOL),
        ("DATA", "452 full", Reason.LINK_PROTOCOL),
        ("MAIL", "553 not yours", Reason.LINK_REFUSED),
        ("MAIL", "552 too large", Reason.LINK_PROTOCOL),
        ("RCPT", "550 no such mailbox", Reason.LINK_REFUSED),
        ("DATA", "554 refused for its content", Reason.LINK_PROTOCOL),
    ],
)
async def test_a_refused_mail_is_no_refusal_of_the_gateways(
    host: RealHost, ours: Submission, command: str, said: str, reason: Reason
) -> None:
    host.answers[command] = [said]
    assert await reason_of(ours) is reason
    await ours.submit(MAIL, WAY, at_once)
    assert host.submitted == [MAIL]


async def test_a_mail_that_the_host_says_is_too_large_is_not_sent(host: RealHost, ours: Submission) -> None:
    host.most = 1_000
    assert await reason_of(ours) is Reason.LINK_PROTOCOL
    assert host.submitted == []
