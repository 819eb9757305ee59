"""A list made searchable by another face model: every portrait it holds is embedded anew, all else stays as it is.

A list names the engine of its embeddings, and a lane refuses one of another (WRONG_MODEL): similarities of two models
have nothing to do with each other. The portraits are in the list, so that nobody has to be asked for them again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face.index_file import FaceIndexWriter
from hotspotd.errors import BiometricError, Reason, WatchlistError
from hotspotd.watchlist import layout
from hotspotd.watchlist.build import SNAPSHOT_PREFIX, locked
from hotspotd.watchlist.shelf import Shelf
from hotspotd.watchlist.source import Problem

_MAKING = ".reembedding-"


def reembed(
    shelf: Shelf, faces: FaceEngine, version: str, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> tuple[Path, list[Problem]]:
    """Make the list ``version`` of the current one with embeddings of ``faces``, and put it in force.

    Returns its folder and the portraits in which this engine finds no face: they are kept and not searched.
    ``progress`` is told portraits done, and of how many. Blocks. Raises WatchlistError: NOT_FOUND without a list,
    CONFLICT for a version that is there, DAMAGED, BUSY; OSError.
    """
    current = shelf.current()
    if current is None:
        raise WatchlistError(Reason.NOT_FOUND, f"no current watchlist in {shelf.folder}", "Build one first.")
    manifest = layout.read_manifest(current)
    layout.verify(current, manifest)
    final = shelf.folder / (SNAPSHOT_PREFIX + version)
    with locked(shelf.folder):
        if final.exists():
            raise WatchlistError(Reason.CONFLICT, f"{final} is there already", "Give the new list another version.")
        for stale in shelf.folder.glob(_MAKING + "*"):  # Left by a process that was killed: we hold the lock.
            shutil.rmtree(stale)
        making = Path(tempfile.mkdtemp(prefix=_MAKING, dir=shelf.folder))
        try:
            for name in manifest.files:
                if name not in (layout.FACES, layout.BLOCKS):
                    # Snapshots never change, so that a second name is as good as a copy.
                    os.link(current / name, making / name)
            count, problems = _embed(current, making / layout.FACES, faces, progress)
            counts = manifest.counts | {"faces": count}
            changes = msgspec.structs.replace(
                manifest, version=version, face_engine=faces.engine, counts=counts, files={}, digest=""
            )
            layout.seal(making, changes)
            making.chmod(0o750)  # As a list that was built.
            making.rename(final)
            layout.fsync_folder(shelf.folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)  # Renamed when all went well.
    shelf.activate(final)
    return final, problems


def _embed(
    current: Path, target: Path, faces: FaceEngine, progress: Callable[[int, int], None]
) -> tuple[int, list[Problem]]:
    rows = layout.map_array(current / layout.PICTURE_INDEX, layout.PICTURE_ROW)
    portraits = rows[rows["kind"] == 0]
    pictures = layout.map_bytes(current / layout.PICTURES)
    problems: list[Problem] = []
    with FaceIndexWriter(target, faces.engine) as writer:
        for done, row in enumerate(portraits, 1):
            begin, number = int(row["offset"]), int(row["record"])
            try:
                writer.add(faces.embed_picture(pictures[begin : begin + int(row["length"])]), number)
            except BiometricError as error:
                problems.append(Problem(number + 1, _reference(current, number), f"portrait: {error}", rejected=False))
            progress(done, len(portraits))
        return len(writer), problems


class _Named(msgspec.Struct):
    reference: str


def _reference(folder: Path, number: int) -> str:
    row = layout.map_array(folder / layout.RECORD_INDEX, layout.RECORD_ROW)[number]
    begin = int(row["offset"])
    line = layout.map_bytes(folder / layout.RECORDS)[begin : begin + int(row["length"])]
    return msgspec.json.decode(line, type=_Named).reference
