"""One file with all that a version needs and no network: the package, its wheels, units, configuration, installer.

A plain tar. Its first member, ``bundle.json``, names version, architecture, Python and every other member with size and
SHA-256; what it does not name, or names otherwise, is refused. The list itself is trusted as far as its source is:
a technician's stick, or a TUF repository (``source``) that has signed the whole file.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tarfile
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from hotspotd.errors import Reason, UpdateError

LIST: Final = "bundle.json"
FORMAT: Final = 1
MOST_BYTES: Final = 2_000_000_000
"""Of all members together: five times what a version with a browser's packages takes."""
_MOST_LIST_BYTES: Final = 1_000_000
_MOST_MEMBERS: Final = 5_000
_CHUNK: Final = 1 << 20
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_TORN: Final = "Copy or make the bundle again."


@dataclass(frozen=True)
class Bundle:
    """What ``bundle.json`` says. ``python`` is the minor version, such as "3.11"; ``files`` maps paths to digests."""

    version: str
    architecture: str
    python: str
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Size in bytes and SHA-256 of each member."""

    def refuse_elsewhere(self) -> None:
        """Raises UpdateError (WRONG_VERSION) where it was not made for this machine and its Python."""
        here = (machine(), f"{sys.version_info.major}.{sys.version_info.minor}")
        if (self.architecture, self.python) != here:
            raise UpdateError(
                Reason.WRONG_VERSION,
                f"the bundle is for {self.architecture} and Python {self.python}, this is {here[0]} with {here[1]}",
                f"Make one: scripts/install --bundle FILE --architecture {here[0]} --python {here[1]}",
            )


def machine() -> str:
    """The architecture of this machine as Debian calls it."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def pack(bundle: Bundle, folder: Path, target: Path) -> Bundle:
    """Write the files in ``folder`` as a bundle to ``target``; what was written. ``bundle`` says the rest."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / LIST)
    files = {path.relative_to(folder).as_posix(): (path.stat().st_size, _sha256(path)) for path in paths}
    whole = Bundle(bundle.version, bundle.architecture, bundle.python, files)
    (folder / LIST).write_text(json.dumps({"format": FORMAT, **asdict(whole)}, indent=1), encoding="utf-8")
    temporary = target.with_name(f".{target.name}.new")
    with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in (LIST, *files):
            tar.add(folder / name, name, recursive=False, filter=_plain)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(target)
    return whole


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same whoever packs it, and whenever."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.mode & 0o100 else 0o644
    return member


def read(path: Path) -> Bundle:
    """What the bundle says of itself. Raises UpdateError: UNREADABLE, DAMAGED."""
    with _opened(path) as tar:
        return _list_of(tar, path)


def unpack(path: Path, folder: Path) -> Bundle:
    """Unpack what the list names into the empty ``folder``, each file checked.

    Raises UpdateError: UNREADABLE, DAMAGED, TOO_LARGE.
    """
    with _opened(path) as tar:
        bundle = _list_of(tar, path)
        missing = dict(bundle.files)
        for member in _members(tar, path):
            if member.name == LIST:
                continue
            wanted = missing.pop(member.name, None)
            if wanted is None or not member.isreg() or member.size != wanted[0]:
                raise UpdateError(Reason.DAMAGED, f"{path.name}: {member.name} is not what the list says", _TORN)
            _write(tar, member, folder / member.name, wanted[1])
        if missing:
            raise UpdateError(Reason.DAMAGED, f"{path.name} lacks {min(missing)}", _TORN)
    return bundle


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, sha256: str) -> None:
    source = tar.extractfile(member)
    if source is None:
        raise UpdateError(Reason.DAMAGED, f"{member.name} is no file", _TORN)
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as file:
        try:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
        except tarfile.TarError as error:
            raise UpdateError(Reason.DAMAGED, f"the bundle ends within {member.name}", _TORN) from error
    target.chmod(0o755 if member.mode & 0o100 else 0o644)
    if digest.hexdigest() != sha256:
        raise UpdateError(Reason.DAMAGED, f"{member.name} is damaged", _TORN)


def _members(tar: tarfile.TarFile, path: Path) -> list[tarfile.TarInfo]:
    members = []
    try:
        while (member := tar.next()) is not None:
            members.append(member)
            if len(members) > _MOST_MEMBERS:
                raise UpdateError(Reason.TOO_LARGE, f"{path.name} has more than {_MOST_MEMBERS} members", _TORN)
    except tarfile.TarError as error:
        raise UpdateError(Reason.DAMAGED, f"{path.name}: {error}", _TORN) from error
    return members


def _opened(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:")  # Uncompressed: nothing unfolds.
    except (OSError, tarfile.TarError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UpdateError(Reason.UNREADABLE, f"{path}: {why}", "Name a bundle of scripts/install --bundle.") from error


def _list_of(tar: tarfile.TarFile, path: Path) -> Bundle:
    try:
        first = tar.next()
        listed = first is not None and first.name == LIST and first.isreg() and first.size <= _MOST_LIST_BYTES
        file = tar.extractfile(first) if listed and first is not None else None
        said = {} if file is None else json.loads(file.read())
        form = said.pop("format")
        files = {name: (int(size), str(sha256)) for name, (size, sha256) in said.pop("files").items()}
        bundle = Bundle(files=files, **{name: str(value) for name, value in said.items()})
    except (tarfile.TarError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UpdateError(Reason.DAMAGED, f"{path.name} is no bundle: {type(error).__name__}", _TORN) from error
    if form != FORMAT:
        raise UpdateError(Reason.WRONG_VERSION, f"{path.name} has format {form}", "Use its own installer.")
    for name in bundle.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or name == LIST:
            raise UpdateError(Reason.DAMAGED, f"{path.name} names {name!r}", _TORN)
    if sum(size for size, _ in bundle.files.values()) > MOST_BYTES:
        raise UpdateError(Reason.TOO_LARGE, f"{path.name} unpacks to more than {MOST_BYTES} bytes", _TORN)
    return bundle


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
