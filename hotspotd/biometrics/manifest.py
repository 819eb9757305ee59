"""The parts of a model's manifest: what goes in, how the face is cropped for it, and what its numbers mean.

Each part is a table of the manifest file, read strictly. Points and sides called left and right are the picture's,
not the person's.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_SIDE = 2048
"""Of a picture given to a model that takes any size [px]."""

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}$")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Side = Annotated[int, Meta(ge=8, le=1024)]
Share = Annotated[float, Meta(ge=0, le=1)]
Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Place = Annotated[float, Meta(ge=-1024, le=2048)]
Points = Annotated[tuple[Annotated[int, Meta(ge=0, le=4095)], ...], Meta(min_length=1, max_length=64)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Input(_Part, frozen=True):
    """The picture that goes in: value = (pixel - mean) / scale for each channel, pixels 0 to 255.

    ``mean`` and ``scale`` are one number for all channels or one for each, in the order of ``colour``. A graph whose
    input is int8 or uint8 gets these values quantised by its own scale and zero point. With ``multiple_of``, any
    height and width that it divides will do, up to MAX_SIDE: ``width`` and ``height`` are then those of the file as it
    is written.
    """

    width: Side
    height: Side
    layout: Literal["NHWC", "NCHW"]
    colour: Literal["RGB", "BGR", "GREY"]
    mean: float | tuple[float, float, float]
    scale: float | tuple[float, float, float]
    multiple_of: Annotated[int, Meta(ge=1, le=64)] | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that are not finite, three of them for one channel, and no scale (ValueError)."""
        for value in (self.mean, self.scale):
            numbers = value if isinstance(value, tuple) else (value,)
            if not all(map(math.isfinite, numbers)):
                raise ValueError("mean and scale must be finite")
            if len(numbers) == 3 and self.channels == 1:
                raise ValueError("a GREY input has one mean and one scale")
        # Checked here, not by Meta: msgspec 0.22 crashes on a union of a bounded number with a tuple.
        if min(self.scale if isinstance(self.scale, tuple) else (self.scale,)) <= 0:
            raise ValueError("scale must be above 0")

    @property
    def channels(self) -> int:
        """1 for GREY, else 3."""
        return 1 if self.colour == "GREY" else 3

    def fits(self, height: int, width: int) -> bool:
        """Whether a picture of this size may go in."""
        if self.multiple_of is None:
            return (height, width) == (self.height, self.width)
        sides = (height, width)
        return all(0 < side <= MAX_SIDE and side % self.multiple_of == 0 for side in sides)


class EyeAlignment(_Part, frozen=True, tag_field="kind", tag="eyes"):
    """Turn and scale so that the eyes' centres lie here, as shares of the input's width and height."""

    left_x: Share
    left_y: Share
    right_x: Share
    right_y: Share


class FivePointAlignment(_Part, frozen=True, tag_field="kind", tag="five_points"):
    """Turn, scale and shift so that five points of the face come nearest to these (x, y), by least squares.

    In pixels of the input, or in shares of its width and height. The mouth's points are its corners.
    """

    unit: Literal["pixels", "shares"]
    left_eye: tuple[Place, Place]
    right_eye: tuple[Place, Place]
    nose: tuple[Place, Place]
    mouth_left: tuple[Place, Place]
    mouth_right: tuple[Place, Place]

    def __post_init__(self) -> None:
        """Refuse eyes in one place or the wrong way round (ValueError)."""
        if self.left_eye[0] >= self.right_eye[0]:
            raise ValueError("left_eye is the one on the picture's left")


class BoxAlignment(_Part, frozen=True, tag_field="kind", tag="box"):
    """Crop a square about the middle of the detected face's box: its longer side times ``scale``.

    ``upright`` turns it so that the eyes are level. With ``inside`` (liveness only) the box keeps its shape, is made
    larger as far as the picture has room, at most by ``scale``, is shifted to lie within the picture, and stretched to
    the input.
    """

    scale: Annotated[float, Meta(gt=0.2, le=8)]
    upright: bool = False
    inside: bool = False


class FrameAlignment(_Part, frozen=True, tag_field="kind", tag="frame"):
    """No crop: the whole picture, letterboxed."""


Alignment = EyeAlignment | FivePointAlignment | BoxAlignment | FrameAlignment


class Anchors(_Part, frozen=True, kw_only=True):
    """How a detector's numbers become faces: single shot detection with anchors of fixed size.

    Liu et al., "SSD: Single Shot MultiBox Detector", 2016, as MediaPipe's face detectors use it: each cell of a grid
    of ``strides`` pixels has ``per_layer`` anchors at its middle for each layer of that stride, in order; ``boxes``
    holds for each anchor x, y, width and height in input pixels relative to it, then x and y of points, and ``scores``
    a logit. The points named here are numbers of those points.
    """

    boxes: Text
    scores: Text
    strides: Annotated[tuple[Annotated[int, Meta(ge=1, le=256)], ...], Meta(min_length=1, max_length=8)]
    per_layer: Annotated[int, Meta(ge=1, le=8)] = 2
    least_score: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    most_overlap: Annotated[float, Meta(gt=0, lt=1)] = 0.3
    """Intersection over union from which two finds are one face."""
    left_eye: Annotated[int, Meta(ge=0, le=63)]
    right_eye: Annotated[int, Meta(ge=0, le=63)]
    nose: Annotated[int, Meta(ge=0, le=63)]
    mouth: Annotated[int, Meta(ge=0, le=63)]


class Landmarks(_Part, frozen=True, kw_only=True):
    """How a landmark model's numbers become points of a face: the mean of the points numbered here is each of the five.

    ``topology`` names the meaning of all points; "mediapipe-468" is the one that further measures (eyes open, mouth
    closed, pose) know.
    """

    points: Text
    """Tensor with ``dimensions`` numbers for each of ``count`` points, x and y first, in input pixels."""
    count: Annotated[int, Meta(ge=5, le=4096)]
    dimensions: Literal[2, 3]
    presence: Text | None = None
    """Tensor with the logit of a face being there."""
    least_presence: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    topology: Literal["mediapipe-468"] | None = None
    passes: Annotated[int, Meta(ge=1, le=3)] = 1
    """How often the points are found; each pass crops by the points of the one before."""
    left_eye: Points
    right_eye: Points
    nose: Points
    mouth_left: Points
    mouth_right: Points

    def __post_init__(self) -> None:
        """Refuse points that the model does not have (ValueError)."""
        named = (*self.left_eye, *self.right_eye, *self.nose, *self.mouth_left, *self.mouth_right)
        if max(named) >= self.count:
            raise ValueError(f"point {max(named)} of a model with {self.count}")
        if self.topology == "mediapipe-468" and (self.count, self.dimensions) != (468, 3):
            raise ValueError("the topology mediapipe-468 has 468 points of 3 dimensions")


class Classes(_Part, frozen=True, kw_only=True):
    """What a liveness model's output ``tensor`` means: one number for each class, of which number ``live`` is live."""

    tensor: Text
    live: Annotated[int, Meta(ge=0, le=63)]
    values: Literal["probabilities", "logits"]


class Output(_Part, frozen=True):
    """One tensor that comes out."""

    tensor: str
    shape: tuple[Annotated[int, Meta(ge=1)], ...]
    meaning: Text
