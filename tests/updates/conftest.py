"""Bundles that are made in no time: a stand-in environment and a package that says its version."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hotspotd.clock import Clock
from hotspotd.gateway.publication.key_ring import KINDS, ONLINE, ROOT, TARGETS, KeyRing, make_keys
from hotspotd.gateway.publication.repository import Repository
from hotspotd.gateway.publication.software import publish_software
from hotspotd.updates import bundle as bundles
from hotspotd.updates.bundle import Bundle
from hotspotd.updates.following import Following
from hotspotd.updates.versions import Step, no_step
from hotspotd.watchlist.sync.trusted_source import TrustedSource
from hotspotd.watchlist.sync.trusted_time import TrustedTime

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_bundle(folder: Path, version: str, **files: str) -> Path:
    """A bundle of ``version`` with a unit and ``files``."""
    content = folder / f"content-{version}"
    for name, text in {"release/systemd/hotspotd.service": f"[Unit]\nDescription={version}\n", **files}.items():
        (content / name).parent.mkdir(parents=True, exist_ok=True)
        (content / name).write_text(text)
    target = folder / f"{version}.tar"
    bundles.pack(Bundle(version, bundles.machine(), PYTHON), content, target)
    return target


# What the OS's Python does for a builder, in no time: an environment whose programs say what they are asked.
_PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 2
mkdir -p "$4/bin"
printf '#!/bin/sh\\nexit 0\\n' >"$4/bin/python"
version=$(basename "$(dirname "$4")")
printf '#!/bin/sh\\necho hotspotd %s\\n' "$version" >"$4/bin/hotspotd"
chmod +x "$4/bin/python" "$4/bin/hotspotd"
"""


def quick_python(folder: Path) -> Path:
    """A stand-in for /usr/bin/python3."""
    path = folder / "python3"
    path.write_text(_PYTHON)
    path.chmod(0o755)
    return path


@dataclass
class Publisher:
    """A repository of software, with all keys at hand."""

    folder: Path

    def __post_init__(self) -> None:
        counts = {ROOT: 3, TARGETS: 2, ONLINE: 1}
        made = {kind: make_keys(self.folder / "keys" / kind, kind, counts[kind]) for kind in KINDS}
        self.ring = KeyRing([signer for signers in made.values() for signer in signers])
        self.repository = Repository(self.folder / "repository")
        public = {kind: [signer.public_key for signer in signers] for kind, signers in made.items()}
        self.repository.create(public, {ROOT: 2, TARGETS: 2}, self.ring)

    @property
    def root(self) -> bytes:
        return (self.repository.metadata / "1.root.json").read_bytes()

    def publish(self, version: str) -> None:
        path = make_bundle(self.folder, version, **{"wheels/hotspotd-0-py3-none-any.whl": version})
        publish_software(self.repository, path, self.ring)


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    """It offers 0.2.0."""
    one = Publisher(tmp_path / "publisher")
    one.publish("0.2.0")
    return one


def following(repository: Path, root: bytes, state: Path, step: Step = no_step) -> Following:
    """What a kiosk sees of it, brought on a stick."""
    state.mkdir(parents=True, exist_ok=True)
    source = TrustedSource.folder(repository, state, root, TrustedTime(state / "time", Clock()))
    return Following(source, state, step)
