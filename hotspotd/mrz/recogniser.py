"""The network that reads a line: what it is shown, and what its numbers mean.

The model is ``biometrics/bundled/mrz-line.tflite`` with its manifest; scripts/train/mrz makes it, and
docs/model-card-mrz-line.md says from what and how well it does. ``line_of`` finds the characters' places: they are
as many as a layout has, about evenly apart, where the network sees a middle most surely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.models import BUNDLED, load_manifest
from hotspotd.biometrics.runtime import Model
from hotspotd.mrz.alphabet import ALPHABET
from hotspotd.mrz.strips import COLUMN, HEIGHT, PITCH, even

NAME = "mrz-line"
WIDTH = 768
"""Of a strip: 44 characters and two cells on either side."""
COLUMNS = WIDTH // COLUMN
OUTPUT = "columns"
_CHARACTERS = len(ALPHABET)

# Cells of 12 to 21 columns: a rough cut is up to a quarter off.
_STEPS = (3, 4, 5)
_BENT = 0.15
"""What a step that is not the nominal one costs: without it, doubtful middles are placed as they come."""
_NOWHERE = np.float32(-1e9)

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Columns:
    """What the network says of a strip, for each of its n columns.

    ``characters`` (n, 37) log probabilities; ``middle`` (n,) log odds of a character's middle; ``offset`` (n,) rows
    off the strip's middle row; ``scale`` (n,) how much too large the characters are.
    """

    characters: Float
    middle: Float
    offset: Float
    scale: Float


@dataclass(frozen=True)
class LineSight:
    """A line of m characters. ``characters`` (m, 37) log probabilities; ``x``, ``y`` (m,) their middles in the strip.

    ``sureness`` (m,) 0..1 how sure a middle is there; ``scale`` as in Columns, of the line; ``score`` compares
    lengths of one strip: the one that fits has the largest.
    """

    characters: Float
    x: Float
    y: Float
    sureness: Float
    scale: float
    score: float

    @property
    def text(self) -> str:
        """The likeliest characters."""
        return "".join(ALPHABET[number] for number in self.characters.argmax(axis=1))


class Recogniser:
    """The network, loaded. Thread-safe; calls take turns."""

    def __init__(self, model: Model | None = None) -> None:
        """Raises BiometricError where the model or a runtime is missing or wrong."""
        self._model = model or Model(load_manifest(BUNDLED / f"{NAME}.toml"), threads=1)

    def look(self, strip: NDArray[np.uint8]) -> Columns:
        """What it says of a grey strip (32, 768) uint8."""
        if strip.shape != (HEIGHT, WIDTH):
            raise ValueError(f"a strip of {strip.shape}")
        said = self._model.run(even(strip)[None, :, :, None])[OUTPUT][0, 0]
        logits = said[:, :_CHARACTERS]
        logits = logits - logits.max(axis=1, keepdims=True)
        characters = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return Columns(characters, said[:, _CHARACTERS], said[:, _CHARACTERS + 1] * PITCH, np.exp(said[:, -1]))


def line_of(columns: Columns, length: int) -> LineSight:
    """The ``length`` characters that the columns show best.

    By dynamic programming over places that lie 3 to 5 columns apart: the sum of the middles' log odds is the
    largest. Too long a line takes places that are none, too short a one leaves some out, and scores less.
    """
    gain = _gain(columns.middle)
    count = len(gain)
    best = gain.copy()
    came = np.zeros((length, count), np.int8)
    for place in range(1, length):
        options = np.full((len(_STEPS), count), _NOWHERE, np.float32)
        for row, step in enumerate(_STEPS):
            options[row, step:] = best[:-step] - np.float32(_BENT * (step != PITCH // COLUMN))
        came[place] = options.argmax(axis=0)
        best = options.max(axis=0) + gain
    at = np.zeros(length, np.intp)
    at[-1] = best.argmax()
    for place in range(length - 1, 0, -1):
        at[place - 1] = at[place] - _STEPS[came[place, at[place]]]
    return _sight(columns, at, float(best.max()))


def _gain(middle: Float) -> Float:
    """What a place at each column is worth: log odds that a middle lies there or, between two columns, beside it."""
    share = 1 / (1 + np.exp(-np.clip(middle, -15, 15)))
    there = np.clip(np.convolve(share, np.ones(3), "same"), 0.02, 0.98)
    return np.asarray(np.log(there / (1 - there)) + 0.5 * np.clip(middle, -3, 3), np.float32)


def _sight(columns: Columns, at: NDArray[np.intp], score: float) -> LineSight:
    """The line whose middles lie nearest to the columns ``at``: each is weighed with its neighbours on both sides."""
    near = np.clip(at[:, None] + np.array([-1, 0, 1]), 0, len(columns.middle) - 1)
    share = 1 / (1 + np.exp(-np.clip(columns.middle[near], -15, 15)))
    weight = share / share.sum(axis=1, keepdims=True)
    mixed = (np.exp(columns.characters[near]) * weight[:, :, None]).sum(axis=1)
    return LineSight(
        characters=np.log(np.maximum(mixed, 1e-12)).astype(np.float32),
        x=((near * weight).sum(axis=1) * COLUMN + (COLUMN - 1) / 2).astype(np.float32),
        y=((columns.offset[near] * weight).sum(axis=1) + (HEIGHT - 1) / 2).astype(np.float32),
        sureness=np.clip(share.sum(axis=1), 0, 1).astype(np.float32),
        scale=float(np.median(columns.scale[at])),
        score=score,
    )
