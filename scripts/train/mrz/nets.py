"""The two networks: one finds lines in a picture, the other reads a line.

Plain convolutions with ReLU, so every TFLite runtime runs them at full speed. Strided convolutions pad as TFLite's SAME
does.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

CHARACTERS = 37
LINE_CHANNELS = CHARACTERS + 3
"""Logits of the characters; logit of a character's middle; rows off the strip's middle [cells]; log of the scale."""


class Step(nn.Module):
    """Convolution, batch norm and, unless told otherwise, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        sides: tuple[int, int] = (3, 3),
        strides: tuple[int, int] = (1, 1),
        relu: bool = True,
        fold: bool = False,
    ) -> None:
        super().__init__()
        self.strides, self.sides, self.relu, self.fold = strides, sides, relu, fold
        self.convolution = nn.Conv2d(inputs, outputs, sides, strides, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, values: Tensor) -> Tensor:
        down, across = self.sides[0] - self.strides[0], self.sides[1] - self.strides[1]
        # A fold takes all rows at once, and needs none added.
        top, bottom = (0, 0) if self.fold else (down // 2, down - down // 2)
        values = functional.pad(values, (across // 2, across - across // 2, top, bottom))
        values = self.norm(self.convolution(values))
        return functional.relu(values) if self.relu else values


class Residual(nn.Module):
    """Two steps around a shortcut."""

    def __init__(self, channels: int, sides: tuple[int, int]) -> None:
        super().__init__()
        self.first = Step(channels, channels, sides)
        self.second = Step(channels, channels, sides, relu=False)

    def forward(self, values: Tensor) -> Tensor:
        return functional.relu(values + self.second(self.first(values)))


class LineNet(nn.Module):
    """(n, 1, 32, w) evened strips of a line -> (n, 40, 1, w / 4): for every fourth column what stands there.

    Rows are folded away by strides, so that what is left is one row of columns; the last layers look along it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Step(1, 16, strides=(2, 2))
        self.quarter = Step(16, 32, strides=(2, 2))
        self.fine = Residual(32, (3, 3))
        self.low = Step(32, 48, strides=(2, 1))
        self.coarse = Residual(48, (3, 3))
        self.row = Step(48, 96, (4, 3), fold=True)
        self.near = Residual(96, (1, 5))
        self.far = Residual(96, (1, 5))
        self.head = nn.Conv2d(96, LINE_CHANNELS, 1)
        nn.init.constant_(self.head.bias, 0.0)
        self.head.bias.data[CHARACTERS] = -1.0

    def forward(self, strip: Tensor) -> Tensor:
        values = self.coarse(self.low(self.fine(self.quarter(self.stem(strip)))))
        return self.head(self.far(self.near(self.row(values))))


PLACE_CHANNELS = 5
"""Logit of a line; cosine and sine of its direction; how far off its middle is, across it; log of a cell's width."""


class PlaceNet(nn.Module):
    """(n, 1, h, w) evened pictures -> (n, 5, h / 8, w / 8): for each 8 x 8 pixels whether a line lies there."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Step(1, 12, strides=(2, 2))
        self.quarter = Step(12, 20, strides=(2, 2))
        self.eighth = Step(20, 32, strides=(2, 2))
        self.near = Residual(32, (3, 3))
        self.far = Residual(32, (3, 3))
        self.head = nn.Conv2d(32, PLACE_CHANNELS, 1)
        nn.init.constant_(self.head.bias, 0.0)
        self.head.bias.data[0] = -3.0

    def forward(self, picture: Tensor) -> Tensor:
        return self.head(self.far(self.near(self.eighth(self.quarter(self.stem(picture))))))
