"""The runtime that is installed: the bundled model runs in it, and nothing that doesn't fit its manifest does."""

from __future__ import annotations

import hashlib
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hotspotd.biometrics import runtime
from hotspotd.biometrics.models import ModelManifest, find_model, read_model
from hotspotd.biometrics.runtime import Model, installed_runtime
from hotspotd.errors import BiometricError, Reason


@pytest.fixture(scope="module")
def manifest() -> ModelManifest:
    return find_model("face-descriptor", [])


@pytest.fixture(scope="module")
def model(manifest: ModelManifest) -> Model:
    return Model(manifest)


def picture(manifest: ModelManifest, seed: int) -> Any:
    return np.random.default_rng(seed).uniform(0, 255, manifest.input_shape).astype(np.float32)


def test_the_runtime_says_its_name_and_version() -> None:
    found = installed_runtime()
    assert found.name in {"ai-edge-litert", "tflite-runtime"}
    assert found.version[0].isdigit()
    assert found.label == f"{found.name}-{found.version}"


def test_without_a_runtime_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        monkeypatch.setitem(sys.modules, module, None)
    installed_runtime.cache_clear()
    try:
        with pytest.raises(BiometricError, match="Install ai-edge-litert") as caught:
            installed_runtime()
    finally:
        installed_runtime.cache_clear()
    assert caught.value.reason is Reason.NO_RUNTIME


def test_importing_the_module_loads_no_runtime() -> None:
    names = vars(runtime)
    assert "ai_edge_litert" not in names
    assert "tflite_runtime" not in names


def test_the_bundled_model_runs_and_gives_a_unit_vector(model: Model, manifest: ModelManifest) -> None:
    output = model.run(picture(manifest, 1))["embedding"]
    assert output.shape == manifest.outputs[0].shape
    assert output.dtype == np.float32
    assert np.linalg.norm(output) == pytest.approx(1, abs=1e-4)


def test_one_input_gives_one_output_however_many_threads_ask(model: Model, manifest: ModelManifest) -> None:
    inputs = [picture(manifest, seed) for seed in range(4)]
    expected = [model.run(tensor)["embedding"] for tensor in inputs]
    wrong: list[int] = []

    def ask(number: int) -> None:
        answers = (model.run(inputs[number])["embedding"] for _ in range(5))
        wrong.extend(number for answer in answers if not np.array_equal(answer, expected[number]))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_outputs_are_copies(model: Model, manifest: ModelManifest) -> None:
    first = model.run(picture(manifest, 1))["embedding"]
    kept = first.copy()
    model.run(picture(manifest, 2))
    assert np.array_equal(first, kept)


def test_the_number_of_threads_is_bounded(manifest: ModelManifest) -> None:
    assert Model(manifest, threads=64).threads <= 4
    assert Model(manifest, threads=0).threads == 1


def test_a_tensor_of_another_shape_or_type_is_refused(model: Model, manifest: ModelManifest) -> None:
    for tensor in (np.zeros((1, 8, 8, 1), np.float32), np.zeros(manifest.input_shape, np.float64)):
        with pytest.raises(BiometricError) as caught:
            model.run(tensor)  # type: ignore[arg-type,unused-ignore]
        assert caught.value.reason is Reason.MODEL_SHAPE


@pytest.mark.parametrize(
    "lie",
    [
        {"input": {"width": 64}},
        {"input": {"colour": "RGB"}},
        {"input": {"layout": "NCHW"}},
        {"output": {"tensor": "elsewhere"}},
        {"output": {"shape": (1, 7)}},
    ],
)
def test_a_manifest_that_does_not_describe_its_graph_is_found_out(manifest: ModelManifest, lie: Any) -> None:
    wrong = msgspec.structs.replace(
        manifest,
        input=msgspec.structs.replace(manifest.input, **lie.get("input", {})),
        outputs=(msgspec.structs.replace(manifest.outputs[0], **lie.get("output", {})),),
    )
    with pytest.raises(BiometricError, match="manifest") as caught:
        Model(wrong)
    assert caught.value.reason is Reason.MODEL_SHAPE


def forged(manifest: ModelManifest, folder: Path, content: bytes) -> ModelManifest:
    """A manifest that vouches for ``content``."""
    (folder / "forged.tflite").write_bytes(content)
    return msgspec.structs.replace(
        manifest,
        file="forged.tflite",
        folder=str(folder),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


@pytest.mark.parametrize("kept", [1, 7, 64, 4096, 20_000])
def test_a_truncated_file_that_its_manifest_vouches_for_is_still_refused(
    manifest: ModelManifest, tmp_path: Path, kept: int
) -> None:
    if kept >= 64 and installed_runtime().name == "tflite-runtime":
        pytest.skip(
            "tflite-runtime 2.14 does not verify a file's structure and crashes; the hash is the only guard there"
        )
    with pytest.raises(BiometricError) as caught:
        Model(forged(manifest, tmp_path, read_model(manifest)[:kept]))
    assert caught.value.reason is Reason.MODEL_SHAPE


def test_a_file_that_is_no_model_is_refused(manifest: ModelManifest, tmp_path: Path) -> None:
    with pytest.raises(BiometricError) as caught:
        Model(forged(manifest, tmp_path, b"GIF89a" + b"\0" * 5000))
    assert caught.value.reason is Reason.MODEL_SHAPE
