"""The compiled kernels load where they fit, and numpy does the work where they do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hotspotd.biometrics.finger import native

SAY = "from hotspotd.biometrics.finger import native; print(native.describe())"
ROOT = Path(__file__).parents[3]


def _described(wanted: str) -> str:
    environment = {**os.environ, native.SWITCH: wanted}
    return subprocess.run(
        [sys.executable, "-c", SAY], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_switch_turns_the_kernels_off() -> None:
    assert _described("0") == "numpy"


def test_each_instruction_set_can_be_chosen_by_the_switch() -> None:
    for level in native.available():
        assert _described(level) in {level, "neon"}


def test_selecting_changes_what_is_in_use_and_never_exceeds_the_machine() -> None:
    if native.library() is None:
        pytest.skip("the kernels are not built here")
    before = native.describe()
    try:
        assert native.select("baseline") in {"baseline", "neon"}
        native.select("avx512")
        assert native.describe() in {*native.available(), "neon"}
    finally:
        native.library().hf_select(-1)  # type: ignore[union-attr]
    assert before in {*native.available(), "neon"}
