"""The engines that a configuration names, opened outside the daemon, and the models behind them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine, calibration
from hotspotd.biometrics.models import ModelManifest, find_model, read_model
from hotspotd.config import Config, resolve
from hotspotd.devices.zones import ZONE_CAMERA
from hotspotd.errors import BiometricError

# Of the package itself: the print's minutiae, and a zone's place and line.
_FINGER = "finger-minutiae"
_ZONE = ("mrz-place", "mrz-line")


def face_engine(config: Config | None, path: Path | None) -> FaceEngine:
    """The face engine that ``config``, read from ``path``, names; the bundled one without a configuration."""
    if config is None or path is None:
        return FaceEngine.open()
    folders = [resolve(path, config.models.folder)] if config.models.folder else []
    faces = FaceEngine.named(config.models, folders, config.device.mode)
    table = config.matching.face_calibration
    calibration.adopt(faces, resolve(path, table) if table else None, config.matching.face_fmr)
    return faces


class ModelShown(msgspec.Struct, frozen=True, kw_only=True):
    """A model in use: ``part`` is what it does, ``problem`` why it cannot be used, empty where it can."""

    part: str
    name: str
    grade: str = ""
    sha256: str = ""
    problem: str = ""


def models_in_use(config: Config, path: Path) -> tuple[ModelShown, ...]:
    """Every model that ``config``, read from ``path``, has the lanes use, its file compared with its hash. Blocks."""
    folders = [resolve(path, config.models.folder)] if config.models.folder else []
    names: list[tuple[str, str]] = []
    if config.operation.face:
        names.append(("face, template", config.models.face_embedder))
        names.append(("face, detector", config.models.face_detector))
        names.append(("face, landmarks", config.models.face_landmarks))
        if config.liveness.passive:
            names.append(("face, liveness", config.liveness.passive_model))
    if any(lane.scanner is not None for lane in config.lanes):
        names.append((f"finger, {finger.ENGINE}", _FINGER))
    if any(lane.document.driver == ZONE_CAMERA for lane in config.lanes):
        names.extend(("document", name) for name in _ZONE)
    return tuple(_model(part, name, folders) for part, name in names if name)


def _model(part: str, name: str, folders: list[Path]) -> ModelShown:
    manifest: ModelManifest | None = None
    try:
        manifest = find_model(name, folders)
        read_model(manifest)
    except BiometricError as error:
        grade, digest = ("", "") if manifest is None else (manifest.grade, manifest.sha256)
        return ModelShown(part=part, name=name, grade=grade, sha256=digest, problem=str(error))
    return ModelShown(part=part, name=name, grade=manifest.grade, sha256=manifest.sha256)
