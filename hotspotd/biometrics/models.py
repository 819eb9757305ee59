"""A model is one ``.tflite`` file and one manifest that says what it is, who may use it and what its numbers mean.

A manifest is a small TOML file, read strictly: an unknown or missing key is a refusal. The file is named by its
SHA-256 and its size, and nothing is handed to a runtime before both have been verified. A manifest without its
file beside it is a catalogue entry: it can be read, and opening it says where the file comes from.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hotspotd.biometrics.calibration import Calibration
from hotspotd.errors import BiometricError, Reason

BUNDLED = Path(__file__).parent / "bundled"
"""Manifests and models that come with the package."""

MAX_SIDE = 2048
"""Of a picture given to a model that takes any size [px]."""

_MAX_MANIFEST_BYTES = 64 * 1024
# The largest face model worth running on a four-core board is a tenth of this.
_MAX_MODEL_BYTES = 256 * 1024 * 1024

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}$")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Side = Annotated[int, Meta(ge=8, le=1024)]
Share = Annotated[float, Meta(ge=0, le=1)]
Text = Annotated[str, Meta(min_length=1, max_length=2000)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Input(_Part, frozen=True):
    """The picture that goes in: value = (pixel - mean) / scale for each channel, pixels 0 to 255.

    With ``multiple_of``, any height and width that it divides will do, up to MAX_SIDE: ``width`` and ``height`` are
    then those of the file as it is written.
    """

    width: Side
    height: Side
    layout: Literal["NHWC", "NCHW"]
    colour: Literal["RGB", "BGR", "GREY"]
    mean: float
    scale: Annotated[float, Meta(gt=0)]
    multiple_of: Annotated[int, Meta(ge=1, le=64)] | None = None

    @property
    def channels(self) -> int:
        """1 for GREY, else 3."""
        return 1 if self.colour == "GREY" else 3

    def fits(self, height: int, width: int) -> bool:
        """Whether a picture of this size may go in."""
        if self.multiple_of is None:
            return (height, width) == (self.height, self.width)
        sides = (height, width)
        return all(0 < side <= MAX_SIDE and side % self.multiple_of == 0 for side in sides)


class EyeAlignment(_Part, frozen=True, tag_field="kind", tag="eyes"):
    """Turn and scale so that the eyes' centres lie here, as shares of the input's width and height.

    Left and right are the picture's, not the person's.
    """

    left_x: Share
    left_y: Share
    right_x: Share
    right_y: Share


class BoxAlignment(_Part, frozen=True, tag_field="kind", tag="box"):
    """Crop the detected face's box, its sides multiplied by ``scale`` about its centre."""

    scale: Annotated[float, Meta(gt=0.2, le=8)]


class FrameAlignment(_Part, frozen=True, tag_field="kind", tag="frame"):
    """No crop: the whole picture, letterboxed."""


class Output(_Part, frozen=True):
    """One tensor that comes out."""

    tensor: str
    shape: tuple[Annotated[int, Meta(ge=1)], ...]
    meaning: Text


class ModelManifest(_Part, frozen=True):
    """What one model is. ``folder`` is where the manifest was read, and where its file is looked for."""

    name: Name
    role: Literal["detector", "landmarks", "embedder", "liveness", "minutiae"]
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
    alignment: EyeAlignment | BoxAlignment | FrameAlignment | None = None
    """Only for faces."""
    embedding_length: Annotated[int, Meta(ge=8, le=8192)] | None = None
    """Only for an embedder: how many numbers its embedding has."""
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
    if manifest.alignment is None and manifest.role != "minutiae":
        raise _wrong(path, f"a model of the role {manifest.role!r} needs an alignment")
    if manifest.role == "embedder":
        length = manifest.embedding_length
        if length is None or manifest.calibration is None:
            raise _wrong(path, "an embedder needs embedding_length and calibration")
        if len(manifest.outputs) != 1 or manifest.outputs[0].shape != (1, length):
            raise _wrong(path, f"an embedder has one output of shape [1, {length}]")
    return manifest


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
        "Put the manifest and its model into the folder that models.folder names.",
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
            "Configure an operational model (models.folder, models.face_embedder), switch faces off for the"
            " operation (operation.face = false), or set device.mode to training.",
        )


def _wrong(path: Path, what: str) -> BiometricError:
    return BiometricError(Reason.MODEL_SHAPE, f"manifest {path}: {what}", "docs/faces.md says what a manifest holds.")


def _other_file(manifest: ModelManifest, what: str) -> BiometricError:
    return BiometricError(
        Reason.MODEL_HASH,
        f"model {manifest.name}: {manifest.file} {what}",
        "This is not the file the manifest was written for; it was not opened.",
    )
