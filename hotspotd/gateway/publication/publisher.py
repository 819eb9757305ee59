"""Sealing a snapshot for the enrolled devices and putting it into the repository.

The key of each publication stays with the gateway (``secrets``, mode 0600), so that a device enrolled later can be
given it without anything being sealed anew.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tuf.api.metadata import TargetFile

from hotspotd.clock import Clock
from hotspotd.errors import ConfigError, Reason, WatchlistError
from hotspotd.gateway.publication.key_ring import KeyRing
from hotspotd.gateway.publication.repository import Repository
from hotspotd.watchlist.layout import MANIFEST, read_manifest, verify
from hotspotd.watchlist.sync import packing, publication
from hotspotd.watchlist.sync.publication import LATEST, Publication, Stream
from hotspotd.watchlist.sync.sealing import KEY_BYTES, StreamKey, wrap_key

Devices = Mapping[str, ec.EllipticCurvePublicKey]
_DEVICE: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


def read_devices(folder: Path) -> dict[str, ec.EllipticCurvePublicKey]:
    """The public keys of the devices whose certificates (``*.pem``, client use) lie in ``folder``, by common name.

    Raises ConfigError: UNREADABLE, NOT_FOUND without any.
    """
    devices: dict[str, ec.EllipticCurvePublicKey] = {}
    for path in sorted(folder.glob("*.pem")):
        try:
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
            use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except x509.ExtensionNotFound:
            continue  # An authority's.
        except (OSError, ValueError) as error:
            raise ConfigError(Reason.UNREADABLE, f"{path}: no certificate", "Take it out of the folder.") from error
        if ExtendedKeyUsageOID.CLIENT_AUTH not in use:
            continue
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key = certificate.public_key()
        if len(names) == 1 and isinstance(key, ec.EllipticCurvePublicKey) and _DEVICE.fullmatch(str(names[0].value)):
            devices[str(names[0].value)] = key
    if not devices:
        raise ConfigError(Reason.NOT_FOUND, f"no device certificate in {folder}", "Enrol a device first.")
    return devices


class Publisher:
    """Publishes snapshots into one repository. All methods block."""

    def __init__(self, repository: Repository, secrets_folder: Path, clock: Clock | None = None) -> None:
        self._repository = repository
        self._secrets = secrets_folder
        self._clock = clock or Clock()

    def latest(self) -> Publication | None:
        """The newest publication; None before the first."""
        path = self._repository.find(LATEST)
        return None if path is None else publication.read_publication(path.read_bytes())

    def publish(
        self, snapshot: Path, devices: Devices, ring: KeyRing, progress: Callable[[int], None] = lambda _: None
    ) -> Publication:
        """Publish the snapshot in this folder, whole. ``progress`` is told each part's bytes.

        Raises WatchlistError: CONFLICT for a version that was published, DAMAGED, UNTRUSTED; OSError.
        """
        manifest = read_manifest(snapshot)
        verify(snapshot, manifest)
        before = self.latest()
        if before is not None and before.version == manifest.version:
            raise WatchlistError(Reason.CONFLICT, f"version {manifest.version} is published", "Build another version.")
        staging = Path(tempfile.mkdtemp(prefix=".publishing-", dir=self._repository.targets.parent))
        try:
            key = self._new_key(manifest.version)
            fresh: dict[str, Path] = {}
            full = self._seal(
                f"full/{manifest.version}", snapshot, [*manifest.files, MANIFEST], key, staging, fresh, progress
            )
            bins = self._wrap(manifest.version, key, devices, staging, fresh)
            latest = Publication(
                version=manifest.version,
                made_at=manifest.made_at,
                manifest_sha256=_sha256(snapshot / MANIFEST),
                full=full,
                bins=bins,
            )
            self._put(latest, fresh, staging, ring)
        finally:
            shutil.rmtree(staging, ignore_errors=True)  # Its files were moved away when all went well.
        return latest

    def _put(self, latest: Publication, fresh: dict[str, Path], staging: Path, ring: KeyRing) -> None:
        path = staging / "latest"
        path.write_bytes(msgspec.json.encode(latest))
        fresh[LATEST] = path
        wanted = _prefixes(latest)
        kept: dict[str, Path | TargetFile] = {
            name: entry for name, entry in self._repository.target_files().items() if name.startswith(wanted)
        }
        self._repository.publish(kept | fresh, ring)
        versions = {latest.version, *(step.to for step in latest.steps)}
        for old in self._secrets.glob("*.key"):
            if old.stem not in versions:
                old.unlink()

    def _seal(
        self,
        name: str,
        folder: Path,
        names: list[str],
        key: bytes,
        staging: Path,
        fresh: dict[str, Path],
        progress: Callable[[int], None],
    ) -> Stream:
        size = sum((folder / one).stat().st_size for one in names)
        parts = packing.count_parts(folder, names)
        stream_key = StreamKey(key, name, parts)
        total = 0
        stream = Stream(name, parts, 1)
        for number, plain in enumerate(packing.pack(folder, names)):
            sealed = stream_key.seal(number, plain)
            path = staging / f"{name.replace('/', '-')}-{number}"
            path.write_bytes(sealed)
            fresh[publication.part_path(stream, number)] = path
            total += len(sealed)
            progress(min(size, packing.PART_BYTES))
        return Stream(name, parts, total)

    def _wrap(self, version: str, key: bytes, devices: Devices, staging: Path, fresh: dict[str, Path]) -> int:
        bins = publication.bins_for(len(devices))
        filled: dict[str, dict[str, str]] = {publication.bin_path(version, number): {} for number in range(bins)}
        for device, public in devices.items():
            filled[publication.keys_path(version, device, bins)][device] = wrap_key(key, device, public, version).hex()
        for number, (target, wrapped) in enumerate(filled.items()):
            path = staging / f"keys-{version}-{number}"
            path.write_bytes(msgspec.json.encode(wrapped))
            fresh[target] = path
        return bins

    def _new_key(self, version: str) -> bytes:
        self._secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = secrets.token_bytes(KEY_BYTES)
        path = self._secrets / f"{version}.key"
        path.unlink(missing_ok=True)  # Of a publication that was broken off.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return key


def _prefixes(latest: Publication) -> tuple[str, ...]:
    """What the targets of this publication begin with: of its steps those of earlier publications too."""
    prefixes = [f"{latest.full.name}/", f"keys/{latest.version}/"]
    for step in latest.steps:
        prefixes += [f"{step.stream.name}/", f"keys/{step.to}/"]
    return tuple(prefixes)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
