"""Enrolment by EST over real TLS, on both databases: who gets a certificate, who does not, and what revoking does."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hotspotd.clock import Clock
from hotspotd.errors import ProvisioningError, Reason
from hotspotd.gateway.authority import Authority
from hotspotd.gateway.enrolment.est import EstServer, enrolment_context
from hotspotd.gateway.enrolment.issuing import Issuing, Terms
from hotspotd.gateway.storage import Store, open_store
from hotspotd.gateway.storage.devices import MOST_GOOD
from hotspotd.provisioning import stick
from hotspotd.provisioning.certificates import accept, fingerprint, make_request, new_key
from hotspotd.provisioning.enrolment import Enroller
from hotspotd.provisioning.est import EstClient, authority_by_fingerprint, trusting
from hotspotd.provisioning.identity import IdentityFolder
from hotspotd.provisioning.secrets import new_secret, written
from hotspotd.relay.links.tls import client_context
from hotspotd.relay.seal import Sealer
from tests.gateway.bench import Certificates, GatewayBench, ask, put_sealed

_DAY = timedelta(days=1)


@dataclass
class Bureau:
    """An authority that issues, and its EST server."""

    store: Store
    issuing: Issuing
    authority: Authority
    server: EstServer
    ahead: list[timedelta] = field(default_factory=lambda: [timedelta()])

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.port}"

    def client(self, identity: Path | None = None) -> EstClient:
        return EstClient(self.url, trusting([self.authority.certificate], identity))


@pytest.fixture
async def bureau(place: str | Path, certificates: Certificates) -> AsyncIterator[Bureau]:
    ahead = [timedelta()]
    clock = Clock(wall=lambda: datetime.now(UTC) + ahead[0])
    folder = certificates.folder
    authority = await asyncio.to_thread(Authority.open, folder)
    context = await asyncio.to_thread(
        enrolment_context, folder / "ca.pem", folder / "gateway.pem", folder / "gateway.key"
    )
    store = await open_store(place)
    issuing = Issuing(
        authority, store.devices, certificates.trust("device"), clock, Terms(timedelta(days=90), timedelta(hours=24))
    )
    server = EstServer(issuing, [authority.certificate])
    await server.start("127.0.0.1", 0, context)
    yield Bureau(store, issuing, authority, server, ahead)
    await server.stop()
    await store.close()


def _identity(folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Path:
    path = folder / "identity.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return path


async def _refused(enrolling: object) -> Reason:
    with pytest.raises(ProvisioningError) as caught:
        await enrolling  # type: ignore[misc]
    return caught.value.reason


@pytest.mark.blocking_allowed  # Files of the test's own.
async def test_a_code_gives_a_certificate_once_which_renews_itself_until_it_is_revoked(
    bureau: Bureau, tmp_path: Path
) -> None:
    code, _ = await bureau.issuing.new_code("kiosk-9", _DAY)
    anchor = await authority_by_fingerprint(bureau.url, fingerprint(bureau.authority.certificate)[:40])
    key = new_key()
    request = make_request(key, "kiosk-9")
    async with bureau.client() as client:
        answer = await client.enrol(request, "kiosk-9", code.lower().replace("-", " "))
        again = await client.enrol(request, "kiosk-9", code)
        assert await _refused(client.enrol(make_request(new_key(), "kiosk-9"), "kiosk-9", code)) is Reason.WRONG_CODE
    assert again == answer, "an answer that was lost is given again to the same key"
    first = accept(answer, key=key.public_key(), device="kiosk-9", anchors=[anchor], now=datetime.now(UTC))

    identity, next_key = _identity(tmp_path, first.certificate, key), new_key()
    async with bureau.client(identity) as client:
        answer = await client.renew(make_request(next_key, "kiosk-9"))
        assert await _refused(client.renew(make_request(new_key(), "kiosk-8"))) is Reason.BAD_VALUE
        second = accept(answer, key=next_key.public_key(), device="kiosk-9", anchors=[anchor], now=datetime.now(UTC))
        assert second.certificate.serial_number != first.certificate.serial_number
        assert await bureau.store.devices.revoke("kiosk-9", "stolen", Clock().now().iso()) == 2
        assert await _refused(client.renew(make_request(new_key(), "kiosk-9"))) is Reason.REVOKED
    crl = x509.load_der_x509_crl((await ask(f"{bureau.url}/crl", bureau_context(bureau)))[1])
    assert crl.is_signature_valid(bureau.authority.certificate.public_key())  # type: ignore[arg-type]
    serials = {first.certificate.serial_number, second.certificate.serial_number}
    assert {entry.serial_number for entry in crl} == serials


def bureau_context(bureau: Bureau) -> ssl.SSLContext:
    return trusting([bureau.authority.certificate])


async def test_what_is_wrong_is_refused_and_the_tries_are_bounded(bureau: Bureau) -> None:
    request = make_request(new_key(), "kiosk-9")
    code, _ = await bureau.issuing.new_code("kiosk-9", _DAY)
    wrong = "0000-0000-0000-0000"
    async with bureau.client() as client:
        assert await _refused(client.enrol(make_request(new_key(), "kiosk-8"), "kiosk-9", code)) is Reason.BAD_VALUE
        tampered = bytearray(request)
        tampered[-1] ^= 1
        assert await _refused(client.enrol(bytes(tampered), "kiosk-9", code)) in (Reason.TAMPERED, Reason.BAD_VALUE)
        assert await _refused(client.enrol(request, "kiosk-8", code)) is Reason.WRONG_CODE
        assert await _refused(client.enrol(request, "kiosk-9", "no code")) is Reason.WRONG_CODE
        assert await _refused(client.renew(request)) is Reason.UNTRUSTED, "without a certificate"
        for _ in range(2):
            assert await _refused(client.enrol(request, "kiosk-9", wrong)) is Reason.WRONG_CODE
        assert await _refused(client.enrol(request, "kiosk-9", code)) is Reason.WRONG_CODE, "tried too often"
        code, _ = await bureau.issuing.new_code("kiosk-9", _DAY)
        bureau.ahead[0] = _DAY
        assert await _refused(client.enrol(request, "kiosk-9", code)) is Reason.WRONG_CODE, "expired"
        old, _ = await bureau.issuing.new_code("kiosk-9", _DAY)
        code, _ = await bureau.issuing.new_code("kiosk-9", _DAY)
        assert await _refused(client.enrol(request, "kiosk-9", old)) is Reason.WRONG_CODE, "another took its place"
    assert await _refused(authority_by_fingerprint(bureau.url, "0123456789abcdef" * 2)) is Reason.UNTRUSTED
    assert await _refused(authority_by_fingerprint(bureau.url, "0123")) is Reason.BAD_VALUE
    rows = await bureau.store.devices.all()
    assert rows == []


async def test_one_code_tried_at_once_with_two_keys_gives_one_certificate(bureau: Bureau) -> None:
    code, _ = await bureau.issuing.new_code("kiosk-9", _DAY)
    made = await asyncio.gather(
        *(bureau.issuing.enrol(make_request(new_key(), "kiosk-9"), "kiosk-9", code) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, x509.Certificate) for one in made) == 1
    assert len(await bureau.store.devices.all("kiosk-9")) == 1


async def test_a_device_that_asks_without_end_is_stopped(bureau: Bureau, certificates: Certificates) -> None:
    shown = certificates.sealer("kiosk-1").certificate
    for _ in range(MOST_GOOD - 1):  # The one that is shown is known from then on, and counts.
        await bureau.issuing.renew(make_request(new_key(), "kiosk-1"), shown)
    assert await _refused(bureau.issuing.renew(make_request(new_key(), "kiosk-1"), shown)) is Reason.CONFLICT


async def test_the_stick_need_not_be_trusted(bureau: Bureau) -> None:
    code, _ = await bureau.issuing.new_code("kiosk-9", _DAY)
    key, thief = new_key(), new_key()
    request = await asyncio.to_thread(stick.write_request, make_request(key, "kiosk-9"), "kiosk-9", code)
    assert code not in request.decode()
    assert code.replace("-", "") not in request.decode()
    swapped = json.loads(request)
    swapped["request"] = base64.b64encode(make_request(thief, "kiosk-9")).decode()
    put_in = stick.read_request_file(json.dumps(swapped).encode())
    assert await _refused(bureau.issuing.sign(put_in)) is Reason.WRONG_CODE
    certificate = await bureau.issuing.sign(stick.read_request_file(request))
    answer = stick.read_answer(stick.write_answer([certificate, bureau.authority.certificate]))
    accept(
        answer, key=key.public_key(), device="kiosk-9", anchors=[bureau.authority.certificate], now=datetime.now(UTC)
    )
    with pytest.raises(ProvisioningError) as caught:
        accept(
            answer,
            key=thief.public_key(),
            device="kiosk-9",
            anchors=[bureau.authority.certificate],
            now=datetime.now(UTC),
        )
    assert caught.value.reason is Reason.UNTRUSTED


async def test_a_revoked_certificate_is_refused_by_every_way_and_counted(
    gateway: GatewayBench, certificates: Certificates
) -> None:
    assert gateway.store is not None
    folder = certificates.folder
    kiosk = certificates.device("kiosk-1")
    assert (await ask(f"{gateway.url}/v1/status", kiosk))[0] == 200
    authority = await asyncio.to_thread(Authority.open, folder)
    issuing = Issuing(authority, gateway.store.devices, certificates.trust("device"), Clock(), Terms(_DAY, _DAY))
    other = new_key()
    renewed = await issuing.renew(make_request(other, "kiosk-1"), certificates.sealer("kiosk-1").certificate)
    serial = f"{renewed.serial_number:x}"
    assert await gateway.store.devices.revoke("kiosk-1", "stolen", Clock().now().iso(), serial) == 1

    mine = Sealer(other, renewed)
    # The connection is by a certificate that is good, the seal by the revoked one, as when a thief has both.
    status, body = await put_sealed(
        gateway.url,
        kiosk,
        b"{}",
        "S-1",
        mine.seal(
            stick_pack(b"{}"),
            kind="statistics",
            tcn="S-1",
            now=datetime.now(UTC),
            valid=timedelta(minutes=5),
            with_certificate=True,
        ),
    )
    assert (status, json.loads(body)["reason"]) == (403, "revoked")
    identity = await asyncio.to_thread(_identity, gateway.database.parent, renewed, other)
    thief = await asyncio.to_thread(client_context, folder / "ca.pem", identity, identity)
    status, body = await ask(f"{gateway.url}/v1/replies", thief)
    assert (status, json.loads(body)["reason"]) == (403, "revoked")
    assert (await ask(f"{gateway.url}/v1/status", kiosk))[0] == 200, "another certificate of its is still good"
    assert (await gateway.store.refusals())["kiosk-1"] == {"revoked": 2}
    await gateway.store.devices.revoke("kiosk-1", "stolen", Clock().now().iso())
    status, _ = await ask(f"{gateway.url}/v1/status", kiosk)
    assert status == 403, "one that was made by other means and shown for renewal goes with the others"


def stick_pack(body: bytes) -> bytes:
    from hotspotd.relay.message import pack

    return pack(body)


@pytest.mark.blocking_allowed  # Files of the test's own.
async def test_a_technician_enrols_from_the_page_and_a_wrong_code_leaves_what_is_there(
    bureau: Bureau, tmp_path: Path
) -> None:
    folder = IdentityFolder(tmp_path)
    folder.secret.write_bytes(written(new_secret()))
    folder.secret.chmod(0o600)
    enroller = Enroller(folder, "kiosk-9", Clock())
    print_of = fingerprint(bureau.authority.certificate)
    code, _ = await bureau.issuing.new_code("kiosk-9", _DAY)
    said = await enroller.enrol(bureau.url, code, print_of)
    assert folder.certificate().not_valid_after_utc.date().isoformat() in said
    before = folder.device.read_bytes()
    assert await _refused(enroller.enrol(bureau.url, "no code", print_of)) is Reason.WRONG_CODE
    assert folder.device.read_bytes() == before
