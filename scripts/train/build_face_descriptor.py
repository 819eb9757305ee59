#!/usr/bin/env python3
"""Write the bundled face descriptor: a TFLite graph of fixed filters, the same bytes each time.

Nothing in it is trained and no picture went into it. Grey face -> local contrast normalisation -> Gabor filters in
quadrature,
8 orientations at several wavelengths (Wiskott et al., "Face recognition by elastic bunch graph matching", 1997) ->
shares of the
local energy -> positive and negative halves apart -> overlapping average pooling -> square root -> minus the
mean over channels -> each cell to length 1 -> the whole to length 1. Only built-in operators that LiteRT and
tflite-runtime 2.14 both run in float32.

    python scripts/train/build_face_descriptor.py [--check] [--out FILE]

``--check`` builds in memory and compares with the bundled file.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from numpy.typing import NDArray

BUNDLED = Path(__file__).resolve().parents[2] / "hotspotd" / "biometrics" / "bundled" / "face-descriptor.tflite"

WIDTH, HEIGHT = 96, 112
ORIENTATIONS = 8
WAVELENGTHS = (4.0, 8.0)
# Pixels over which contrast is normalised: a quarter of the face.
NEIGHBOURHOOD = 25
# Added to the local variance of 8-bit values: flat skin's sensor noise is not blown up to texture.
NOISE_VARIANCE = 16.0
CELL = 10
# Responses under this are noise, and are not blown up to full shares.
WEAKEST = 0.05


class Graph:
    """A TFLite subgraph in the making; tensors are numbers."""

    def __init__(self) -> None:
        self.model = tfl.ModelT()
        self.model.version = 3
        self.model.description = "hotspotd face descriptor, fixed filters, nothing trained"
        self.model.buffers = [tfl.BufferT()]
        self.model.operatorCodes = []
        self.sub = tfl.SubGraphT()
        self.sub.tensors, self.sub.operators = [], []
        self.model.subgraphs = [self.sub]

    def tensor(self, name: str, shape: tuple[int, ...], data: NDArray[np.generic] | None = None) -> int:
        """A float32 tensor, or a constant of ``data``'s type."""
        made = tfl.TensorT()
        made.name, made.shape = name, list(shape)
        made.type = tfl.TensorType.INT32 if data is not None and data.dtype == np.int32 else tfl.TensorType.FLOAT32
        made.buffer = 0
        if data is not None:
            buffer = tfl.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            made.buffer = len(self.model.buffers) - 1
        self.sub.tensors.append(made)
        return len(self.sub.tensors) - 1

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self.sub.tensors[tensor].shape)

    def op(self, kind: str, inputs: list[int], shape: tuple[int, ...], name: str, options: object = None) -> int:
        """One operator with one output."""
        code = getattr(tfl.BuiltinOperator, kind)
        known = [entry.builtinCode for entry in self.model.operatorCodes]
        if code not in known:
            entry = tfl.OperatorCodeT()
            entry.builtinCode = code
            # Runtimes from before operator 127 read only this field.
            entry.deprecatedBuiltinCode = code
            entry.version = 1
            self.model.operatorCodes.append(entry)
            known.append(code)
        made = tfl.OperatorT()
        made.opcodeIndex = known.index(code)
        made.inputs = inputs
        made.outputs = [self.tensor(name, shape)]
        if options is not None:
            made.builtinOptions = options
            made.builtinOptionsType = getattr(tfl.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.sub.operators.append(made)
        return made.outputs[0]

    def convolve(self, source: int, kernels: NDArray[np.float32], name: str) -> int:
        """``kernels`` (out, height, width, in), zero padding, stride 1, no bias."""
        options = tfl.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = tfl.Padding.SAME, 1, 1
        weights = self.tensor(f"{name}/kernels", kernels.shape, kernels)
        bias = self.tensor(f"{name}/bias", (len(kernels),), np.zeros(len(kernels), np.float32))
        return self.op("CONV_2D", [source, weights, bias], (*self.shape(source)[:3], len(kernels)), name, options)

    def pool(self, source: int, size: int, stride: int, name: str) -> int:
        """Average over ``size`` x ``size``; at the edges over what is there."""
        options = tfl.Pool2DOptionsT()
        options.padding = tfl.Padding.SAME
        options.filterHeight = options.filterWidth = size
        options.strideH = options.strideW = stride
        n, h, w, c = self.shape(source)
        return self.op("AVERAGE_POOL_2D", [source], (n, -(-h // stride), -(-w // stride), c), name, options)

    def between(self, kind: str, left: int, right: int, name: str) -> int:
        """Element by element: ADD, SUB or MUL."""
        options = {"ADD": tfl.AddOptionsT, "SUB": tfl.SubOptionsT, "MUL": tfl.MulOptionsT}[kind]()
        return self.op(kind, [left, right], self.shape(left), name, options)

    def join(self, parts: list[int], name: str) -> int:
        """Parts of one size side by side, as channels."""
        options = tfl.ConcatenationOptionsT()
        options.axis = 3
        channels = sum(self.shape(part)[3] for part in parts)
        return self.op("CONCATENATION", parts, (*self.shape(parts[0])[:3], channels), name, options)

    def constant(self, value: float, name: str) -> int:
        return self.tensor(name, (1,), np.array([value], np.float32))

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        self.sub.inputs, self.sub.outputs = inputs, outputs
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def gabor(wavelength: float, odd: bool) -> NDArray[np.float32]:
    """One kernel for each orientation, (orientations, size, size, 1): mean 0, absolute sum 1.

    Values are rounded to multiples of 2^-14, so that the last bit of a machine's cosine can't change the file.
    """
    radius = int(wavelength)
    sigma = 0.5 * wavelength
    kernels = []
    for number in range(ORIENTATIONS):
        angle = math.pi * number / ORIENTATIONS
        kernel = np.zeros((2 * radius + 1, 2 * radius + 1))
        for y in range(-radius, radius + 1):
            for x in range(-radius, radius + 1):
                along = x * math.cos(angle) + y * math.sin(angle)
                across = -x * math.sin(angle) + y * math.cos(angle)
                wave = math.sin if odd else math.cos
                bell = math.exp(-(along**2 + (0.7 * across) ** 2) / (2 * sigma**2))
                kernel[y + radius, x + radius] = bell * wave(2 * math.pi * along / wavelength)
        kernel -= kernel.mean()
        kernels.append(np.round(kernel / np.abs(kernel).sum() * 2**14) / 2**14)
    return np.array(kernels, np.float32)[..., None]


def build() -> bytes:
    """The file."""
    g = Graph()
    face = g.tensor("face", (1, HEIGHT, WIDTH, 1))
    # Local contrast normalisation.
    detail = g.between("SUB", face, g.pool(face, NEIGHBOURHOOD, 1, "mean"), "detail")
    variance = g.pool(g.between("MUL", detail, detail, "squares"), NEIGHBOURHOOD, 1, "variance")
    variance = g.between("ADD", variance, g.constant(NOISE_VARIANCE, "noise"), "variance_and_noise")
    level = g.between("MUL", detail, g.op("RSQRT", [variance], g.shape(variance), "gain"), "level")
    cells = []
    for wavelength in WAVELENGTHS:
        tag = f"gabor{wavelength:g}"
        even = g.convolve(level, gabor(wavelength, odd=False), f"{tag}/even")
        odd = g.convolve(level, gabor(wavelength, odd=True), f"{tag}/odd")
        energy = g.between(
            "ADD",
            g.between("MUL", even, even, f"{tag}/even2"),
            g.between("MUL", odd, odd, f"{tag}/odd2"),
            f"{tag}/energy",
        )
        # Each response as a share of all orientations' energy there: which edge counts, not how strong it is.
        everywhere = np.ones((ORIENTATIONS, 1, 1, ORIENTATIONS), np.float32)
        total = g.convolve(energy, everywhere, f"{tag}/total")
        total = g.between("ADD", total, g.constant(WEAKEST**2, f"{tag}/weakest"), f"{tag}/total_and_weakest")
        gain = g.op("RSQRT", [total], g.shape(total), f"{tag}/gain")
        halves = []
        for name, response in (("even", even), ("odd", odd)):
            share = g.between("MUL", response, gain, f"{tag}/{name}_share")
            against = g.between("MUL", share, g.constant(-1.0, f"{tag}/{name}_minus"), f"{tag}/{name}_against")
            halves += [
                g.op("RELU", [half], g.shape(half), f"{tag}/{name}_half{number}")
                for number, half in enumerate((share, against))
            ]
        pooled = g.pool(g.join(halves, f"{tag}/halves"), 2 * CELL, CELL, f"{tag}/pooled")
        rooted = g.op("SQRT", [pooled], g.shape(pooled), f"{tag}/rooted")
        away = np.eye(4 * ORIENTATIONS) - 1 / (4 * ORIENTATIONS)
        cells.append(g.convolve(rooted, away.astype(np.float32)[:, None, None, :], f"{tag}/contrast"))
    joined = g.join(cells, "joined")
    _, h, w, c = g.shape(joined)
    even_cells = g.op("L2_NORMALIZATION", [joined], g.shape(joined), "cells", tfl.L2NormOptionsT())
    length = h * w * c
    options = tfl.ReshapeOptionsT()
    options.newShape = [1, length]
    target = g.tensor("flat/shape", (2,), np.array([1, length], np.int32))
    flat = g.op("RESHAPE", [even_cells, target], (1, length), "flat", options)
    embedding = g.op("L2_NORMALIZATION", [flat], (1, length), "embedding", tfl.L2NormOptionsT())
    return g.finish([face], [embedding])


def main() -> int:
    """Write or check the file; 0 when it is as it should be."""
    parser = argparse.ArgumentParser(description="Write the bundled face descriptor.")
    parser.add_argument("--check", action="store_true", help="compare with the bundled file, write nothing")
    parser.add_argument("--out", type=Path, default=BUNDLED)
    options = parser.parse_args()
    content = build()
    digest = hashlib.sha256(content).hexdigest()
    print(f"{len(content)} bytes, SHA-256 {digest}")
    if options.check:
        same = options.out.is_file() and options.out.read_bytes() == content
        print("as bundled" if same else f"differs from {options.out}")
        return 0 if same else 1
    options.out.write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
