"""Write a trained network as a TFLite file with its manifest: batch norm folded, weights in half precision.

Usage: scripts/train/mrz/export.py lines|places CHECKPOINT --out FILE.tflite

The graph holds CONV_2D, ADD and DEQUANTIZE alone, so LiteRT and tflite-runtime both run it. The written file is run and
compared with the network before it counts.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import flatbuffers
import numpy as np
import torch
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter
from nets import LINE_CHANNELS, PLACE_CHANNELS, LineNet, PlaceNet, Residual, Step
from numpy.typing import NDArray
from torch import nn

from hotspotd.mrz import locate, recogniser
from hotspotd.mrz.recogniser import COLUMNS, WIDTH
from hotspotd.mrz.strips import HEIGHT

Tensor = int
Shape = tuple[int, int, int]
"""Rows, columns, channels."""

SEARCHED = (432, locate.SIDE)
"""Height and width that the finding network is written for; it takes any multiple of 16."""

MANIFEST = """name = "{name}"
role = "text"
file = "{file}"
sha256 = "{digest}"
bytes = {size}
licence = "Apache-2.0"
users = "Anyone, for any purpose. Error rates on drawn documents: docs/model-card-mrz.md."
source = "Trained on drawn documents alone by scripts/train/mrz"
grade = "operational"

[input]
{input}
layout = "NHWC"
colour = "GREY"
mean = 0.0
scale = 1.0
{more}
[[outputs]]
tensor = "{output}"
shape = {shape}
meaning = "{meaning}"
"""
LINES = {
    "name": recogniser.NAME,
    "input": f"# Cut and evened by hotspotd.mrz.strips.\nwidth = {WIDTH}\nheight = {HEIGHT}",
    "more": "",
    "output": recogniser.OUTPUT,
    "shape": [1, 1, COLUMNS, LINE_CHANNELS],
    "meaning": "Every 4 columns: 37 character logits; a middle's logit; cells off the middle row; log scale.",
}
PLACES = {
    "name": locate.NAME,
    "input": f"# Evened by hotspotd.mrz.locate; any height and width that 16 divides.\nwidth = {SEARCHED[1]}\n"
    f"height = {SEARCHED[0]}",
    "more": "multiple_of = 16\n",
    "output": locate.OUTPUT,
    "shape": [1, SEARCHED[0] // locate.CELL, SEARCHED[1] // locate.CELL, PLACE_CHANNELS],
    "meaning": "Each 8x8 px: a line's logit; cosine and sine of its direction; how far off it is; log of its cell.",
}


class Graph:
    """A TFLite subgraph in the making; tensors are numbers."""

    def __init__(self, open_sides: bool) -> None:
        self.open_sides = open_sides
        self.model = tfl.ModelT()
        self.model.version = 3
        self.model.description = "hotspotd MRZ network"
        self.model.buffers = [tfl.BufferT()]
        self.model.operatorCodes = []
        self.sub = tfl.SubGraphT()
        self.sub.tensors, self.sub.operators = [], []
        self.model.subgraphs = [self.sub]

    def tensor(self, name: str, shape: tuple[int, ...], kind: int = tfl.TensorType.FLOAT32, buffer: int = 0) -> Tensor:
        made = tfl.TensorT()
        if self.open_sides and not buffer and len(shape) == 4 and kind == tfl.TensorType.FLOAT32 and shape[0] == 1:
            made.shapeSignature = [1, -1, -1, shape[3]]
        made.name, made.shape, made.type, made.buffer = name, list(shape), kind, buffer
        self.sub.tensors.append(made)
        return len(self.sub.tensors) - 1

    def constant(self, name: str, values: NDArray[np.floating]) -> Tensor:
        """A constant that the graph uses in single precision; stored in half where ``values`` are."""
        buffer = tfl.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        half = values.dtype == np.float16
        kind = tfl.TensorType.FLOAT16 if half else tfl.TensorType.FLOAT32
        stored = self.tensor(name, values.shape, kind, len(self.model.buffers) - 1)
        if not half:
            return stored
        return self.op("DEQUANTIZE", [stored], self.tensor(f"{name}/single", values.shape), tfl.DequantizeOptionsT())

    def op(self, kind: str, inputs: list[Tensor], output: Tensor, options: object) -> Tensor:
        code = getattr(tfl.BuiltinOperator, kind)
        known = [entry.builtinCode for entry in self.model.operatorCodes]
        if code not in known:
            entry = tfl.OperatorCodeT()
            entry.builtinCode = entry.deprecatedBuiltinCode = code
            entry.version = 3 if kind == "DEQUANTIZE" else 1
            self.model.operatorCodes.append(entry)
            known.append(code)
        made = tfl.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = known.index(code), inputs, [output]
        made.builtinOptions = options
        made.builtinOptionsType = getattr(tfl.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.sub.operators.append(made)
        return output

    def convolve(
        self, name: str, source: Tensor, layer: nn.Conv2d, norm: nn.BatchNorm2d | None, shape: Shape, relu: bool
    ) -> Tensor:
        weight, bias = folded(layer, norm)
        options = tfl.Conv2DOptionsT()
        options.padding = tfl.Padding.SAME
        # A fold takes as many rows as there are: stepping by all of them, SAME adds none.
        options.strideH = layer.kernel_size[0] if layer.kernel_size[0] == 4 else layer.stride[0]
        options.strideW = layer.stride[1]
        options.fusedActivationFunction = tfl.ActivationFunctionType.RELU if relu else tfl.ActivationFunctionType.NONE
        inputs = [source, self.constant(f"{name}/weight", weight), self.constant(f"{name}/bias", bias)]
        return self.op("CONV_2D", inputs, self.tensor(name, (1, *shape)), options)

    def step(self, name: str, source: Tensor, step: Step, shape: Shape) -> Tensor:
        return self.convolve(name, source, step.convolution, step.norm, shape, step.relu)

    def residual(self, name: str, source: Tensor, block: Residual, shape: Shape) -> Tensor:
        inner = self.step(f"{name}/first", source, block.first, shape)
        outer = self.step(f"{name}/second", inner, block.second, shape)
        options = tfl.AddOptionsT()
        options.fusedActivationFunction = tfl.ActivationFunctionType.RELU
        return self.op("ADD", [source, outer], self.tensor(name, (1, *shape)), options)

    def finish(self, inputs: list[Tensor], outputs: list[Tensor]) -> bytes:
        self.sub.inputs, self.sub.outputs = inputs, outputs
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def folded(layer: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Weight (out, h, w, in) and bias (out,) of a convolution with its batch norm."""
    weight = layer.weight.detach().double()
    bias = layer.bias.detach().double() if layer.bias is not None else torch.zeros(len(weight)).double()
    if norm is not None:
        gain = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
        weight = weight * gain[:, None, None, None]
        bias = (bias - norm.running_mean.double()) * gain + norm.bias.detach().double()
    return weight.permute(0, 2, 3, 1).numpy().astype(np.float16), bias.float().numpy().copy()


def build_lines(net: LineNet) -> bytes:
    """The file of the reading network."""
    g = Graph(open_sides=False)
    strip = g.tensor("strip", (1, HEIGHT, WIDTH, 1))
    stem = g.step("stem", strip, net.stem, (HEIGHT // 2, WIDTH // 2, 16))
    quarter = g.step("quarter", stem, net.quarter, (HEIGHT // 4, COLUMNS, 32))
    fine = g.residual("fine", quarter, net.fine, (HEIGHT // 4, COLUMNS, 32))
    low = g.step("low", fine, net.low, (HEIGHT // 8, COLUMNS, 48))
    coarse = g.residual("coarse", low, net.coarse, (HEIGHT // 8, COLUMNS, 48))
    row = g.step("row", coarse, net.row, (1, COLUMNS, 96))
    far = g.residual("far", g.residual("near", row, net.near, (1, COLUMNS, 96)), net.far, (1, COLUMNS, 96))
    return g.finish(
        [strip], [g.convolve(recogniser.OUTPUT, far, net.head, None, (1, COLUMNS, LINE_CHANNELS), relu=False)]
    )


def build_places(net: PlaceNet) -> bytes:
    """The file of the finding network, open in height and width."""
    g = Graph(open_sides=True)
    height, width = SEARCHED
    picture = g.tensor("picture", (1, height, width, 1))
    stem = g.step("stem", picture, net.stem, (height // 2, width // 2, 12))
    quarter = g.step("quarter", stem, net.quarter, (height // 4, width // 4, 20))
    shape = (height // 8, width // 8, 32)
    values = g.step("eighth", quarter, net.eighth, shape)
    for name in ("near", "far"):
        values = g.residual(name, values, getattr(net, name), shape)
    head = g.convolve(locate.OUTPUT, values, net.head, None, (*shape[:2], PLACE_CHANNELS), relu=False)
    return g.finish([picture], [head])


def difference(content: bytes, net: nn.Module) -> float:
    """Largest difference between file and network on noise."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    into = interpreter.get_input_details()[0]
    noise = np.random.default_rng(1).standard_normal(into["shape"]).astype(np.float32)
    interpreter.set_tensor(into["index"], noise)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    with torch.no_grad():
        wanted = net(torch.from_numpy(noise.transpose(0, 3, 1, 2).copy()))
    return float(np.abs(got - wanted.numpy().transpose(0, 2, 3, 1)).max())


def main() -> None:
    """Write the file and its manifest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("lines", "places"))
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    kept = torch.load(given.checkpoint, weights_only=True)
    net: LineNet | PlaceNet = LineNet() if given.task == "lines" else PlaceNet()
    net.load_state_dict(kept["mean"])
    net.eval()
    content = build_lines(net) if isinstance(net, LineNet) else build_places(net)
    off = difference(content, net)
    if off > 0.1:
        raise SystemExit(f"the file's outputs differ from the network's by {off:g}: not written")
    given.out.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    about = LINES if given.task == "lines" else PLACES
    text = MANIFEST.format(file=given.out.name, digest=digest, size=len(content), **about)
    given.out.with_suffix(".toml").write_text(text, encoding="utf-8")
    parameters = sum(value.numel() for value in net.parameters())
    print(f"{kept['step']} steps, {kept['seconds_used']:.0f} s of training, {parameters} parameters")
    print(f"{len(content)} bytes, SHA-256 {digest}, largest difference {off:g}")


if __name__ == "__main__":
    main()
