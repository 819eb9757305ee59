"""How long ``hotspotctl audit verify`` takes for a long chain, and how much memory: docs/audit.md has the figures.

python scripts/bench_audit.py [--entries 1000000]
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from hotspotd.clock import Stamp
from hotspotd.records import audit

_VERIFY = "import sys; from hotspotd.cli.main import main; sys.exit(main(sys.argv[1:]))"


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    entries = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as folder:
        for number in (1, entries):
            path = Path(folder) / f"{number}.db"
            _make(path, number)
            began = time.monotonic()
            subprocess.run([sys.executable, "-c", _VERIFY, "audit", "verify", "--database", str(path)], check=True)
            took = time.monotonic() - began
            # Of the children so far: the larger one is the later one.
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(
                f"{number} entries, {path.stat().st_size / 1e6:.1f} MB: {took:.1f} s, {peak:.0f} MiB resident at most"
            )
    return 0


def _make(path: Path, entries: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema = resources.files("hotspotd.records") / "schema"
        for script in sorted(one.name for one in schema.iterdir() if one.name.endswith(".sql")):
            connection.executescript((schema / script).read_text(encoding="utf-8"))
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        at = datetime(2026, 11, 22, tzinfo=UTC)
        for number in range(entries):
            now = Stamp(at + timedelta(seconds=number), trusted=True)
            audit.append(connection, now, "encounter.recorded", subject=f"0199f4{number:020d}")
        connection.execute("COMMIT")


if __name__ == "__main__":
    sys.exit(main())
