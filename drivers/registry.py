"""Name in the configuration -> driver, imported only when named.

``BUILT_IN`` is the table of this project's drivers, one row each. Drivers of other packages are found through entry
points of the group of their kind (``hotspotd.cameras``, ``hotspotd.scanners``, ``hotspotd.readers``,
``hotspotd.chip_readers``, ``hotspotd.signals``); a name of the table wins over the same name elsewhere.

Each function checks the address and returns a driver that is not yet open. Raises DriverError: UNSUPPORTED for an
unknown name, with the known ones; MISSING_LIBRARY where the driver's library is not installed; BROKEN_DRIVER for a
driver of another package that cannot be loaded or is not what it claims to be, with the package's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from drivers.address import DeviceAddress
from drivers.base import (
    Camera,
    ChipReader,
    Device,
    DocumentReader,
    DriverError,
    DriverReason,
    FingerprintScanner,
    LaneSignal,
)
from drivers.isolated import IsolatedScanner

D = TypeVar("D", bound=Device)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of device: what people call it, what a lane's configuration does, and the group of its entry points."""

    label: str
    section: str
    group: str


CAMERA = Kind("camera", "camera", "hotspotd.cameras")
SCANNER = Kind("scanner", "scanner", "hotspotd.scanners")
READER = Kind("document reader", "document", "hotspotd.readers")
CHIP_READER = Kind("chip reader", "chip", "hotspotd.chip_readers")
SIGNAL = Kind("signal", "signal", "hotspotd.signals")
KINDS = (READER, CHIP_READER, CAMERA, SCANNER, SIGNAL)


@dataclass(frozen=True, slots=True)
class Row:
    """One driver: ``target`` is ``module:class`` or ``module:function`` and is called with the DeviceAddress.

    ``bus`` says where such a device is looked for (``drivers.finding``); empty: nowhere. ``answers`` is true where
    opening it makes sure that it is one: a serial port may have anything at its other end. ``isolated``: a scanner that
    runs in a process of its own, since it is made of a native library that talks to hardware.
    """

    kind: Kind
    name: str
    target: str
    bus: str = ""
    answers: bool = False
    isolated: bool = False


BUILT_IN = (
    Row(CAMERA, "http-mjpeg", "drivers.camera.http_mjpeg:HttpMjpegCamera"),
    Row(CAMERA, "picamera2", "drivers.camera.pi_camera:PiCamera", "picamera2"),
    Row(CAMERA, "replay", "drivers.camera.recorded:recorded"),
    Row(CAMERA, "rtsp", "drivers.camera.rtsp:RtspCamera"),
    Row(CAMERA, "v4l2", "drivers.camera.v4l2:V4l2Camera", "v4l2"),
    Row(SCANNER, "libfprint", "drivers.fingerprint.libfprint:LibfprintScanner", "libfprint", isolated=True),
    Row(SCANNER, "r30x", "drivers.fingerprint.r30x:R30xScanner", "serial", answers=True),
    Row(SCANNER, "replay", "drivers.fingerprint.replay:ReplayScanner"),
    Row(SCANNER, "sbi", "drivers.fingerprint.sbi:SbiScanner", "sbi"),
    Row(READER, "mrz-camera", "drivers.document.mrz_camera:over_camera"),
    Row(READER, "mrz-keyboard", "drivers.document.mrz_keyboard:MrzKeyboardReader", "evdev"),
    Row(READER, "mrz-serial", "drivers.document.mrz_serial:MrzSerialReader", "serial"),
    Row(CHIP_READER, "pcsc", "drivers.chip.pcsc:PcscReader", "pcsc"),
    Row(SIGNAL, "gpio", "drivers.signal.gpio:GpioSignal"),
    Row(SIGNAL, "none", "drivers.signal.none:NoSignal"),
    Row(SIGNAL, "relay-board", "drivers.signal.relay_board:RelayBoardSignal", "serial"),
)


def camera(driver: str, address: str) -> Camera:
    """The camera driver with this name, for this address."""
    return _made(CAMERA, Camera, driver, address)  # type: ignore[type-abstract]  # Only looked at, never called.


def camera_at(driver: str, place: DeviceAddress) -> Camera:
    """As ``camera``, for an address that has been parsed."""
    return _made_at(CAMERA, Camera, driver, place)  # type: ignore[type-abstract]  # As above.


def scanner(driver: str, address: str) -> FingerprintScanner:
    """The fingerprint scanner driver with this name, for this address; in a process apart where it asks for one."""
    here = scanner_here(driver, address)  # Name, address and library are judged now.
    apart = any((row.kind, row.name, row.isolated) == (SCANNER, driver, True) for row in BUILT_IN)
    return IsolatedScanner(driver, address) if apart else here


def scanner_here(driver: str, address: str) -> FingerprintScanner:
    """As ``scanner``, always in this process."""
    return _made(SCANNER, FingerprintScanner, driver, address)  # type: ignore[type-abstract]  # As above.


def reader(driver: str, address: str) -> DocumentReader:
    """The document reader driver with this name, for this address."""
    return _made(READER, DocumentReader, driver, address)  # type: ignore[type-abstract]  # As above.


def chip_reader(driver: str, address: str) -> ChipReader:
    """The chip reader driver with this name, for this address."""
    return _made(CHIP_READER, ChipReader, driver, address)  # type: ignore[type-abstract]  # As above.


def signal(driver: str, address: str) -> LaneSignal:
    """The lane signal driver with this name, for this address."""
    return _made(SIGNAL, LaneSignal, driver, address)  # type: ignore[type-abstract]  # As above.


def device(kind: Kind, driver: str, address: str) -> Device:
    """The driver of this kind and name, for this address."""
    make: dict[Kind, Callable[[str, str], Device]] = {
        CAMERA: camera,
        SCANNER: scanner,
        READER: reader,
        CHIP_READER: chip_reader,
        SIGNAL: signal,
    }
    return make[kind](driver, address)


def on_bus(bus: str) -> tuple[Row, ...]:
    """The drivers of the table whose devices are found on ``bus``."""
    return tuple(row for row in BUILT_IN if row.bus == bus)


def known(kind: Kind) -> tuple[str, ...]:
    """The names that can be given for a device of ``kind``, this project's and those of other packages."""
    own = [row.name for row in BUILT_IN if row.kind is kind]
    return tuple(sorted({*own, *entry_points(group=kind.group).names}))


def _made(kind: Kind, interface: type[D], driver: str, address: str) -> D:
    return _made_at(kind, interface, driver, DeviceAddress.parse(address))


def _made_at(kind: Kind, interface: type[D], driver: str, place: DeviceAddress) -> D:
    own = next((row for row in BUILT_IN if (row.kind, row.name) == (kind, driver)), None)
    made, package = (_built_in(own, place), "hotspotd") if own is not None else _foreign_made(kind, driver, place)
    if not isinstance(made, interface):
        raise _broken(driver, package, f"it is no {interface.__name__} of drivers.base")
    return made


def _built_in(row: Row, place: DeviceAddress) -> object:
    module, _, name = row.target.partition(":")
    try:
        made: object = getattr(import_module(module), name)(place)
    except ImportError as error:
        raise DriverError(
            DriverReason.MISSING_LIBRARY,
            f"driver {row.name!r} needs the Python library {error.name or error}",
            "run the set-up again, or install it into the virtual environment",
        ) from error
    return made


@lru_cache
def _foreign(kind: Kind, driver: str) -> tuple[Callable[[DeviceAddress], object], str]:
    """What another package offers under this name, and the package. Kept: a lane asks at each opening."""
    offered = list(entry_points(group=kind.group, name=driver))
    packages = [_package(point) for point in offered]
    if not offered:
        raise DriverError(
            DriverReason.UNSUPPORTED, f"no {kind.label} driver {driver!r}", "known: " + ", ".join(known(kind))
        )
    if len(offered) > 1:
        raise DriverError(
            DriverReason.BROKEN_DRIVER,
            f"driver {driver!r} is offered by several packages: {', '.join(sorted(packages))}",
            "uninstall all but one",
        )
    try:
        factory = offered[0].load()
    except Exception as error:  # Code of others, which may raise anything while it is imported.
        raise _broken(driver, packages[0], f"{type(error).__name__}: {error}") from error
    if not callable(factory):
        raise _broken(driver, packages[0], f"{offered[0].value} cannot be called")
    return factory, packages[0]


def _foreign_made(kind: Kind, driver: str, place: DeviceAddress) -> tuple[object, str]:
    factory, package = _foreign(kind, driver)
    try:
        return factory(place), package
    except DriverError:
        raise
    except Exception as error:  # Code of others, as above: it must not end the daemon.
        raise _broken(driver, package, f"{type(error).__name__}: {error}") from error


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"


def _broken(driver: str, package: str, why: str) -> DriverError:
    return DriverError(
        DriverReason.BROKEN_DRIVER,
        f"driver {driver!r} of the package {package} cannot be used: {why}",
        "update or uninstall that package, or tell its makers",
    )
