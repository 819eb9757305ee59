"""The third step: the fingers asked for, each judged at once and asked for again if bad.

One after the other, or, where the scanner takes the fingers of a hand at once, together: then those that came out
well are kept, and only the others are asked for again.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from drivers.base import DriverError, DriverReason, FingerImage, FingerprintScanner
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition, MissingReason, Slap
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import LaneState, Prompt
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.finger_judge import FingerJudge, Fingers, again, next_prompt, place
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Visit
from hotspotd.workers import Worker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Limits:
    attempts: int
    timeout_s: float
    device_return_s: float
    again: bool


class FingerStep:
    """Takes the fingerprints of a visit through a supervised scanner."""

    def __init__(
        self, scanner: SupervisedDevice[FingerprintScanner], worker: Worker, screen: Screen, least_quality: int
    ) -> None:
        self._scanner = scanner
        self._judge = FingerJudge(worker, least_quality)
        self._screen = screen

    async def capture(
        self,
        visit: Visit,
        positions: tuple[FingerPosition, ...],
        *,
        attempts: int,
        timeout_s: float,
        device_return_s: float,
        again: bool = False,
    ) -> None:
        """Add one sample for each of ``positions`` to ``visit``: a print, or the statement that none could be had.

        ``again``: they were taken before, and the traveller is told what is told of a bad print. A scanner that is
        away is waited for until ``device_return_s`` after it went; then the rest is noted as missing.
        """
        limits = _Limits(attempts, timeout_s, device_return_s, again)
        left: Fingers = positions
        best: dict[FingerPosition, Sample] = {}
        try:
            while left:
                scanner = await self._present(left[:1], device_return_s)
                slap, group = _together(left, scanner.slaps)
                try:
                    await self._group(visit, group, slap, best, limits)
                finally:
                    # Also where help is called meanwhile: what was captured is kept.
                    visit.samples += [best[position] for position in group if position in best]
                visit.samples += [_missing(position) for position in group if position not in best]
                left = [position for position in left if position not in group]
        except TimeoutError:
            # The scanner did not come back: the other fingers would only wait for it as well.
            visit.note(ReferReason.DEVICE_FAULT)
            visit.failed.update(left)
            visit.samples += [_missing(position) for position in left if position not in best]

    async def _group(
        self,
        visit: Visit,
        group: Fingers,
        slap: Slap | None,
        best: dict[FingerPosition, Sample],
        limits: _Limits,
    ) -> None:
        """Fingers taken together. ``best`` is given the best sample of each, also when TimeoutError is raised."""
        wanted = list(group)
        prompt = again(wanted) if limits.again else place(wanted)
        attempt = 1
        faults = 0
        while wanted and attempt <= limits.attempts:
            scanner = await self._present(wanted, limits.device_return_s)
            try:
                images = await self._place(scanner, wanted, slap, prompt, attempt, limits.timeout_s)
                if images is None:
                    break
            except DriverError as error:
                if error.reason is DriverReason.BAD_IMAGE:
                    prompt, attempt = again(wanted), attempt + 1
                else:
                    self._scanner.fault(scanner, error)
                    faults += 1
                    if faults > limits.attempts:
                        # It comes and goes: nobody is kept standing there for a loose cable.
                        raise TimeoutError from error
                continue
            looks = await self._judge.looks(images, slap, wanted)
            # The tool that rates them takes its time; meanwhile the fingers are lifted.
            async with asyncio.TaskGroup() as both:
                rated = {position: both.create_task(self._judge.rated(look)) for position, look in looks.items()}
                await self._lift(scanner, wanted, attempt, limits.timeout_s)
            for position, task in rated.items():
                samples = [sample for sample in (best.get(position), task.result()) if sample is not None]
                if samples:
                    best[position] = max(samples, key=lambda sample: sample.quality or 0)
            wanted = [position for position in wanted if position not in looks or not looks[position].good]
            prompt, attempt = next_prompt(looks, wanted), attempt + 1
        if wanted:
            visit.note(ReferReason.FINGER_NOT_CAPTURED)
            visit.failed.update(wanted)

    def _show(self, prompt: Prompt, fingers: Fingers, attempt: int | None = None) -> None:
        changes: dict[str, object] = {} if attempt is None else {"attempt": attempt}
        several = len(fingers) > 1
        self._screen.show(
            LaneState.FINGER,
            prompt,
            finger=None if several else fingers[0],
            fingers=tuple(fingers) if several else (),
            **changes,
        )

    async def _present(self, fingers: Fingers, device_return_s: float) -> FingerprintScanner:
        patience = self._scanner.patience(device_return_s)
        if not patience:
            raise TimeoutError
        if not self._scanner.is_ready:
            self._show(Prompt.WAIT, fingers)
        # No time of the traveller's runs here: none is shown, and none can be asked for.
        async with asyncio.timeout(patience):
            return await self._scanner.ready()

    async def _place(
        self,
        scanner: FingerprintScanner,
        fingers: Fingers,
        slap: Slap | None,
        prompt: Prompt,
        attempt: int,
        timeout_s: float,
    ) -> tuple[FingerImage, ...] | None:
        try:
            async with self._screen.time_limit(timeout_s):
                self._show(prompt, fingers, attempt)
                if slap is None:
                    return (await scanner.capture(),)
                return await scanner.capture_slap(slap, frozenset(slap.fingers) - frozenset(fingers))
        except TimeoutError:
            return None

    async def _lift(self, scanner: FingerprintScanner, fingers: Fingers, attempt: int, timeout_s: float) -> None:
        try:
            async with self._screen.time_limit(timeout_s):
                self._show(Prompt.LIFT_FINGER if len(fingers) == 1 else Prompt.LIFT_FINGERS, fingers, attempt)
                await scanner.wait_lifted()
        except TimeoutError:
            log.info("a finger was left on the glass for %.0f s", timeout_s)
        except DriverError as error:
            # The picture is taken: what fails now does not undo it.
            self._scanner.fault(scanner, error)


def _together(left: Fingers, slaps: frozenset[int]) -> tuple[Slap | None, Fingers]:
    """Of the fingers that are ``left`` those to be taken next, at once where the scanner can."""
    slap = next((slap for slap in Slap if slap in slaps and left[0] in slap.fingers), None)
    if slap is None:
        return None, left[:1]
    return slap, [position for position in left if position in slap.fingers]


def _missing(position: FingerPosition) -> Sample:
    return Sample(modality="finger", position=position, missing=MissingReason.UNABLE)
