"""Pictures of a scanner into samples, each judged; a picture of several fingers is cut apart first.

What the traveller is told next follows from how each finger that was asked for came out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import msgspec

from drivers.base import FingerImage
from hotspotd.biometrics import finger as engine
from hotspotd.biometrics.finger.nfiq2 import Nfiq2
from hotspotd.biometrics.finger.slap import segment
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.errors import BiometricError, WorkError
from hotspotd.events import Prompt
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

_PROMPTS = {
    engine.FingerProblem.NO_FINGER: Prompt.FINGER_AGAIN,
    engine.FingerProblem.TOO_SMALL: Prompt.FINGER_TO_MIDDLE,
    engine.FingerProblem.OFF_CENTRE: Prompt.FINGER_TO_MIDDLE,
    engine.FingerProblem.TOO_LIGHT: Prompt.PRESS_HARDER,
    engine.FingerProblem.TOO_DRY: Prompt.PRESS_HARDER,
    engine.FingerProblem.TOO_WET: Prompt.PRESS_LIGHTER,
    engine.FingerProblem.MOVED: Prompt.FINGER_STILL,
}
# Where a finger lies on the glass is no advice for one of several.
_OF_SEVERAL = frozenset({Prompt.PRESS_HARDER, Prompt.PRESS_LIGHTER, Prompt.FINGER_STILL})

Fingers = Sequence[FingerPosition]


@dataclass(frozen=True, slots=True)
class Look:
    """How one finger came out: ``sample`` is ``None`` where no print was seen; ``prompt`` is what would help."""

    image: FingerImage
    sample: Sample | None
    prompt: Prompt
    good: bool


Looks = Mapping[FingerPosition, Look]


def place(fingers: Fingers) -> Prompt:
    """What asks for ``fingers``."""
    return Prompt.PLACE_FINGER if len(fingers) == 1 else Prompt.PLACE_FINGERS


def again(fingers: Fingers) -> Prompt:
    """What asks for ``fingers`` again."""
    return Prompt.FINGER_AGAIN if len(fingers) == 1 else Prompt.FINGERS_AGAIN


def next_prompt(looks: Looks, wanted: Fingers) -> Prompt:
    """What is said to the fingers that are still ``wanted`` after these ``looks``.

    Fingers that were not there are asked for by name, not called bad; advice is given where it holds for all of them.
    """
    told = {looks[position].prompt for position in wanted if position in looks}
    if not told and looks:
        return place(wanted)
    if len(told) == 1 and all(position in looks for position in wanted):
        (prompt,) = told
        if prompt is not Prompt.FINGER_AGAIN and (len(wanted) == 1 or prompt in _OF_SEVERAL):
            return prompt
    return again(wanted)


class FingerJudge:
    """Judges pictures in a worker; rates them by NFIQ 2 where its tool is installed."""

    def __init__(self, worker: Worker, least_quality: int) -> None:
        self._worker = worker
        self._least = least_quality

    async def looks(self, images: Sequence[FingerImage], slap: Slap | None, wanted: Fingers) -> Looks:
        """How each finger of ``wanted`` came out that is in ``images``; none where they cannot be told apart."""
        return await self._worker.run(self._looks, images, slap, wanted)

    async def rated(self, look: Look) -> Sample | None:
        """The sample of ``look`` with NIST's score, where there is one and the tool gives it."""
        if look.sample is None:
            return None
        try:
            score = await self._worker.run(self._score, look.image)
        except WorkError as error:
            log.info("a print is not rated by NFIQ 2: %s", error)
            return look.sample
        return msgspec.structs.replace(look.sample, nfiq2=score)

    @cached_property
    def _nfiq2(self) -> Nfiq2 | None:
        return Nfiq2.installed()

    def _score(self, image: FingerImage) -> int | None:
        return None if self._nfiq2 is None else self._nfiq2.score(image.pixels, image.dpi)

    def _looks(self, images: Sequence[FingerImage], slap: Slap | None, wanted: Fingers) -> Looks:
        try:
            pictures = _apart(images, slap, wanted)
        except BiometricError as error:
            log.info("the scanner's picture of several fingers cannot be used: %s", error)
            return {}
        return {position: self._look(image, position) for position, image in pictures.items()}

    def _look(self, image: FingerImage, position: FingerPosition) -> Look:
        try:
            quality, template = engine.look(image.pixels, image.dpi)
        except BiometricError as error:
            log.warning("the scanner's picture cannot be used: %s", error)
            return Look(image, None, Prompt.FINGER_AGAIN, good=False)
        prompt = _PROMPTS[quality.problems[0]] if quality.problems else Prompt.FINGER_AGAIN
        if template is None:
            return Look(image, None, prompt, good=False)
        encoded, png = cv2.imencode(".png", image.pixels)
        if not encoded:
            return Look(image, None, Prompt.FINGER_AGAIN, good=False)
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
        return Look(image, sample, prompt, good=quality.score >= self._least)


def _apart(images: Sequence[FingerImage], slap: Slap | None, wanted: Fingers) -> dict[FingerPosition, FingerImage]:
    """A picture for each finger. Raises BiometricError where one of several cannot be cut apart."""
    if slap is None:
        return {wanted[0]: images[0]}
    if len(images) == 1 and images[0].position == slap:
        whole = images[0]
        cut = segment(whole.pixels, whole.dpi, slap, set(slap.fingers) - set(wanted))
        return {finger.position: replace(whole, pixels=finger.pixels, position=finger.position) for finger in cut}
    return {FingerPosition(image.position): image for image in images if image.position in wanted}
