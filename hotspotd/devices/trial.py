"""A live test of one device: what it gives, how good that is and how long it took.

The device is opened, made to do its work once (a camera: for some seconds) and closed; one that a lane holds open is
tried as it is. What a person must do
meanwhile is said through ``say``. A trial keeps no picture and nothing personal: of a document it tells the layout and
which check digits do not match; the picture is handed to the caller apart from the results.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from drivers.base import (
    Camera,
    ChipReader,
    Device,
    DocumentReader,
    DriverError,
    DriverReason,
    FingerprintScanner,
    LaneSignal,
    SignalState,
)
from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine
from hotspotd.devices.look import OPEN_LIMIT_S, silent
from hotspotd.devices.named import NamedDevice
from hotspotd.devices.trial_result import Patience, Trial
from hotspotd.domain.document import parse_mrz
from hotspotd.errors import BiometricError, DocumentError
from hotspotd.workers import Worker

T = TypeVar("T")

# What says that the device itself is no more; anything else may be about what was presented.
_GONE = frozenset({DriverReason.LOST, DriverReason.ABSENT, DriverReason.DENIED, DriverReason.BROKEN_DRIVER})
_SIGNALS = (SignalState.READY, SignalState.BUSY, SignalState.GO, SignalState.STOP, SignalState.OFF)


@dataclass(slots=True)
class _Course:
    device: NamedDevice
    patience: Patience
    say: Callable[[str], None]
    worker: Worker
    faces: Callable[[], FaceEngine]
    trial: Trial
    picture: NDArray[np.uint8] | None = None

    def note(self, **changes: object) -> None:
        self.trial = msgspec.structs.replace(self.trial, **changes)


async def try_device(
    device: NamedDevice,
    *,
    worker: Worker,
    faces: Callable[[], FaceEngine],
    patience: Patience | None = None,
    say: Callable[[str], None],
) -> tuple[Trial, NDArray[np.uint8] | None]:
    """Try ``device``; its results and, where it gave one, a picture (RGB or grey). Never raises for what it does.

    ``faces`` makes the engine that rates faces and is called, in ``worker``, for a camera only.
    """
    course = _course(device, worker, faces, patience, say)
    try:
        driver = await asyncio.to_thread(device.make)
        try:
            await _open(course, driver)
            await _work(course, driver)
        finally:
            await driver.close()
    except DriverError as error:
        course.note(ok=False, reason=error.reason.value, problem=error.what, advice=error.advice)
    return course.trial, course.picture


async def try_open(
    device: NamedDevice,
    driver: Device,
    *,
    worker: Worker,
    faces: Callable[[], FaceEngine],
    patience: Patience | None = None,
    failed: Callable[[DriverError], None],
) -> tuple[Trial, NDArray[np.uint8] | None]:
    """Try ``driver``, which is ``device`` held open by a lane, and leave it open. As ``try_device`` otherwise.

    ``failed`` is told what makes it necessary to open it anew.
    """
    course = _course(device, worker, faces, patience, lambda _: None)
    try:
        await _work(course, driver)
    except DriverError as error:
        course.note(ok=False, reason=error.reason.value, problem=error.what, advice=error.advice)
        if error.reason in _GONE:
            failed(error)
    return course.trial, course.picture


def _course(
    device: NamedDevice,
    worker: Worker,
    faces: Callable[[], FaceEngine],
    patience: Patience | None,
    say: Callable[[str], None],
) -> _Course:
    trial = Trial(name=device.name, kind=device.kind.section, driver=device.driver, address=device.shown_address)
    return _Course(device, patience or Patience(), say, worker, faces, trial)


async def _open(course: _Course, driver: Device) -> None:
    began = time.monotonic()
    try:
        async with asyncio.timeout(OPEN_LIMIT_S):
            info = await driver.open()
    except TimeoutError as error:
        raise silent(course.device, OPEN_LIMIT_S) from error
    course.note(open_s=_since(began), model=info.model, serial=info.serial, details=dict(info.details))


async def _work(course: _Course, driver: Device) -> None:
    match driver:
        case Camera():
            await _try_camera(course, driver)
        case FingerprintScanner():
            await _try_scanner(course, driver)
        case DocumentReader():
            await _try_reader(course, driver)
        case ChipReader():
            await _try_chip_reader(course, driver)
        case LaneSignal():
            await _try_signal(course, driver)
        case _:
            raise DriverError(DriverReason.UNSUPPORTED, f"no test for a {course.device.kind.label}")


async def _try_camera(course: _Course, camera: Camera) -> None:
    began = time.monotonic()
    frame = await _presented(course, camera.newest())
    height, width = frame.pixels.shape[:2]
    course.note(first_s=_since(began), width=width, height=height, ok=True)
    course.say(f"counting frames for {course.patience.frames_s:.0f} s: look into the camera")
    count, began = 0, time.monotonic()
    while (left := course.patience.frames_s - (time.monotonic() - began)) > 0:
        try:
            async with asyncio.timeout(left):
                frame = await camera.newest(frame.sequence)
        except TimeoutError:
            break
        count += 1
    course.note(frames_per_s=round(count / (time.monotonic() - began), 1))
    course.picture = frame.pixels
    quality, remarks = await course.worker.run(_rate_face, course.faces, frame.pixels)
    course.note(quality=quality, remarks=remarks)


def _rate_face(faces: Callable[[], FaceEngine], pixels: NDArray[np.uint8]) -> tuple[int | None, tuple[str, ...]]:
    try:
        box, quality = faces().look(pixels)
    except BiometricError as error:
        return None, (str(error),)
    return (None if box is None else quality.score), tuple(_words(problem.value) for problem in quality.problems)


async def _try_scanner(course: _Course, scanner: FingerprintScanner) -> None:
    course.say("put a finger on the glass, and lift it when the picture has come")
    began = time.monotonic()
    image = await _presented(course, scanner.capture())
    height, width = image.pixels.shape
    course.note(ok=True, first_s=_since(began), width=width, height=height, dpi=image.dpi, grey_levels=image.levels)
    course.picture = image.pixels
    quality, remarks = await course.worker.run(_rate_print, image.pixels, image.dpi)
    course.note(quality=quality, remarks=remarks)


def _rate_print(pixels: NDArray[np.uint8], dpi: int) -> tuple[int | None, tuple[str, ...]]:
    try:
        quality, _ = finger.look(pixels, dpi)
    except BiometricError as error:
        return None, (str(error),)
    return quality.score, tuple(_words(problem.value) for problem in quality.problems)


async def _try_reader(course: _Course, reader: DocumentReader) -> None:
    course.say("present a document")
    began = time.monotonic()
    read = await _presented(course, reader.read())
    course.note(first_s=_since(began))
    try:
        document = parse_mrz(read.lines)
    except DocumentError as error:
        raise DriverError(DriverReason.PROTOCOL, error.what, "check baud= and parity=, and present it again") from error
    failed = tuple(f"check digit of {_words(name)} does not match" for name in document.failed_checks)
    course.note(ok=not failed, document=document.format.value, remarks=failed)


async def _try_chip_reader(course: _Course, reader: ChipReader) -> None:
    """Whether it sees a chip come and go: to read one takes its document's zone, which a trial does not keep."""
    course.say("lay a document with a chip on the reader")
    began = time.monotonic()
    await _presented(course, reader.wait_placed())
    course.note(first_s=_since(began))
    course.say("take it away")
    await _presented(course, reader.wait_removed())
    course.note(ok=True)


async def _try_signal(course: _Course, signal: LaneSignal) -> None:
    began = time.monotonic()
    for number, state in enumerate(_SIGNALS):
        course.say(f"showing {state.value}: is it to be seen?")
        await signal.show(state)
        if not number:
            course.note(first_s=_since(began))
        await asyncio.sleep(course.patience.light_s)
    course.note(ok=True)


async def _presented(course: _Course, work: Coroutine[Any, Any, T]) -> T:
    try:
        async with asyncio.timeout(course.patience.presented_s):
            return await work
    except TimeoutError as error:
        raise DriverError(
            DriverReason.TIMEOUT,
            f"nothing came from {course.device.shown_address} within {course.patience.presented_s:.0f} s",
            "try again, and present it sooner",
        ) from error


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def _words(name: str) -> str:
    return name.replace("_", " ")
