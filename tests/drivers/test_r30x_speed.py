"""Modules at another speed than the configured one, and modules that are made faster."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from drivers.address import DeviceAddress
from drivers.base import DriverError, DriverReason
from drivers.emulators.r30x import R30xEmulator
from drivers.fingerprint import r30x_session
from drivers.fingerprint.r30x import R30xScanner
from drivers.fingerprint.r30x_frames import Confirmation
from tests.drivers.benches import until
from tests.drivers.pictures import on_sixteen_levels, striped

_SENSOR = (192, 192)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    # The emulator answers at once, and what it does not hear is asked for several times.
    monkeypatch.setattr(r30x_session, "ANSWER_S", 0.2)


def scanner(port: Path, options: str = "") -> R30xScanner:
    return R30xScanner(DeviceAddress.parse(f"serial://{port}{options}"))


async def works(module: R30xEmulator, driver: R30xScanner) -> None:
    await module.place(striped(1, _SENSOR))
    assert np.array_equal((await driver.capture()).pixels, on_sixteen_levels(striped(1, _SENSOR)))


@pytest.mark.parametrize("baud", [9_600, 19_200, 38_400, 57_600, 115_200])
async def test_a_module_at_any_speed_is_found_and_left_at_it(baud: int, port: Path) -> None:
    async with R30xEmulator(port, size=_SENSOR, baud=baud) as module:
        driver = scanner(port)
        assert (await driver.open()).details["baud"] == str(baud)
        await works(module, driver)
        await driver.close()
        assert module.baud == baud


async def test_a_module_that_nobody_hears_is_told_as_before(port: Path) -> None:
    # At a speed that no adapter has.
    async with R30xEmulator(port, baud=48_000):
        with pytest.raises(DriverError) as caught:
            await scanner(port).open()
        assert caught.value.reason is DriverReason.TIMEOUT


async def test_a_wrong_password_is_told_at_any_speed(port: Path) -> None:
    async with R30xEmulator(port, baud=115_200, password=7):
        with pytest.raises(DriverError) as caught:
            await scanner(port).open()
        assert caught.value.reason is DriverReason.PASSWORD


@pytest.mark.parametrize(("taken", "wanted", "became"), [(115_200, 115_200, 115_200), (57_600, 115_200, 57_600)])
async def test_the_highest_speed_that_the_module_takes_is_used_and_set_back(
    taken: int, wanted: int, became: int, port: Path
) -> None:
    async with R30xEmulator(port, size=_SENSOR, baud=9_600, fastest=taken) as module:
        driver = scanner(port, f"?baud=9600&fastest={wanted}")
        for _ in range(2):
            assert (await driver.open()).details["baud"] == str(became)
            assert module.baud == became
            await works(module, driver)
            await driver.close()
            assert module.baud == 9_600


async def test_a_module_left_fast_by_a_killed_daemon_is_found_and_set_back(port: Path) -> None:
    async with R30xEmulator(port, size=_SENSOR, baud=115_200) as module:
        driver = scanner(port, "?fastest=115200")
        assert (await driver.open()).details["baud"] == "115200"
        await works(module, driver)
        await driver.close()
        assert module.baud == 57_600


async def test_a_module_that_says_yes_and_stays_as_it_was_goes_on(port: Path) -> None:
    async with R30xEmulator(port, size=_SENSOR, baud=57_600) as module:
        module.fail("SetSysPara", Confirmation.OK)
        driver = scanner(port, "?fastest=115200")
        assert (await driver.open()).details["baud"] == "57600"
        await works(module, driver)
        await driver.close()


async def test_closing_in_the_middle_of_an_upload_sets_the_speed_back(port: Path) -> None:
    async with R30xEmulator(port, baud=57_600) as module:
        driver = scanner(port, "?fastest=115200")
        await driver.open()
        await module.place(striped(1))
        capture = asyncio.create_task(driver.capture())
        await until(lambda: module.uploading or capture.done())
        await driver.close()
        assert module.baud == 57_600
        with pytest.raises(DriverError):
            await capture


async def test_an_unplugged_module_that_was_made_fast_is_taken_up_again(port: Path) -> None:
    async with R30xEmulator(port, size=_SENSOR, baud=57_600) as module:
        driver = scanner(port, "?fastest=115200")
        await driver.open()
        await module.unplug()
        await driver.close()
        assert module.baud == 115_200
        await module.plug()
        await driver.open()
        await works(module, driver)
        await driver.close()
        assert module.baud == 57_600
