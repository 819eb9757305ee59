"""The third step: the fingers asked for, one after the other, each judged at once and asked for again if bad."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import cached_property

import cv2
import msgspec

from drivers.base import DriverError, DriverReason, FingerImage, FingerprintScanner
from hotspotd.biometrics import finger as engine
from hotspotd.biometrics.finger.nfiq2 import Nfiq2
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition, MissingReason
from hotspotd.domain.verdict import ReferReason
from hotspotd.errors import BiometricError, WorkError
from hotspotd.events import LaneState, Prompt
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Visit
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

_PROMPTS = {
    engine.FingerProblem.NO_FINGER: Prompt.FINGER_AGAIN,
    engine.FingerProblem.TOO_SMALL: Prompt.FINGER_TO_MIDDLE,
    engine.FingerProblem.OFF_CENTRE: Prompt.FINGER_TO_MIDDLE,
    engine.FingerProblem.TOO_LIGHT: Prompt.PRESS_HARDER,
    engine.FingerProblem.TOO_DRY: Prompt.PRESS_HARDER,
    engine.FingerProblem.TOO_WET: Prompt.PRESS_LIGHTER,
    engine.FingerProblem.MOVED: Prompt.HOLD_STILL,
}


@dataclass(frozen=True, slots=True)
class _Look:
    sample: Sample | None
    prompt: Prompt
    good: bool


class FingerStep:
    """Takes the fingerprints of a visit through a supervised scanner, rated by NFIQ 2 where its tool is installed."""

    def __init__(
        self, scanner: SupervisedDevice[FingerprintScanner], worker: Worker, screen: Screen, least_quality: int
    ) -> None:
        self._scanner = scanner
        self._worker = worker
        self._screen = screen
        self._least = least_quality

    async def capture(
        self,
        visit: Visit,
        positions: tuple[FingerPosition, ...],
        *,
        attempts: int,
        timeout_s: float,
        device_return_s: float,
    ) -> None:
        """Add one sample for each of ``positions`` to ``visit``: a print, or the statement that none could be had.

        A scanner that is away is waited for until ``device_return_s`` after it went; then the rest is noted as missing.
        """
        for number, position in enumerate(positions):
            best: list[Sample] = []
            try:
                sample = await self._one(visit, position, best, attempts, timeout_s, device_return_s)
            except TimeoutError:
                # The scanner did not come back: the other fingers would only wait for it as well.
                visit.note(ReferReason.DEVICE_FAULT)
                visit.samples += best or [_missing(position)]
                visit.samples += [_missing(absent) for absent in positions[number + 1 :]]
                return
            visit.samples.append(sample)

    async def _one(
        self,
        visit: Visit,
        position: FingerPosition,
        best: list[Sample],
        attempts: int,
        timeout_s: float,
        device_return_s: float,
    ) -> Sample:
        """One finger. ``best`` holds the best sample so far, at most one, also when TimeoutError is raised."""
        prompt = Prompt.PLACE_FINGER
        attempt = 1
        faults = 0
        while attempt <= attempts:
            scanner = await self._present(position, device_return_s)
            try:
                image = await self._place(scanner, position, prompt, attempt, timeout_s)
                if image is None:
                    break
            except DriverError as error:
                if error.reason is DriverReason.BAD_IMAGE:
                    prompt, attempt = Prompt.FINGER_AGAIN, attempt + 1
                else:
                    self._scanner.fault(scanner, error)
                    faults += 1
                    if faults > attempts:
                        # It comes and goes: nobody is kept standing there for a loose cable.
                        raise TimeoutError from error
                continue
            look = await self._worker.run(self._look, image, position)
            if look.sample is None:
                await self._lift(scanner, position, attempt, timeout_s)
            else:
                best.append(look.sample)
                # The tool takes its time; meanwhile the finger is lifted.
                async with asyncio.TaskGroup() as both:
                    rated = both.create_task(self._rated(look.sample, image))
                    await self._lift(scanner, position, attempt, timeout_s)
                best[-1] = rated.result()
                if look.good:
                    return best[-1]
                best[:] = [max(best, key=lambda sample: sample.quality or 0)]
            prompt, attempt = look.prompt, attempt + 1
        visit.note(ReferReason.FINGER_NOT_CAPTURED)
        return best[0] if best else _missing(position)

    async def _present(self, position: FingerPosition, device_return_s: float) -> FingerprintScanner:
        patience = self._scanner.patience(device_return_s)
        if not patience:
            raise TimeoutError
        if not self._scanner.is_ready:
            self._screen.show(LaneState.FINGER, Prompt.WAIT, finger=position)
        async with self._screen.time_limit(patience):
            return await self._scanner.ready()

    async def _place(
        self, scanner: FingerprintScanner, position: FingerPosition, prompt: Prompt, attempt: int, timeout_s: float
    ) -> FingerImage | None:
        try:
            async with self._screen.time_limit(timeout_s):
                self._screen.show(LaneState.FINGER, prompt, finger=position, attempt=attempt)
                return await scanner.capture()
        except TimeoutError:
            return None

    async def _rated(self, sample: Sample, image: FingerImage) -> Sample:
        """``sample`` with NIST's score, where the tool gives one."""
        try:
            score = await self._worker.run(self._score, image)
        except WorkError as error:
            log.info("a print is not rated by NFIQ 2: %s", error)
            return sample
        return msgspec.structs.replace(sample, nfiq2=score)

    @cached_property
    def _nfiq2(self) -> Nfiq2 | None:
        return Nfiq2.installed()

    def _score(self, image: FingerImage) -> int | None:
        return None if self._nfiq2 is None else self._nfiq2.score(image.pixels, image.dpi)

    async def _lift(
        self, scanner: FingerprintScanner, position: FingerPosition, attempt: int, timeout_s: float
    ) -> None:
        try:
            async with self._screen.time_limit(timeout_s):
                self._screen.show(LaneState.FINGER, Prompt.LIFT_FINGER, finger=position, attempt=attempt)
                await scanner.wait_lifted()
        except TimeoutError:
            log.info("a finger was left on the glass for %.0f s", timeout_s)
        except DriverError as error:
            # The picture is taken: what fails now does not undo it.
            self._scanner.fault(scanner, error)

    def _look(self, image: FingerImage, position: FingerPosition) -> _Look:
        try:
            quality, template = engine.look(image.pixels, image.dpi)
        except BiometricError as error:
            log.warning("the scanner's picture cannot be used: %s", error)
            return _Look(None, Prompt.FINGER_AGAIN, good=False)
        prompt = _PROMPTS[quality.problems[0]] if quality.problems else Prompt.FINGER_AGAIN
        if template is None:
            return _Look(None, prompt, good=False)
        encoded, png = cv2.imencode(".png", image.pixels)
        if not encoded:
            return _Look(None, Prompt.FINGER_AGAIN, good=False)
        height, width = image.pixels.shape
        sample = Sample(
            modality="finger",
            position=position,
            media_type="image/png",
            image=png.tobytes(),
            width=width,
            height=height,
            dpi=image.dpi,
            quality=quality.score,
            template=template.encode(),
        )
        return _Look(sample, prompt, good=quality.score >= self._least)


def _missing(position: FingerPosition) -> Sample:
    return Sample(modality="finger", position=position, missing=MissingReason.UNABLE)
