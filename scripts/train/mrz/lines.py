"""What the reading network learns: strips of drawn lines as a camera gives them, and where which character stands.

Made as they are learned from; nothing is stored. Each strip is a cut of 384 columns, so that a batch holds many
documents. Different seeds make different strips.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from nets import CHARACTERS
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hotspotd.domain.document import DocumentFormat
from hotspotd.mrz.alphabet import ALPHABET, NUMBER_OF
from hotspotd.mrz.drawing.camera import Shot, take
from hotspotd.mrz.drawing.font import Cut
from hotspotd.mrz.drawing.grounds import Ground, ground
from hotspotd.mrz.drawing.printing import Press, ink, middle_of
from hotspotd.mrz.drawing.zones import zone
from hotspotd.mrz.strips import COLUMN, HEIGHT, PITCH, even

BATCH = 24
WIDTH = 384
COLUMNS = WIDTH // COLUMN
_GROUNDS = (Ground.PLAIN, Ground.WAVES, Ground.ROSETTES, Ground.LATTICE, Ground.BLOTCHES)
"""Microtext, and the font's sharp cut, are left for the test."""

_LOOK_ALIKES = "00OOQD1I2Z5S8B6GUV4AKX<"
"""What blur makes alike, often side by side: no word's letters tell it apart."""

_FOREIGN, _BESIDE, _TURNED = 0.04, 0.06, 0.05
"""Shares of what is no line, or not cut as one: other type, cut between the lines, upside down."""
_WHOLE_TO, _NONE_FROM = 8.5, 10.5
"""Rows that a character's middle may be off: so far it is to be read; from there on it is not there."""

Float = NDArray[np.float32]
Matrix = NDArray[np.float64]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """strip (32, 384) evened; for each of 96 columns: character, centre 0..1, rows off the middle, log of its scale."""

    strip: Float
    character: NDArray[np.int64]
    centre: Float
    offset: Float
    scale: Float
    weight: Float
    """0 where nothing is asked for: characters that the strip shows in part."""


def samples(rng: np.random.Generator, shots: int = 2) -> list[Sample]:
    """Strips of one print, seen ``shots`` times: drawing it costs more than looking at it again."""
    lines = _text(rng)
    camera_pitch = float(np.exp(rng.uniform(np.log(7), np.log(26))))
    pitch = 12 if camera_pitch < 9 else 16 if camera_pitch < 14 else 24
    hardness = float(rng.random()) ** 0.8
    press = Press(
        cut=Cut.LEANING if rng.random() < 0.06 else Cut.REGULAR,
        jitter=float(rng.uniform(0, 0.025)) if rng.random() < 0.5 else 0.0,
        spread=float(rng.uniform(-0.04, 0.06)) if rng.random() < 0.6 else 0.0,
        worn=hardness * float(rng.uniform(0.05, 0.42)) if rng.random() < 0.3 else 0.0,
        stretch=float(rng.uniform(0.95, 1.05)),
    )
    leading = float(rng.uniform(1.62, 2.65))
    foreign = rng.random() < _FOREIGN
    black = _other_print(rng, lines, pitch, leading) if foreign else ink(rng, lines, press, pitch, leading)
    scene = _printed(rng, black, pitch, hardness)
    out = []
    for _ in range(shots):
        target = int(rng.integers(len(lines)))
        points = np.array([middle_of(target, place, press, pitch, leading) for place in range(len(lines[target]))])
        aim = points.copy()
        kind = rng.random()
        if kind < _BESIDE:
            aim[:, 1] += pitch * float(rng.choice([-1, 1])) * max(0.75, leading * float(rng.uniform(0.4, 0.6)))
        turned = _BESIDE <= kind < _BESIDE + _TURNED
        line = "" if foreign or turned else lines[target]
        out.append(_seen(rng, scene, line, (points, aim), turned, (pitch, camera_pitch, hardness)))
    return out


def _seen(
    rng: np.random.Generator,
    scene: Float,
    line: str,
    where: tuple[Points, Points],
    turned: bool,
    how: tuple[int, float, float],
) -> Sample:
    """One line of the printed ``scene`` through the camera; ``how``: pitch of the print, of the picture; hardness.

    ``where`` its characters are and where the strip is cut; ``turned``: upside down. Of an empty ``line`` nothing is
    to be found.
    """
    points, aim = where
    pitch, camera_pitch, hardness = how
    to_camera = _lay(rng, scene.shape, camera_pitch / pitch)
    size = int(scene.shape[1] * camera_pitch / pitch), int(scene.shape[0] * camera_pitch / pitch)
    seen = cv2.warpPerspective(scene, to_camera, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    picture = take(rng, np.asarray(seen, np.float32), _shot(rng, camera_pitch, hardness))
    to_strip, scale = _cut(rng, aim, pitch)
    if turned:
        to_strip = np.array([[-1, 0, WIDTH - 1], [0, -1, HEIGHT - 1], [0, 0, 1.0]]) @ to_strip
    strip = cv2.warpPerspective(
        picture,
        to_strip @ np.linalg.inv(to_camera),
        (WIDTH, HEIGHT),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float(rng.integers(256)),
    )
    return _labelled(even(np.asarray(strip, np.uint8)), line, _through(to_strip, points), scale)


def _text(rng: np.random.Generator) -> tuple[str, ...]:
    """A window of a zone's lines, or characters by chance."""
    if rng.random() < 0.3:
        count, length = int(rng.integers(1, 4)), int(rng.integers(6, 34))
        among = _LOOK_ALIKES if rng.random() < 0.4 else ALPHABET
        letters = rng.integers(0, len(among), (count, length))
        return tuple("".join(among[code] for code in row) for row in letters)
    lines = zone(rng, list(DocumentFormat)[int(rng.integers(5))])
    start = int(rng.integers(-6, len(lines[0]) - 18))
    return tuple(line[max(0, start) : start + 32] for line in lines)


def _other_print(rng: np.random.Generator, lines: tuple[str, ...], pitch: int, leading: float) -> Float:
    """Ink of words in other type, about where the lines would be."""
    width = (max(len(line) for line in lines) + 4) * pitch
    out = np.zeros((round(pitch * (3 + leading * (len(lines) - 1))), width), np.uint8)
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX]))
    for row in range(len(lines)):
        words = "".join(" " if rng.random() < 0.15 else chr(int(rng.integers(48, 123))) for _ in range(40))
        place = int(rng.uniform(0, 4) * pitch), round(pitch * (2 + leading * row))
        size = pitch * float(rng.uniform(0.025, 0.05))
        cv2.putText(out, words, place, font, size, (255,), 1 + int(pitch > 20), cv2.LINE_AA)
    return np.asarray(out, np.float32) / np.float32(255)


def _printed(rng: np.random.Generator, black: Float, pitch: int, hardness: float) -> Float:
    """The ink on its ground, with the document's edge and other print beside it now and then."""
    kind = _GROUNDS[int(rng.choice(len(_GROUNDS), p=[0.2, 0.3, 0.15, 0.2, 0.15]))]
    paper = ground(rng, kind, black.shape, pitch, float(rng.uniform(0.02, 0.1 + 0.4 * hardness)))
    white = rng.uniform(0.5, 1.0)
    dark = white * rng.uniform(0.03, 0.15 + 0.4 * hardness)
    scene = paper * np.float32(white)
    scene = scene * (1 - black) + np.minimum(scene, np.float32(dark)) * black
    height, width = scene.shape
    edge = int(rng.uniform(0.3, 1.6) * pitch)
    beyond = float(rng.uniform(0, 1))
    for side, chance in ((np.s_[:, :edge], 0.25), (np.s_[:, width - edge :], 0.25), (np.s_[height - edge // 2 :], 0.2)):
        if rng.random() < chance:
            scene[side] = beyond
    if rng.random() < 0.15:
        text = "".join(chr(int(code)) for code in rng.integers(65, 123, 30))
        place = int(rng.uniform(0, 3) * pitch), int(rng.uniform(0.2, 0.5) * pitch)
        other = np.zeros(scene.shape, np.uint8)
        cv2.putText(other, text, place, cv2.FONT_HERSHEY_SIMPLEX, pitch / 40, (255,), 1, cv2.LINE_AA)
        scene = np.where(other > 127, np.float32(dark), scene)
    return np.asarray(scene, np.float32)


def _lay(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> Matrix:
    """From the print to the camera's picture: scaled, a little turned and seen aslant."""
    turn = np.deg2rad(rng.uniform(-4, 4))
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    half_x, half_y = shape[1] / 2, shape[0] / 2
    squeeze = rng.uniform(0.8, 1.0) if rng.random() < 0.4 else 1.0
    turned = np.array([[cos, -sin, half_x * scale], [sin * squeeze, cos * squeeze, half_y * scale], [0, 0, 1]])
    tilted = np.array([[1, 0, 0], [0, 1, 0], [rng.normal(0, 1e-4), rng.normal(0, 1e-4), 1]])
    return np.asarray(turned @ tilted @ np.array([[1, 0, -half_x], [0, 1, -half_y], [0, 0, 1.0]]))


def _shot(rng: np.random.Generator, pitch: float, hardness: float) -> Shot:
    return Shot(
        blur=pitch * float(rng.uniform(0.01, 0.06 + 0.11 * hardness)),
        motion=pitch * float(rng.uniform(0.1, 0.45)) if rng.random() < 0.4 * hardness else 0.0,
        motion_angle=float(rng.uniform(0, np.pi)),
        noise=float(rng.uniform(0.002, 0.012 + 0.04 * hardness)),
        jpeg=int(rng.integers(75 - int(40 * hardness), 98)),
        slope=float(rng.uniform(0, 0.6)),
        slope_angle=float(rng.uniform(0, 2 * np.pi)),
        glare=float(rng.uniform(0.1, 0.8)) if rng.random() < 0.4 * hardness else 0.0,
        glare_x=float(rng.random()),
        glare_y=float(rng.random()),
        glare_size=float(rng.uniform(0.03, 0.3)),
        exposure=float(rng.uniform(0.5, 1.35)),
        gamma=float(rng.uniform(0.7, 1.4)),
    )


def _cut(rng: np.random.Generator, points: Points, pitch: int) -> tuple[Matrix, tuple[float, float]]:
    """From the print to a strip that is cut well or roughly; scale along and across the line."""
    loose = rng.random() < 0.5
    across = float(np.exp(rng.uniform(-0.3, 0.3) if loose else rng.normal(0, 0.03)))
    along = across * float(np.exp(rng.uniform(-0.22, 0.22) if loose else rng.normal(0, 0.02)))
    turn = np.deg2rad(rng.uniform(-1.5, 1.5) if loose else rng.normal(0, 0.25))
    off = rng.uniform(-5, 5) if loose else rng.normal(0, 0.7)
    first, last = points[0], points[-1]
    length = (last[0] - first[0]) * along * PITCH / pitch
    # Where the strip shows both margins, where one, or none: anywhere between first and last character.
    spare = WIDTH - length
    left = rng.uniform(min(8, spare - 8), max(8, spare - 8)) + rng.uniform(-60, 60)
    anchor = points.mean(axis=0)
    x_scale, y_scale = along * PITCH / pitch, across * PITCH / pitch
    cos, sin = np.cos(turn), np.sin(turn)
    # Perspective leans characters whose line is level.
    lean = rng.uniform(-0.2, 0.2) if loose else rng.normal(0, 0.08)
    out = np.eye(3)
    out[:2, :2] = np.array([[cos, -sin], [sin, cos]]) @ [[x_scale, lean * y_scale], [0, y_scale]]
    out[:2, 2] = (left + length / 2, HEIGHT / 2 - 0.5 + off) - out[:2, :2] @ anchor
    return out, (along, across)


def _through(matrix: Matrix, points: Points) -> Points:
    """Points (n, 2) mapped by a 3x3 matrix."""
    mapped = np.c_[points, np.ones(len(points))] @ matrix.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def _labelled(strip: Float, line: str, points: Points, scale: tuple[float, float]) -> Sample:
    character = np.full(COLUMNS, len(ALPHABET) - 1, np.int64)
    centre, weight = np.zeros(COLUMNS, np.float32), np.ones(COLUMNS, np.float32)
    offset = np.zeros(COLUMNS, np.float32)
    places = (np.arange(COLUMNS) + 0.5) * COLUMN - 0.5
    half = 0.5 * PITCH * scale[0]
    for letter, (x, y) in zip(line, points, strict=False):
        off = abs(y - (HEIGHT - 1) / 2)
        near = np.clip(1 - np.abs(places - x) / COLUMN, 0, 1).astype(np.float32)
        if off > _NONE_FROM or not near.any():
            continue
        own = near > centre
        character[own], offset[own] = NUMBER_OF[letter], (y - (HEIGHT / 2 - 0.5)) / PITCH
        centre = np.maximum(centre, near)
        if not half - 3 < x < WIDTH - half + 3 or off > _WHOLE_TO:
            weight[np.abs(places - x) < half] = 0
    return Sample(strip, character, centre, offset, np.full(COLUMNS, np.log(scale[1]), np.float32), weight)


def batch(rng: np.random.Generator, size: int) -> dict[str, Tensor]:
    """Freshly drawn strips with what the network should say of them."""
    drawn = [one for _ in range(size // 2) for one in samples(rng)]

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(one, name) for one in drawn]))

    return {
        "picture": torch.from_numpy(np.stack([one.strip for one in drawn]))[:, None],
        **{name: stacked(name) for name in Sample.__dataclass_fields__ if name != "strip"},
    }


def losses(output: Tensor, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the network is off by, in parts."""
    said = output[:, :, 0]
    weight = wanted["weight"]
    own = weight * wanted["centre"]
    count = own.sum() + 1
    middle = functional.binary_cross_entropy_with_logits(said[:, CHARACTERS], wanted["centre"], reduction="none")
    character = functional.cross_entropy(said[:, :CHARACTERS], wanted["character"], reduction="none")
    offset = functional.smooth_l1_loss(said[:, CHARACTERS + 1], wanted["offset"], reduction="none", beta=0.05)
    scale = functional.smooth_l1_loss(said[:, CHARACTERS + 2], wanted["scale"], reduction="none", beta=0.05)
    return {
        "character": (character * own).sum() / count,
        "middle": (middle * weight).mean() * 4,
        "offset": (offset * own).sum() / count * 3,
        "scale": (scale * own).sum() / count * 3,
    }


def right(output: Tensor, wanted: dict[str, Tensor]) -> float:
    """Share of the characters that are right."""
    there = (wanted["centre"] > 0.5) & (wanted["weight"] > 0)
    return float((output[:, :CHARACTERS, 0].argmax(1) == wanted["character"])[there].float().mean())
