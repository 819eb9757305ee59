"""libfprint's real library, with its own virtual scanner in the place of a USB device."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from drivers import finding, glib_thread, registry
from drivers.address import DeviceAddress
from drivers.base import DriverError, DriverReason
from drivers.emulators.line import Line
from drivers.fingerprint.libfprint import LibfprintScanner
from drivers.fingerprint.libfprint_errors import DEVICE_DOMAIN, USB_DOMAIN, explained
from tests.drivers.benches import until
from tests.drivers.conftest import driver_threads
from tests.drivers.libfprint_bench import LibfprintBench
from tests.drivers.pictures import striped


def scanner(address: str = "libfprint:///virtual_image") -> LibfprintScanner:
    return LibfprintScanner(DeviceAddress.parse(address))


@pytest.fixture
async def bench(port: Path) -> AsyncIterator[LibfprintBench]:
    made = LibfprintBench(port, Line())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def device(bench: LibfprintBench) -> AsyncIterator[LibfprintScanner]:
    driver = scanner()
    await driver.open()
    yield driver
    await driver.close()


async def failure(work: object) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await work  # type: ignore[misc]
    return caught.value


async def test_a_picture_of_any_size_comes_whole(bench: LibfprintBench, device: LibfprintScanner) -> None:
    for size in ((288, 384), (96, 200), (500, 400)):
        await bench.finger.place(striped(1, size))
        assert np.array_equal((await device.capture()).pixels, striped(1, size))


async def test_it_is_found_with_the_address_that_opens_it(bench: LibfprintBench) -> None:
    searched = await finding.search("libfprint")
    (found,) = [one for one in searched.found if "virtual_image" in one.address]
    assert "Virtual" in found.what
    assert driver_threads() == []
    driver = scanner(found.address)
    await driver.open()
    await driver.close()


async def test_the_resolution_may_be_told_where_libfprint_does_not_know_it(bench: LibfprintBench) -> None:
    driver = scanner("libfprint:///virtual_image?dpi=363")
    assert (await driver.open()).details["dpi"] == "363"
    await bench.present(1)
    assert (await driver.capture()).dpi == 363
    await driver.close()


async def test_the_first_scanner_is_taken_where_none_is_named(bench: LibfprintBench) -> None:
    driver = scanner("libfprint:///")
    assert (await driver.open()).details["libfprint driver"] == "virtual_image"
    await driver.close()


async def test_a_scanner_that_is_not_there_is_told_with_those_that_are(bench: LibfprintBench) -> None:
    for address in ("libfprint:///uru4000", "libfprint:///virtual_image?number=1"):
        error = await failure(scanner(address).open())
        assert error.reason is DriverReason.ABSENT
        assert "virtual_image" in error.advice
        assert driver_threads() == []


async def test_a_scanner_that_gives_no_pictures_is_refused(
    bench: LibfprintBench, port: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # libfprint's other virtual device matches by itself.
    monkeypatch.setenv("FP_VIRTUAL_DEVICE", str(port.with_name("other")))
    error = await failure(scanner("libfprint:///virtual_device").open())
    assert error.reason is DriverReason.UNSUPPORTED
    driver = scanner("libfprint:///")
    assert (await driver.open()).details["libfprint driver"] == "virtual_image"
    await driver.close()


@pytest.mark.parametrize(("code", "told"), [(0, "again"), (1, "slowly"), (2, "middle"), (3, "lift")])
async def test_a_finger_laid_badly_is_asked_for_again(
    code: int, told: str, bench: LibfprintBench, device: LibfprintScanner
) -> None:
    await bench.finger.retry(code)
    error = await failure(device.capture())
    assert error.reason is DriverReason.BAD_IMAGE
    assert told in error.advice
    await bench.present(1)
    assert np.array_equal((await device.capture()).pixels, striped(1))


async def test_a_fault_of_the_scanner_is_told_and_leaves_it_to_be_opened_again(
    bench: LibfprintBench, device: LibfprintScanner
) -> None:
    await bench.finger.fail(5)
    assert (await failure(device.capture())).reason is DriverReason.PROTOCOL
    await device.close()
    await device.open()
    await bench.present(1)
    assert np.array_equal((await device.capture()).pixels, striped(1))


async def test_a_capture_ends_with_the_lifting(bench: LibfprintBench, device: LibfprintScanner) -> None:
    capture = asyncio.create_task(device.capture())
    await bench.finger.lay()
    await bench.present(1)
    lifted = asyncio.create_task(device.wait_lifted())
    done, _ = await asyncio.wait([capture, lifted], timeout=0.3)
    assert not done
    await bench.finger.lift()
    assert np.array_equal((await capture).pixels, striped(1))
    await lifted


async def test_unplugged_while_a_capture_waits(bench: LibfprintBench, device: LibfprintScanner) -> None:
    capture = asyncio.create_task(device.capture())
    await bench.unplug()
    assert (await failure(capture)).reason is DriverReason.LOST


async def test_more_calls_than_may_wait_are_refused(bench: LibfprintBench, device: LibfprintScanner) -> None:
    captures = [asyncio.create_task(device.capture()) for _ in range(6)]
    assert (await failure(captures[-1])).reason is DriverReason.BUSY
    for capture in captures[:-1]:
        capture.cancel()
    await asyncio.wait(captures)
    await bench.present(1)
    assert np.array_equal((await device.capture()).pixels, striped(1))


async def test_two_scanners_share_one_thread(bench: LibfprintBench, device: LibfprintScanner, port: Path) -> None:
    other_bench = LibfprintBench(port.with_name("other"), Line())
    await other_bench.start()
    other = scanner()
    await other.open()
    assert driver_threads() == ["glib loop"]
    waiting = asyncio.create_task(device.capture())
    await other_bench.present(2)
    assert np.array_equal((await other.capture()).pixels, striped(2))
    await other.close()
    await bench.present(1)
    assert np.array_equal((await waiting).pixels, striped(1))
    await other_bench.stop()


async def test_a_close_that_is_cancelled_closes_all_the_same(bench: LibfprintBench, device: LibfprintScanner) -> None:
    closing = asyncio.create_task(device.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await until(lambda: driver_threads() == [])
    await device.open()
    await bench.present(1)
    assert np.array_equal((await device.capture()).pixels, striped(1))


class _SaidError(Exception):
    """What a GLib.Error tells."""

    def __init__(self, domain: str, code: int) -> None:
        self.domain, self.code, self.message = domain, code, "what the library says"


@pytest.mark.parametrize(
    ("domain", "code", "reason"),
    [
        (DEVICE_DOMAIN, 1, DriverReason.UNSUPPORTED),
        (DEVICE_DOMAIN, 4, DriverReason.BUSY),
        (DEVICE_DOMAIN, 0x100, DriverReason.LOST),
        (DEVICE_DOMAIN, 0x101, DriverReason.BUSY),
        (USB_DOMAIN, 2, DriverReason.TIMEOUT),
        (USB_DOMAIN, 4, DriverReason.LOST),
        (USB_DOMAIN, 9, DriverReason.DENIED),
        (USB_DOMAIN, 10, DriverReason.BUSY),
        ("another", 3, DriverReason.PROTOCOL),
    ],
)
def test_what_the_library_says_is_told_by_its_cause(domain: str, code: int, reason: DriverReason) -> None:
    error = explained(_SaidError(domain, code), "libfprint:///")
    assert error.reason is reason
    assert "what the library says" in error.what
    assert error.advice


def test_the_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gi", None)
    with pytest.raises(DriverError) as caught:
        registry.scanner("libfprint", "libfprint:///")
    assert caught.value.reason is DriverReason.MISSING_LIBRARY
    assert "python3-gi gir1.2-fprint-2.0" in caught.value.advice


def test_a_library_that_the_system_does_not_have_is_missing() -> None:
    pytest.importorskip("gi", reason="Debian's python3-gi is not installed")
    with pytest.raises(DriverError) as caught:
        glib_thread.introspected("NoSuchLibrary", "1.0", "gir1.2-nothing")
    assert caught.value.reason is DriverReason.MISSING_LIBRARY


def test_the_library_is_loaded_only_when_named() -> None:
    code = "import sys, drivers.registry, drivers.fingerprint.libfprint; print('gi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
