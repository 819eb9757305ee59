"""A folder of installed models: what is in it, and how a model comes into it with its hash checked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from hotspotd.biometrics.models import ModelManifest, load_manifest, read_model
from hotspotd.cli import fetch
from hotspotd.cli.measuring import write_whole
from hotspotd.errors import BiometricError, ConfigError, Reason


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One model, as shown. ``state`` is bundled, installed, damaged or available (not installed)."""

    name: str
    role: str
    grade: str
    state: str
    licence: str
    users: str
    source: str
    bytes: int
    sha256: str
    url: str | None = None
    path: str | None = None
    used: bool = False
    problem: str = ""


def listed(manifest: ModelManifest, state: str, used: frozenset[str]) -> Listed:
    """What is shown of a model; one that is not merely ``available`` is damaged where its file is not whole."""
    problem = ""
    if state != "available":
        try:
            read_model(manifest)
        except BiometricError as error:
            state, problem = "damaged", str(error)
    return Listed(
        name=manifest.name,
        role=manifest.role,
        grade=manifest.grade,
        state=state,
        licence=manifest.licence,
        users=manifest.users,
        source=manifest.source,
        bytes=manifest.bytes,
        sha256=manifest.sha256,
        url=manifest.url,
        path=None if state == "available" else str(manifest.path),
        used=manifest.name in used,
        problem=problem,
    )


def keep_ones_own(path: Path, target: Path) -> None:
    """Refuse to put a catalogue's manifest in the place of another one, which may hold a site's grade and calibration.

    Raises ConfigError (CONFLICT).
    """
    if target.exists() and target.read_bytes() != path.read_bytes():
        raise ConfigError(
            Reason.CONFLICT,
            f"{target} is another manifest than {path}",
            f"To keep it, name it with --manifest {target}; to replace it, remove {target.stem} first.",
        )


def bring(manifest: ModelManifest, path: Path, folder: Path, origin: str | None) -> Listed:
    """Put model and manifest into ``folder``: first the file, then the manifest that names it.

    Raises BiometricError, as ``fetch`` does and where no place is named to take it from, and OSError.
    """
    place = folder / manifest.file
    here = msgspec.structs.replace(manifest, folder=str(folder))
    if not _whole(here):
        with _bar(manifest) as told:
            where = origin or manifest.url
            if where is None:
                raise BiometricError(
                    Reason.MODEL_MISSING,
                    f"model {manifest.name}: its manifest names no URL",
                    f"Get the file from its source ({manifest.source}) and name it with --from.",
                )
            if where.startswith(("http://", "https://")):
                fetch.fetch(where, place, manifest.bytes, manifest.sha256, told)
            else:
                source = Path(where)
                fetch.copy(
                    source / manifest.file if source.is_dir() else source, place, manifest.bytes, manifest.sha256, told
                )
    target = folder / f"{manifest.name}.toml"
    if not target.exists() or not target.samefile(path):
        text = path.read_text(encoding="utf-8")
        write_whole(target, lambda file: file.write(text))
    return listed(load_manifest(target), "installed", frozenset())


def _whole(manifest: ModelManifest) -> bool:
    try:
        read_model(manifest)
    except BiometricError:
        return False
    return True


@contextmanager
def _bar(manifest: ModelManifest) -> Iterator[fetch.Progress]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        task = progress.add_task(manifest.name, total=manifest.bytes)
        yield lambda done: progress.update(task, completed=done)
