"""Drawn heads in the round, and pictures of them on paper: what a camera sees of who turns, and of who pretends.

A head is an ellipsoid with a nose, brows, eye sockets, lips and a chin, painted with a drawn face (``synthetic``).
Paper is flat, or bent about one axis. Both are seen by a pinhole camera, so that what is near moves as it does. Made
for measuring and showing the head-turn check; no photograph of anyone went into them, and they prove nothing about
people.

Lengths are in half face widths; camera axes are x right, y down, z away. Angles in radians; a positive ``yaw`` turns
the face towards the picture's right, which is the person's own left.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.drawing import Drawing
from hotspotd.biometrics.face.person import Person, person

Image = NDArray[np.uint8]
Eyes = tuple[tuple[float, float], tuple[float, float]]
_Map = NDArray[np.float32]

_AXES = (1.06, 1.4, 1.2)
_RELIEF_SIDE = 1.6  # half of the relief's map
_RELIEF_CELLS = 160
_INTERSECTIONS = 7
_AMBIENT = 0.7
# Grey levels by which two drawings of the same wall differ: the painter's noise.
_SAME = 14
# Of the skin's brightness; cheeks on photographs in focus vary by two to five hundredths at this scale.
_MARKS = 0.025


@dataclass(frozen=True, slots=True)
class Pose:
    """Where something is held: shift from the middle, distance of its own scale (1: as drawn), and how it is turned."""

    x: float = 0.0
    y: float = 0.0
    nearer: float = 0.0
    """By how much it is closer to the camera than at rest, in half face widths."""
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    def matrix(self) -> NDArray[np.float64]:
        """Turn from the object's axes (z towards the viewer) to the camera's (z away), (3, 3)."""
        cy, sy = np.cos(self.yaw), np.sin(self.yaw)
        cp, sp = np.cos(self.pitch), np.sin(self.pitch)
        cr, sr = np.cos(self.roll), np.sin(self.roll)
        about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        return np.asarray(np.diag([1.0, 1.0, -1.0]) @ about_z @ about_x @ about_y)


class Scene:
    """One drawn person, ``size`` (width, height) pixels, at ``distance`` half face widths (8: about 60 cm)."""

    def __init__(
        self,
        seed: int,
        size: tuple[int, int] = (480, 640),
        distance: float = 8.0,
        skin: tuple[Image, Eyes] | None = None,
    ) -> None:
        """``skin``: a photograph (RGB) and the places of its eyes, to be painted on the head instead of a drawing."""
        self.who: Person = person(seed)
        whole, drawing = (Drawing(self.who, np.random.default_rng([seed, 41]), size) for _ in range(2))
        for each in (whole, drawing):
            # Painted straight on; the turn is the head's.
            each.yaw = each.nod = each.tilt = 0.0
        self._rest = drawing.shoulders()
        self.unit = float(drawing.unit)
        self.centre = (float(drawing.centre[0]), float(drawing.centre[1]))
        outline = np.zeros(self._rest.shape[:2], np.uint8)
        cv2.fillPoly(outline, [np.round(drawing.at(drawing.head())).astype(np.int32)], 1)
        if skin is None:
            self._skin = _pores(_without_ground(whole.draw(), self._rest, outline), self.unit, seed)
        else:
            self._skin = self._laid_on(*skin, size)
        self.distance = distance
        self._relief = _relief(self.who)

    def _laid_on(self, picture: Image, eyes: Eyes, size: tuple[int, int]) -> Image:
        """``picture``, its eyes where the drawing has them."""
        (lx, ly), (rx, ry) = eyes
        turn = complex(2 * self.who.eye_distance * self.unit, 0) / complex(rx - lx, ry - ly)
        shift = complex(*self.centre) - turn * complex((lx + rx) / 2, (ly + ry) / 2)
        matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
        laid = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(laid, np.uint8)

    def head(self, pose: Pose, behind: Image | None = None) -> Image:
        """The person with the head in ``pose``; shoulders and wall stay, or are those of ``behind``."""
        ground = self._rest if behind is None else behind
        a, b, c = _AXES
        reach = int(1.75 * self.unit)
        cx, cy = self.centre[0] + pose.x * self.unit, self.centre[1] + pose.y * self.unit
        height, width = ground.shape[:2]
        left, right = max(0, int(cx) - reach), min(width, int(cx) + reach)
        top, bottom = max(0, int(cy) - reach), min(height, int(cy) + reach)
        if left >= right or top >= bottom:
            return ground.copy()
        origin, ray = self._rays(pose, left, right, top, bottom, pivot=0.75)
        middle = np.array([0.0, 0.03, 0.0])
        scale = 1 / np.array([a, b * self.who.length, c])
        o, d = (origin - middle) * scale, ray * scale
        qa, qb, qc = (d * d).sum(-1), d @ o, float(o @ o) - 1
        root = qb * qb - qa * qc
        seen = root > 0
        along = (-qb - np.sqrt(np.maximum(root, 0))) / qa
        for _ in range(_INTERSECTIONS):
            x, y, z = (origin[axis] + along * ray[..., axis] for axis in range(3))
            inside = np.maximum(0, 1 - (x * scale[0]) ** 2 - ((y - middle[1]) * scale[1]) ** 2)
            wanted = c * np.sqrt(inside) + self._lookup(x, y)
            # Where the surface stands on edge there is no relief to look for.
            along = np.where(inside > 0.06, along + np.clip((wanted - z) / ray[..., 2], -0.2, 0.2), along)
        x, y = (origin[axis] + along * ray[..., axis] for axis in range(2))
        normal = np.stack([x * scale[0], (y - middle[1]) * scale[1]], -1)
        skin = self._paint(x, y, self._skin)
        # Light from above and one side: what turns towards it gets lighter.
        turned = np.clip(normal[..., 0] * np.sin(pose.yaw) * 0.6 + normal[..., 1] * np.sin(pose.pitch), -0.5, 0.5)
        skin = skin * (1 + (1 - _AMBIENT) * turned)[..., None]
        return _over(ground, skin, np.asarray(seen, np.float32), (left, right, top, bottom))

    def sheet(
        self,
        picture: Image,
        pose: Pose,
        *,
        bend: float = 0.0,
        upright: bool = True,
        behind: Image | None = None,
    ) -> Image:
        """``picture`` (of the scene's size) held up as paper or a screen in ``pose``, bent by ``bend`` (1 / radius).

        ``upright``: the bend's axis is vertical, else it lies across.
        """
        height, width = picture.shape[:2]
        ground = np.full_like(picture, 150) if behind is None else behind
        origin, ray = self._rays(pose, 0, width, 0, height, pivot=0.0)
        if abs(bend) < 1e-6:
            along = -origin[2] / ray[..., 2]
            x, y = origin[0] + along * ray[..., 0], origin[1] + along * ray[..., 1]
            seen = np.ones(x.shape, bool)
        else:
            across = 0 if upright else 1
            radius = 1 / bend
            o = np.array([origin[across], origin[2] + radius])
            d = np.stack([ray[..., across], ray[..., 2]], -1)
            qa, qb, qc = (d * d).sum(-1), d @ o, float(o @ o) - radius * radius
            root = qb * qb - qa * qc
            along = (-qb - np.sqrt(np.maximum(root, 0))) / qa
            angle = np.arctan2(origin[across] + along * d[..., 0], origin[2] + along * d[..., 1] + radius)
            flat = origin[1 - across] + along * ray[..., 1 - across]
            x, y = (radius * angle, flat) if upright else (flat, radius * angle)
            seen = root > 0
        px, py = self.centre[0] + x * self.unit, self.centre[1] + y * self.unit
        seen &= (px > 0) & (px < width - 1) & (py > 0) & (py < height - 1)
        return _over(ground, self._paint(x, y, picture), np.asarray(seen, np.float32), (0, width, 0, height))

    def _rays(
        self, pose: Pose, left: int, right: int, top: int, bottom: int, pivot: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The camera's place and its rays (h, w, 3) in the object's axes; it turns about a point ``pivot`` behind."""
        focal = self.unit * self.distance
        u, v = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
        # The optical axis goes through the resting head's centre.
        ray = np.stack([(u - self.centre[0]) / focal, (v - self.centre[1]) / focal, np.ones(u.shape)], -1)
        turn = pose.matrix()
        place = np.array([pose.x, pose.y, self.distance - pose.nearer + pivot])
        origin = turn.T @ -place
        origin[2] -= pivot
        return origin, ray @ turn

    def _lookup(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> _Map:
        cell = _RELIEF_CELLS / (2 * _RELIEF_SIDE)
        at = [np.asarray((n + _RELIEF_SIDE) * cell, np.float32) for n in (x, y)]
        return np.asarray(cv2.remap(self._relief, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def _paint(self, x: NDArray[np.float64], y: NDArray[np.float64], picture: Image) -> _Map:
        px = np.asarray(self.centre[0] + x * self.unit, np.float32)
        py = np.asarray(self.centre[1] + y * self.unit, np.float32)
        found = cv2.remap(picture, px, py, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.float32)


def film(picture: Image, rng: np.random.Generator, *, noise: float, gain: float = 1.0, blur: float = 0.0) -> Image:
    """``picture`` as a sensor gives it: ``gain`` of exposure, ``blur`` of the lens [px], ``noise`` [grey levels]."""
    seen = picture.astype(np.float32) * gain
    if blur > 0.2:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), blur), np.float32)
    return np.asarray(np.clip(np.rint(seen + rng.normal(0, noise, seen.shape)), 0, 255), np.uint8)


def _pores(picture: Image, unit: float, seed: int) -> Image:
    """``picture`` with skin that is not as smooth as paint: real skin has marks that can be followed."""
    rng = np.random.default_rng([seed, 43])
    marks = cv2.GaussianBlur(rng.normal(0, 1, picture.shape[:2]).astype(np.float32), (0, 0), max(1.0, 0.014 * unit))
    marked = picture * (1 + _MARKS * marks / float(marks.std()))[..., None]
    return np.asarray(np.clip(np.rint(marked), 0, 255), np.uint8)


def _without_ground(picture: Image, ground: Image, outline: NDArray[np.uint8]) -> Image:
    """``picture`` within ``outline`` or where it is not ``ground``; elsewhere the nearest of that."""
    apart = np.abs(picture.astype(np.int16) - ground.astype(np.int16)).max(axis=2) > _SAME
    apart = cv2.morphologyEx(apart.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    head = cv2.erode(apart.astype(np.uint8) | outline, np.ones((5, 5), np.uint8))
    _, nearest = cv2.distanceTransformWithLabels(1 - head, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    at = np.zeros(int(nearest.max()) + 1, np.int64)
    inside = np.flatnonzero(head.ravel())
    at[nearest.ravel()[inside]] = inside
    return np.asarray(picture.reshape(-1, 3)[at[nearest.ravel()]].reshape(picture.shape), np.uint8)


def _relief(who: Person) -> _Map:
    """What stands out of the ellipsoid, on a grid over the face."""
    axis = np.linspace(-_RELIEF_SIDE, _RELIEF_SIDE, _RELIEF_CELLS)
    x, y = np.meshgrid(axis, axis)

    def mound(x0: float, y0: float, rx: float, ry: float, height: float) -> NDArray[np.float64]:
        return np.asarray(height * np.exp(-(((x - x0) / rx) ** 2) - ((y - y0) / ry) ** 2))

    tip = who.nose_length
    ridge = np.clip((y + 0.1) / (tip + 0.1), 0, 1) * np.exp(-((np.maximum(y - tip, 0) / 0.12) ** 2))
    out = 0.3 * ridge * np.exp(-((x / (0.75 * who.nose_width + 0.08)) ** 2))
    for side in (-1, 1):
        out += mound(side * who.eye_distance, 0.0, 0.26, 0.17, -0.1)
        out += mound(side * 0.5, 0.45, 0.3, 0.25, 0.04)
    out += mound(0, -0.28, 0.7, 0.12, 0.05) + mound(0, who.mouth_height, 0.3, 0.12, 0.07)
    out += mound(0, 1.22 * who.length, 0.3, 0.16, 0.08)
    return np.asarray(out, np.float32)


def _over(ground: Image, skin: _Map, seen: _Map, area: tuple[int, int, int, int]) -> Image:
    left, right, top, bottom = area
    cover = cv2.GaussianBlur(seen, (0, 0), 0.8)[..., None]
    out = ground.copy()
    part = out[top:bottom, left:right].astype(np.float32)
    out[top:bottom, left:right] = np.clip(np.rint(part + cover * (skin - part)), 0, 255).astype(np.uint8)
    return out
