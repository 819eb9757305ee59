"""Keys for mail once for all tests; a mail host for each that asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotspotd.gateway.authority import Authority
from tests.gateway.bench import Certificates, GatewayBench, NumberSearch, make_certificates
from tests.relay.mail.bench import Post, identity
from tests.relay.mail.host import PASSWORD, MailHost

ACCOUNTS = ("gateway", "kiosk-1", "kiosk-2")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return with_mail(make_certificates(tmp_path_factory.mktemp("authority")))


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return with_mail(make_certificates(tmp_path_factory.mktemp("strangers")))


def with_mail(certificates: Certificates) -> Certificates:
    authority = Authority.open(certificates.folder)
    for name in ACCOUNTS:
        authority.issue_mail(name)
        login = certificates.folder / f"{name}.login"
        login.write_text(f"{name}\n{PASSWORD}\n")
        login.chmod(0o600)
        identity(certificates.folder, name)
    return certificates


@pytest.fixture
async def host(certificates: Certificates) -> AsyncIterator[MailHost]:
    mail_host = MailHost((certificates.folder / "gateway.pem", certificates.folder / "gateway.key"), ACCOUNTS)
    await mail_host.start()
    yield mail_host
    await mail_host.stop()


@pytest.fixture
def post(host: MailHost, certificates: Certificates) -> Post:
    return Post(host, certificates)


@pytest.fixture
async def gateway(tmp_path: Path, post: Post) -> AsyncIterator[GatewayBench]:
    bench = await asyncio.to_thread(GatewayBench, tmp_path / "gateway.db", post.certificates, NumberSearch())
    bench.doors.append(await post.door())
    await bench.start()
    yield bench
    await bench.stop()
