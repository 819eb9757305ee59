"""A model is one ``.tflite`` file and one manifest that says what it is, who may use it and what its numbers mean.

A manifest is a small TOML file, read strictly: an unknown or missing key is a refusal. The file is named by its
SHA-256 and its size, and nothing is handed to a runtime before both have been verified. A manifest without its
file beside it is a catalogue entry: it can be read, and opening it says where the file comes from.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hotspotd.biometrics.calibration import Calibration
from hotspotd.biometrics.manifest import (
    MAX_SIDE,
    Alignment,
    Anchors,
    BoxAlignment,
    Classes,
    Digest,
    EyeAlignment,
    FileName,
    FivePointAlignment,
    FrameAlignment,
    Input,
    Landmarks,
    Name,
    Output,
    Text,
)
from hotspotd.errors import BiometricError, Reason

BUNDLED = Path(__file__).parent / "bundled"
"""Manifests and models that come with the package."""

_MAX_MANIFEST_BYTES = 64 * 1024
# The largest face model worth running on a four-core board is a tenth of this.
_MAX_MODEL_BYTES = 256 * 1024 * 1024

__all__ = [
    "BUNDLED", "MAX_SIDE", "Anchors", "BoxAlignment", "Classes", "EyeAlignment", "FivePointAlignment", "FrameAlignment",
    "Input", "Landmarks", "ModelManifest", "Output", "find_model", "load_manifest", "read_model", "require_grade",
]  # fmt: skip


class ModelManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one model is. ``folder`` is where the manifest was read, and where its file is looked for."""

    name: Name
    role: Literal["detector", "landmarks", "embedder", "liveness", "minutiae", "text"]
    file: FileName
    sha256: Digest
    bytes: Annotated[int, Meta(ge=1, le=_MAX_MODEL_BYTES)]
    licence: Text
    users: Text
    """Who may use it, and for what."""
    source: Text
    grade: Literal["demo", "operational"]
    input: Input
    outputs: Annotated[tuple[Output, ...], Meta(min_length=1, max_length=16)]
    alignment: Alignment | None = None
    """Only for faces."""
    url: Annotated[str, Meta(pattern=r"^https?://[^\s]+$", max_length=500)] | None = None
    """Where the file can be fetched from."""
    anchors: Anchors | None = None
    """Only for a detector."""
    landmarks: Landmarks | None = None
    """Only for a landmark model."""
    classes: Classes | None = None
    """Only for a liveness model."""
    embedding_length: Annotated[int, Meta(ge=8, le=8192)] | None = None
    """Only for an embedder: how many numbers its embedding has."""
    mirrored: bool = False
    """Only for an embedder: embed the face and its mirror image, and take the mean. Twice the time, fewer errors."""
    calibration: Calibration | None = None
    folder: str = ""

    @property
    def path(self) -> Path:
        """Where the model's file belongs."""
        return Path(self.folder) / self.file

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the input tensor."""
        i = self.input
        if i.layout == "NHWC":
            return (1, i.height, i.width, i.channels)
        return (1, i.channels, i.height, i.width)


def load_manifest(path: Path) -> ModelManifest:
    """The manifest in ``path``.

    Raises BiometricError: MODEL_MISSING where it cannot be read, MODEL_SHAPE where it is wrong.
    """
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            raise _wrong(path, f"larger than {_MAX_MANIFEST_BYTES} bytes")
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        if "folder" in tree:
            raise _wrong(path, "a manifest does not name its folder")
        manifest = msgspec.convert({**tree, "folder": str(path.parent)}, ModelManifest)
    except OSError as error:
        raise BiometricError(
            Reason.MODEL_MISSING, f"{path}: {error.strerror}", "Check the folder of models in the configuration."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise _wrong(path, str(error)) from error
    problem = _role_problem(manifest)
    if problem:
        raise _wrong(path, problem)
    return manifest


def _role_problem(manifest: ModelManifest) -> str | None:
    """What the role of a model asks for and its manifest does not say."""
    role = manifest.role
    sizes = {output.tensor: math.prod(output.shape) for output in manifest.outputs}
    if manifest.alignment is None and role not in ("minutiae", "text"):
        return f"a model of the role {role!r} needs an alignment"
    checks = {
        "embedder": _embedder_problem,
        "detector": _detector_problem,
        "landmarks": _landmarks_problem,
        "liveness": _liveness_problem,
    }
    return checks[role](manifest, sizes) if role in checks else None


def _liveness_problem(manifest: ModelManifest, sizes: dict[str, int]) -> str | None:
    classes = manifest.classes
    if classes is None:
        return "a liveness model needs [classes]"
    if not classes.live < sizes.get(classes.tensor, 0):
        return f"classes: no output {classes.tensor!r} with a number for class {classes.live}"
    return None


def _embedder_problem(manifest: ModelManifest, sizes: dict[str, int]) -> str | None:
    length = manifest.embedding_length
    if length is None or manifest.calibration is None:
        return "an embedder needs embedding_length and calibration"
    if len(manifest.outputs) != 1 or manifest.outputs[0].shape[0] != 1 or [*sizes.values()] != [length]:
        return f"an embedder has one output of {length} numbers"
    return None


def _landmarks_problem(manifest: ModelManifest, sizes: dict[str, int]) -> str | None:
    marks = manifest.landmarks
    if marks is None:
        return "a landmark model needs [landmarks]"
    if sizes.get(marks.points) != marks.count * marks.dimensions:
        return f"landmarks.points: no output {marks.points!r} of {marks.count} x {marks.dimensions} numbers"
    if marks.presence is not None and sizes.get(marks.presence) != 1:
        return f"landmarks.presence: no output {marks.presence!r} of one number"
    return None


def _detector_problem(manifest: ModelManifest, sizes: dict[str, int]) -> str | None:
    anchors = manifest.anchors
    if anchors is None:
        return "a detector needs [anchors]"
    sides = manifest.input.height, manifest.input.width
    count = sum(anchors.per_layer * math.prod(-(-side // stride) for side in sides) for stride in anchors.strides)
    if sizes.get(anchors.scores) != count:
        return f"anchors.scores: no output {anchors.scores!r} of {count} numbers, one for each anchor"
    numbers, rest = divmod(sizes.get(anchors.boxes, 0), count)
    last = max(anchors.left_eye, anchors.right_eye, anchors.nose, anchors.mouth)
    if rest or numbers < 4 + 2 * (last + 1):
        return (
            f"anchors.boxes: no output {anchors.boxes!r} with a box and {last + 1} points for each of {count} anchors"
        )
    return None


def find_model(name: str, folders: Sequence[Path]) -> ModelManifest:
    """The manifest ``name`` (file ``name.toml``) in the first folder that has it; bundled models come last.

    Raises BiometricError (MODEL_MISSING) naming where it was looked for.
    """
    places = [*folders, BUNDLED]
    for folder in places:
        path = folder / f"{name}.toml"
        if path.is_file():
            manifest = load_manifest(path)
            if manifest.name != name:
                raise _wrong(path, f"calls itself {manifest.name!r}")
            return manifest
    raise BiometricError(
        Reason.MODEL_MISSING,
        f"no manifest {name}.toml in {', '.join(str(place) for place in places)}",
        f"Install it: hotspotctl models install {name} --from FOLDER --folder {folders[0] if folders else 'FOLDER'}",
    )


def read_model(manifest: ModelManifest) -> bytes:
    """The model's bytes, verified against the manifest. Raises BiometricError (MODEL_MISSING or MODEL_HASH)."""
    path = manifest.path
    try:
        size = path.stat().st_size
        if size != manifest.bytes:
            raise _other_file(manifest, f"has {size} bytes, its manifest says {manifest.bytes}")
        content = path.read_bytes()
    except OSError as error:
        raise BiometricError(
            Reason.MODEL_MISSING,
            f"model {manifest.name}: {path}: {error.strerror}",
            f"Fetch it from its source ({manifest.source}) and put it beside its manifest.",
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.sha256:
        raise _other_file(manifest, f"has SHA-256 {digest[:16]}…, its manifest says {manifest.sha256[:16]}…")
    return content


def require_grade(manifest: ModelManifest, mode: Literal["training", "production"]) -> None:
    """Refuse a demonstration model in production. Raises BiometricError (MODEL_GRADE)."""
    if mode == "production" and manifest.grade != "operational":
        raise BiometricError(
            Reason.MODEL_GRADE,
            f"model {manifest.name} is graded {manifest.grade!r}, and this device is in production mode",
            "Configure operational models (models.folder and the names in [models]; see docs/faces.md),"
            " switch faces off for the operation (operation.face = false), or set device.mode to training.",
        )


def _wrong(path: Path, what: str) -> BiometricError:
    return BiometricError(Reason.MODEL_SHAPE, f"manifest {path}: {what}", "docs/faces.md says what a manifest holds.")


def _other_file(manifest: ModelManifest, what: str) -> BiometricError:
    return BiometricError(
        Reason.MODEL_HASH,
        f"model {manifest.name}: {manifest.file} {what}",
        "This is not the file the manifest was written for; it was not opened.",
    )
