"""Drivers of other packages, found through their entry points: folders as pip leaves them, on the import path."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers import registry
from drivers.base import DriverError, DriverReason

SIGNAL = """
from drivers.base import DeviceInfo, LaneSignal

class Lamp(LaneSignal):
    def __init__(self, address):
        self.address = address
    async def open(self):
        return DeviceInfo("lamp", str(self.address), model="lamp")
    async def close(self):
        pass
    async def show(self, state):
        pass
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Install a package of one module with entry points: its name, the module's text, ``group/name = object``."""
    before, modules = list(sys.path), set(sys.modules)

    def install(package: str, text: str, **points: str) -> None:
        folder = tmp_path / package
        about = folder / f"{package}-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"[hotspotd.signals]\n{name} = {package}:{thing}\n" for name, thing in points.items()]
        (about / "entry_points.txt").write_text("".join(lines))
        (folder / f"{package}.py").write_text(text)
        sys.path.append(str(folder))
        registry._foreign.cache_clear()

    yield install
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    registry._foreign.cache_clear()


def refusal(driver: str) -> DriverError:
    with pytest.raises(DriverError) as caught:
        registry.signal(driver, "lamp:///1")
    return caught.value


async def test_a_driver_of_another_package_is_used_by_its_name(install: Install) -> None:
    install("lamps", SIGNAL, lamp="Lamp")
    light = await asyncio.to_thread(registry.signal, "lamp", "lamp:///1?colour=red")
    # From then on it is known, and made without a look at the disk: a lane does so at each opening.
    light = registry.signal("lamp", "lamp:///1?colour=red")
    assert (await light.open()).address == "lamp:///1?colour=red"


def test_it_stands_among_the_known_ones_of_its_kind(install: Install) -> None:
    install("lamps", SIGNAL, lamp="Lamp")
    assert refusal("lantern").reason is DriverReason.UNSUPPORTED
    assert {"lamp", "none"} <= set(refusal("lantern").advice.removeprefix("known: ").split(", "))
    assert "lamp" not in registry.known(registry.CAMERA)


def test_a_name_of_ours_is_never_taken_by_another_package(install: Install) -> None:
    install("thieves", "raise RuntimeError('imported')", none="Lamp")
    assert type(registry.signal("none", "none:")).__module__ == "drivers.signal.none"
    assert registry.known(registry.SIGNAL).count("none") == 1


@pytest.mark.parametrize(
    ("text", "thing", "told"),
    [
        ("raise RuntimeError('no such bus')", "Lamp", "no such bus"),
        ("import a_library_nobody_has", "Lamp", "a_library_nobody_has"),
        (SIGNAL, "Lantern", "Lantern"),
        ("Lamp = 3", "Lamp", "cannot be called"),
        (SIGNAL + "    def __init__(self): pass", "Lamp", "TypeError"),
        (SIGNAL.replace("    async def show", "    async def shows"), "Lamp", "abstract"),
        ("def Lamp(address): return 'a lamp'", "Lamp", "LaneSignal"),
        ("def Lamp(address): raise ZeroDivisionError", "Lamp", "ZeroDivisionError"),
    ],
)
def test_one_that_cannot_be_used_is_told_with_its_package(install: Install, text: str, thing: str, told: str) -> None:
    install("lamps", text, lamp=thing)
    error = refusal("lamp")
    assert error.reason is DriverReason.BROKEN_DRIVER
    assert "lamps 1.0" in error.what
    assert told in error.what
    assert error.advice


def test_what_its_driver_says_of_an_address_is_passed_on(install: Install) -> None:
    text = "from drivers.base import *\ndef Lamp(place): raise DriverError(DriverReason.BAD_ADDRESS, 'no lamp 1')"
    install("lamps", text, lamp="Lamp")
    assert (refusal("lamp").reason, refusal("lamp").what) == (DriverReason.BAD_ADDRESS, "no lamp 1")


def test_two_packages_with_one_name_are_both_named(install: Install) -> None:
    install("lamps", SIGNAL, lamp="Lamp")
    install("lights", SIGNAL, lamp="Lamp")
    error = refusal("lamp")
    assert error.reason is DriverReason.BROKEN_DRIVER
    assert "lamps 1.0, lights 1.0" in error.what


@pytest.mark.parametrize("row", registry.BUILT_IN, ids=lambda row: f"{row.kind.label} {row.name}")
def test_no_name_stands_twice_in_the_table(row: registry.Row) -> None:
    assert [(one.kind, one.name) for one in registry.BUILT_IN].count((row.kind, row.name)) == 1
