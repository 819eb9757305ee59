"""Whether a picture of a face is good enough, and what the traveller can change if not.

Each component of ``components`` has a threshold; one that is below it is a problem, and each problem is one thing to
tell the traveller. The score orders the frames of one lane and decides whether one may be used: it is the unified score
of these components and thresholds, no standardised quality number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.box import FaceBox
from hotspotd.biometrics.face.components import Component, Measure, measure

__all__ = ["THRESHOLDS", "FaceProblem", "FaceQuality", "Measure", "assess", "problem_of", "unified"]


class FaceProblem(StrEnum):
    """What is wrong with a picture, most useful to the traveller first."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_FAR = "too_far"
    TOO_CLOSE = "too_close"
    OFF_CENTRE = "off_centre"
    TURNED_AWAY = "turned_away"
    TILTED = "tilted"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    UNEVEN_LIGHT = "uneven_light"
    EYES_CLOSED = "eyes_closed"
    MOUTH_OPEN = "mouth_open"
    BLURRED = "blurred"
    BUSY_BACKGROUND = "busy_background"
    ODD_COLOUR = "odd_colour"
    COMPRESSED = "compressed"


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """``score`` 0 (useless) to 100, UnifiedQualityScore; ``problems`` in the order in which to tell them."""

    score: int
    problems: tuple[FaceProblem, ...] = ()
    components: tuple[Component, ...] = ()
    """Empty where there is no face."""


THRESHOLDS: Mapping[Measure, int] = {
    # A face behind of a third of the area counts as a second one; smaller ones stand further back in the queue.
    Measure.SINGLE_FACE_PRESENT: 64,
    Measure.HEAD_SIZE: 50,
    Measure.INTER_EYE_DISTANCE: 20,
    Measure.LEFTWARD_CROP: 50,
    Measure.RIGHTWARD_CROP: 50,
    Measure.MARGIN_ABOVE: 20,
    Measure.MARGIN_BELOW: 20,
    Measure.HEAD_POSE_YAW: 75,
    Measure.HEAD_POSE_PITCH: 70,
    Measure.HEAD_POSE_ROLL: 80,
    Measure.EYES_OPEN: 30,
    Measure.MOUTH_CLOSED: 50,
    Measure.SHARPNESS: 50,
    Measure.LUMINANCE_MEAN: 50,
    Measure.LUMINANCE_VARIANCE: 20,
    Measure.UNDER_EXPOSURE_PREVENTION: 50,
    Measure.OVER_EXPOSURE_PREVENTION: 10,
    Measure.DYNAMIC_RANGE: 50,
    Measure.ILLUMINATION_UNIFORMITY: 55,
    # What the traveller cannot change is measured and not asked for.
    Measure.BACKGROUND_UNIFORMITY: 0,
    Measure.NATURAL_COLOUR: 0,
    Measure.COMPRESSION_ARTIFACTS: 0,
}
"""Quality from which each component is good enough; 0 never complains. A configuration's [face_quality] is the same."""

_PROBLEM = {
    Measure.SINGLE_FACE_PRESENT: FaceProblem.SEVERAL_FACES,
    Measure.INTER_EYE_DISTANCE: FaceProblem.TOO_FAR,
    Measure.LEFTWARD_CROP: FaceProblem.OFF_CENTRE,
    Measure.RIGHTWARD_CROP: FaceProblem.OFF_CENTRE,
    Measure.MARGIN_ABOVE: FaceProblem.OFF_CENTRE,
    Measure.MARGIN_BELOW: FaceProblem.OFF_CENTRE,
    Measure.HEAD_POSE_YAW: FaceProblem.TURNED_AWAY,
    Measure.HEAD_POSE_PITCH: FaceProblem.TURNED_AWAY,
    Measure.HEAD_POSE_ROLL: FaceProblem.TILTED,
    Measure.EYES_OPEN: FaceProblem.EYES_CLOSED,
    Measure.MOUTH_CLOSED: FaceProblem.MOUTH_OPEN,
    Measure.SHARPNESS: FaceProblem.BLURRED,
    Measure.LUMINANCE_VARIANCE: FaceProblem.UNEVEN_LIGHT,
    Measure.UNDER_EXPOSURE_PREVENTION: FaceProblem.TOO_DARK,
    Measure.OVER_EXPOSURE_PREVENTION: FaceProblem.TOO_BRIGHT,
    Measure.DYNAMIC_RANGE: FaceProblem.UNEVEN_LIGHT,
    Measure.ILLUMINATION_UNIFORMITY: FaceProblem.UNEVEN_LIGHT,
    Measure.BACKGROUND_UNIFORMITY: FaceProblem.BUSY_BACKGROUND,
    Measure.NATURAL_COLOUR: FaceProblem.ODD_COLOUR,
    Measure.COMPRESSION_ARTIFACTS: FaceProblem.COMPRESSED,
}


def assess(
    rgb: NDArray[np.uint8],
    box: FaceBox | None,
    others: Sequence[FaceBox] = (),
    thresholds: Mapping[Measure, int] = THRESHOLDS,
) -> FaceQuality:
    """Quality of the face in ``box`` (None: no face was found); ``others`` are the further faces in the picture."""
    if box is None:
        return FaceQuality(0, (FaceProblem.NO_FACE,))
    components = measure(rgb, box, others)
    problems = {
        problem_of(one)
        for one in components
        if one.quality is not None and one.quality < thresholds.get(one.measure, 0)
    }
    # A face that is far too close crosses every edge: one step back mends them all.
    if FaceProblem.TOO_CLOSE in problems:
        problems.discard(FaceProblem.OFF_CENTRE)
    # Neither says more than the light does.
    if problems & {FaceProblem.TOO_DARK, FaceProblem.TOO_BRIGHT}:
        problems.discard(FaceProblem.UNEVEN_LIGHT)
    ordered = tuple(problem for problem in FaceProblem if problem in problems)
    return FaceQuality(unified(components, thresholds), ordered, components)


def problem_of(component: Component) -> FaceProblem:
    """What a component below its threshold is told as."""
    native = component.native or 0.0
    if component.measure is Measure.HEAD_SIZE:
        return FaceProblem.TOO_FAR if native < 0.3 else FaceProblem.TOO_CLOSE
    if component.measure is Measure.LUMINANCE_MEAN:
        return FaceProblem.TOO_DARK if native < 0.5 else FaceProblem.TOO_BRIGHT
    return _PROBLEM[component.measure]


def unified(components: Sequence[Component], thresholds: Mapping[Measure, int]) -> int:
    """One number, 0 to 100, of the components that have a threshold: half of it where the worst is just good enough.

    The worst mark decides most, since one bad property spoils a picture whatever the others are.
    """
    marks = []
    for one in components:
        least = thresholds.get(one.measure, 0)
        if one.quality is not None and least > 0:
            # 0 without quality, one half at the threshold, 1 at the best.
            above = (one.quality - least) / max(1, 100 - least)
            marks.append(0.5 + 0.5 * above if above >= 0 else 0.5 * one.quality / least)
    if not marks:
        return 0
    # Half way up from the threshold is as good as a camera's picture needs to be.
    marks = [min(1.0, mark / 0.75) if mark >= 0.5 else mark / 0.75 for mark in marks]
    return round(100 * (0.7 * min(marks) + 0.3 * sum(marks) / len(marks)))
