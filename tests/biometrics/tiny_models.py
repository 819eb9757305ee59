"""Models of a few kilobytes in every form that a manifest may name, written by the tests themselves.

Each embedder averages the picture over a coarse grid and multiplies it with fixed random weights: no recognition, but
every picture has an embedding of its own, and one form can be held against another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.models import ModelManifest, load_manifest

CELLS = 4


@dataclass(frozen=True)
class Form:
    """What the input and output of a model look like."""

    width: int = 112
    height: int = 112
    layout: str = "NHWC"
    colour: str = "RGB"
    mean: float | tuple[float, ...] = 127.5
    scale: float | tuple[float, ...] = 128.0
    kind: str = "float32"
    length: int = 128
    input_step: float = 1 / 64
    input_zero: int = 0
    output_step: float = 1 / 32

    @property
    def channels(self) -> int:
        return 1 if self.colour == "GREY" else 3

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the input tensor."""
        if self.layout == "NHWC":
            return 1, self.height, self.width, self.channels
        return 1, self.channels, self.height, self.width


class _Graph:
    def __init__(self) -> None:
        self.tfl = pytest.importorskip("ai_edge_litert.schema_py_generated")
        self.model = self.tfl.ModelT()
        self.model.version, self.model.buffers, self.model.operatorCodes = 3, [self.tfl.BufferT()], []
        self.sub = self.tfl.SubGraphT()
        self.sub.tensors, self.sub.operators = [], []
        self.model.subgraphs = [self.sub]

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        kind: str = "float32",
        data: NDArray[Any] | None = None,
        quantised: tuple[float, int] | None = None,
    ) -> int:
        made = self.tfl.TensorT()
        made.name, made.shape, made.buffer = name, list(shape), 0
        made.type = getattr(self.tfl.TensorType, kind.upper())
        if quantised is not None:
            made.quantization = self.tfl.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [quantised[0]], [quantised[1]]
        if data is not None:
            buffer = self.tfl.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            made.buffer = len(self.model.buffers) - 1
        self.sub.tensors.append(made)
        return len(self.sub.tensors) - 1

    def op(self, kind: str, inputs: list[int], output: int, options: Any = None) -> int:
        code = self.tfl.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(self.tfl.BuiltinOperator, kind)
        code.version = 1
        self.model.operatorCodes.append(code)
        made = self.tfl.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = len(self.model.operatorCodes) - 1, inputs, [output]
        if options is not None:
            made.builtinOptions = options
            made.builtinOptionsType = getattr(self.tfl.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.sub.operators.append(made)
        return output

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        flatbuffers = pytest.importorskip("flatbuffers")
        self.sub.inputs, self.sub.outputs = inputs, outputs
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def embedder_file(form: Form, seed: int = 7) -> bytes:
    """The model's bytes; the weights hang on ``seed``, the number of channels and the length alone."""
    g, n = _Graph(), form.channels
    whole = form.kind != "float32"
    step = (form.input_step, form.input_zero) if whole else None
    entry = place = g.tensor("picture", form.shape, form.kind, quantised=step)
    if whole:
        place = g.op("DEQUANTIZE", [place], g.tensor("real", form.shape), g.tfl.DequantizeOptionsT())
    if form.layout == "NCHW":
        order = g.tensor("order", (4,), "int32", np.array([0, 2, 3, 1], np.int32))
        turned = g.tensor("turned", (1, form.height, form.width, n))
        place = g.op("TRANSPOSE", [place, order], turned, g.tfl.TransposeOptionsT())
    pool = g.tfl.Pool2DOptionsT()
    pool.padding = g.tfl.Padding.VALID
    pool.filterHeight, pool.filterWidth = form.height // CELLS, form.width // CELLS
    pool.strideH, pool.strideW = pool.filterHeight, pool.filterWidth
    pool.fusedActivationFunction = g.tfl.ActivationFunctionType.NONE
    place = g.op("AVERAGE_POOL_2D", [place], g.tensor("grid", (1, CELLS, CELLS, n)), pool)
    flat = CELLS * CELLS * n
    shape = g.tensor("flat_shape", (2,), "int32", np.array([1, flat], np.int32))
    reshape = g.tfl.ReshapeOptionsT()
    reshape.newShape = [1, flat]
    place = g.op("RESHAPE", [place, shape], g.tensor("flat", (1, flat)), reshape)
    weights = np.random.default_rng([seed, n, form.length]).normal(0, 0.2, (form.length, flat)).astype(np.float32)
    if form.colour == "BGR":
        weights = weights.reshape(form.length, -1, n)[:, :, ::-1].reshape(form.length, flat)
    full = g.tfl.FullyConnectedOptionsT()
    full.fusedActivationFunction = g.tfl.ActivationFunctionType.NONE
    inputs = [place, g.tensor("weights", weights.shape, "float32", weights), -1]
    place = g.op("FULLY_CONNECTED", inputs, g.tensor("real_embedding", (1, form.length)), full)
    if whole:
        out = g.tensor(
            "embedding", (1, form.length), form.kind, quantised=(form.output_step, 128 if form.kind == "uint8" else 0)
        )
        place = g.op("QUANTIZE", [place], out, g.tfl.QuantizeOptionsT())
    return g.finish([entry], [place])


def manifest_text(form: Form, content: bytes, name: str = "tiny", alignment: str = "", more: str = "") -> str:
    """A manifest for ``content``; ``more`` are further top level lines."""

    def numbers(value: float | tuple[float, ...]) -> str:
        return str(list(value)) if isinstance(value, tuple) else str(value)

    place = alignment or 'kind = "eyes"\nleft_x = 0.34\nleft_y = 0.46\nright_x = 0.66\nright_y = 0.46'
    tensor = "real_embedding" if form.kind == "float32" else "embedding"
    return f"""
name = "{name}"
role = "embedder"
file = "{name}.tflite"
sha256 = "{hashlib.sha256(content).hexdigest()}"
bytes = {len(content)}
licence = "none"
users = "Tests."
source = "tests/biometrics/tiny_models.py"
grade = "demo"
embedding_length = {form.length}
{more}
[input]
width = {form.width}
height = {form.height}
layout = "{form.layout}"
colour = "{form.colour}"
mean = {numbers(form.mean)}
scale = {numbers(form.scale)}
[alignment]
{place}
[[outputs]]
tensor = "{tensor}"
shape = [1, {form.length}]
meaning = "Nothing."
[calibration]
measured_on = "nothing"
impostor_pairs = 1
floor = 1e-3
points = [[-1.0, 1.0], [1.0, 1e-3]]
"""


def embedder(folder: Path, form: Form, name: str = "tiny", alignment: str = "", more: str = "") -> ModelManifest:
    """Model and manifest written into ``folder``, and the manifest read back."""
    content = embedder_file(form)
    (folder / f"{name}.tflite").write_bytes(content)
    path = folder / f"{name}.toml"
    path.write_text(manifest_text(form, content, name, alignment, more), encoding="utf-8")
    return load_manifest(path)
