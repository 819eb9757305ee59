"""TFLite interpreters: which runtime is here, and a checked, thread-safe way to run one model in it.

Takes LiteRT (``ai_edge_litert``) or ``tflite_runtime``, whichever is installed, LiteRT first; neither is imported
before
a model is opened. Promises that shapes and types are those of the manifest before the first inference, that
the number of threads is bounded, and that one interpreter never runs twice at once. Doesn't promise equal
numbers from both runtimes: quantised models differ, which is why embeddings name the runtime they come from.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.models import ModelManifest, read_model
from hotspotd.errors import BiometricError, Reason

# (module of the interpreter, distribution it comes with), in order of preference.
_KNOWN = (("ai_edge_litert.interpreter", "ai-edge-litert"), ("tflite_runtime.interpreter", "tflite-runtime"))

# What an input or output may be. Whole numbers stand for real ones by the tensor's scale and zero point.
_KINDS = (np.dtype(np.float32), np.dtype(np.int8), np.dtype(np.uint8))

# A small model gains nothing from more, and a lane's other work needs the remaining cores of a four-core board.
_MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class Runtime:
    """An installed TFLite runtime: the name and version of its distribution, and its interpreter class."""

    name: str
    version: str
    interpreter: Any

    @property
    def label(self) -> str:
        """Name and version in one word, for ids and reports."""
        return f"{self.name}-{self.version}"


@cache
def installed_runtime() -> Runtime:
    """The runtime that is installed.

    Raises BiometricError (NO_RUNTIME), with what was tried, where none can be loaded.
    """
    tried = []
    for module, distribution in _KNOWN:
        try:
            interpreter = importlib.import_module(module).Interpreter
        except (ImportError, OSError, AttributeError) as error:
            # OSError: the package is there but a shared library it needs is not.
            tried.append(f"{distribution}: {error}")
            continue
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            version = "unknown"
        return Runtime(distribution, version, interpreter)
    raise BiometricError(
        Reason.NO_RUNTIME,
        f"no TFLite runtime can be loaded ({'; '.join(tried)})",
        "Install ai-edge-litert, or tflite-runtime on Python 3.11.",
    )


class Model:
    """One model, loaded and warm. Thread-safe: calls from several threads take turns.

    The hash is verified on the bytes in memory, and the same bytes are loaded: a file changed in between
    cannot slip in.
    """

    def __init__(self, manifest: ModelManifest, *, threads: int = 1, runtime: Runtime | None = None) -> None:
        """Load ``manifest``'s model with ``threads`` (1 to 4, no more than the cores).

        Raises BiometricError: MODEL_MISSING, MODEL_HASH, MODEL_SHAPE or NO_RUNTIME.
        """
        self.manifest = manifest
        # The interpreter refers to these bytes for as long as it lives.
        self._content = read_model(manifest)
        self.runtime = runtime or installed_runtime()
        # tflite-runtime 2.14 reads a file without checking its structure; at least its kind is checked here.
        if len(self._content) < 64 or self._content[4:8] != b"TFL3":
            raise self._lie("is no TFLite file")
        self.threads = max(1, min(threads, _MOST_THREADS, os.cpu_count() or 1))
        self._lock = threading.Lock()
        try:
            self._interpreter = self.runtime.interpreter(model_content=self._content, num_threads=self.threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BiometricError(
                Reason.MODEL_SHAPE,
                f"model {manifest.name}: {self.runtime.label} refuses the file: {_first_line(error)}",
                "The manifest fits the file, but the file is no model that this runtime can run.",
            ) from error
        self._inputs = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()
        self._check()
        self._shape: tuple[int, ...] = manifest.input_shape
        self.run(np.zeros(manifest.input_shape, np.float32))

    def _check(self) -> None:
        """Hold the graph against the manifest, so that a lying manifest is found before a traveller stands there."""
        manifest = self.manifest
        if len(self._inputs) != 1:
            raise self._lie(f"has {len(self._inputs)} inputs, one was expected")
        _expect(self, "input", self._inputs[0], manifest.input_shape)
        names = [str(detail["name"]) for detail in self._outputs]
        for output in manifest.outputs:
            if output.tensor not in names:
                raise self._lie(f"has no output {output.tensor!r} (it has {', '.join(names)})")
            _expect(self, f"output {output.tensor!r}", self._outputs[names.index(output.tensor)], output.shape)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        wanted, side = self.manifest.input, self.manifest.input_shape
        if len(shape) != 4:
            return False
        batch, *rest = shape
        height, width = rest[:2] if wanted.layout == "NHWC" else rest[1:]
        channels = rest[2] if wanted.layout == "NHWC" else rest[0]
        return (batch, channels) == (side[0], wanted.channels) and wanted.fits(height, width)

    def _lie(self, what: str) -> BiometricError:
        return BiometricError(
            Reason.MODEL_SHAPE,
            f"model {self.manifest.name} {what}",
            "The manifest does not describe this file: mend the manifest, or use the file it was written for.",
        )

    def run(self, tensor: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        """Run the model on ``tensor`` (float32, a shape that the manifest allows); outputs by tensor name, copied.

        Both are real numbers: a quantised graph's are converted by the scale and zero point of the tensor. Another size
        than the last costs some milliseconds more. Raises BiometricError (MODEL_SHAPE) on another shape or type, or
        when the graph cannot be run.
        """
        if tensor.dtype != np.float32 or not self._fits(tensor.shape):
            raise self._lie(f"was given {tensor.dtype} {tensor.shape}, it takes float32 {self.manifest.input_shape}")
        with self._lock:
            try:
                if tensor.shape != self._shape:
                    self._interpreter.resize_tensor_input(self._inputs[0]["index"], tensor.shape)
                    self._interpreter.allocate_tensors()
                    self._shape = tensor.shape
                self._interpreter.set_tensor(self._inputs[0]["index"], _stored(tensor, self._inputs[0]))
                self._interpreter.invoke()
                return {str(d["name"]): _real(self._interpreter.get_tensor(d["index"]), d) for d in self._outputs}
            except (ValueError, RuntimeError) as error:
                raise self._lie(f"cannot be run: {_first_line(error)}") from error


def _expect(model: Model, which: str, detail: Mapping[str, Any], shape: tuple[int, ...]) -> None:
    found, kind = tuple(int(n) for n in detail["shape"]), np.dtype(detail["dtype"])
    if found != shape or kind not in _KINDS:
        raise model._lie(f"has {which} {kind} {found}, the manifest says {shape} in float32, int8 or uint8")
    if kind != np.float32 and detail["quantization_parameters"]["scales"].size > 1:
        raise model._lie(f"has {which} quantised by channel")


def _stored(values: NDArray[np.float32], detail: Mapping[str, Any]) -> NDArray[Any]:
    """``values`` as the tensor holds them: quantised where it is int8 or uint8."""
    kind = np.dtype(detail["dtype"])
    if kind == np.float32:
        return np.ascontiguousarray(values)
    scale, zero = detail["quantization"]
    # An integer tensor without a scale takes the values as they are.
    levels = np.rint(values / np.float32(scale or 1.0)) + zero
    bounds = np.iinfo(kind)
    return np.ascontiguousarray(np.clip(levels, bounds.min, bounds.max).astype(kind))


def _real(stored: NDArray[Any], detail: Mapping[str, Any]) -> NDArray[np.float32]:
    """The real numbers that a tensor stands for."""
    if stored.dtype == np.float32:
        return stored
    scale, zero = detail["quantization"]
    return ((stored.astype(np.float32) - np.float32(zero)) * np.float32(scale or 1.0)).astype(np.float32)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0][:200]
