"""A network camera over a real HTTP server that is slow, torn, hostile, or hangs up."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from drivers import registry
from drivers.base import DriverError, DriverReason
from tests.drivers.mjpeg_server import HEAD, MjpegServer, jpeg, part
from tests.drivers.pictures import striped

PICTURE = jpeg(striped(1, (48, 64)))


@pytest.fixture
async def server() -> AsyncIterator[MjpegServer]:
    made = MjpegServer(PICTURE)
    await made.start()
    yield made
    await made.stop()


async def refused(address: str) -> DriverError:
    camera = registry.camera("http-mjpeg", address)
    with pytest.raises(DriverError) as caught:
        await camera.open()
    await camera.close()
    return caught.value


def address(server: MjpegServer, limit: float = 5) -> str:
    return f"http://127.0.0.1:{server.port}/video#limit={limit}"


async def test_pictures_come_as_rgb_with_the_time_of_their_arrival(server: MjpegServer) -> None:
    camera = registry.camera("http-mjpeg", address(server))
    info = await camera.open()
    assert (info.model, info.details["picture"]) == ("test camera", "64 x 48")
    first = await camera.newest()
    later = await camera.newest(first.sequence)
    await camera.close()
    assert first.pixels.shape == (48, 64, 3)
    assert first.pixels.dtype == np.uint8
    assert np.abs(first.pixels[:, :, 0].astype(int) - striped(1, (48, 64))).mean() < 5
    assert later.captured_at > first.captured_at


async def test_one_byte_at_a_time_gives_the_same_picture(server: MjpegServer) -> None:
    server.piece = 1
    camera = registry.camera("http-mjpeg", address(server, 30))
    await camera.open()
    assert np.abs((await camera.newest()).pixels[:, :, 0].astype(int) - striped(1, (48, 64))).mean() < 5
    await camera.close()


async def test_only_the_newest_of_many_pictures_is_given(server: MjpegServer) -> None:
    newest = jpeg(np.full((48, 64, 3), 250, np.uint8))
    server.script = part(PICTURE) * 20 + part(newest)
    camera = registry.camera("http-mjpeg", address(server))
    await camera.open()
    async with asyncio.timeout(5):
        frame = await camera.newest()
        while frame.pixels.mean() < 245:
            frame = await camera.newest(frame.sequence)
    assert frame.sequence < 20
    await camera.close()


async def test_what_cannot_be_decoded_is_skipped_with_one_warning(
    server: MjpegServer, caplog: pytest.LogCaptureFixture
) -> None:
    torn = part(PICTURE[: len(PICTURE) // 2])
    server.script = torn * 3 + part(b"no picture") + b"noise" * 1000
    server.piece = 700
    camera = registry.camera("http-mjpeg", address(server, 0.5))
    with caplog.at_level(logging.WARNING):
        await camera.open()
        with pytest.raises(DriverError) as caught:
            await camera.newest()
    assert caught.value.reason is DriverReason.TIMEOUT
    assert len([record for record in caplog.records if "cannot be decoded" in record.getMessage()]) == 1
    await camera.close()


async def test_a_huge_part_is_refused_before_it_is_read(server: MjpegServer) -> None:
    server.script = b"--frame\r\nContent-Length: 4000000000\r\n\r\n"
    assert (await refused(address(server))).reason is DriverReason.PROTOCOL


async def test_a_picture_that_claims_to_be_huge_is_not_decoded(server: MjpegServer) -> None:
    at = PICTURE.index(b"\xff\xc0")
    server.script = part(PICTURE[: at + 5] + b"\xff\xff\xff\xff" + PICTURE[at + 9 :])
    camera = registry.camera("http-mjpeg", address(server, 0.3))
    await camera.open()
    with pytest.raises(DriverError) as caught:
        await camera.newest()
    assert caught.value.reason is DriverReason.TIMEOUT
    await camera.close()


async def test_a_camera_that_hangs_up_is_lost(server: MjpegServer) -> None:
    server.script, server.hang_up = part(PICTURE), True
    camera = registry.camera("http-mjpeg", address(server))
    try:
        await camera.open()
        with pytest.raises(DriverError) as caught:
            await camera.newest(10)
    finally:
        await camera.close()
    assert caught.value.reason is DriverReason.LOST
    server.script = None
    await camera.open()
    await camera.newest()
    await camera.close()


@pytest.mark.parametrize("script", [b"", part(PICTURE)[:-30]])
async def test_a_camera_that_hangs_up_before_its_first_picture_is_not_opened(
    server: MjpegServer, script: bytes
) -> None:
    server.script, server.hang_up = script, True
    assert (await refused(address(server))).reason is DriverReason.LOST


async def test_a_camera_that_stays_silent_is_a_timeout(server: MjpegServer) -> None:
    server.script = b""
    assert (await refused(address(server, 0.2))).reason is DriverReason.TIMEOUT
    server.head = b"HTTP/1.0 200 OK\r\n"
    assert (await refused(address(server, 0.2))).reason is DriverReason.TIMEOUT


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("401 Unauthorized", DriverReason.PASSWORD),
        ("403 Forbidden", DriverReason.DENIED),
        ("503 Service Unavailable", DriverReason.BUSY),
        ("404 Not Found", DriverReason.PROTOCOL),
        ("302 Found", DriverReason.PROTOCOL),
    ],
)
async def test_a_refusal_is_told_by_its_cause(server: MjpegServer, status: str, reason: DriverReason) -> None:
    server.head, server.script = f"HTTP/1.0 {status}\r\n\r\n".encode(), b""
    error = await refused(address(server))
    assert error.reason is reason
    assert error.advice


@pytest.mark.parametrize("challenge", [b'Basic realm="camera"', b'Digest realm="camera", nonce="1", algorithm=SHA-512'])
async def test_a_password_is_told_only_to_who_asks_for_it_in_a_known_way(server: MjpegServer, challenge: bytes) -> None:
    server.challenge = b"WWW-Authenticate: " + challenge
    place = f"//127.0.0.1:{server.port}/video"
    assert (await refused(f"http:{place}")).reason is DriverReason.PASSWORD
    if challenge.startswith(b"Digest"):
        assert (await refused(f"http:{place.replace('//', '//me:secret@')}")).reason is DriverReason.PASSWORD
    assert not any(b"Authorization" in asked for asked in server.asked)


async def test_digest_is_preferred_to_telling_the_password(server: MjpegServer) -> None:
    server.challenge = (
        b'WWW-Authenticate: Basic realm="camera"\r\n'
        b'WWW-Authenticate: Digest realm="camera", nonce="abc", qop="auth,auth-int", opaque="x"'
    )
    camera = registry.camera("http-mjpeg", f"http://me:secret@127.0.0.1:{server.port}/video?a=b")
    await camera.open()
    await camera.close()
    asked = server.asked[-1].decode()
    assert 'Authorization: Digest username="me", realm="camera", nonce="abc", uri="/video?a=b"' in asked
    assert "secret" not in asked


async def test_the_question_carries_path_query_and_password_and_no_log_does(server: MjpegServer) -> None:
    server.challenge = b'WWW-Authenticate: Basic realm="camera"'
    camera = registry.camera("http-mjpeg", f"http://me:s%3Acret@127.0.0.1:{server.port}/a%20b?key=hidden#limit=5")
    info = await camera.open()
    await camera.close()
    asked = server.asked[1].decode()
    assert asked.startswith("GET /a%20b?key=hidden HTTP/1.0\r\n")
    assert "Authorization: Basic bWU6czpjcmV0\r\n" in asked
    assert "limit" not in asked
    assert info.address == f"http://127.0.0.1:{server.port}/a%20b?...#limit=5"


async def test_chunked_parts_are_taken(server: MjpegServer) -> None:
    server.head = HEAD.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    body = part(PICTURE)
    server.script = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + 99]), body[at : at + 99]) for at in range(0, len(body), 99)
    )
    camera = registry.camera("http-mjpeg", address(server))
    await camera.open()
    assert (await camera.newest()).pixels.shape == (48, 64, 3)
    await camera.close()


async def test_an_https_camera_is_checked_against_its_certificate(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "camera.pem"
    done = await asyncio.to_thread(
        subprocess.run,
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key),
         "-out", str(certificate)],
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = MjpegServer(PICTURE, tls=context)
    await server.start()
    place = f"https://127.0.0.1:{server.port}/video"
    assert (await refused(place)).reason is DriverReason.DENIED
    camera = registry.camera("http-mjpeg", f"{place}#ca={certificate}")
    assert (await camera.open()).details["transport"] == "TLS"
    first = await camera.newest()
    await camera.newest(first.sequence + 2)
    await camera.close()
    await server.stop()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("http:///video", "without a host"),
        ("http://host:port/", "cannot be read"),
        ("http://host/#limt=5", "'limt'"),
        ("rtsp://host/", "http:// or https://"),
    ],
)
def test_a_wrong_address_is_refused(wrong: str, told: str) -> None:
    with pytest.raises(DriverError) as caught:
        registry.camera("http-mjpeg", wrong)
    assert caught.value.reason is DriverReason.BAD_ADDRESS
    assert told in str(caught.value)
