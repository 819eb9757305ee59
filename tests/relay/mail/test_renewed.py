"""A device's certificate is renewed, and the old one revoked, while its link by mail is open."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hotspotd.clock import Clock
from hotspotd.config import LinkSection
from hotspotd.gateway.authority import Authority
from hotspotd.gateway.enrolment.issuing import described
from hotspotd.gateway.storage.devices import How
from hotspotd.provisioning.certificates import new_key
from hotspotd.records.model import Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.base import IncomingKind
from hotspotd.relay.links.mail import MailLink
from hotspotd.relay.links.wire import Refusal
from hotspotd.relay.message import unpack
from hotspotd.relay.pace import Pacer
from hotspotd.relay.routes import Route, Routes
from hotspotd.relay.seal import Sealer
from hotspotd.relay.uplinks import Papers, open_link, take_new_identity
from tests.gateway.bench import GatewayBench
from tests.relay.mail.bench import Kiosk, Post, at_once, outgoing


def _renew(pki: Path) -> None:
    """Another key and certificate for kiosk-1, in the place of those that are there."""
    key = new_key()
    certificate = Authority.open(pki).certify("kiosk-1", key.public_key(), timedelta(days=90))
    (pki / "kiosk-1.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (pki / "kiosk-1.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _leaf(pki: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((pki / "kiosk-1.pem").read_bytes())


async def test_a_link_by_mail_goes_over_to_the_new_certificate_and_the_old_one_counts_no_more(
    gateway: GatewayBench, post: Post, tmp_path: Path
) -> None:
    assert gateway.store is not None
    pki = tmp_path / "pki"
    await asyncio.to_thread(shutil.copytree, post.folder, pki)
    papers = Papers("kiosk-1", pki / "ca.pem", pki / "kiosk-1.pem", pki / "kiosk-1.key")
    section = LinkSection(name="mail", url=post.url(poll="1"))
    link = await open_link(section, papers, post.certificates.trust("gateway"), 10.0)
    assert isinstance(link, MailLink)
    kiosk, routes = Kiosk(link), Routes([Route(link, Pacer(Rank.DECISION, None), Backoff(1.0, 60.0))])
    old = post.certificates.sealer("kiosk-1")
    leaf = await asyncio.to_thread(_leaf, pki)
    revoked = msgspec.structs.replace(
        described(leaf, "kiosk-1", How.LISTED, Clock().now()), revoked_at=Clock().now().iso(), revoked_why="renewed"
    )
    await gateway.store.devices.revoke_listed(revoked)

    await link.send(outgoing(post, 1), at_once)
    (refusal,) = await kiosk.until(IncomingKind.REFUSAL)
    assert msgspec.json.decode(unpack(refusal.content, 10_000), type=Refusal).reason == "revoked"

    await asyncio.to_thread(_renew, pki)
    sealer = await asyncio.to_thread(Sealer.load, post.folder / "kiosk-1.pem", post.folder / "kiosk-1.key")
    await take_new_identity(routes, sealer, papers)
    assert sealer.certificate != old.certificate
    await link.send(outgoing(post, 2, sealer=sealer), at_once)
    kiosk.got.clear()
    await kiosk.until_true(lambda: any(one.kind is IncomingKind.RECEIPT for one in kiosk.got))
    await link.close()
