"""The signed metadata of a TUF repository on disk (The Update Framework, specification 1.0).

``metadata/`` and ``targets/`` in one folder are all that is handed out; both are written so that whoever reads at any
moment finds one whole state (consistent snapshots, clause 6.2): new files first, ``timestamp.json`` last.
Root and targets metadata want a threshold of keys; snapshot and timestamp are signed by the online key, so that they
can be renewed while the other keys lie in their safe.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Role, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from hotspotd.clock import Clock
from hotspotd.errors import Reason, WatchlistError
from hotspotd.gateway.publication.key_ring import ONLINE, ROOT, TARGETS, KeyRing
from hotspotd.watchlist.durable import write_durably
from hotspotd.watchlist.sync.trusted_source import MADE_AT

ROOT_VALID: Final = timedelta(days=365)
TARGETS_VALID: Final = timedelta(days=90)
TIMESTAMP_VALID: Final = timedelta(days=14)
"""A kiosk without a network is brought a stick at least so often, or it says that its list may be out of date."""
_ROLES: Final = {ROOT: (Root.type,), TARGETS: (Targets.type,), ONLINE: (Snapshot.type, Timestamp.type)}
_T = TypeVar("_T", Root, Targets, Snapshot, Timestamp)


class Repository:
    """One repository. All methods block."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.metadata = folder / "metadata"
        self.targets = folder / "targets"
        self._clock = clock or Clock()

    def create(self, keys: Mapping[str, Iterable[Key]], thresholds: Mapping[str, int], ring: KeyRing) -> None:
        """The first metadata, with these public keys for root, targets and online. Raises WatchlistError (CONFLICT)."""
        if (self.metadata / "1.root.json").exists():
            raise WatchlistError(Reason.CONFLICT, f"{self.metadata} holds a repository already", "Use it.")
        self.metadata.mkdir(parents=True, exist_ok=True)
        self.targets.mkdir(exist_ok=True)
        root = Root(expires=self._until(ROOT_VALID), consistent_snapshot=True)
        for kind, roles in _ROLES.items():
            for role in roles:
                for key in keys[kind]:
                    root.add_key(key, role)
                root.roles[role].threshold = thresholds.get(kind, 1)
        self._put_root(Metadata(root), ring)
        self.publish({}, ring)

    @property
    def root(self) -> Metadata[Root]:
        """The newest root."""
        versions = [int(path.name.split(".")[0]) for path in self.metadata.glob("*.root.json")]
        if not versions:
            raise WatchlistError(Reason.NOT_FOUND, f"no repository in {self.metadata}", "Make one first: create.")
        return self._read(f"{max(versions)}.root.json", Root)

    def roles(self, kind: str) -> Role:
        """Keys and threshold of root, targets or online."""
        return self.root.signed.roles[_ROLES[kind][0]]

    def target_files(self) -> dict[str, TargetFile]:
        """Every target by its path."""
        return dict(self._newest(Targets).signed.targets)

    def find(self, path: str) -> Path | None:
        """The file of target ``path``."""
        target = self.target_files().get(path)
        return None if target is None else self.targets / _stored(path, target)

    def publish(self, targets: Mapping[str, Path | TargetFile], ring: KeyRing) -> None:
        """Make ``targets`` all that there are: new ones given as files, which are moved here, others as they are.

        Files that no target names any more, here and one state before, are removed. Raises WatchlistError (UNTRUSTED)
        where too few keys are at hand, and nothing has changed then.
        """
        entries: dict[str, TargetFile] = {}
        moves: list[tuple[Path, Path]] = []
        for path, given in targets.items():
            if isinstance(given, Path):
                entry = TargetFile.from_file(path, str(given), ["sha256"])
                moves.append((given, self.targets / _stored(path, entry)))
            else:
                entry = given
            entries[path] = entry
        before = self._newest_or_none(Targets)
        version = 1 if before is None else before.signed.version + 1
        signed = Targets(version=version, expires=self._until(TARGETS_VALID), targets=entries)
        data = self._signed(Metadata(signed), ring)
        for source, place in moves:
            place.parent.mkdir(parents=True, exist_ok=True)
            _fsync(source)
            source.replace(place)
        write_durably(self.metadata / f"{version}.targets.json", data)
        self.renew(ring)
        self._prune()

    def renew(self, ring: KeyRing) -> None:
        """New snapshot and timestamp of what there is: to be done well before the timestamp expires."""
        targets = self._newest(Targets)
        before = self._newest_or_none(Snapshot)
        snapshot = Snapshot(
            version=1 if before is None else before.signed.version + 1,
            expires=self._until(TARGETS_VALID),
            meta={"targets.json": MetaFile(version=targets.signed.version)},
        )
        old = self._timestamp()
        timestamp = Timestamp(
            version=1 if old is None else old.signed.version + 1,
            expires=self._until(TIMESTAMP_VALID),
            snapshot_meta=MetaFile(version=snapshot.version),
            unrecognized_fields={MADE_AT: self._clock.now().iso()},
        )
        snapshot_data, timestamp_data = (
            self._signed(Metadata(snapshot), ring),
            self._signed(Metadata(timestamp), ring),
        )
        write_durably(self.metadata / f"{snapshot.version}.snapshot.json", snapshot_data)
        write_durably(self.metadata / "timestamp.json", timestamp_data)
        for old_snapshot in self.metadata.glob("*.snapshot.json"):
            # The one before may still be asked for by who has just read the timestamp before.
            if int(old_snapshot.name.split(".")[0]) < snapshot.version - 1:
                old_snapshot.unlink()

    def rotate(self, kind: str, keys: Iterable[Key], threshold: int, ring: KeyRing) -> None:
        """Give root, targets or online these keys instead of the present ones, by a new root.

        Thresholds of the old root keys and of the new ones sign it (clause 6.1), so both must be at hand.
        What the role signs is signed anew. Raises WatchlistError (UNTRUSTED).
        """
        before = self.root
        root = copy.deepcopy(before.signed)
        root.version += 1
        root.expires = self._until(ROOT_VALID)
        for role in _ROLES[kind]:
            for keyid in list(root.roles[role].keyids):
                root.revoke_key(keyid, role)
            for key in keys:
                root.add_key(key, role)
            root.roles[role].threshold = threshold
        self._put_root(Metadata(root), ring, before.signed)
        if kind != ROOT:
            self.publish(dict(self.target_files()), ring)

    def expires(self) -> datetime:
        """When the timestamp does."""
        timestamp = self._timestamp()
        if timestamp is None:
            raise WatchlistError(Reason.NOT_FOUND, f"no repository in {self.metadata}", "Make one first: create.")
        return timestamp.signed.expires

    def _put_root(self, metadata: Metadata[Root], ring: KeyRing, before: Root | None = None) -> None:
        keyids = [*metadata.signed.roles[Root.type].keyids]
        if before is not None:
            keyids += [keyid for keyid in before.roles[Root.type].keyids if keyid not in keyids]
        for signer in ring.of(keyids):
            metadata.sign(signer, append=True)
        for judge in [metadata.signed, *([] if before is None else [before])]:
            _check(judge, Root.type, metadata)
        write_durably(
            self.metadata / f"{metadata.signed.version}.root.json", metadata.to_bytes(JSONSerializer(compact=True))
        )

    def _signed(self, metadata: Metadata[_T], ring: KeyRing) -> bytes:
        root = self.root.signed
        role = metadata.signed.type
        for signer in ring.of(root.roles[role].keyids):
            metadata.sign(signer, append=True)
        _check(root, role, metadata)
        return metadata.to_bytes(JSONSerializer(compact=True))

    def _until(self, period: timedelta) -> datetime:
        return (self._clock.now().at + period).replace(microsecond=0)

    def _timestamp(self) -> Metadata[Timestamp] | None:
        return self._read("timestamp.json", Timestamp) if (self.metadata / "timestamp.json").exists() else None

    def _newest(self, kind: type[_T]) -> Metadata[_T]:
        found = self._newest_or_none(kind)
        if found is None:
            raise WatchlistError(Reason.NOT_FOUND, f"no repository in {self.metadata}", "Make one first: create.")
        return found

    def _newest_or_none(self, kind: type[_T]) -> Metadata[_T] | None:
        versions = [int(path.name.split(".")[0]) for path in self.metadata.glob(f"*.{kind.type}.json")]
        return self._read(f"{max(versions)}.{kind.type}.json", kind) if versions else None

    def _read(self, name: str, kind: type[_T]) -> Metadata[_T]:
        try:
            found: Metadata[_T] = Metadata.from_bytes((self.metadata / name).read_bytes())
        except (OSError, RepositoryError) as error:
            raise WatchlistError(
                Reason.UNREADABLE, f"{self.metadata / name}: {error}", "Restore the repository from its copy."
            ) from error
        if not isinstance(found.signed, kind):
            raise WatchlistError(Reason.UNREADABLE, f"{self.metadata / name} is no {kind.type} metadata")
        return found

    def _prune(self) -> None:
        """Remove what neither the newest targets metadata nor the one before names: a kiosk may be at that still."""
        newest = self._newest(Targets).signed.version
        kept: set[str] = set()
        for path in self.metadata.glob("*.targets.json"):
            if int(path.name.split(".")[0]) < newest - 1:
                path.unlink()
            else:
                kept |= {_stored(name, entry) for name, entry in self._read(path.name, Targets).signed.targets.items()}
        for file in sorted(self.targets.rglob("*"), reverse=True):
            if file.is_dir():
                if not any(file.iterdir()):
                    file.rmdir()
            elif str(file.relative_to(self.targets)) not in kept:
                file.unlink()


def _check(judge: Root, role: str, metadata: Metadata[_T]) -> None:
    try:
        judge.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except UnsignedMetadataError as error:
        needed = judge.roles[role].threshold
        raise WatchlistError(
            Reason.UNTRUSTED,
            f"{role} metadata needs {needed} signing keys, and fewer are at hand",
            "Name the folders of more keys.",
        ) from error


def _stored(path: str, entry: TargetFile) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{entry.hashes['sha256']}.{name}"


def _fsync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
