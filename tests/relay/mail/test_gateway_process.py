"""The gateway as a process that is configured for mail: killed between taking a mail and answering it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from hotspotd.biometrics import finger
from hotspotd.config import LinkSection
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.gateway.storage import open_store
from hotspotd.relay.compose import read_answer
from hotspotd.relay.links.base import IncomingKind
from hotspotd.relay.links.mail import MailLink
from hotspotd.relay.message import unpack
from hotspotd.relay.uplinks import Papers, open_link
from hotspotd.watchlist.build import Entry
from hotspotd.watchlist.shelf import Shelf
from tests.gateway.test_process import running
from tests.relay.mail.bench import Kiosk, Post, at_once, outgoing, until
from tests.relay.mail.host import DOMAIN

CONFIG = """
bureau.country = "UTO"
server = {{ port = 0, certificate = "{pki}/gateway.pem", key = "{pki}/gateway.key", trust_anchors = "{pki}/ca.pem" }}
store.database = "gateway.db"
watchlist.folder = "list"
[mail]
submission = "smtp://127.0.0.1:{smtp}"
mailbox = "pop3s://127.0.0.1:{pop3}"
address = "gateway@{domain}"
login = "{pki}/gateway.login"
certificate = "{pki}/gateway-mail.pem"
key = "{pki}/gateway-mail.key"
poll_s = 1
[[mail.devices]]
name = "kiosk-1"
address = "kiosk-1@{domain}"
certificate = "{pki}/kiosk-1-mail.pem"
"""


@pytest.fixture
def folder(tmp_path: Path, post: Post) -> Path:
    (tmp_path / "list").mkdir()
    stolen = ListRecord(
        reference="SLTD-1", notice=Notice.SLTD, owner="UTO", document_number="L898902C3", document_issuer="UTO"
    )
    Shelf(tmp_path / "list").publish([Entry(stolen)], finger_engine=finger.ENGINE, face_engine=None, version="test-1")
    host = post.host
    config = CONFIG.format(pki=post.folder, smtp=host.smtp_port, pop3=host.pop3_port, domain=DOMAIN)
    (tmp_path / "gateway.toml").write_text(config, encoding="utf-8")
    return tmp_path


@pytest.mark.blocking_allowed  # Starting a process blocks the loop in the standard library.
async def test_a_gateway_that_is_killed_before_it_answers_a_mail_answers_it_once_it_is_back(
    folder: Path, post: Post
) -> None:
    section = LinkSection(name="mail", url=post.url(poll="1"))
    pki = post.folder
    papers = Papers("kiosk-1", pki / "ca.pem", pki / "kiosk-1.pem", pki / "kiosk-1.key")
    link = await open_link(section, papers, post.certificates.trust("gateway"), 10.0)
    assert isinstance(link, MailLink)
    kiosk = Kiosk(link)
    message = outgoing(post)
    await link.send(message, at_once)
    await post.host.close_submission()
    post.host.hang_up()
    async with running(folder) as (_, stop):
        store = await open_store(folder / "gateway.db")
        async with asyncio.timeout(30):
            while message.tcn not in (await store.counts("kiosk-1")).by_tcn:  # noqa: ASYNC110  # Another process's.
                await asyncio.sleep(0.02)
        await store.close()
        stop(signal.SIGKILL)
    assert len(post.host.mails("gateway")) == 1
    await post.host.open_submission()
    async with running(folder) as (_, stop):
        by_kind = {one.kind: one for one in await kiosk.until(IncomingKind.RECEIPT, IncomingKind.REPLY)}
        answer = read_answer(unpack(by_kind[IncomingKind.REPLY].content, 100_000))
        assert [one.record.reference for one in answer.hits] == ["SLTD-1"]
        await kiosk.until_true(lambda: not post.host.mails("kiosk-1"))
        await until(lambda: not post.host.mails("gateway"))
        stop(signal.SIGTERM)
    store = await open_store(folder / "gateway.db")
    count = (await store.counts("kiosk-1")).by_tcn[message.tcn]
    assert (count.processed, count.replies) == (1, 1)
    await store.close()
    await link.close()
