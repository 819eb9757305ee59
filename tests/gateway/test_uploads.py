"""Messages in parts: tus 1.0 as any client speaks it, and the seal that the whole message must carry."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec
import pytest

from hotspotd.clock import Stamp
from hotspotd.errors import RelayError
from hotspotd.gateway.uploads.files import Upload, UploadFiles
from hotspotd.relay.compose import compose_nps
from hotspotd.relay.links.wire import SEAL_HEADER, TUS, TUS_VERSION, Refusal, check_receipt, digest
from hotspotd.relay.message import pack, unpack
from tests.gateway.bench import Certificates, GatewayBench, ask, put
from tests.relay.travellers import ORIGIN, encounter

NOW = Stamp(datetime(2026, 11, 22, 12, 0, tzinfo=UTC), trusted=True)
ENCOUNTER = encounter(pictures=False)
BODY = compose_nps(ENCOUNTER, ORIGIN, NOW, "IMM")
TCN = ENCOUNTER.tcn
CONTENT = pack(BODY)
OCTETS = {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def kiosk(certificates: Certificates) -> ssl.SSLContext:
    return certificates.device("kiosk-1")


def creation(content: bytes = CONTENT, tcn: str = TCN, sha256: str = digest(BODY)) -> dict[str, str]:
    said = (("tcn", tcn), ("sha256", sha256))
    return {
        TUS: TUS_VERSION,
        "Upload-Length": str(len(content)),
        "Upload-Metadata": ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said),
    }


def sealed(gateway: GatewayBench, content: bytes = CONTENT, *, device: str = "kiosk-1", age_s: float = 0) -> str:
    now = datetime.now(UTC) - timedelta(seconds=age_s)
    sealer = gateway.certificates.sealer(device)
    return sealer.seal(content, kind="transaction", tcn=TCN, now=now, valid=timedelta(minutes=5))


class Client:
    """A tus client: what it is told is what it knows."""

    def __init__(self, gateway: GatewayBench, context: ssl.SSLContext) -> None:
        self.gateway = gateway
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        url = f"{self.gateway.url}{path}"
        async with self.session.request(method, url, headers=headers, data=body) as response:
            return response.status, dict(response.headers), await response.read()

    async def begin(self) -> tuple[str, int]:
        status, headers, _ = await self.request("POST", "/v1/uploads", creation())
        assert status == 201
        return headers["Location"], int(headers["Upload-Offset"])

    async def go_on(self, place: str, offset: int, data: bytes, seal: str = "") -> tuple[int, dict[str, str], bytes]:
        headers = {TUS: TUS_VERSION, "Upload-Offset": str(offset), SEAL_HEADER: seal} | OCTETS
        return await self.request("PATCH", place, headers, data)


@pytest.fixture
async def client(gateway: GatewayBench, kiosk: ssl.SSLContext) -> AsyncIterator[Client]:
    made = Client(gateway, kiosk)
    yield made
    await made.session.close()


async def test_a_message_in_parts_is_receipted_when_it_is_whole(client: Client) -> None:
    place, offset = await client.begin()
    assert offset == 0
    for end in (100, 250):
        status, headers, _ = await client.go_on(place, offset, CONTENT[offset:end])
        offset = int(headers["Upload-Offset"])
        assert (status, offset) == (204, end)
    status, headers, _ = await client.request("HEAD", place, {TUS: TUS_VERSION})
    assert (status, headers["Upload-Offset"], headers["Upload-Length"]) == (200, "250", str(len(CONTENT)))
    assert headers["Cache-Control"] == "no-store"
    status, headers, body = await client.go_on(place, offset, CONTENT[offset:], sealed(client.gateway))
    assert status == 200
    assert headers[SEAL_HEADER]
    assert check_receipt(unpack(body, 10_000), TCN, BODY).device == "kiosk-1"


async def test_to_begin_again_says_how_much_is_there(client: Client) -> None:
    place, _ = await client.begin()
    await client.go_on(place, 0, CONTENT[:300])
    assert await client.begin() == (place, 300)
    await client.go_on(place, 300, CONTENT[300:], sealed(client.gateway))
    status, headers, body = await client.request("POST", "/v1/uploads", creation())
    assert status == 200
    assert headers["Upload-Offset"] == str(len(CONTENT))
    check_receipt(unpack(body, 10_000), TCN, BODY)


async def test_what_arrived_before_the_line_broke_is_kept(
    gateway: GatewayBench, client: Client, kiosk: ssl.SSLContext
) -> None:
    place, _ = await client.begin()
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=kiosk)
    head = f"PATCH {place} HTTP/1.1\r\nHost: g\r\n{TUS}: 1.0.0\r\nUpload-Offset: 0\r\n"
    head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
    writer.write(head.encode() + CONTENT[:777])
    await writer.drain()
    writer.close()
    while (await client.begin())[1] != 777:  # noqa: ASYNC110  # The gateway notices in its own time.
        await asyncio.sleep(0)


async def test_how_far_it_is_stays_true_whatever_an_earlier_request_still_brings(
    gateway: GatewayBench, client: Client, kiosk: ssl.SSLContext
) -> None:
    """What that one has in hand is written, and then it has ended."""
    place, _ = await client.begin()
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=kiosk)
    head = f"PATCH {place} HTTP/1.1\r\nHost: g\r\n{TUS}: 1.0.0\r\nUpload-Offset: 0\r\n"
    head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
    writer.write(head.encode() + CONTENT[:200])
    await writer.drain()
    offsets = [(await client.begin())[1] for _ in range(5)]
    # Once an offset was told, nothing of the earlier request comes after it.
    offset = offsets[-1]
    assert set(offsets[offsets.index(offset) :]) == {offset} <= {0, 200}
    status, _, body = await client.go_on(place, offset, CONTENT[offset:], sealed(gateway))
    assert status == 200
    check_receipt(unpack(body, 10_000), TCN, BODY)
    writer.transport.abort()


async def test_the_later_of_two_requests_for_one_message_wins(
    gateway: GatewayBench, client: Client, kiosk: ssl.SSLContext
) -> None:
    """The earlier one belongs to a connection that is half open."""
    place, _ = await client.begin()
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=kiosk)
    head = f"PATCH {place} HTTP/1.1\r\nHost: g\r\n{TUS}: 1.0.0\r\nUpload-Offset: 0\r\n"
    head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
    writer.write(head.encode())
    await writer.drain()
    status, _, body = await client.go_on(place, 0, CONTENT, sealed(gateway))
    assert status == 200
    check_receipt(unpack(body, 10_000), TCN, BODY)
    writer.transport.abort()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({TUS: "0.2.2"}, 412),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "x"}, 400),
        ({"Upload-Length": "99999999"}, 413),
        ({"Upload-Metadata": ""}, 422),
        ({"Upload-Metadata": "tcn !,sha256 !"}, 400),
        ({"Upload-Metadata": "tcn VVRPMQ==,sha256 VVRPMQ=="}, 400),
        ({"Upload-Metadata": "tcn Li4vLi4v,sha256 VVRPMQ=="}, 422),
    ],
)
async def test_what_is_no_creation_is_refused(client: Client, headers: dict[str, str], status: int) -> None:
    got, _, body = await client.request("POST", "/v1/uploads", creation() | headers)
    assert got == status
    assert msgspec.json.decode(body, type=Refusal).what


async def test_what_does_not_go_on_is_refused(client: Client) -> None:
    place, _ = await client.begin()
    status, _, refusal = await client.go_on(place, 5, CONTENT[5:])
    # Another reason than a number that is taken: what is refused so is asked after, and not set aside.
    assert (status, msgspec.json.decode(refusal, type=Refusal).reason) == (409, "wrong_offset")
    assert (await client.go_on(place, 0, CONTENT + b"more"))[0] == 422
    assert (await client.go_on("/v1/uploads/0000", 0, CONTENT))[0] == 404
    headers = {TUS: TUS_VERSION, "Upload-Offset": "0", "Content-Type": "text/plain"}
    assert (await client.request("PATCH", place, headers, CONTENT))[0] == 415
    assert (await client.begin())[1] <= len(CONTENT)


async def test_another_device_sees_nothing_of_it(
    gateway: GatewayBench, client: Client, certificates: Certificates
) -> None:
    place, _ = await client.begin()
    await client.go_on(place, 0, CONTENT[:100])
    other = Client(gateway, certificates.device("kiosk-2"))
    assert (await other.request("HEAD", place, {TUS: TUS_VERSION}))[0] == 404
    assert (await other.begin())[1] == 0
    await other.session.close()


async def test_options_say_what_is_understood(client: Client) -> None:
    status, headers, _ = await client.request("OPTIONS", "/v1/uploads", {})
    assert (status, headers["Tus-Version"]) == (204, "1.0.0")
    assert headers["Tus-Max-Size"] == str(client.gateway.config.limits.transaction_bytes)
    assert set(headers["Tus-Extension"].split(",")) == {"creation", "creation-with-upload", "expiration"}


async def refused(gateway: GatewayBench, kiosk: ssl.SSLContext, seal: str, body: bytes = BODY) -> tuple[int, str]:
    status, answer = await put(gateway, kiosk, body, TCN, seal=seal)
    return status, msgspec.json.decode(answer, type=Refusal).reason


async def test_what_is_not_sealed_by_its_sender_for_its_content_now_and_once_is_refused_and_counted(
    gateway: GatewayBench, kiosk: ssl.SSLContext, strangers: Certificates
) -> None:
    tampered = BODY.replace(b"ANNA", b"ANNI")
    seal = sealed(gateway)
    stranger = strangers.sealer("kiosk-1").seal(
        CONTENT, kind="transaction", tcn=TCN, now=datetime.now(UTC), valid=timedelta(minutes=5), with_certificate=True
    )
    assert await refused(gateway, kiosk, "") == (422, "unsigned")
    assert await refused(gateway, kiosk, seal, tampered) == (422, "tampered")
    assert await refused(gateway, kiosk, "a..b") == (422, "tampered")
    assert await refused(gateway, kiosk, sealed(gateway, age_s=3600)) == (422, "stale")
    assert await refused(gateway, kiosk, sealed(gateway, age_s=-3600)) == (422, "stale")
    assert await refused(gateway, kiosk, stranger) == (422, "untrusted")
    assert await refused(gateway, kiosk, sealed(gateway, device="kiosk-2")) == (422, "untrusted")
    assert (await put(gateway, kiosk, BODY, TCN, seal=seal))[0] == 200
    assert await refused(gateway, kiosk, seal) == (422, "replayed")
    assert gateway.store
    counts = await gateway.store.counts("kiosk-1")
    assert counts.refused == {"unsigned": 1, "tampered": 2, "stale": 2, "untrusted": 2, "replayed": 1}
    assert counts.transactions == 1


async def test_a_copy_under_a_new_seal_is_no_replay(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    first, second = [await put(gateway, kiosk, BODY, TCN) for _ in range(2)]
    assert first == second
    assert first[0] == 200


async def test_a_message_for_another_number_or_of_another_kind_is_refused(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    status, body = await put(gateway, kiosk, BODY, "UTO-OTHER")
    assert (status, msgspec.json.decode(body, type=Refusal).reason) == (422, "bad_transaction")
    status, body = await put(gateway, kiosk, BODY, TCN, kind="greeting")
    assert (status, msgspec.json.decode(body, type=Refusal).reason) == (422, "bad_transaction")


async def test_the_gateways_certificate_is_given_to_devices(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    status, body = await ask(f"{gateway.url}/v1/certificate", kiosk)
    assert (status, body) == (200, gateway.certificates.sealer("gateway").certificate)


def upload(number: int = 1, length: int = 10) -> Upload:
    return Upload("kiosk-1", f"UTO{number}", length, "0" * 64)


def test_uploads_are_bounded_in_number_and_bytes_and_time(tmp_path: Path) -> None:
    files = UploadFiles(tmp_path / "uploads", 100_000)
    with pytest.raises(RelayError, match="no room"):
        files.begin(upload(length=100_001))
    for number in range(256):
        files.begin(upload(number))
    with pytest.raises(RelayError, match="begun already"):
        files.begin(upload(256))
    files.begin(replace_device(upload()))
    assert files.clear_old() == 0
    for path in (tmp_path / "uploads").iterdir():
        os.utime(path, (0, 0))
    assert files.clear_old() == 257
    assert files.begin(upload(256)) == 0


def replace_device(one: Upload) -> Upload:
    return Upload("kiosk-2", one.tcn, one.length, one.sha256)


async def test_reports_are_taken_and_not_answered(gateway: GatewayBench, kiosk: ssl.SSLContext) -> None:
    status, raw = await put(gateway, kiosk, b'{"encounters": 3}', "UTO-S1", kind="statistics")
    assert status == 200
    check_receipt(raw, "UTO-S1", b'{"encounters": 3}')
    assert (await ask(f"{gateway.url}/v1/replies?wait=0", kiosk))[1] == b'{"replies":[]}'
