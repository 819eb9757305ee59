"""Writes the description of the interface: ``python -m hotspotd.console.interface > docs/openapi.json``."""

from __future__ import annotations

import json
import sys

from hotspotd.console.interface.operations import description


def main() -> None:
    """Write it to standard output."""
    sys.stdout.write(json.dumps(description(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
