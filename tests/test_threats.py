"""What docs/threats.md refers to exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_REFERENCES = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (_ROOT / "docs" / "threats.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("file", "test"), _REFERENCES, ids=lambda part: part)
def test_a_test_that_the_threat_model_names_exists(file: str, test: str) -> None:
    tree = ast.parse((_ROOT / file).read_text(encoding="utf-8"))
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert test in names


def test_every_attacker_has_tests() -> None:
    sections = re.split(r"\n## ", (_ROOT / "docs" / "threats.md").read_text(encoding="utf-8"))[2:]
    assert len(sections) == 6
    assert all("::test_" in section and "Not stopped" in section for section in sections)
