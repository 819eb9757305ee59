"""Name in the configuration -> driver, imported only when named.

Each function checks the address and returns a driver that is not yet open. An unknown name raises DriverError
(UNSUPPORTED) that lists the known ones; a driver whose library is not installed raises MISSING_LIBRARY.
"""

from __future__ import annotations

from drivers.address import DeviceAddress
from drivers.base import Camera, DocumentReader, DriverError, DriverReason, FingerprintScanner, LaneSignal

CAMERAS = ("replay", "http-mjpeg", "rtsp", "v4l2", "picamera2")
SCANNERS = ("libfprint", "r30x", "replay")
READERS = ("mrz-serial", "mrz-keyboard")
SIGNALS = ("none", "gpio", "relay-board")

# What a replay camera takes for a video rather than for a folder.
VIDEO_SUFFIXES = (".avi", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".webm")


def _unknown(kind: str, driver: str, known: tuple[str, ...]) -> DriverError:
    return DriverError(DriverReason.UNSUPPORTED, f"no {kind} driver {driver!r}", "known: " + ", ".join(known))


def _missing(driver: str, error: ImportError) -> DriverError:
    return DriverError(
        DriverReason.MISSING_LIBRARY,
        f"driver {driver!r} needs the Python library {error.name or error}",
        "run the set-up again, or install it into the virtual environment",
    )


def camera(driver: str, address: str) -> Camera:
    """The camera driver with this name, for this address."""
    place = DeviceAddress.parse(address)
    try:
        match driver:
            case "replay" if place.path.lower().endswith(VIDEO_SUFFIXES):
                from drivers.camera.replay_video import ReplayVideoCamera  # noqa: PLC0415  # Imported only when named.

                return ReplayVideoCamera(place)
            case "replay":
                from drivers.camera.replay import ReplayCamera  # noqa: PLC0415  # Imported only when named.

                return ReplayCamera(place)
            case "http-mjpeg":
                from drivers.camera.http_mjpeg import HttpMjpegCamera  # noqa: PLC0415  # Imported only when named.

                return HttpMjpegCamera(place)
            case "rtsp":
                from drivers.camera.rtsp import RtspCamera  # noqa: PLC0415  # Imported only when named.

                return RtspCamera(place)
            case "v4l2":
                from drivers.camera.v4l2 import V4l2Camera  # noqa: PLC0415  # Imported only when named.

                return V4l2Camera(place)
            case "picamera2":
                from drivers.camera.pi_camera import PiCamera  # noqa: PLC0415  # Imported only when named.

                return PiCamera(place)
            case _:
                raise _unknown("camera", driver, CAMERAS)
    except ImportError as error:
        raise _missing(driver, error) from error


def scanner(driver: str, address: str) -> FingerprintScanner:
    """The fingerprint scanner driver with this name, for this address."""
    place = DeviceAddress.parse(address)
    try:
        match driver:
            case "libfprint":
                from drivers.fingerprint.libfprint import LibfprintScanner  # noqa: PLC0415  # Imported only when named.

                return LibfprintScanner(place)
            case "r30x":
                from drivers.fingerprint.r30x import R30xScanner  # noqa: PLC0415  # Imported only when named.

                return R30xScanner(place)
            case "replay":
                from drivers.fingerprint.replay import ReplayScanner  # noqa: PLC0415  # Imported only when named.

                return ReplayScanner(place)
            case _:
                raise _unknown("scanner", driver, SCANNERS)
    except ImportError as error:
        raise _missing(driver, error) from error


def reader(driver: str, address: str) -> DocumentReader:
    """The document reader driver with this name, for this address."""
    place = DeviceAddress.parse(address)
    try:
        match driver:
            case "mrz-serial":
                from drivers.document.mrz_serial import MrzSerialReader  # noqa: PLC0415  # Imported only when named.

                return MrzSerialReader(place)
            case "mrz-keyboard":
                from drivers.document.mrz_keyboard import MrzKeyboardReader  # noqa: PLC0415  # Imported only when named.

                return MrzKeyboardReader(place)
            case _:
                raise _unknown("document reader", driver, READERS)
    except ImportError as error:
        raise _missing(driver, error) from error


def signal(driver: str, address: str) -> LaneSignal:
    """The lane signal driver with this name, for this address."""
    place = DeviceAddress.parse(address)
    try:
        match driver:
            case "none":
                from drivers.signal.none import NoSignal  # noqa: PLC0415  # Imported only when named.

                return NoSignal(place)
            case "gpio":
                from drivers.signal.gpio import GpioSignal  # noqa: PLC0415  # Imported only when named.

                return GpioSignal(place)
            case "relay-board":
                from drivers.signal.relay_board import RelayBoardSignal  # noqa: PLC0415  # Imported only when named.

                return RelayBoardSignal(place)
            case _:
                raise _unknown("signal", driver, SIGNALS)
    except ImportError as error:
        raise _missing(driver, error) from error
