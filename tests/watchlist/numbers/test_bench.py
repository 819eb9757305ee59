"""The figures' own code, at a million numbers: nothing is missed, nothing is made up, and it costs what is claimed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import bench_watchlist
import pytest

_COUNT = 1_000_000


@pytest.mark.timeout(900)
def test_a_million_numbers_are_found_and_no_others_in_ten_bytes_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    rows = {row["store"]: row for row in bench_watchlist.measure(_COUNT, lookups=1000, cold=20, folder=tmp_path)}
    assert set(rows) == {"ours", "sqlite"} | ({"lmdb"} if find_spec("lmdb") else set())
    assert all(row["false"] == 0 for row in rows.values())
    assert rows["ours"]["bytes_each"] < 10
    assert all(row["bytes_each"] > 1.8 * rows["ours"]["bytes_each"] for name, row in rows.items() if name != "ours")
    assert rows["ours"]["resident_mb"] < 50
    assert rows["ours"]["peak_mb"] < 1000
    assert not list(tmp_path.iterdir())


def test_made_up_numbers_do_not_meet() -> None:
    made = [bench_watchlist.entry(number) for number in range(20_000)]
    assert len({(one.listing.kind, one.number, one.listing.issuer) for one in made}) == len(made)
