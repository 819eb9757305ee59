"""Sealing a snapshot for the enrolled devices and putting it into the repository.

The key of each publication stays with the gateway (``secrets``, mode 0600), so that a device enrolled later can be
given it without anything being sealed anew.
"""

from __future__ import annotations

import hashlib
import logging
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
from hotspotd.watchlist import delta
from hotspotd.watchlist.layout import MANIFEST, Manifest, read_manifest, verify
from hotspotd.watchlist.numbers import NumbersStore
from hotspotd.watchlist.secret import Secrets
from hotspotd.watchlist.shelf import Shelf
from hotspotd.watchlist.sync import packing, publication
from hotspotd.watchlist.sync.following import LIST_KEY
from hotspotd.watchlist.sync.publication import LATEST, MOST_STEPS, Publication, Step, Stream
from hotspotd.watchlist.sync.sealing import KEY_BYTES, StreamKey, wrap_key

log = logging.getLogger(__name__)

Devices = Mapping[str, ec.EllipticCurvePublicKey]
_WORKING: Final = ".publishing-"
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
    """Publishes snapshots into one repository. All methods block.

    ``private`` (mode 0700) holds the keys, and the list that was published last, from which the next one's changes are
    told.
    """

    def __init__(self, repository: Repository, private: Path, clock: Clock | None = None) -> None:
        self._repository = repository
        self._private = private
        self._clock = clock or Clock()

    def latest(self) -> Publication | None:
        """The newest publication; None before the first."""
        path = self._repository.find(LATEST)
        return None if path is None else publication.read_publication(path.read_bytes())

    def publish(
        self,
        snapshot: Path,
        devices: Devices,
        ring: KeyRing,
        key_file: Path | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Publication:
        """Publish the records of the snapshot in this folder, whole and as changes of the one published before.

        ``key_file`` holds the key to what is listed by number; by default that of the snapshot's shelf.
        ``progress`` is told each part's bytes. Raises WatchlistError: CONFLICT for a version that was published,
        NO_KEY, DAMAGED, UNTRUSTED; OSError.
        """
        manifest = read_manifest(snapshot)
        verify(snapshot, manifest)
        before = self.latest()
        if before is not None and before.version == manifest.version:
            raise WatchlistError(Reason.CONFLICT, f"version {manifest.version} is published", "Build another version.")
        self._private.mkdir(parents=True, exist_ok=True, mode=0o700)
        # What is sealed is made where it will be handed out, the rest where nobody else may read.
        sealed, staging = (_emptied(folder) for folder in (self._repository.targets.parent, self._private))
        try:
            list_key = _list_key(snapshot, manifest, key_file, staging)
            job = _Job(sealed, self._new_key(manifest.version), list_key, progress)
            published, changes = self._next(snapshot, before, staging)
            full = job.seal(f"full/{manifest.version}", _files_of_list(published))
            bins = job.wrap(manifest.version, devices)
            described = sha256(published / MANIFEST)
            steps = self._steps(before, manifest.version, changes, described, bins, job)
            latest = Publication(
                version=manifest.version,
                made_at=manifest.made_at,
                manifest_sha256=described,
                full=full,
                bins=bins,
                steps=steps,
            )
            job.add(LATEST, msgspec.json.encode(latest))
            self._put(latest, job.fresh, ring)
            self._keep(published, manifest.version)
        finally:
            for folder in (sealed, staging):
                shutil.rmtree(folder, ignore_errors=True)  # Their files were moved away when all went well.
        return latest

    def _next(self, snapshot: Path, before: Publication | None, staging: Path) -> tuple[Path, Path | None]:
        """What is published for ``snapshot``, and its changes since the last publication, where there can be any."""
        last = None if before is None else self._private / "lists" / before.version
        if last is None or not last.is_dir():
            return snapshot, None
        changes, out = staging / "changes", staging / "next"
        changes.mkdir()
        out.mkdir()
        try:
            delta.make(last, snapshot, changes)
            delta.apply(last, changes, out)
        except WatchlistError as error:
            log.warning("watchlist: published whole only: %s", error)
            return snapshot, None
        return out, changes

    def _steps(
        self,
        before: Publication | None,
        version: str,
        changes: Path | None,
        described: str,
        bins: int,
        job: _Job,
    ) -> tuple[Step, ...]:
        if before is None or changes is None:
            return ()
        named = {name: changes / name for name in delta.files_of(changes)}
        stream = job.seal(f"delta/{before.version}-{version}", named)
        step = Step(before.version, version, stream, described, bins)
        return (*before.steps, step)[-MOST_STEPS:]

    def _keep(self, published: Path, version: str) -> None:
        lists = self._private / "lists"
        lists.mkdir(exist_ok=True)
        kept = lists / version
        shutil.rmtree(kept, ignore_errors=True)
        # Snapshots never change, so that a second name is as good as a copy.
        shutil.copytree(published, kept, copy_function=_linked)
        for old in lists.iterdir():
            if old != kept:
                shutil.rmtree(old)

    def _put(self, latest: Publication, fresh: dict[str, Path], ring: KeyRing) -> None:
        wanted = _prefixes(latest)
        kept: dict[str, Path | TargetFile] = {
            name: entry for name, entry in self._repository.target_files().items() if name.startswith(wanted)
        }
        self._repository.publish(kept | fresh, ring)
        versions = {latest.version, *(step.to for step in latest.steps)}
        for old in self._private.glob("*.key"):
            if old.stem not in versions:
                old.unlink()

    def _new_key(self, version: str) -> bytes:
        key = secrets.token_bytes(KEY_BYTES)
        path = self._private / f"{version}.key"
        path.unlink(missing_ok=True)  # Of a publication that was broken off.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return key


class _Job:
    """One publication in the making: ``fresh`` are its targets so far, as files in ``staging``."""

    def __init__(self, staging: Path, key: bytes, list_key: Path | None, progress: Callable[[int], None]) -> None:
        self._staging = staging
        self._key = key
        self._list_key = list_key
        self._progress = progress
        self.fresh: dict[str, Path] = {}

    def seal(self, name: str, named: Mapping[str, Path]) -> Stream:
        """These files, and the list's key where there is one, as the stream ``name``."""
        files = dict(named) | ({} if self._list_key is None else {LIST_KEY: self._list_key})
        parts = packing.count_parts(files)
        stream_key = StreamKey(self._key, name, parts)
        total = 0
        stream = Stream(name, parts, 1)
        for number, plain in enumerate(packing.pack(files)):
            sealed = stream_key.seal(number, plain)
            total += len(sealed)
            self.add(publication.part_path(stream, number), sealed)
            self._progress(packing.PART_BYTES)
        return Stream(name, parts, total)

    def wrap(self, version: str, devices: Devices) -> int:
        """The key for each device; over how many files."""
        bins = publication.bins_for(len(devices))
        filled: dict[str, dict[str, str]] = {publication.bin_path(version, number): {} for number in range(bins)}
        for device, public in devices.items():
            wrapped = wrap_key(self._key, device, public, version)
            filled[publication.keys_path(version, device, bins)][device] = wrapped.hex()
        for target, wrapped_keys in filled.items():
            self.add(target, msgspec.json.encode(wrapped_keys))
        return bins

    def add(self, target: str, data: bytes) -> None:
        """A target of these bytes."""
        path = self._staging / f"target-{len(self.fresh)}"
        path.write_bytes(data)
        self.fresh[target] = path


def _emptied(parent: Path) -> Path:
    """A folder to work in, the only one of its kind: what a publication that was broken off has left is removed."""
    for old in parent.glob(f"{_WORKING}*"):
        shutil.rmtree(old)
    return Path(tempfile.mkdtemp(prefix=_WORKING, dir=parent))


def _files_of_list(folder: Path) -> dict[str, Path]:
    return {name: folder / name for name in (*read_manifest(folder).files, MANIFEST)}


def _list_key(snapshot: Path, manifest: Manifest, key_file: Path | None, staging: Path) -> Path | None:
    """The key to what ``snapshot`` lists by number, as a file to be sealed with it."""
    if not manifest.counts.get("numbers"):
        return None
    secrets_ = Secrets.load(key_file or Shelf(snapshot.parent).key_file)
    path = staging / LIST_KEY
    path.touch(mode=0o600)
    path.write_text(secrets_.key(NumbersStore(snapshot).key_id).key.hex(), encoding="ascii")
    return path


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # Another file system, or one without links.
        shutil.copyfile(source, target)


def _prefixes(latest: Publication) -> tuple[str, ...]:
    """What the targets of this publication begin with: of its steps those of earlier publications too."""
    prefixes = [f"{latest.full.name}/", f"keys/{latest.version}/"]
    for step in latest.steps:
        prefixes += [f"{step.stream.name}/", f"keys/{step.to}/"]
    return tuple(prefixes)


def sha256(path: Path) -> str:
    """Of the file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
