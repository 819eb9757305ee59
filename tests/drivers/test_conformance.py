"""What every driver promises, tried on each over a clean, a slow, a lossy and a noisy line, and without any line."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.base import Device, DriverError, DriverReason
from drivers.emulators.line import KINDS, Line, UnpluggingLine, line
from tests.drivers.benches import BENCHES as PLAIN
from tests.drivers.benches import SERIAL, Bench, sense_for_ever, sense_until
from tests.drivers.chip_bench import ChipBench
from tests.drivers.conftest import driver_threads, open_files, own_threads
from tests.drivers.example_bench import ExampleBench
from tests.drivers.libfprint_bench import LibfprintBench
from tests.drivers.mrz_camera_bench import MrzCameraBench
from tests.drivers.sbi_bench import SbiBench

# In how many places of a session the cable is pulled, of devices that are listened to all the time: a relay board is
# told what to switch, and is not missed until it is told again.
_PULLS = 25
_HEARD = ("r30x", "mrz-serial")

BENCHES: dict[str, type[Bench]] = {
    **PLAIN,
    "libfprint": LibfprintBench,
    "example": ExampleBench,
    "sbi": SbiBench,
    "mrz-camera": MrzCameraBench,
    "pcsc": ChipBench,
}

every_device = pytest.mark.parametrize("bench", BENCHES, indirect=True)
serial_devices = pytest.mark.parametrize("bench", SERIAL, indirect=True)


@pytest.fixture
async def bench(request: pytest.FixtureRequest, port: Path) -> AsyncIterator[Bench]:
    made = BENCHES[request.param](port, Line())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def device(bench: Bench) -> AsyncIterator[Device]:
    """The bench's driver, open."""
    driver = bench.driver()
    await driver.open()
    yield driver
    await driver.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SERIAL)
async def test_what_is_presented_is_sensed_over_any_line(name: str, kind: str, port: Path) -> None:
    bench = BENCHES[name](port, line(kind, seed=7))
    await bench.start()
    driver = bench.driver()
    await driver.open()
    for number in (1, 2):
        if name == "r30x" or kind in ("clean", "bytes", "slow"):
            # The protocol finds damage and asks again, or there is none: the first try counts.
            await bench.present(number)
            assert await bench.sense(driver) == number
        else:
            await sense_until(bench, driver, number)
    await driver.close()
    await bench.stop()


@every_device
async def test_a_device_says_who_it_is(bench: Bench) -> None:
    driver = bench.driver()
    info = await driver.open()
    assert info.driver
    assert str(bench.port) in info.address
    assert info.model
    await driver.close()


@every_device
async def test_what_comes_while_a_call_waits_ends_the_wait(bench: Bench, device: Device) -> None:
    waiting = asyncio.create_task(bench.sense(device))
    await bench.present(3)
    assert await waiting == 3


@every_device
async def test_a_cancelled_call_leaves_the_device_usable(bench: Bench, device: Device) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await bench.sense(device)
    await bench.present(4)
    assert await bench.sense(device) == 4


@every_device
async def test_closing_ends_a_waiting_call(bench: Bench, device: Device) -> None:
    waiting = asyncio.create_task(bench.sense(device))
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await device.close()
        with pytest.raises(DriverError) as caught:
            await waiting
    assert caught.value.reason is DriverReason.LOST
    assert driver_threads() == []


@every_device
async def test_an_unplugged_device_is_lost_and_comes_back(bench: Bench, device: Device) -> None:
    await bench.present(1)
    assert await bench.sense(device) == 1
    await bench.unplug()
    with pytest.raises(DriverError) as caught:
        await asyncio.wait_for(sense_for_ever(bench, device), 5)
    assert caught.value.reason is DriverReason.LOST
    assert str(bench.port) in str(caught.value)
    assert caught.value.advice
    await device.close()
    with pytest.raises(DriverError) as caught:
        await device.open()
    assert caught.value.reason is DriverReason.ABSENT
    await bench.plug()
    await device.open()
    await bench.present(2)
    assert await bench.sense(device) == 2


@every_device
async def test_an_absent_device_is_named(bench: Bench) -> None:
    await bench.unplug()
    driver = bench.driver()
    with pytest.raises(DriverError) as caught:
        await driver.open()
    assert caught.value.reason is DriverReason.ABSENT
    assert str(bench.port) in caught.value.what
    await driver.close()
    await bench.plug()


@serial_devices
async def test_a_port_that_another_program_has_is_busy(bench: Bench, device: Device) -> None:
    second = bench.driver()
    with pytest.raises(DriverError) as caught:
        await second.open()
    assert caught.value.reason is DriverReason.BUSY
    await second.close()
    await device.close()
    await second.open()
    await second.close()


@pytest.mark.parametrize("name", SERIAL)
async def test_a_file_is_no_serial_port(name: str, port: Path) -> None:
    await asyncio.to_thread(port.write_text, "text")
    driver = BENCHES[name](port, Line()).driver()
    with pytest.raises(DriverError) as caught:
        await driver.open()
    assert caught.value.reason is DriverReason.BAD_ADDRESS
    await driver.close()


@every_device
async def test_closing_twice_or_unopened_is_harmless(bench: Bench) -> None:
    driver = bench.driver()
    await driver.close()
    await driver.open()
    await driver.close()
    await driver.close()
    with pytest.raises(DriverError) as caught:
        await asyncio.wait_for(bench.sense(driver), 2)
    assert caught.value.reason is DriverReason.LOST
    await driver.close()


@pytest.mark.timeout(600)
@every_device
async def test_many_reconnects_leave_nothing_behind(bench: Bench, request: pytest.FixtureRequest) -> None:
    """500, or as many as the bench's pace allows in every run; ``--reconnects`` says how many for all."""
    reconnects = request.config.getoption("--reconnects") or bench.reconnects
    pictures_every = max(1, reconnects // 5)
    driver = bench.driver()
    await driver.open()
    await bench.present(5)
    await driver.close()
    await bench.settle()
    before, threads = await asyncio.to_thread(open_files), own_threads()
    for turn in range(reconnects):
        await driver.open()
        if turn % pictures_every == 0:
            number = turn // pictures_every
            await bench.present(number)
            assert await bench.sense(driver) == number
        await driver.close()
    await bench.settle()
    assert await asyncio.to_thread(open_files) == before
    assert own_threads() == threads


class PulledCable:
    """A serial bench whose line drops at one byte of a session, of opening and of sensing one thing."""

    def __init__(self, name: str, port: Path, drops_at: int | None) -> None:
        self.line = UnpluggingLine(drops_at, self._pull)
        self.bench = BENCHES[name](port, self.line)
        self._pulling: asyncio.Task[None] | None = None

    def _pull(self) -> None:
        self._pulling = asyncio.create_task(self.bench.unplug())

    async def session(self, number: int) -> int:
        """Open, sense ``number``, close. Raises what the driver does, which is closed then as well."""
        driver = self.bench.driver()
        try:
            await driver.open()
            await self.bench.present(number)
            return await self.bench.sense(driver)
        finally:
            await driver.close()

    async def back(self) -> None:
        """Plug it in again, for good."""
        if self._pulling is not None:
            await self._pulling
        self.line.mend()
        await self.bench.plug()


@pytest.mark.parametrize("name", [name for name in SERIAL if name in _HEARD])
async def test_a_cable_pulled_at_any_byte_of_a_session_is_a_lost_device_that_comes_back(name: str, port: Path) -> None:
    whole = PulledCable(name, port, None)
    await whole.bench.start()
    assert await whole.session(1) == 1
    await whole.bench.stop()
    chance = random.Random(5)
    before = await asyncio.to_thread(open_files)
    for place in (1, *(chance.randrange(whole.line.passed) for _ in range(_PULLS))):
        pulled = PulledCable(name, port, place)
        await pulled.bench.start()
        with pytest.raises(DriverError) as caught:
            async with asyncio.timeout(20):
                await pulled.session(1)
        assert caught.value.reason in {DriverReason.LOST, DriverReason.ABSENT}, f"pulled at byte {place}"
        assert caught.value.advice
        await pulled.back()
        assert await pulled.session(2) == 2
        await pulled.bench.stop()
    assert await asyncio.to_thread(open_files) == before
    assert driver_threads() == []
