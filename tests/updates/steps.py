"""What is done to version folders; imported by the processes that are killed in the middle of it."""

from __future__ import annotations

from pathlib import Path

from hotspotd.updates.versions import Versions


def add(versions: Versions, version: str) -> None:
    folder = versions.begin(version)
    (folder / "program").write_text(version)
    (folder / "release/systemd").mkdir(parents=True)
    (folder / "release/systemd/hotspotd.service").write_text(f"[Unit]\nDescription={version}\n")
    versions.finish(version, {"version": version})


def upgrade(versions: Versions) -> None:
    """What an update does to the folders, from the first step to the last."""
    add(versions, "0.3.0")
    versions.switch("0.3.0")
    versions.confirm()
    versions.prune()


def two(root: Path) -> Versions:
    """0.2.0 runs, 0.1.0 is kept."""
    versions = Versions(root)
    for version in ("0.1.0", "0.2.0"):
        add(versions, version)
        versions.switch(version)
        versions.confirm()
    return versions


def go_back(versions: Versions) -> None:
    versions.switch(versions.before())
    versions.confirm()
