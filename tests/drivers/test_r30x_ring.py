"""The ring of an R503 shows what is wanted of the traveller."""

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
from drivers.fingerprint.r30x_ring import Ring
from tests.drivers.benches import until
from tests.drivers.pictures import on_sixteen_levels, striped

_SENSOR = (192, 192)


def scanner(port: Path, options: str = "?ring=1") -> R30xScanner:
    return R30xScanner(DeviceAddress.parse(f"serial://{port}{options}"))


def shown(module: R30xEmulator) -> list[Ring]:
    return [Ring(parameters) for parameters in module.shown]


async def test_it_asks_for_a_finger_and_says_when_it_is_taken(port: Path) -> None:
    async with R30xEmulator(port, size=_SENSOR) as module:
        module.has_ring = True
        driver = scanner(port)
        await driver.open()
        capture = asyncio.create_task(driver.capture())
        await until(lambda: module.looks >= 2)
        assert shown(module) == [Ring.PLACE]
        await module.place(striped(1, _SENSOR))
        assert np.array_equal((await capture).pixels, on_sixteen_levels(striped(1, _SENSOR)))
        assert shown(module) == [Ring.PLACE, Ring.TAKEN, Ring.OFF]
        await driver.close()


async def test_it_goes_out_when_nobody_waits_any_more(port: Path) -> None:
    async with R30xEmulator(port, size=_SENSOR) as module:
        module.has_ring = True
        driver = scanner(port)
        await driver.open()
        capture = asyncio.create_task(driver.capture())
        await until(lambda: module.looks >= 2)
        capture.cancel()
        await until(lambda: shown(module) == [Ring.PLACE, Ring.OFF])
        await driver.close()


async def test_it_flashes_when_the_picture_cannot_be_used(port: Path) -> None:
    async with R30xEmulator(port, size=(100, 90)) as module:
        module.has_ring = True
        driver = scanner(port)
        await driver.open()
        await module.place(striped(1, (100, 90)))
        with pytest.raises(DriverError) as caught:
            await driver.capture()
        assert caught.value.reason is DriverReason.BAD_IMAGE
        assert shown(module) == [Ring.PLACE, Ring.TAKEN, Ring.AGAIN]
        await driver.close()


async def test_a_module_without_a_ring_or_with_a_broken_one_captures_all_the_same(
    port: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(r30x_session, "OPTIONAL_S", 0.1)
    for ring in (False, True):
        async with R30xEmulator(port, size=_SENSOR) as module:
            module.has_ring = ring
            driver = scanner(port)
            await driver.open()
            module.fail("AuraLedConfig", Confirmation.UNDEFINED, times=2)
            await module.place(striped(1, _SENSOR))
            assert np.array_equal((await driver.capture()).pixels, on_sixteen_levels(striped(1, _SENSOR)))
            await driver.close()


async def test_a_module_is_not_asked_for_its_ring_unless_told_to(port: Path) -> None:
    async with R30xEmulator(port, size=_SENSOR) as module:
        module.has_ring = True
        driver = scanner(port, "")
        await driver.open()
        await module.place(striped(1, _SENSOR))
        await driver.capture()
        assert shown(module) == []
        await driver.close()
