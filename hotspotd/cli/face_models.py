"""Which face models a command uses: those of a configuration, or those named on the command line."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from hotspotd.biometrics.face import FaceEngine
from hotspotd.config import load, resolve


@dataclass(frozen=True, slots=True)
class _Named:
    face_embedder: str
    face_detector: str
    face_landmarks: str


def add_models(command: argparse.ArgumentParser) -> None:
    """The arguments that name the models."""
    group = command.add_argument_group("models", "by default the bundled demonstration model and OpenCV's cascades")
    group.add_argument("--config", type=Path, metavar="FILE", help="those of this configuration, section models")
    group.add_argument("--models", type=Path, action="append", metavar="DIR", help="folder of manifests and models")
    group.add_argument("--model", metavar="NAME", help="the embedder")
    group.add_argument("--detector", metavar="NAME", help="the detector; cascades = OpenCV's")
    group.add_argument("--landmarks", metavar="NAME", help="the landmark model; none = the eyes alone")


def open_engine(arguments: argparse.Namespace) -> FaceEngine:
    """The engine that the arguments ask for, demonstration models too. Raises BiometricError, ConfigError."""
    folders: list[Path] = list(arguments.models or [])
    embedder, detector, landmarks = "face-descriptor", "", ""
    if arguments.config:
        config = load(arguments.config)
        section = config.models
        embedder, detector, landmarks = section.face_embedder, section.face_detector, section.face_landmarks
        if section.folder:
            folders.append(resolve(arguments.config, section.folder))
    names = _Named(
        arguments.model or embedder,
        detector if arguments.detector is None else arguments.detector.replace("cascades", ""),
        landmarks if arguments.landmarks is None else arguments.landmarks.replace("none", ""),
    )
    return FaceEngine.named(names, folders, "training")
