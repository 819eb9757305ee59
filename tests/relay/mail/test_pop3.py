"""Fetching by POP3: from Dovecot, and from a host that does what no host should."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.mail.host import Endpoint, Login, MailHost, host_context
from hotspotd.relay.mail.mailbox import Mailbox
from hotspotd.relay.mail.pop3 import session
from hotspotd.relay.mail.smime import longest_mail
from tests.gateway.bench import Certificates
from tests.relay.mail.bench import until
from tests.relay.mail.host import PASSWORD
from tests.relay.mail.host import MailHost as RealHost

HEAD = b"Content-Type: application/pkcs7-mime\r\n\r\n"
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def account(certificates: Certificates, port: int, password: str = PASSWORD, timeout_s: float = 10.0) -> MailHost:
    folder = certificates.folder
    context = host_context(certificates.anchor, folder / "kiosk-1.pem", folder / "kiosk-1.key")
    at = Endpoint("127.0.0.1", port, implicit_tls=True)
    return MailHost(at, at, context, Login("kiosk-1", password), timeout_s)


@pytest.fixture
def dovecot(host: RealHost, certificates: Certificates) -> MailHost:
    return account(certificates, host.pop3_port)


@dataclass
class Script:
    """A host over TLS that says these lines, each when it was asked for something."""

    answers: dict[str, bytes] = field(default_factory=dict)
    greeting: bytes = b"+OK\r\n"
    deleted: list[str] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting)
        while line := (await reader.readline()).decode().strip():
            if line.startswith("DELE"):
                self.deleted.append(line)
            said = self.answers.get(line, self.answers.get(line.split()[0], b"+OK\r\n"))
            writer.write(said)
            await writer.drain()
            if said == b"":
                await reader.read()
        writer.close()


@pytest.fixture
async def script(certificates: Certificates) -> AsyncIterator[Script]:
    made = Script()
    context = await asyncio.to_thread(certificates.server)
    context.verify_mode = context.verify_mode.__class__.CERT_NONE
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


async def reason_of(work: Awaitable[object]) -> Reason:
    with pytest.raises(RelayError) as caught:
        await work
    return caught.value.reason


async def listed(host: MailHost) -> list[int]:
    async with session(host) as pop3:
        return [one.size for one in await pop3.listing()]


async def test_mails_are_listed_fetched_and_deleted(host: RealHost, dovecot: MailHost) -> None:
    mails = [b"Subject: %d\r\n\r\n.\r\n..\r\n.dots\r\nend\r\n" % number for number in range(3)]
    for mail in mails:
        host.deliver("kiosk-1", mail)
    async with session(dovecot) as pop3:
        found = await pop3.listing()
        assert [await pop3.retrieve(one) for one in found] == mails
        assert await pop3.headers(found[1].number) == b"Subject: 1\r\n\r\n"
        await pop3.delete(found[1].number)
        await pop3.quit()
    await until(lambda: len(host.mails("kiosk-1")) == 2)
    async with session(dovecot) as pop3:
        left = await pop3.listing()
    assert [one.uid for one in left] == [found[0].uid, found[2].uid]


async def test_an_empty_mailbox_lists_nothing(dovecot: MailHost) -> None:
    assert await listed(dovecot) == []


async def test_nothing_is_deleted_by_a_session_that_breaks(host: RealHost, dovecot: MailHost) -> None:
    host.deliver("kiosk-1", b"Subject: x\r\n\r\n")
    async with session(dovecot) as pop3:
        await pop3.delete((await pop3.listing())[0].number)
    assert await listed(dovecot) == [14]


async def test_a_wrong_password_is_refused(host: RealHost, certificates: Certificates) -> None:
    wrong = await asyncio.to_thread(account, certificates, host.pop3_port, "wrong")
    assert await reason_of(listed(wrong)) is Reason.LINK_REFUSED


async def test_a_host_of_another_authority_is_refused(host: RealHost, strangers: Certificates) -> None:
    other = await asyncio.to_thread(account, strangers, host.pop3_port)
    assert await reason_of(listed(other)) is Reason.LINK_REFUSED


async def test_nobody_there_is_a_link_that_is_down(certificates: Certificates, unused_tcp_port: int) -> None:
    nobody = await asyncio.to_thread(account, certificates, unused_tcp_port)
    assert await reason_of(listed(nobody)) is Reason.LINK_DOWN


@pytest.mark.parametrize(
    ("command", "said", "reason"),
    [
        ("PASS", b"-ERR [IN-USE] locked\r\n", Reason.LINK_PROTOCOL),
        ("PASS", b"-ERR [SYS/TEMP] try later\r\n", Reason.LINK_PROTOCOL),
        ("PASS", b"-ERR no\r\n", Reason.LINK_REFUSED),
        ("USER", b"HTTP/1.1 400 Bad Request\r\n", Reason.LINK_PROTOCOL),
        ("LIST", b"+OK\r\n1 what\r\n.\r\n", Reason.LINK_PROTOCOL),
        ("UIDL", b"+OK\r\n1 " + b"u" * 80 + b"\r\n.\r\n", Reason.LINK_PROTOCOL),
        ("LIST", b"-ERR no\r\n", Reason.LINK_PROTOCOL),
        ("USER", b"+OK" + b"x" * 2_000 + b"\r\n", Reason.LINK_PROTOCOL),
        ("USER", b"+OK" + b"x" * 200_000, Reason.LINK_PROTOCOL),
        ("LIST", b"+OK\r\n" + b"1 1\r\n" * 2_000_000, Reason.LINK_PROTOCOL),
    ],
)
async def test_a_host_that_says_something_else(
    script: Script, certificates: Certificates, command: str, said: bytes, reason: Reason
) -> None:
    script.answers = {"LIST": b"+OK\r\n1 5\r\n.\r\n", "UIDL": b"+OK\r\n1 u\r\n.\r\n", command: said}
    assert await reason_of(listed(await asyncio.to_thread(account, certificates, script.port))) is reason


@pytest.mark.parametrize("command", ["USER", "LIST", "UIDL"])
async def test_a_host_that_falls_silent_is_down(script: Script, certificates: Certificates, command: str) -> None:
    script.answers = {"LIST": b"+OK\r\n.\r\n", "UIDL": b"+OK\r\n.\r\n", command: b""}
    silent = await asyncio.to_thread(account, certificates, script.port, timeout_s=0.3)
    assert await reason_of(listed(silent)) is Reason.LINK_DOWN


def mailbox(host: MailHost, most: int = 10_000) -> Mailbox[bytes]:
    return Mailbox(host, _read, most)


def _read(mail: bytes) -> bytes:
    if b"junk" in mail:
        raise RelayError(Reason.UNSIGNED, "mail: junk")
    return mail


async def test_junk_is_deleted_and_counted(host: RealHost, dovecot: MailHost) -> None:
    host.deliver("kiosk-1", b"Subject: junk\r\n\r\n")
    host.deliver("kiosk-1", b"Subject: good\r\n\r\n")
    box = mailbox(dovecot)
    found = await box.look((), ())
    assert [mail for _, mail in found.mails] == [b"Subject: good\r\n\r\n"]
    assert dict(box.junk) == {"unsigned": 1}
    await until(lambda: len(host.mails("kiosk-1")) == 1)
    gone = await box.look({found.mails[0][0], "never there"}, ())
    assert gone.gone == {found.mails[0][0], "never there"}
    await until(lambda: host.mails("kiosk-1") == [])


async def test_a_mailbox_full_of_junk_is_worked_off(host: RealHost, dovecot: MailHost) -> None:
    for _ in range(100):
        host.deliver("kiosk-1", b"Subject: junk\r\n\r\n")
    host.deliver("kiosk-1", b"Subject: good\r\n\r\n")
    box = mailbox(dovecot)
    looks = 1
    while not (found := await box.look((), ())).mails:
        assert found.more
        looks += 1
    assert (looks, box.junk["unsigned"]) == (7, 100)


async def test_a_huge_mail_is_not_fetched(script: Script, certificates: Certificates) -> None:
    script.answers = {
        "LIST": b"+OK\r\n1 %d\r\n2 20000\r\n3 20\r\n.\r\n" % (longest_mail(10_000) + 1),
        "UIDL": b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n",
        "TOP": b"+OK\r\nContent-Type: text/html\r\n\r\n.\r\n",
        "RETR 1": b"-ERR it must not be asked for\r\n",
        "RETR 2": b"-ERR it must not be asked for\r\n",
        "RETR 3": b"+OK\r\nSubject: good\r\n\r\n.\r\n",
    }
    box = mailbox(await asyncio.to_thread(account, certificates, script.port))
    found = await box.look((), ())
    assert [uid for uid, _ in found.mails] == ["c"]
    assert script.deleted == ["DELE 1", "DELE 2"]


async def test_a_mail_that_is_larger_than_it_was_listed_ends_the_session(
    script: Script, certificates: Certificates
) -> None:
    script.answers = {
        "LIST": b"+OK\r\n1 20\r\n.\r\n",
        "UIDL": b"+OK\r\n1 a\r\n.\r\n",
        "RETR": b"+OK\r\n" + b"x" * 1_000_000,
    }
    box = mailbox(await asyncio.to_thread(account, certificates, script.port))
    assert await reason_of(box.look((), ())) is Reason.LINK_PROTOCOL


async def test_a_mail_that_the_host_cannot_give_out_holds_up_no_other(
    script: Script, certificates: Certificates
) -> None:
    script.answers = {
        "LIST": b"+OK\r\n1 20\r\n2 20\r\n.\r\n",
        "UIDL": b"+OK\r\n1 a\r\n2 b\r\n.\r\n",
        "RETR 1": b"-ERR [SYS/PERM] damaged\r\n",
        "RETR 2": b"+OK\r\nSubject: good\r\n\r\n.\r\n",
    }
    box = mailbox(await asyncio.to_thread(account, certificates, script.port))
    assert [uid for uid, _ in (await box.look((), ())).mails] == ["b"]
    assert script.deleted == []


async def test_what_came_before_the_line_broke_is_kept(script: Script, certificates: Certificates) -> None:
    script.answers = {
        "LIST": b"+OK\r\n1 20\r\n2 20\r\n.\r\n",
        "UIDL": b"+OK\r\n1 a\r\n2 b\r\n.\r\n",
        "RETR 1": b"+OK\r\nSubject: good\r\n\r\n.\r\n",
        "RETR 2": b"",
    }
    box = mailbox(await asyncio.to_thread(account, certificates, script.port, timeout_s=0.3))
    found = await box.look({"never"}, ())
    assert ([uid for uid, _ in found.mails], found.more, found.gone) == (["a"], True, set())
    assert re.fullmatch(r"Counter\(\)", repr(box.junk))
