"""One face in a picture: its box, and the points that are known of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class FaceBox:
    """One face in a picture, in pixels; x right, y down. ``eyes`` are centres, the picture's left one first.

    ``eyes_seen`` is False where the eyes were not found and stand where they usually are. The box is the detector's, as
    is the rest where no landmark model has looked: two detectors cut their boxes differently, so sizes are judged by
    the eyes.
    """

    x: int
    y: int
    width: int
    height: int
    eyes: tuple[Point, Point]
    eyes_seen: bool
    nose: Point | None = None
    """Tip of the nose; None where the detector knows eyes only."""
    mouth: Point | None = None
    """Middle of the mouth."""
    mouth_corners: tuple[Point, Point] | None = None
    """The picture's left one first; None without a landmark model."""
    score: float | None = None
    """How sure a detector model is, 0 to 1."""
    mesh: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    """All points of a landmark model, (count, 3): x and y in pixels of the picture, z in the same scale, nearer the
    camera is smaller; the z of a model without one is 0."""
    topology: str | None = None
    """What the mesh's points mean, by the landmark model's manifest: "mediapipe-468", or None where it does not say."""

    @property
    def centre(self) -> Point:
        """Middle of the box."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def eye_distance(self) -> float:
        """Between the eyes' centres, in pixels."""
        (lx, ly), (rx, ry) = self.eyes
        return float(np.hypot(rx - lx, ry - ly))

    @property
    def roll(self) -> float:
        """Angle of the line between the eyes in degrees, clockwise in the picture is positive."""
        (lx, ly), (rx, ry) = self.eyes
        return float(np.degrees(np.arctan2(ry - ly, rx - lx)))

    @property
    def five_points(self) -> NDArray[np.float64] | None:
        """Left eye, right eye, nose, left and right corner of the mouth: (5, 2), or None where one is not known."""
        if self.nose is None or self.mouth_corners is None:
            return None
        return np.array([*self.eyes, self.nose, *self.mouth_corners], np.float64)
