"""Addresses and names in the configuration: what is wrong is refused with what would be right."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest
import serial

from drivers import registry, serial_port
from drivers.address import DeviceAddress
from drivers.base import DriverError, DriverReason, SignalState


def refusal(address: str) -> DriverError:
    with pytest.raises(DriverError) as caught:
        registry.scanner("r30x", address)
    assert caught.value.reason is DriverReason.BAD_ADDRESS
    assert caught.value.advice
    return caught.value


def test_an_address_is_taken_apart() -> None:
    address = DeviceAddress.parse("serial:///dev/ttyUSB0?baud=57600&dpi=500")
    assert (address.scheme, address.path) == ("serial", "/dev/ttyUSB0")
    assert address.options == {"baud": "57600", "dpi": "500"}
    assert str(address) == "serial:///dev/ttyUSB0?baud=57600&dpi=500"
    assert DeviceAddress.parse("replay:///a%20folder").path == "/a folder"


def test_a_password_is_never_shown() -> None:
    address = DeviceAddress.parse("serial:///dev/ttyUSB0?password=01234567")
    assert "0123" not in str(address)
    assert "0123" not in str(refusal("serial:///dev/ttyUSB0?password=0123456789"))


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/dev/ttyUSB0", "without a scheme"),
        ("serial://ttyUSB0", "third slash"),
        ("replay:///folder", "serial:// addresses"),
        ("serial:relative", "absolute path"),
        ("serial:///dev/ttyUSB0?buad=9600", "'buad'"),
        ("serial:///dev/ttyUSB0?baud=fast", "whole number"),
        ("serial:///dev/ttyUSB0?baud=1", "9600 to"),
        ("serial:///dev/ttyUSB0?baud=9600&baud=9600", "twice"),
        ("serial:///dev/ttyUSB0?baud", "cannot be read"),
        ("serial:///dev/ttyUSB0?password=xyz", "'password'"),
        ("serial://[::1", "cannot be read"),
    ],
)
def test_a_wrong_address_is_refused_with_what_is_wrong(address: str, told: str) -> None:
    assert told in str(refusal(address))


def test_numbers_and_choices_of_other_drivers_are_checked() -> None:
    for make in (
        lambda: registry.camera("replay", "replay:///folder?fps=nan"),
        lambda: registry.camera("replay", "replay:///folder?fps=fast"),
        lambda: registry.reader("mrz-serial", "serial:///dev/ttyS0?parity=X"),
    ):
        with pytest.raises(DriverError) as caught:
            make()
        assert caught.value.reason is DriverReason.BAD_ADDRESS


@pytest.mark.parametrize("make", [registry.camera, registry.scanner, registry.reader, registry.signal])
def test_an_unknown_driver_is_refused_with_the_known_ones(make: object) -> None:
    with pytest.raises(DriverError) as caught:
        make("nonsense", "serial:///dev/ttyUSB0")  # type: ignore[operator]
    assert caught.value.reason is DriverReason.UNSUPPORTED
    assert "known: " in caught.value.advice


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("recorded", "replay"):
        monkeypatch.delitem(sys.modules, f"drivers.camera.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DriverError) as caught:
        registry.camera("replay", "replay:///folder")
    assert caught.value.reason is DriverReason.MISSING_LIBRARY
    assert "cv2" in caught.value.what


def test_a_missing_pin_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "drivers.signal.gpio", raising=False)
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(DriverError) as caught:
        registry.signal("gpio", "gpio:///?green=17")
    assert caught.value.reason is DriverReason.MISSING_LIBRARY
    assert "gpiozero" in caught.value.what


def test_naming_no_device_imports_no_device_library() -> None:
    names = "('cv2', 'serial', 'gpiozero')"
    code = f"import sys, drivers.registry; print([name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_lane_without_a_light_takes_every_state() -> None:
    light = registry.signal("none", "none:")
    assert (await light.open()).driver == "none"
    for state in SignalState:
        await light.show(state)
    await light.close()


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EACCES, DriverReason.DENIED),
        (errno.EPERM, DriverReason.DENIED),
        (errno.EBUSY, DriverReason.BUSY),
        (errno.EWOULDBLOCK, DriverReason.BUSY),
        (errno.ENOENT, DriverReason.ABSENT),
        (errno.ENXIO, DriverReason.ABSENT),
        (errno.ENOTTY, DriverReason.BAD_ADDRESS),
        (None, DriverReason.BAD_ADDRESS),
    ],
)
def test_a_failed_open_is_told_by_its_cause(
    number: int | None, reason: DriverReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(number, "no") if number else serial.SerialException("no")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(DriverError) as caught:
        serial_port.open_port("/dev/ttyUSB9", 9600)
    assert caught.value.reason is reason
    assert "/dev/ttyUSB9" in str(caught.value)
    assert caught.value.advice
