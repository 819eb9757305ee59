"""Write the manifest of an exported minutiae network beside it.

Usage: scripts/train/minutiae/manifest.py FILE.tflite
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

TEMPLATE = """name = "finger-minutiae"
role = "minutiae"
file = "{file}"
sha256 = "{digest}"
bytes = {size}
licence = "Apache-2.0"
users = "Anyone, for any purpose. Error rates on public test sets: docs/model-card-finger-minutiae.md."
source = "Trained on synthetic fingerprints alone by scripts/train/minutiae"
grade = "operational"

[input]
# Evened by hotspotd.biometrics.finger.evening; any height and width that 16 divides.
width = 256
height = 256
layout = "NHWC"
colour = "GREY"
mean = 0.0
scale = 1.0
multiple_of = 16

[[outputs]]
tensor = "fine"
shape = [1, 64, 64, 22]
meaning = "Each 4x4 px: minutia (logit), dx, dy [cells off its middle], cos, sin, bifurcation (logit); 16 ridge logits."

[[outputs]]
tensor = "field"
shape = [1, 32, 32, 3]
meaning = "Every 8 px: cos and sin of twice the ridge orientation, readable (logit)."
"""


def main() -> None:
    """Write the file."""
    model = Path(sys.argv[1])
    content = model.read_bytes()
    text = TEMPLATE.format(file=model.name, digest=hashlib.sha256(content).hexdigest(), size=len(content))
    model.with_suffix(".toml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
