"""The emulators as the processes that demos start, told what to do through their control sockets."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivers import registry
from drivers.base import DriverError, DriverReason, SignalState
from drivers.emulators.pty_peer import PtyPeer
from tests.drivers.pictures import on_sixteen_levels, striped

ROOT = Path(__file__).resolve().parent.parent.parent


class Process:
    """A running emulator."""

    def __init__(self, link: Path, control: Path) -> None:
        self.link = link
        self._control = control

    async def do(self, what: str, **more: Any) -> dict[str, Any]:
        """Make one request and return its answer."""
        return await self.send(json.dumps({"do": what, **more}).encode())

    async def send(self, line: bytes) -> dict[str, Any]:
        """Send one line and return its answer."""
        reader, writer = await asyncio.open_unix_connection(self._control)
        writer.write(line + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()
        assert isinstance(answer, dict)
        return answer


@asynccontextmanager
async def emulator(module: str, folder: Path, *options: str) -> AsyncIterator[Process]:
    """Start the emulator, wait until it is ready, stop it as systemd would."""
    link, control = folder / "port", folder / "control"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, "--device", link, "--control", control, *options,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == f"ready {link}\n".encode()
        yield Process(link, control)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert not await asyncio.to_thread(link.is_symlink)
    assert not await asyncio.to_thread(control.exists)


async def test_a_scanner_lives_through_placing_failing_and_unplugging(tmp_path: Path) -> None:
    picture = tmp_path / "finger.png"
    await asyncio.to_thread(picture.write_bytes, cv2.imencode(".png", striped(1))[1].tobytes())
    async with emulator("drivers.emulators.r30x", tmp_path) as process:
        assert (await process.do("state"))["finger"] is False
        scanner = registry.scanner("r30x", f"serial://{process.link}")
        await scanner.open()
        assert await process.do("place", image=str(picture)) == {"ok": True}
        assert np.array_equal((await scanner.capture()).pixels, on_sixteen_levels(striped(1)))
        state = await process.do("state")
        assert (state["ok"], state["finger"], state["captures"], state["plugged"]) == (True, True, 1, True)

        assert await process.do("fail", command="UpImage", code=15, times=1) == {"ok": True}
        assert np.array_equal((await scanner.capture()).pixels, on_sixteen_levels(striped(1)))

        assert await process.do("unplug_during_upload", after_packets=20) == {"ok": True}
        with pytest.raises(DriverError) as caught:
            await scanner.capture()
        assert caught.value.reason is DriverReason.LOST
        assert (await process.do("state"))["plugged"] is False
        await scanner.close()
        assert await process.do("plug") == {"ok": True}
        await scanner.open()
        assert (await scanner.capture()).pixels.shape == (288, 256)

        assert await process.do("lift") == {"ok": True}
        await scanner.wait_lifted()
        assert await process.do("unplug") == {"ok": True}
        with pytest.raises(DriverError):
            await scanner.wait_lifted()
        await scanner.close()


async def test_a_reader_shows_documents_in_its_framing(tmp_path: Path) -> None:
    async with emulator("drivers.emulators.mrz_reader", tmp_path, "--framing", "crlf") as process:
        reader = registry.reader("mrz-serial", f"serial://{process.link}")
        await reader.open()
        assert await process.do("present", lines=["A" * 44, "B" * 44]) == {"ok": True}
        assert (await reader.read()).lines == ("A" * 44, "B" * 44)
        assert await process.do("raw", hex="02" + "43" * 36 + "0d" + "44" * 36 + "0d03") == {"ok": True}
        assert (await reader.read()).lines == ("C" * 36, "D" * 36)
        assert await process.do("unplug") == {"ok": True}
        with pytest.raises(DriverError):
            await reader.read()
        await reader.close()
        assert await process.do("plug") == {"ok": True}
        await reader.open()
        await reader.close()


async def test_a_certified_scanner_gives_its_address_and_takes_a_hand(tmp_path: Path) -> None:
    picture, control = tmp_path / "finger.png", tmp_path / "control"
    await asyncio.to_thread(picture.write_bytes, cv2.imencode(".png", striped(1))[1].tobytes())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "drivers.emulators.sbi_service", "--control", control, "--keys", tmp_path / "keys",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        ready, address = (await process.stdout.readline()).decode().split()
        assert ready == "ready"
        hand = Process(tmp_path, control)
        scanner = registry.scanner("sbi", address)
        await scanner.open()
        assert await hand.do("place", image=str(picture)) == {"ok": True}
        assert (await scanner.capture()).pixels.shape == (500, 400)
        fingers = {name: str(picture) for name in ("left_index", "left_middle", "left_ring")}
        assert await hand.do("place", images=fingers) == {"ok": True}
        assert [image.position for image in await scanner.capture_slap(14)] == [7, 8, 9]
        assert (await hand.do("state"))["captures"] == 2
        for wrong in ({"what": "dance"}, {"what": "sign", "how": "nicely"}, {"what": "place", "images": {"toe": "x"}}):
            assert (await hand.do(wrong.pop("what"), **wrong))["ok"] is False  # type: ignore[arg-type]
        assert await hand.do("lift") == {"ok": True}
        assert await hand.do("unplug") == {"ok": True}
        with pytest.raises(DriverError) as caught:
            await scanner.wait_lifted()
        assert caught.value.reason is DriverReason.LOST
        await scanner.close()
        assert await hand.do("plug") == {"ok": True}
        await scanner.open()
        await scanner.close()
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.mark.parametrize("board", ["lcus", "numato"])
async def test_a_relay_board_says_which_relays_are_on(tmp_path: Path, board: str) -> None:
    async with emulator("drivers.emulators.relay_board", tmp_path, "--board", board, "--relays", "4") as process:
        light = registry.signal("relay-board", f"serial://{process.link}?board={board}&green=1&red=3")
        await light.open()
        await light.show(SignalState.STOP)
        async with asyncio.timeout(10):
            while (await process.do("state"))["on"] != [3]:
                pass
        assert await process.do("unplug") == {"ok": True}
        with pytest.raises(DriverError):
            await light.show(SignalState.READY)
        await light.close()
        assert (await process.do("state"))["on"] == []
        assert (await process.do("dance"))["ok"] is False
        assert await process.do("plug") == {"ok": True}
        await light.open()
        await light.close()


async def test_what_cannot_be_done_is_answered_and_harms_nothing(tmp_path: Path) -> None:
    async with emulator("drivers.emulators.r30x", tmp_path) as process:
        for line in (
            b"not json",
            b"[1]",
            b"{}",
            b'{"do":"dance"}',
            b'{"do":"place"}',
            b'{"do":"place","image":"/nowhere.png"}',
            b'{"do":"fail","command":"Nothing","code":1}',
        ):
            answer = await process.send(line)
            assert answer["ok"] is False
            assert answer["error"]
        assert (await process.do("state"))["ok"] is True


async def test_the_pace_of_a_real_line_is_kept(tmp_path: Path) -> None:
    picture = tmp_path / "finger.png"
    await asyncio.to_thread(picture.write_bytes, cv2.imencode(".png", striped(1))[1].tobytes())
    async with emulator("drivers.emulators.r30x", tmp_path, "--pace-baud", "921600", "--packet-size", "256") as process:
        scanner = registry.scanner("r30x", f"serial://{process.link}")
        await scanner.open()
        await process.do("place", image=str(picture))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await scanner.capture()
        # Not a bound on speed: bytes cannot come sooner than a line of this speed carries them.
        assert loop.time() - began > 256 * 288 / 2 * 10 / 921_600
        await scanner.close()


async def test_what_is_plugged_in_while_it_is_pulled_is_there(tmp_path: Path) -> None:
    peer = PtyPeer(tmp_path / "port", lambda _: None)
    await peer.plug()
    for _ in range(50):
        await asyncio.gather(peer.unplug(), peer.plug())
        assert peer.plugged
        assert await asyncio.to_thread(peer.link.is_symlink)
    await peer.unplug()
