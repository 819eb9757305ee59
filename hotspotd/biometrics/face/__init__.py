"""Faces: detection, quality, portrait and embedding behind one engine."""

from hotspotd.biometrics.face.box import FaceBox
from hotspotd.biometrics.face.engine import FaceEngine
from hotspotd.biometrics.face.portrait import read_picture
from hotspotd.biometrics.face.quality import FaceProblem, FaceQuality

__all__ = ["FaceBox", "FaceEngine", "FaceProblem", "FaceQuality", "read_picture"]
