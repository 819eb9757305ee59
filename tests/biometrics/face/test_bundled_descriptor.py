"""The bundled descriptor is exactly what its script writes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_script_writes_the_bundled_file_byte_by_byte() -> None:
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("the script needs ai-edge-litert's schema, which this environment does not have")
    script = Path(__file__).resolve().parents[3] / "scripts" / "train" / "build_face_descriptor.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
