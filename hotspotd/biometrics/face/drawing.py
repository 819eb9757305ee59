"""One drawn portrait, layer by layer from the background to the glasses.

Longer than most files because a face is one thing: each layer is a few shapes, and they only make sense side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.canvas import Canvas, Colour, Points, brush, closed_curve, mix, moved, open_curve, times
from hotspotd.biometrics.face.person import Collar, Hair, Person

_GROUNDS: tuple[Colour, ...] = ((206, 212, 218), (196, 206, 212), (214, 210, 202), (200, 208, 200), (190, 198, 210))


class Drawing:
    """One picture in the making. Face coordinates: eyes at y = 0, half the face's width is 1, x right, y down."""

    def __init__(self, who: Person, rng: np.random.Generator, size: tuple[int, int]) -> None:
        self.who, self.rng = who, rng
        width, height = size
        self.width, self.height = width, height
        self.unit = 0.222 * min(width, height * 0.75) * rng.uniform(0.96, 1.04)
        self.centre = np.array([width / 2, height * 0.445]) + rng.normal(0, 0.008, 2) * (width, height)
        self.tilt = float(np.clip(rng.normal(0, 0.018), -0.045, 0.045))
        self.yaw = float(np.clip(rng.normal(0, 0.035), -0.08, 0.08))
        self.nod = float(np.clip(rng.normal(0, 0.02), -0.04, 0.04))
        self.smile = float(np.clip(rng.normal(0.045, 0.02), 0.0, 0.09))
        self.lift = float(np.clip(rng.normal(0, 0.012), -0.02, 0.03))
        self.light = float(rng.uniform(-1, 1))
        self.gain = float(rng.uniform(0.93, 1.06))
        ground = _GROUNDS[int(rng.integers(len(_GROUNDS)))]
        down = np.linspace(1.06, 0.9, 2 * height)[:, None, None]
        across = np.linspace(1 - 0.05 * self.light, 1 + 0.05 * self.light, 2 * width)[None, :, None]
        self.canvas = Canvas((height, width), down * across * np.asarray(ground))

    # -- geometry ---------------------------------------------------------------------------------------------------

    def at(self, points: list[tuple[float, float]] | Points, depth: float = 0.0) -> Points:
        """Face coordinates to pixels; what lies nearer to the camera (``depth``) moves more with the head."""
        p = np.asarray(points, float).copy()
        p[:, 0] += self.yaw * depth
        p[:, 1] += self.nod * depth
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        turned = np.stack([p[:, 0] * cos - p[:, 1] * sin, p[:, 0] * sin + p[:, 1] * cos], 1)
        return np.asarray(turned * self.unit + self.centre)

    def px(self, length: float) -> float:
        """A face length in pixels."""
        return length * self.unit

    def oval(self, x: float, y: float, rx: float, ry: float, depth: float = 0.0, turn: float = 0.0) -> Points:
        """An ellipse in face coordinates, as pixels."""
        t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        ex, ey = rx * np.cos(t), ry * np.sin(t)
        c, s = np.cos(turn), np.sin(turn)
        return self.at(np.stack([x + ex * c - ey * s, y + ex * s + ey * c], 1), depth)

    def head(self, grow: float = 0.0) -> Points:
        """The outline of the head in face coordinates."""
        w = self.who
        bottom = 1.33 * w.length
        half = [
            (0.36, -1.19),
            (0.66, -1.01),
            (w.forehead, -0.58),
            (1.0, -0.05),
            (w.cheek * 0.97, 0.4),
            (w.jaw, 0.86 * w.length),
            (w.chin + 0.1, 1.2 * w.length),
            (w.chin * 0.5, bottom - 0.015),
        ]
        right = [(x + grow * np.sign(x), y - (grow if y < 0 else 0)) for x, y in half]
        points = [(0.0, -1.25 - grow), *right, (0.0, bottom), *[(-x, y) for x, y in reversed(right)]]
        return closed_curve(np.array(points))

    # -- layers -----------------------------------------------------------------------------------------------------

    def draw(self) -> NDArray[np.uint8]:
        """The finished picture, (height, width, 3) RGB."""
        self._hair_behind()
        self._neck_and_clothes()
        self._ears()
        outline = self.at(self.head())
        self.canvas.paint(outline, self.who.skin)
        self.face = self.canvas.mask(outline)
        self._modelling()
        self._beard()
        for side in (-1, 1):
            self._eye(side)
            self._brow(side)
        self._nose()
        self._mouth()
        self._hair_before()
        if self.who.glasses:
            self._glasses()
        return self._filmed()

    def shoulders(self) -> NDArray[np.uint8]:
        """The picture without the head, as ``draw`` gives it otherwise."""
        self._hair_behind()
        self._neck_and_clothes()
        return self._filmed()

    def _filmed(self) -> NDArray[np.uint8]:
        pixels = self.canvas.finished() * self.gain
        pixels += self.rng.normal(0, 1.6, pixels.shape)
        return np.asarray(np.clip(np.round(pixels), 0, 255), np.uint8)

    def _neck_and_clothes(self) -> None:
        w, c = self.who, self.canvas
        chin = 1.33 * w.length
        thick = 0.47 + 0.12 * (w.jaw - 0.7) / 0.2
        neck = [(-thick, 0.7), (-thick, chin + 0.35), (-thick - 0.35, chin + 0.75), (0, chin + 1.3)]
        shape = self.at([*neck, *[(-x, y) for x, y in reversed(neck[:-1])]])
        c.paint(shape, times(w.skin, 0.9))
        c.shade(self.oval(0, chin - 0.05, 0.72, 0.42), 0.66, soft=self.px(0.22), within=c.mask(shape))
        low = (self.height - self.centre[1]) / self.unit + 0.6
        top = chin + (0.2 if w.collar is Collar.TURTLENECK else 0.42)
        shoulder = [
            (-thick - 0.08, top),
            (-thick - 0.5, top + 0.24),
            (-1.45, top + 0.46),
            (-1.95, top + 0.85),
            (-2.2, top + 1.7),
            (-2.25, low),
        ]
        opening = {Collar.CREW: 0.36, Collar.SHIRT: 0.62, Collar.V_NECK: 0.86, Collar.TURTLENECK: 0.14}[w.collar]
        left = open_curve(np.array(shoulder))
        dip = open_curve(np.array([(thick + 0.08, top), (thick * 0.62, top + opening * 0.72), (0, top + opening)]))
        if w.collar in (Collar.SHIRT, Collar.V_NECK):
            dip = np.array([(thick + 0.08, top), (0, top + opening)])
        mirrored = dip[::-1] * (-1, 1)
        # Outline: down the left shoulder, along the bottom, up the right one, and round the neck.
        body = np.vstack([left, left[::-1] * (-1, 1), dip, mirrored])
        shape = self.at(body)
        inside = c.mask(shape)
        c.paint(shape, w.clothes)
        for side in (-1, 1):
            fold = open_curve(np.array([(side * 1.3, top + 0.9), (side * 1.42, top + 1.5), (side * 1.3, low)]))
            c.line(self.at(fold), times(w.clothes, 0.78), self.px(0.12), soft=self.px(0.2), within=inside)
            if side * self.light < 0:
                c.shade(
                    self.at([(side * 0.4, top), (side * 3, top), (side * 3, low), (side * 0.9, low)]),
                    0.86,
                    soft=self.px(0.6),
                    within=inside,
                )
        self._collar(top, thick, opening, dip, low)

    def _collar(self, top: float, thick: float, opening: float, dip: Points, low: float) -> None:
        w, c = self.who, self.canvas
        if w.collar is Collar.SHIRT:
            c.line(self.at([(0, top + opening), (0, low)]), times(w.clothes, 0.72), self.px(0.03))
            for side in (-1, 1):
                flap = [
                    (side * (thick + 0.1), top - 0.08),
                    (side * (thick + 0.22), top + 0.3),
                    (side * 0.42, top + opening + 0.16),
                    (0, top + opening),
                ]
                c.shade(self.at(moved(np.array(flap), 0, 0.06)), 0.72, soft=self.px(0.08))
                c.paint(self.at(flap), times(w.clothes, 1.14))
        elif w.collar is Collar.TURTLENECK:
            roll = closed_curve(
                np.array(
                    [
                        (-thick - 0.1, top - 0.16),
                        (0, top + 0.06),
                        (thick + 0.1, top - 0.16),
                        (thick + 0.16, top + 0.16),
                        (0, top + 0.36),
                        (-thick - 0.16, top + 0.16),
                    ]
                )
            )
            c.paint(self.at(roll), times(w.clothes, 1.1))
            c.line(self.at(open_curve(roll[28:58])), times(w.clothes, 0.7), self.px(0.03), soft=self.px(0.03))
        else:
            edge = np.vstack([dip, dip[::-1] * (-1, 1)])
            c.line(self.at(edge), times(w.clothes, 0.76), self.px(0.07), soft=self.px(0.02))

    def _ears(self) -> None:
        w = self.who
        for side in (-1, 1):
            x = side * 1.01
            self.canvas.paint(self.oval(x, 0.16, 0.13 * w.ears, 0.27 * w.ears, -0.3, side * 0.14), times(w.skin, 0.9))
            self.canvas.shade(
                self.oval(x + side * 0.02, 0.15, 0.06 * w.ears, 0.16 * w.ears, -0.3, side * 0.14),
                0.78,
                soft=self.px(0.07),
            )

    def _modelling(self) -> None:
        """Light and shade on the head."""
        w, c = self.who, self.canvas
        # Round towards the edges, more on the side away from the light.
        rim = self.at(self.head(-0.1))
        inner = c.mask(rim, self.px(0.5))
        c.pixels *= (1 - 0.26 * self.face * (1 - inner))[..., None]
        away = -np.sign(self.light) or 1.0
        c.shade(
            self.oval(away * 1.05, 0.25, 0.62, 1.35), 1 - 0.24 * abs(self.light), soft=self.px(0.55), within=self.face
        )
        c.shade(self.oval(-away * 0.45, -0.62, 0.42, 0.26), 1.07, soft=self.px(0.4), within=self.face)
        blush = mix(w.skin, (214, 92, 84), 0.28)
        for side in (-1, 1):
            c.paint(
                self.oval(side * 0.56, 0.46, 0.26, 0.2, 0.15), blush, soft=self.px(0.3), strength=0.7, within=self.face
            )
            c.shade(
                self.oval(side * 0.52, 0.34, 0.2, 0.09, 0.2, side * 0.3), 1.06, soft=self.px(0.14), within=self.face
            )
            # Eye sockets.
            c.shade(
                self.oval(side * w.eye_distance, -0.06, 0.29, 0.19, 0.25), 0.8, soft=self.px(0.18), within=self.face
            )
            if w.age > 0.55:
                fold = open_curve(
                    np.array(
                        [
                            (side * (w.nose_width + 0.07), w.nose_length - 0.02),
                            (side * (w.nose_width + 0.17), w.nose_length + 0.16),
                            (side * (w.mouth_width + 0.06), w.mouth_height - 0.06),
                        ]
                    )
                )
                c.line(
                    self.at(fold, 0.25), times(w.skin, 0.76), self.px(0.035), soft=self.px(0.05), strength=0.7 * w.age
                )
        chin = 1.33 * w.length
        c.shade(self.oval(0, chin - 0.17, 0.2, 0.1, 0.2), 1.05, soft=self.px(0.15), within=self.face)
        if w.freckles:
            spots = np.random.default_rng([w.seed, 11])
            for _ in range(46):
                x, y = spots.normal(0, 0.36), spots.normal(0.36, 0.12)
                c.paint(
                    self.oval(x, y, 0.014, 0.013, 0.25), times(w.skin, 0.72), soft=0.8, strength=0.5, within=self.face
                )

    def _eye(self, side: int) -> None:
        w, c = self.who, self.canvas
        x, r, slant, depth = side * w.eye_distance, w.eye_size, w.eye_slant, 0.3
        inner, outer = (x - side * r, 0.03), (x + side * r * 1.04, 0.0 - slant)
        open_ = 0.46 - 1.2 * max(0.0, self.smile)
        upper = open_curve(
            np.array([inner, (x - side * 0.4 * r, -open_ * r), (x + side * 0.25 * r, -0.56 * r - 0.3 * slant), outer])
        )
        lower = open_curve(np.array([outer, (x + side * 0.3 * r, 0.38 * r), (x - side * 0.4 * r, 0.36 * r), inner]))
        shape = self.at(np.vstack([upper, lower]), depth)
        inside = c.mask(shape)
        c.paint(shape, (238, 236, 232))
        gaze = self.yaw * 0.3
        ring = r * 0.5
        c.paint(self.oval(x + gaze, -0.035 * r, ring, ring, depth), times(w.iris, 0.62), within=inside)
        c.paint(self.oval(x + gaze, 0.02 * r, ring * 0.82, ring * 0.82, depth), w.iris, soft=1.2, within=inside)
        c.paint(self.oval(x + gaze, -0.03 * r, ring * 0.47, ring * 0.47, depth), (18, 14, 14), within=inside)
        c.shade(
            self.at(np.vstack([upper, moved(upper[::-1], 0, 0.3 * r)]), depth), 0.6, soft=self.px(0.03), within=inside
        )
        glint = -0.14 * np.sign(self.light or 1) * r * -1
        c.paint(self.oval(x + gaze + glint, -0.2 * r, 0.11 * r, 0.12 * r, depth), (255, 255, 255), soft=0.6)
        dark = mix(times(w.skin, 0.3), (24, 18, 18), 0.6)
        widths = np.interp(np.linspace(0, 1, len(upper)), [0, 0.6, 1], [0.012, 0.04, 0.03 + 0.03 * w.lashes])
        c.paint(brush(self.at(upper, depth), widths * self.unit * (0.8 + 0.5 * w.lashes)), dark, soft=0.5)
        c.line(self.at(lower, depth), times(w.skin, 0.6), self.px(0.014), soft=0.8, strength=0.8)
        lid = moved(upper[4:-2], 0, -0.3 * r)
        c.line(self.at(lid, depth), times(w.skin, 0.66), self.px(0.018), soft=self.px(0.02), strength=0.75)
        if w.age > 0.5:
            bag = open_curve(np.array([(x - side * 0.8 * r, 0.5 * r), (x, 0.82 * r), (x + side * 0.8 * r, 0.6 * r)]))
            c.line(self.at(bag, depth), times(w.skin, 0.8), self.px(0.03), soft=self.px(0.05), strength=0.8 * w.age)

    def _brow(self, side: int) -> None:
        w = self.who
        x, y, r = side * w.eye_distance, -w.brow_height - self.lift, w.eye_size
        line = open_curve(
            np.array(
                [
                    (x - side * 1.1 * r, y + 0.01),
                    (x - side * 0.25 * r, y - 0.55 * w.brow_arch),
                    (x + side * 0.55 * r, y - 0.85 * w.brow_arch),
                    (x + side * 1.4 * r, y + 0.075),
                ]
            )
        )
        weights = np.interp(np.linspace(0, 1, len(line)), [0, 0.12, 0.6, 1], [0.55, 1, 0.8, 0.15]) * w.brow_weight
        colour = mix(times(w.hair, 0.75), times(w.skin, 0.55), 0.25)
        self.canvas.paint(brush(self.at(line, 0.3), weights * self.unit), colour, soft=self.px(0.02), strength=0.92)

    def _nose(self) -> None:
        w, c = self.who, self.canvas
        y, half, depth = w.nose_length, w.nose_width, 0.55
        side = -np.sign(self.light) or 1.0
        bridge = open_curve(np.array([(side * 0.1, -0.1), (side * 0.09, 0.18), (side * half * 0.72, y - 0.1)]))
        c.paint(
            brush(self.at(bridge, 0.45), np.linspace(0.07, 0.15, len(bridge)) * self.unit),
            times(w.skin, 0.76),
            soft=self.px(0.1),
            strength=0.7,
        )
        light = np.array([(-side * 0.01, -0.12), (-side * 0.015, 0.2), (-side * 0.02, y - 0.06)])
        c.paint(
            brush(self.at(open_curve(light), depth), np.full(30, 0.1)[: len(open_curve(light))] * self.unit),
            times(w.skin, 1.12),
            soft=self.px(0.09),
            strength=0.7,
        )
        c.paint(
            self.oval(-side * 0.03, y - 0.07, 0.075, 0.06, depth),
            times(w.skin, 1.18),
            soft=self.px(0.08),
            strength=0.7,
        )
        under = closed_curve(
            np.array(
                [
                    (-half, y - 0.03),
                    (-half * 0.5, y + 0.05),
                    (0, y + 0.08),
                    (half * 0.5, y + 0.05),
                    (half, y - 0.03),
                    (half * 0.45, y + 0.0),
                    (0, y + 0.03),
                    (-half * 0.45, y + 0.0),
                ]
            )
        )
        c.paint(self.at(under, depth), times(w.skin, 0.6), soft=self.px(0.05), strength=0.8)
        for edge in (-1, 1):
            wing = open_curve(
                np.array(
                    [
                        (edge * half * 0.82, y - 0.13),
                        (edge * half * 1.06, y - 0.04),
                        (edge * half * 0.8, y + 0.03),
                    ]
                )
            )
            c.line(self.at(wing, 0.48), times(w.skin, 0.62), self.px(0.026), soft=self.px(0.03), strength=0.75)
            c.paint(
                self.oval(edge * half * 0.46, y + 0.025, half * 0.22, 0.024, depth),
                times(w.skin, 0.36),
                soft=self.px(0.02),
                strength=0.85,
            )

    def _mouth(self) -> None:
        w, c = self.who, self.canvas
        y, half, lip, depth = w.mouth_height, w.mouth_width * (1 + self.smile), w.lips, 0.38
        corner = y + 0.01 - self.smile * 1.3
        lips = mix(times(w.skin, 0.86), (176, 68, 72), 0.42 if w.lashes > 0.5 else 0.26)
        middle = open_curve(
            np.array(
                [(-half, corner), (-half * 0.4, y + 0.005), (0, y + 0.018), (half * 0.4, y + 0.005), (half, corner)]
            )
        )
        upper = open_curve(
            np.array(
                [
                    (half, corner),
                    (half * 0.45, y - lip * 0.72),
                    (half * 0.14, y - lip * 0.95),
                    (0, y - lip * 0.72),
                    (-half * 0.14, y - lip * 0.95),
                    (-half * 0.45, y - lip * 0.72),
                    (-half, corner),
                ]
            )
        )
        lower = open_curve(
            np.array(
                [
                    (half, corner),
                    (half * 0.55, y + lip * 0.85),
                    (0, y + lip * 1.22),
                    (-half * 0.55, y + lip * 0.85),
                    (-half, corner),
                ]
            )
        )
        c.shade(self.oval(0, y + lip + 0.11, half * 0.55, 0.05, depth), 0.8, soft=self.px(0.09), within=self.face)
        c.paint(self.at(np.vstack([middle, upper]), depth), times(lips, 0.86), soft=self.px(0.02))
        c.paint(self.at(np.vstack([middle, lower]), depth), lips, soft=self.px(0.02))
        c.paint(
            self.oval(0, y + lip * 0.62, half * 0.36, lip * 0.2, depth),
            times(lips, 1.2),
            soft=self.px(0.06),
            strength=0.6,
        )
        weights = np.interp(np.linspace(0, 1, len(middle)), [0, 0.5, 1], [0.02, 0.03, 0.02])
        c.paint(brush(self.at(middle, depth), weights * self.unit), times(lips, 0.42), soft=0.8, strength=0.9)
        for side in (-1, 1):
            c.shade(
                self.oval(side * (half + 0.02), corner, 0.035, 0.035, depth), 0.76, soft=self.px(0.05), within=self.face
            )

    def _beard(self) -> None:
        w, c = self.who, self.canvas
        if w.beard <= 0.05:
            return
        y, half = w.mouth_height, w.mouth_width
        outer = [(x, v) for x, v in self.head(0.03) if v > 0.3]
        outer.sort(key=lambda p: np.arctan2(p[1] - 0.3, p[0]))
        top = open_curve(
            np.array(
                [
                    (-0.98, 0.32),
                    (-0.84, 0.62),
                    (-half - 0.2, y - 0.16),
                    (-0.26, w.nose_length + 0.13),
                    (0, w.nose_length + 0.1),
                    (0.26, w.nose_length + 0.13),
                    (half + 0.2, y - 0.16),
                    (0.84, 0.62),
                    (0.98, 0.32),
                ]
            )
        )
        shape = self.at(np.vstack([top, np.array(outer)]))
        full = w.beard > 0.55
        colour = mix(times(w.hair, 0.9), w.skin, 0.12 if full else 0.5)
        c.paint(
            shape,
            colour,
            soft=self.px(0.1 if full else 0.2),
            strength=0.88 if full else 0.42,
            within=None if full else self.face,
        )

    def _strands(self, shape: Points, curves: list[Points], spread: float = 0.5) -> None:
        """Lighter and darker lines that make a hair shape look combed."""
        w, c = self.who, self.canvas
        inside = c.mask(shape)
        marks = np.random.default_rng([w.seed, 23])
        for curve in curves:
            factor = 1 + marks.uniform(-spread, spread) * 0.7
            line = self.at(open_curve(curve), 0.05)
            widths = np.interp(np.linspace(0, 1, len(line)), [0, 0.5, 1], [0.2, 1, 0.2])
            widths = widths * self.px(marks.uniform(0.02, 0.05))
            c.paint(brush(line, widths), times(w.hair, factor), soft=1.6, strength=0.45, within=inside)

    def _hair_behind(self) -> None:
        w, c = self.who, self.canvas
        dark = times(w.hair, 0.72)
        if w.style is Hair.LONG:
            half = [(0.0, -1.46), (0.72, -1.28), (1.16, -0.7), (1.26, 0.2), (1.28, 1.2), (1.36, 2.1), (0.9, 2.45)]
        elif w.style is Hair.BOB:
            half = [(0.0, -1.46), (0.74, -1.28), (1.2, -0.7), (1.3, 0.2), (1.26, 0.9), (1.08, 1.22), (0.6, 1.2)]
        elif w.style is Hair.BUN:
            c.paint(self.oval(0, -1.56, 0.42, 0.34), dark)
            return
        elif w.style is Hair.CURLY:
            self._curls(dark, behind=True)
            return
        else:
            return
        points = closed_curve(np.array([*half, *[(-x, y) for x, y in reversed(half[1:])]]))
        shape = self.at(points)
        c.paint(shape, dark, soft=1)
        marks = np.random.default_rng([w.seed, 29])
        falls = [
            np.array([(s * 1.0, -0.5), (s * marks.uniform(0.95, 1.25), 0.5), (s * marks.uniform(0.9, 1.35), 2.3)])
            for s in (-1, 1)
            for _ in range(14)
        ]
        self._strands(shape, falls)

    def _curls(self, colour: Colour, *, behind: bool) -> None:
        w, c = self.who, self.canvas
        marks = np.random.default_rng([w.seed, 31 + behind])
        full = w.lashes > 0.5
        low = 0.75 if full and behind else -0.25
        for angle in np.linspace(-np.pi, 0, 17):
            for ring in (1.0, 1.18):
                x = 1.04 * ring * np.cos(angle) + marks.normal(0, 0.03)
                y = -0.3 + 1.06 * ring * np.sin(angle) + marks.normal(0, 0.03)
                if not behind and y > -0.62:
                    continue
                c.paint(self.oval(x, y, 0.24, 0.23), times(colour, marks.uniform(0.85, 1.15)), soft=2)
        if behind:
            for side in (-1, 1):
                for y in np.linspace(-0.3, low, 6):
                    c.paint(
                        self.oval(side * (1.12 + marks.normal(0, 0.04)), y, 0.23, 0.22),
                        times(colour, marks.uniform(0.85, 1.15)),
                        soft=2,
                    )

    def _hair_before(self) -> None:
        w, c = self.who, self.canvas
        line = w.hairline
        if w.style is Hair.SHAVED:
            cap = [
                (-0.95, -0.35),
                (-0.8, line + 0.1),
                (-0.4, line - 0.08),
                (0, line - 0.14),
                (0.4, line - 0.08),
                (0.8, line + 0.1),
                (0.95, -0.35),
            ]
            top = [(x, y) for x, y in self.head(0.01) if y < -0.3]
            top.sort(key=lambda p: -np.arctan2(p[1] + 0.3, p[0]))
            shape = self.at(np.vstack([open_curve(np.array(cap)), np.array(sorted(top, key=lambda p: -p[0]))]))
            c.paint(shape, mix(w.hair, w.skin, 0.35), soft=self.px(0.14), strength=0.55, within=self.face)
            return
        rise = {Hair.SHORT: 0.16, Hair.PARTED: 0.24, Hair.CURLY: 0.2, Hair.BUN: 0.13}.get(w.style, 0.2)
        side_low = {Hair.SHORT: 0.02, Hair.PARTED: 0.05, Hair.CURLY: -0.15, Hair.BUN: -0.05}.get(w.style, 0.6)
        wide = 1.16 if w.style in (Hair.LONG, Hair.BOB) else 1.05
        outside = [
            (-wide + 0.02, side_low),
            (-wide, -0.45),
            (-0.84 - rise / 3, -0.98),
            (-0.45, -1.24 - rise * 0.8),
            (0, -1.3 - rise * 0.75),
            (0.45, -1.24 - rise * 0.8),
            (0.84 + rise / 3, -0.98),
            (wide, -0.45),
            (wide - 0.02, side_low),
        ]
        temple = 0.9
        if w.style in (Hair.PARTED, Hair.LONG, Hair.BOB):
            p = w.parting
            s = np.sign(p)
            inside = [(temple + 0.03, side_low), (temple, -0.36), (0.72, line + 0.06), (0.36, line - 0.12)]
            inside = [(-x * -s, y) for x, y in inside]
            far = [
                (-s * 0.3, line + 0.02),
                (-s * 0.7, line + 0.24),
                (-s * temple, -0.2),
                (-s * (temple + 0.03), side_low),
            ]
            inner = [*inside, (p, line - 0.2), *far]
            if s < 0:
                inner.reverse()
        else:
            inner = [
                (temple + 0.03, side_low),
                (temple, -0.4),
                (0.68, line + 0.06),
                (0.3, line - 0.03),
                (0, line - 0.05),
                (-0.3, line - 0.02),
                (-0.68, line + 0.06),
                (-temple, -0.4),
                (-temple - 0.03, side_low),
            ]
        shape = self.at(np.vstack([open_curve(np.array(outside)), open_curve(np.array(inner))]), 0.05)
        # The hair's shadow on the forehead.
        c.shade(moved(shape, 0, self.px(0.07)), 0.8, soft=self.px(0.12), within=self.face)
        c.paint(shape, w.hair, soft=1.2)
        if w.style is Hair.CURLY:
            self._curls(w.hair, behind=False)
            return
        marks = np.random.default_rng([w.seed, 37])
        root = (w.parting if w.style in (Hair.PARTED, Hair.LONG, Hair.BOB) else 0.0, -1.36)
        combed = []
        for _ in range(46):
            end = marks.uniform(-1.15, 1.15)
            drop = -1.0 + 0.75 * abs(end) ** 2 + marks.uniform(-0.1, 0.3)
            combed.append(
                np.array(
                    [
                        (root[0] + marks.normal(0, 0.08), root[1] + 0.05),
                        (root[0] + (end - root[0]) * 0.55, (root[1] + drop) / 2 - 0.16),
                        (end, drop),
                    ]
                )
            )
        self._strands(shape, combed)
        shine = open_curve(np.array([(-0.72, -1.02), (-0.3, -1.22), (0.2, -1.26), (0.66, -1.08)]))
        c.paint(
            brush(self.at(moved(shine, 0.12 * float(np.sign(self.light)), 0)), np.full(len(shine), self.px(0.1))),
            mix(times(w.hair, 1.5), (255, 244, 230), 0.12),
            soft=self.px(0.14),
            strength=0.4,
            within=c.mask(shape),
        )

    def _glasses(self) -> None:
        w, c = self.who, self.canvas
        frame = (52, 48, 50)
        for side in (-1, 1):
            x = side * w.eye_distance
            rim = self.oval(x, 0.03, 0.33, 0.26, 0.4)
            c.paint(rim, (255, 255, 255), strength=0.05)
            c.line(np.vstack([rim, rim[:2]]), frame, self.px(0.035), soft=0.6)
            c.line(self.at([(x + side * 0.33, -0.02), (side * 1.02, -0.06)], 0.2), frame, self.px(0.035), soft=0.6)
        inner = w.eye_distance - 0.33
        c.line(
            self.at(open_curve(np.array([(-inner, 0.0), (0, -0.045), (inner, 0.0)])), 0.42),
            frame,
            self.px(0.035),
            soft=0.6,
        )
