"""The network: a picture of a print in, minutiae, ridges, orientation and readability out.

One encoder at 1/4, 1/8 and 1/16 of the picture's resolution, a short way back up to 1/4, heads of one 1x1 convolution
each. Everything is a plain convolution with ReLU, so every TFLite runtime runs it at full speed. Strided
convolutions pad as TFLite's SAME does; going up is a 1x1 convolution and depth-to-space, so the graph takes pictures
of any size that 16 divides.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

POINT_CHANNELS = 6
"""Confidence (logit), dx, dy [cells], cos, sin, bifurcation (logit)."""
RIDGE_CHANNELS = 16
"""The 4x4 pixels of a cell, row by row: logit that the pixel is ridge."""
FIELD_CHANNELS = 3
"""cos 2θ, sin 2θ, readable (logit)."""


@dataclass(frozen=True)
class Width:
    """Channels at 1/4, 1/8 and 1/16, and of the last layer before the heads."""

    quarter: int = 32
    eighth: int = 64
    sixteenth: int = 96
    last: int = 48


class Step(nn.Module):
    """Convolution, batch norm and, unless told otherwise, ReLU."""

    def __init__(self, inputs: int, outputs: int, side: int, stride: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.stride, self.side, self.relu = stride, side, relu
        self.convolution = nn.Conv2d(inputs, outputs, side, stride, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, values: Tensor) -> Tensor:
        total = self.side - self.stride
        before, after = total // 2, total - total // 2
        if total:
            values = functional.pad(values, (before, after, before, after))
        values = self.norm(self.convolution(values))
        return functional.relu(values) if self.relu else values


class Residual(nn.Module):
    """Two 3x3 steps around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Step(channels, channels, 3)
        self.second = Step(channels, channels, 3, relu=False)

    def forward(self, values: Tensor) -> Tensor:
        return functional.relu(values + self.second(self.first(values)))


class Up(nn.Module):
    """Twice the resolution: 1x1 convolution to four times the channels, then depth-to-space (TFLite's order)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.step = Step(inputs, 4 * outputs, 1, relu=False)

    def forward(self, values: Tensor) -> Tensor:
        values = self.step(values)
        batch, channels, height, width = values.shape
        # TFLite reads channel ((dy·2 + dx)·C + c); torch's pixel_shuffle would read (c·4 + dy·2 + dx).
        split = values.reshape(batch, 2, 2, channels // 4, height, width)
        return split.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels // 4, height * 2, width * 2)


class Net(nn.Module):
    """(n, 1, h, w) evened picture -> (n, 22, h/4, w/4) points and ridges, (n, 3, h/8, w/8) field."""

    def __init__(self, width: Width | None = None) -> None:
        super().__init__()
        width = width or Width()
        self.stem = Step(1, width.quarter, 8, 4)
        self.quarter = Step(width.quarter, width.quarter, 3)
        self.down_eighth = Step(width.quarter, width.eighth, 3, 2)
        self.eighth = Residual(width.eighth)
        self.down_sixteenth = Step(width.eighth, width.sixteenth, 3, 2)
        self.sixteenth = nn.ModuleList([Residual(width.sixteenth), Residual(width.sixteenth)])
        self.up_eighth = Up(width.sixteenth, width.eighth)
        self.back_eighth = Step(width.eighth, width.eighth, 3)
        self.up_quarter = Up(width.eighth, width.quarter)
        self.back_quarter = Step(width.quarter, width.last, 3)
        self.fine_head = nn.Conv2d(width.last, POINT_CHANNELS + RIDGE_CHANNELS, 1)
        self.field_head = nn.Conv2d(width.eighth, FIELD_CHANNELS, 1)
        nn.init.constant_(self.fine_head.bias, 0.0)
        self.fine_head.bias.data[0] = -4.0

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        quarter = self.quarter(self.stem(picture))
        eighth = self.eighth(self.down_eighth(quarter))
        deep = self.down_sixteenth(eighth)
        for block in self.sixteenth:
            deep = block(deep)
        eighth = self.back_eighth(functional.relu(eighth + self.up_eighth(deep)))
        quarter = self.back_quarter(functional.relu(quarter + self.up_quarter(eighth)))
        return self.fine_head(quarter), self.field_head(eighth)
