"""The bill of materials is what the standard's schema allows, and names what is installed."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from hotspotd.cli.main import main
from hotspotd.errors import Reason, UpdateError
from hotspotd.updates.bill import licences, read_lock

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements/runtime.txt"


def _broken_rule(text: str) -> object:
    """What of the standard's schema ``text`` breaks, None if nothing."""
    # Six seconds of importing, which every worker would pay that only collects.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


def test_the_document_keeps_to_the_schema_and_names_what_is_installed(tmp_path: Path) -> None:
    path = tmp_path / "bom.json"
    assert main(["sbom", "-o", str(path)]) in {0, 1}  # 1: this environment has another version of something.
    text = path.read_text()
    assert _broken_rule(text) is None
    document = json.loads(text)
    parts = {part["name"]: part for part in document["components"]}
    for name in ("cryptography", "tuf", "aiohttp"):
        assert parts[name]["version"] == metadata.version(name)
        assert parts[name]["licenses"]
        assert all(len(one["content"]) == 64 for one in parts[name]["hashes"])
    assert any(part["type"] == "machine-learning-model" for part in document["components"])
    asked = {one["ref"]: one["dependsOn"] for one in document["dependencies"]}
    assert parts["aiohttp"]["purl"] in asked["hotspotd"]
    assert parts["yarl"]["purl"] in asked[parts["aiohttp"]["purl"]]
    # Everything named is there.
    assert {ref for on in asked.values() for ref in on} <= asked.keys() | {part["bom-ref"] for part in parts.values()}


def test_a_document_that_breaks_the_schema_would_be_told() -> None:
    """What the test above relies on."""
    broken = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [{"name": "x"}]}
    assert _broken_rule(json.dumps(broken)) is not None


def test_another_version_than_the_locked_one_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"tuf==0.0.1 \\\n    --hash=sha256:{'0' * 64}\n    # via hotspotd (pyproject.toml)\n")
    assert main(["sbom", "--lock", str(lock)]) == 1
    assert f"tuf {metadata.version('tuf')} is installed, 0.0.1 is locked" in capsys.readouterr().err


def test_every_line_of_the_lock_file_is_read() -> None:
    names = [one.name for one in read_lock(LOCK.read_text())]
    assert len(names) == sum("==" in line and not line.startswith((" ", "#")) for line in LOCK.read_text().splitlines())


@pytest.mark.parametrize("text", ["tuf>=7\n", "tuf==7.0.1\n    # via hotspotd\n"])
def test_what_is_not_pinned_with_hashes_is_refused(text: str) -> None:
    with pytest.raises(UpdateError) as caught:
        read_lock(text)
    assert caught.value.reason is Reason.DAMAGED


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"License-Expression": "MIT OR Apache-2.0", "License": "x"}, [{"expression": "MIT OR Apache-2.0"}]),
        ({"License": "BSD"}, [{"license": {"name": "BSD"}}]),
        (
            {"License": "UNKNOWN", "Classifier": ["License :: OSI Approved :: MIT"]},
            [{"license": {"name": "MIT"}}],
        ),
        ({}, []),
    ],
)
def test_licences_are_taken_from_where_they_are_said_best(told: dict[str, str], found: list[object]) -> None:
    assert licences(told) == found
