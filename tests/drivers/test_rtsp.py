"""A network camera over RTSP, against a server of RTP packets, through the real OpenCV."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from drivers import registry
from drivers.base import DriverError, DriverReason
from tests.drivers.pictures import striped
from tests.drivers.rtsp_server import RtspServer

PICTURE = striped(1)


@pytest.fixture
async def server() -> AsyncIterator[RtspServer]:
    made = RtspServer(PICTURE)
    await made.start()
    yield made
    await made.stop()


async def refused(address: str) -> DriverError:
    camera = registry.camera("rtsp", address)
    with pytest.raises(DriverError) as caught:
        await camera.open()
    await camera.close()
    return caught.value


async def test_pictures_come_as_rgb(server: RtspServer) -> None:
    camera = registry.camera("rtsp", f"rtsp://me:secret@127.0.0.1:{server.port}/stream?key=hidden")
    info = await camera.open()
    first = await camera.newest()
    later = await camera.newest(first.sequence)
    await camera.close()
    assert info.details == {"picture": "256 x 288"}
    assert info.address == f"rtsp://127.0.0.1:{server.port}/stream?..."
    assert np.abs(first.pixels.astype(int) - PICTURE[:, :, None]).mean() < 8
    assert later.captured_at > first.captured_at


@pytest.mark.parametrize("refusal", ["404 Not Found", "453 Not Enough Bandwidth", "500 Internal Server Error"])
async def test_a_refusal_is_told_without_the_password(
    server: RtspServer, refusal: str, capfd: pytest.CaptureFixture[str]
) -> None:
    server.refuse = refusal
    error = await refused(f"rtsp://me:secret@127.0.0.1:{server.port}/stream#limit=2")
    assert error.reason is DriverReason.PROTOCOL
    assert "secret" not in str(error)
    assert "secret" not in "".join(capfd.readouterr())  # FFmpeg has words of its own on standard error.


async def test_a_server_that_never_answers_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    error = await refused(f"rtsp://127.0.0.1:{port}/stream#limit=0.5")
    assert error.reason is DriverReason.PROTOCOL
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "wrong", ["http://host/", "rtsp:///stream", "rtsp://host/#limit=0", "rtsp://host/#transport=udp"]
)
def test_a_wrong_address_is_refused(wrong: str) -> None:
    with pytest.raises(DriverError) as caught:
        registry.camera("rtsp", wrong)
    assert caught.value.reason is DriverReason.BAD_ADDRESS
