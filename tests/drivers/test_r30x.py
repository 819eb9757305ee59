"""What an R30x module can do to its driver, and what the emulator answers to a host."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from drivers import registry
from drivers.address import DeviceAddress
from drivers.base import DriverError, DriverReason
from drivers.emulators.line import LossyLine, PacedLine
from drivers.emulators.pty_peer import PtyPeer
from drivers.emulators.r30x import R30xEmulator
from drivers.fingerprint import r30x_session
from drivers.fingerprint.r30x import R30xScanner
from drivers.fingerprint.r30x_frames import Acknowledgement, Command, Confirmation, Decoder, Instruction, encode
from tests.drivers.benches import until
from tests.drivers.conftest import driver_threads
from tests.drivers.pictures import on_sixteen_levels, striped


def scanner(port: Path, options: str = "") -> R30xScanner:
    return R30xScanner(DeviceAddress.parse(f"serial://{port}{options}"))


@pytest.fixture
async def module(port: Path) -> AsyncIterator[R30xEmulator]:
    async with R30xEmulator(port) as emulator:
        yield emulator


@pytest.fixture
async def device(module: R30xEmulator, port: Path) -> AsyncIterator[R30xScanner]:
    driver = scanner(port)
    await driver.open()
    yield driver
    await driver.close()


async def failure(work: asyncio.Future[object] | object) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await work  # type: ignore[misc]
    return caught.value


async def test_the_module_tells_its_parameters(module: R30xEmulator, port: Path) -> None:
    driver = scanner(port)
    info = await driver.open()
    assert info.details["packet size"] == "128 bytes"
    assert info.details["baud"] == "57600"
    await driver.close()


@pytest.mark.parametrize("packet_size", [32, 64, 128, 256])
async def test_every_packet_size_is_taken(packet_size: int, port: Path) -> None:
    async with R30xEmulator(port, packet_size=packet_size) as module:
        driver = scanner(port, "?dpi=508")
        await driver.open()
        await module.place(striped(1))
        image = await driver.capture()
        assert np.array_equal(image.pixels, on_sixteen_levels(striped(1)))
        assert image.dpi == 508
        await driver.close()


async def test_the_wait_for_lifting_ends_with_the_lifting(module: R30xEmulator, device: R30xScanner) -> None:
    await module.place(striped(1))
    await device.capture()
    lifted = asyncio.create_task(device.wait_lifted())
    looks = module.looks
    await until(lambda: module.looks >= looks + 3)
    assert not lifted.done()
    module.lift()
    await asyncio.wait_for(lifted, 2)


async def test_a_finger_that_lies_badly_is_not_lifted(module: R30xEmulator, device: R30xScanner) -> None:
    module.fail("GenImg", Confirmation.IMAGING_FAILED, times=2)
    await device.wait_lifted()
    # The two looks that failed, which the emulator does not count, did not end the wait.
    assert module.looks == 1


async def test_the_right_password_opens(port: Path) -> None:
    async with R30xEmulator(port, password=0x0123ABCD) as module:
        driver = scanner(port, "?password=0123abcd")
        info = await driver.open()
        assert "0123" not in info.address
        await module.place(striped(1))
        await driver.capture()
        await driver.close()


async def test_a_wrong_password_is_told(port: Path) -> None:
    async with R30xEmulator(port, password=0x0123ABCD):
        driver = scanner(port, "?password=1")
        error = await failure(driver.open())
        assert error.reason is DriverReason.PASSWORD
        assert "?password=" in error.advice
        assert driver_threads() == []


async def test_a_module_that_lost_power_is_given_the_password_again(port: Path) -> None:
    async with R30xEmulator(port, password=7) as module:
        driver = scanner(port, "?password=7")
        await driver.open()
        module.fail("GenImg", Confirmation.PASSWORD_NEEDED)
        await module.place(striped(1))
        assert (await driver.capture()).pixels.shape == (288, 256)
        await driver.close()


async def test_imaging_that_fails_is_tried_again(module: R30xEmulator, device: R30xScanner) -> None:
    module.fail("GenImg", Confirmation.IMAGING_FAILED, times=3)
    await module.place(striped(1))
    assert np.array_equal((await device.capture()).pixels, on_sixteen_levels(striped(1)))


async def test_an_upload_that_is_refused_once_is_asked_for_again(module: R30xEmulator, device: R30xScanner) -> None:
    module.fail("UpImage", Confirmation.IMAGE_UPLOAD_FAILED, times=2)
    await module.place(striped(1))
    assert np.array_equal((await device.capture()).pixels, on_sixteen_levels(striped(1)))
    assert module.captures == 1


async def test_an_upload_that_is_always_refused_says_why(module: R30xEmulator, device: R30xScanner) -> None:
    module.fail("UpImage", Confirmation.IMAGE_UPLOAD_FAILED, times=3)
    await module.place(striped(1))
    error = await failure(device.capture())
    assert error.reason is DriverReason.PROTOCOL
    assert "the picture cannot be sent" in error.what
    assert np.array_equal((await device.capture()).pixels, on_sixteen_levels(striped(1)))


async def test_a_picture_that_always_comes_torn_is_a_bad_image(port: Path) -> None:
    async with R30xEmulator(port, channel=LossyLine(seed=3, one_in=4_000, at_most=10**9)) as module:
        driver = scanner(port)
        await driver.open()
        await module.place(striped(1))
        error = await failure(driver.capture())
        assert error.reason is DriverReason.BAD_IMAGE
        await driver.close()


@pytest.mark.parametrize("seed", range(6))
async def test_a_few_lost_bytes_are_made_good(seed: int, port: Path) -> None:
    async with R30xEmulator(port, channel=LossyLine(seed, one_in=400, at_most=2)) as module:
        driver = scanner(port)
        await driver.open()
        await module.place(striped(seed))
        assert np.array_equal((await driver.capture()).pixels, on_sixteen_levels(striped(seed)))
        await driver.close()


async def test_unplugged_in_the_middle_of_an_upload(module: R30xEmulator, device: R30xScanner, port: Path) -> None:
    await module.place(striped(1))
    module.unplug_during_upload(after_packets=50)
    error = await failure(device.capture())
    assert error.reason is DriverReason.LOST
    assert str(port) in error.advice
    await device.close()
    await module.plug()
    await device.open()
    assert np.array_equal((await device.capture()).pixels, on_sixteen_levels(striped(1)))


async def test_a_capture_abandoned_in_the_middle_of_an_upload_does_not_harm_the_next(port: Path) -> None:
    # 1 152 000 baud: an upload takes 0.35 s, so that it is still running when the capture is abandoned.
    async with R30xEmulator(port, channel=PacedLine(1_152_000)) as module:
        driver = scanner(port)
        await driver.open()
        await module.place(striped(1))
        capture = asyncio.create_task(driver.capture())
        await until(lambda: module.uploading)
        capture.cancel()
        with pytest.raises(asyncio.CancelledError):
            await capture
        await module.place(striped(2))
        assert np.array_equal((await driver.capture()).pixels, on_sixteen_levels(striped(2)))
        await driver.close()


async def test_a_port_closed_in_the_middle_of_an_upload_opens_again(port: Path) -> None:
    async with R30xEmulator(port, channel=PacedLine(1_152_000)) as module:
        driver = scanner(port)
        await driver.open()
        await module.place(striped(1))
        capture = asyncio.create_task(driver.capture())
        await until(lambda: module.uploading)
        await driver.close()
        assert (await failure(capture)).reason is DriverReason.LOST
        await driver.open()
        assert np.array_equal((await driver.capture()).pixels, on_sixteen_levels(striped(1)))
        await driver.close()


async def test_a_size_that_only_the_module_knows_is_asked_for(port: Path) -> None:
    async with R30xEmulator(port, size=(160, 120), tells_size=True) as module:
        driver = scanner(port)
        await driver.open()
        for number in (1, 2):
            await module.place(striped(number, (160, 120)))
            image = await driver.capture()
            assert np.array_equal(image.pixels, on_sixteen_levels(striped(number, (160, 120))))
        await driver.close()


async def test_the_smaller_sensor_of_the_r503_is_known(port: Path) -> None:
    async with R30xEmulator(port, size=(192, 192)) as module:
        driver = scanner(port)
        await driver.open()
        await module.place(striped(1, (192, 192)))
        assert (await driver.capture()).pixels.shape == (192, 192)
        await driver.close()


async def test_a_size_that_nobody_knows_is_a_bad_image(port: Path) -> None:
    async with R30xEmulator(port, size=(100, 90)) as module:
        driver = scanner(port)
        await driver.open()
        await module.place(striped(1, (100, 90)))
        assert (await failure(driver.capture())).reason is DriverReason.BAD_IMAGE
        await driver.close()


async def test_a_silent_device_is_told_from_a_noisy_one(port: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(r30x_session, "ANSWER_S", 0.1)
    peer = PtyPeer(port, lambda _: None)
    await peer.plug()
    driver = scanner(port)
    error = await failure(driver.open())
    assert error.reason is DriverReason.TIMEOUT
    assert "baud" in error.advice

    # A module at another speed: what comes is bytes, but no packets.
    answers: set[asyncio.Task[bool]] = set()
    noisy = PtyPeer(port, lambda _: answers.add(asyncio.ensure_future(noisy.send(b"\x80\x00\xf8"))))
    await peer.unplug()
    await noisy.plug()
    error = await failure(driver.open())
    assert error.reason is DriverReason.PROTOCOL
    assert "baud" in error.advice
    await asyncio.gather(*answers)
    await noisy.unplug()


async def test_a_device_that_never_stops_sending_is_left(port: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(r30x_session, "ANSWER_S", 0.1)
    monkeypatch.setattr(r30x_session, "SETTLE_S", 0.3)
    peer = PtyPeer(port, lambda _: None)
    await peer.plug()

    async def babble() -> None:
        while True:
            await peer.send(b"\x55" * 64)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(babble())
    # At this speed the time that the rest of an upload may take is short.
    error = await failure(scanner(port, "?baud=921600").open())
    assert error.reason is DriverReason.PROTOCOL
    task.cancel()
    await peer.unplug()


class Host:
    """The host's end of a pty without a driver: sends raw bytes, decodes what comes."""

    def __init__(self, module: R30xEmulator) -> None:
        self._module = module

    async def ask(self, wire: bytes) -> list[object]:
        """What the module answers within a moment."""
        return await asyncio.to_thread(self._ask, wire)

    def _ask(self, wire: bytes) -> list[object]:
        import serial

        decoder = Decoder()
        with serial.Serial(str(self._module.link), 57600, timeout=0.3) as port:
            port.write(wire)
            packets: list[object] = []
            while not packets and (data := port.read(12)):
                packets += decoder.feed(data)
            return packets


async def test_the_emulator_answers_damage_and_unknown_commands_with_codes(module: R30xEmulator) -> None:
    host = Host(module)
    damaged = bytearray(encode(Command(Instruction.GEN_IMG)))
    damaged[-1] ^= 1
    assert await host.ask(bytes(damaged)) == [Acknowledgement(Confirmation.PACKET_ERROR)]
    assert await host.ask(encode(Command(0x77))) == [Acknowledgement(Confirmation.UNDEFINED)]
    assert await host.ask(encode(Command(Instruction.UP_IMAGE))) == [Acknowledgement(Confirmation.IMAGE_UPLOAD_FAILED)]
    assert await host.ask(encode(Command(Instruction.IMG2TZ, b"\x01"))) == [Acknowledgement(Confirmation.NO_IMAGE)]
    assert await host.ask(encode(Command(Instruction.SET_SYS_PARA, b"\x04\x0d"))) == [Acknowledgement(0x1B)]
    assert await host.ask(encode(Command(Instruction.SET_SYS_PARA, b"\x09\x01"))) == [Acknowledgement(0x1A)]


async def test_the_emulator_refuses_everything_until_the_password_is_given(port: Path) -> None:
    async with R30xEmulator(port, password=5) as module:
        host = Host(module)
        look = encode(Command(Instruction.GEN_IMG))
        assert await host.ask(look) == [Acknowledgement(Confirmation.PASSWORD_NEEDED)]
        wrong = encode(Command(Instruction.VFY_PWD, struct.pack(">I", 6)))
        assert await host.ask(wrong) == [Acknowledgement(Confirmation.WRONG_PASSWORD)]
        assert await host.ask(look) == [Acknowledgement(Confirmation.PASSWORD_NEEDED)]
        right = encode(Command(Instruction.VFY_PWD, struct.pack(">I", 5)))
        assert await host.ask(right) == [Acknowledgement(Confirmation.OK)]
        assert await host.ask(look) == [Acknowledgement(Confirmation.NO_FINGER)]


async def test_making_features_overwrites_the_emulators_image(module: R30xEmulator, device: R30xScanner) -> None:
    await module.place(striped(1))
    await device.capture()
    await device.close()
    host = Host(module)
    assert await host.ask(encode(Command(Instruction.IMG2TZ, b"\x01"))) == [Acknowledgement(Confirmation.OK)]
    assert module.state()["captures"] == 1


async def test_the_registry_knows_it(port: Path) -> None:
    assert isinstance(registry.scanner("r30x", f"serial://{port}"), R30xScanner)
