"""Write the trained network as a TFLite file, batch norm folded into the convolutions.

Usage: scripts/train/minutiae/export.py CHECKPOINT --out FILE.tflite

The picture's height and width are left open (multiples of 16); the graph holds CONV_2D, ADD and DEPTH_TO_SPACE alone,
so LiteRT and tflite-runtime both run it. The written file is run and compared with the network before it counts.
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
from net import Net, Residual, Step, Up
from numpy.typing import NDArray
from torch import nn

Tensor = int


class Graph:
    """A TFLite subgraph in the making; tensors are numbers."""

    def __init__(self) -> None:
        self.model = tfl.ModelT()
        self.model.version = 3
        self.model.description = "hotspotd minutiae network"
        self.model.buffers = [tfl.BufferT()]
        self.model.operatorCodes = []
        self.sub = tfl.SubGraphT()
        self.sub.tensors, self.sub.operators = [], []
        self.model.subgraphs = [self.sub]

    def tensor(self, name: str, channels: int, scale: int) -> Tensor:
        """A feature map at 1/``scale`` of the picture; written for 256x256, open in height and width."""
        made = tfl.TensorT()
        made.name, made.shape = name, [1, 256 // scale, 256 // scale, channels]
        made.shapeSignature = [1, -1, -1, channels]
        made.type, made.buffer = tfl.TensorType.FLOAT32, 0
        self.sub.tensors.append(made)
        return len(self.sub.tensors) - 1

    def constant(self, name: str, values: NDArray[np.float32]) -> Tensor:
        buffer = tfl.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        made = tfl.TensorT()
        made.name, made.shape = name, list(values.shape)
        made.type, made.buffer = tfl.TensorType.FLOAT32, len(self.model.buffers) - 1
        self.sub.tensors.append(made)
        return len(self.sub.tensors) - 1

    def op(self, kind: str, inputs: list[Tensor], output: Tensor, options: object) -> Tensor:
        code = getattr(tfl.BuiltinOperator, kind)
        known = [entry.builtinCode for entry in self.model.operatorCodes]
        if code not in known:
            entry = tfl.OperatorCodeT()
            entry.builtinCode = entry.deprecatedBuiltinCode = code
            entry.version = 1
            self.model.operatorCodes.append(entry)
            known.append(code)
        made = tfl.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = known.index(code), inputs, [output]
        made.builtinOptions = options
        made.builtinOptionsType = getattr(tfl.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.sub.operators.append(made)
        return output

    def convolve(
        self, name: str, source: Tensor, layer: nn.Conv2d, norm: nn.BatchNorm2d | None, scale: int, relu: bool
    ) -> Tensor:
        weight, bias = folded(layer, norm)
        options = tfl.Conv2DOptionsT()
        options.padding = tfl.Padding.SAME
        options.strideH = options.strideW = layer.stride[0]
        options.fusedActivationFunction = tfl.ActivationFunctionType.RELU if relu else tfl.ActivationFunctionType.NONE
        inputs = [source, self.constant(f"{name}/weight", weight), self.constant(f"{name}/bias", bias)]
        return self.op("CONV_2D", inputs, self.tensor(name, len(bias), scale), options)

    def step(self, name: str, source: Tensor, step: Step, scale: int) -> Tensor:
        return self.convolve(name, source, step.convolution, step.norm, scale, step.relu)

    def add(self, name: str, left: Tensor, right: Tensor, channels: int, scale: int) -> Tensor:
        options = tfl.AddOptionsT()
        options.fusedActivationFunction = tfl.ActivationFunctionType.RELU
        return self.op("ADD", [left, right], self.tensor(name, channels, scale), options)

    def residual(self, name: str, source: Tensor, block: Residual, scale: int) -> Tensor:
        inner = self.step(f"{name}/first", source, block.first, scale)
        outer = self.step(f"{name}/second", inner, block.second, scale)
        return self.add(name, source, outer, block.second.convolution.out_channels, scale)

    def up(self, name: str, source: Tensor, block: Up, scale: int) -> Tensor:
        wide = self.step(f"{name}/wide", source, block.step, scale * 2)
        options = tfl.DepthToSpaceOptionsT()
        options.blockSize = 2
        channels = block.step.convolution.out_channels // 4
        return self.op("DEPTH_TO_SPACE", [wide], self.tensor(name, channels, scale), options)

    def finish(self, inputs: list[Tensor], outputs: list[Tensor]) -> bytes:
        self.sub.inputs, self.sub.outputs = inputs, outputs
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def folded(layer: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight (out, h, w, in) and bias (out,) of a convolution with its batch norm."""
    weight = layer.weight.detach().double()
    bias = layer.bias.detach().double() if layer.bias is not None else torch.zeros(len(weight)).double()
    if norm is not None:
        gain = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
        weight = weight * gain[:, None, None, None]
        bias = (bias - norm.running_mean.double()) * gain + norm.bias.detach().double()
    return weight.permute(0, 2, 3, 1).float().numpy().copy(), bias.float().numpy().copy()


def build(net: Net) -> bytes:
    """The file."""
    g = Graph()
    picture = g.tensor("picture", 1, 1)
    quarter = g.step("quarter", g.step("stem", picture, net.stem, 4), net.quarter, 4)
    eighth = g.residual("eighth", g.step("down_eighth", quarter, net.down_eighth, 8), net.eighth, 8)
    deep = g.step("down_sixteenth", eighth, net.down_sixteenth, 16)
    for number, block in enumerate(net.sixteenth):
        deep = g.residual(f"sixteenth{number}", deep, block, 16)
    risen = g.up("up_eighth", deep, net.up_eighth, 8)
    channels = net.back_eighth.convolution.in_channels
    eighth = g.step("back_eighth", g.add("join_eighth", eighth, risen, channels, 8), net.back_eighth, 8)
    risen = g.up("up_quarter", eighth, net.up_quarter, 4)
    channels = net.back_quarter.convolution.in_channels
    quarter = g.step("back_quarter", g.add("join_quarter", quarter, risen, channels, 4), net.back_quarter, 4)
    fine = g.convolve("fine", quarter, net.fine_head, None, 4, relu=False)
    field = g.convolve("field", eighth, net.field_head, None, 8, relu=False)
    return g.finish([picture], [fine, field])


def difference(content: bytes, net: Net) -> float:
    """Largest difference between file and network on noise of two sizes."""
    worst = 0.0
    interpreter = Interpreter(model_content=content, num_threads=1)
    for height, width in ((256, 256), (288, 400)):
        noise = np.random.default_rng(1).standard_normal((1, height, width, 1)).astype(np.float32)
        inputs, outputs = interpreter.get_input_details()[0], interpreter.get_output_details()
        interpreter.resize_tensor_input(inputs["index"], noise.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(inputs["index"], noise)
        interpreter.invoke()
        with torch.no_grad():
            wanted = net(torch.from_numpy(noise.transpose(0, 3, 1, 2).copy()))
        for detail, want in zip(outputs, wanted, strict=True):
            got = interpreter.get_tensor(detail["index"])
            worst = max(worst, float(np.abs(got - want.numpy().transpose(0, 2, 3, 1)).max()))
    return worst


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    net = Net().eval()
    kept = torch.load(given.checkpoint, weights_only=True)
    net.load_state_dict(kept["mean"])
    content = build(net)
    off = difference(content, net)
    if off > 1e-3:
        raise SystemExit(f"the file's outputs differ from the network's by {off:g}: not written")
    given.out.write_bytes(content)
    parameters = sum(value.numel() for value in net.parameters())
    print(f"{kept['step']} steps, {kept['seconds_used']:.0f} s of training, {parameters} parameters")
    print(f"{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}, largest difference {off:g}")


if __name__ == "__main__":
    main()
