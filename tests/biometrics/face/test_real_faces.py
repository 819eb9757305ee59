"""On photographs of real people beside the checkout: what docs/faces-search.md claims still holds."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face import evaluation as ev
from hotspotd.biometrics.models import find_model

_MODELS = ("mobilefacenet", "blazeface", "face-mesh")
_PEOPLE = 24


@pytest.fixture(scope="module")
def engine(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> FaceEngine:
    """MobileFaceNet with BlazeFace and the mesh: the catalogue's manifests, the files beside the checkout."""
    folder = tmp_path_factory.mktemp("models")
    catalogue = Path(__file__).parents[3] / "config" / "models"
    for name in _MODELS:
        manifest = find_model(name, [catalogue])
        found = shared_data / "models" / manifest.file
        if not found.is_file():
            pytest.skip(f"{manifest.file} is not in ../shared/data/models")
        shutil.copy(catalogue / f"{name}.toml", folder)
        (folder / manifest.file).symlink_to(found)
    embedder, detector, landmarks = (find_model(name, [folder]) for name in _MODELS)
    return FaceEngine.open(embedder, detector=detector, landmarks=landmarks)


def test_people_of_lfw_are_told_apart_and_found_in_a_gallery(engine: FaceEngine, shared_data: Path) -> None:
    folder = shared_data / "faces" / "lfw-subset"
    if not folder.is_dir():
        pytest.skip("no faces/lfw-subset in ../shared/data")
    pictures = ev.open_people(folder)
    counted = Counter(one.person for one in pictures)
    chosen = [name for name, count in counted.items() if count > 2][:_PEOPLE]
    enrolled = ev.enrol([one for one in pictures if one.person in chosen], engine)
    assert enrolled.there.all(), "a face is found on every picture"
    compared = ev.compare_all(enrolled)
    assert compared.rates().eer <= 1.5
    told = ev.accuracy(enrolled, ev.drawn_pairs(enrolled), "drawn")
    assert told is not None
    assert told.accuracy >= 98.0
    # The manifest's table holds for them: at 1e-3 no more than a few of 4000 pairs of different people match.
    assert compared.fmr(engine.threshold(1e-3)) <= 3e-3
    one, fused = ev.identify(enrolled, 1, 1), ev.identify(enrolled, 2, 2)
    assert one is not None
    assert fused is not None
    assert one.rates().rank1 >= 98.0
    assert fused.rates().rank1 == 100.0
