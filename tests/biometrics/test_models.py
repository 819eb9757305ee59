"""Manifests: what they must say, what they may not get away with, and that no unverified byte reaches a runtime."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.models import BUNDLED, find_model, load_manifest, read_model, require_grade
from hotspotd.errors import BiometricError, Reason

CATALOGUE = Path(__file__).resolve().parents[2] / "config" / "models"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a copy of the bundled model."""
    for file in BUNDLED.iterdir():
        shutil.copy(file, tmp_path / file.name)
    return tmp_path


def rewrite(folder: Path, old: str, new: str) -> Path:
    path = folder / "face-descriptor.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_bundled_model_is_what_its_manifest_says() -> None:
    manifest = find_model("face-descriptor", [])
    assert manifest.grade == "demo"
    assert len(read_model(manifest)) == manifest.bytes


@pytest.mark.parametrize("path", sorted(CATALOGUE.glob("*.toml")), ids=lambda p: p.stem)
def test_catalogue_entries_are_valid_and_named_as_their_file(path: Path) -> None:
    assert load_manifest(path).name == path.stem


@pytest.mark.parametrize("path", sorted(CATALOGUE.glob("*.toml")), ids=lambda p: p.stem)
def test_catalogue_entries_describe_the_published_files(path: Path, shared_data: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path)
    manifest = load_manifest(tmp_path / path.name)
    shutil.copy(shared_data / "models" / manifest.file, tmp_path)
    assert len(read_model(manifest)) == manifest.bytes


def test_the_catalogue_has_the_models_named_in_the_documentation() -> None:
    assert {"blazeface", "face-mesh", "mobilefacenet", "minifasnet-v2"} <= {p.stem for p in CATALOGUE.glob("*.toml")}


def test_a_configured_folder_goes_before_the_bundled_one(folder: Path) -> None:
    assert find_model("face-descriptor", [folder]).folder == str(folder)


def test_an_unknown_model_is_named_with_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BiometricError, match=r"no manifest nobody\.toml") as caught:
        find_model("nobody", [tmp_path])
    assert caught.value.reason is Reason.MODEL_MISSING
    assert str(tmp_path) in caught.value.what


def test_a_manifest_that_calls_itself_something_else_is_refused(folder: Path) -> None:
    shutil.move(folder / "face-descriptor.toml", folder / "other.toml")
    with pytest.raises(BiometricError, match="calls itself"):
        find_model("other", [folder])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('grade = "demo"', 'grade = "superb"'),
        ('grade = "demo"', ""),
        ('grade = "demo"', 'grade = "demo"\nsurprise = 1'),
        ('file = "face-descriptor.tflite"', 'file = "../face-descriptor.tflite"'),
        ('file = "face-descriptor.tflite"', 'file = "/etc/passwd"'),
        ('file = "face-descriptor.tflite"', 'file = "face-descriptor.tflite"\nfolder = "/etc"'),
        ('sha256 = "', 'sha256 = "zz'),
        ('role = "embedder"', 'role = "oracle"'),
        ("width = 96", "width = 1000000"),
        ("scale = 1.0", "scale = 0.0"),
        ('colour = "GREY"', 'colour = "GRAY"'),
        ('kind = "eyes"', 'kind = "ears"'),
        ("left_x = 0.28", "left_x = 28"),
        ("embedding_length = ", "embedding_length = 1"),
        ("[calibration]", "[calibration"),
        ("[-1.0, 1.0]", "[2.0, 1e-9], [-1.0, 1.0]"),
    ],
)
def test_a_manifest_that_lies_or_slips_is_refused(folder: Path, old: str, new: str) -> None:
    with pytest.raises(BiometricError) as caught:
        load_manifest(rewrite(folder, old, new))
    assert caught.value.reason is Reason.MODEL_SHAPE
    assert "face-descriptor.toml" in caught.value.what


def test_manifests_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(BiometricError) as caught:
        load_manifest(tmp_path / "none.toml")
    assert caught.value.reason is Reason.MODEL_MISSING
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BiometricError, match="utf-8"):
        load_manifest(tmp_path / "binary.toml")
    (tmp_path / "huge.toml").write_text("#" * 70_000)
    with pytest.raises(BiometricError, match="larger than"):
        load_manifest(tmp_path / "huge.toml")


def test_a_model_with_another_hash_is_never_opened(folder: Path) -> None:
    model = folder / "face-descriptor.tflite"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with pytest.raises(BiometricError, match="it was not opened") as caught:
        FaceEngine.open(find_model("face-descriptor", [folder]))
    assert caught.value.reason is Reason.MODEL_HASH


def test_a_truncated_model_is_refused_by_its_size(folder: Path) -> None:
    model = folder / "face-descriptor.tflite"
    model.write_bytes(model.read_bytes()[:5000])
    with pytest.raises(BiometricError, match="5000 bytes") as caught:
        read_model(find_model("face-descriptor", [folder]))
    assert caught.value.reason is Reason.MODEL_HASH


def test_a_catalogue_entry_without_its_file_says_where_the_file_comes_from(folder: Path) -> None:
    (folder / "face-descriptor.tflite").unlink()
    with pytest.raises(BiometricError, match="build_face_descriptor") as caught:
        read_model(find_model("face-descriptor", [folder]))
    assert caught.value.reason is Reason.MODEL_MISSING


def test_a_demonstration_model_is_refused_in_production() -> None:
    with pytest.raises(BiometricError, match="operational model") as caught:
        FaceEngine.open(None, "production")
    assert caught.value.reason is Reason.MODEL_GRADE


def test_an_operational_model_may_be_used_in_production(folder: Path) -> None:
    manifest = load_manifest(rewrite(folder, 'grade = "demo"', 'grade = "operational"'))
    require_grade(manifest, "production")
    assert FaceEngine.open(manifest, "production").grade == "operational"
