"""Version folders side by side, and the one symlink that says which of them runs.

    ROOT/versions/0.2.0/...          a version; complete once it holds ``release.json``, which is written last
    ROOT/current -> versions/0.2.0   what runs
    ROOT/trial                       there while ``current`` has not been found to work: the version to go back to

Each change is one rename or one removal after everything it stands on is on the disk, so that whenever the power
goes ``current`` names a complete version. ``systemd/boot-check`` reads and writes the same three things.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hotspotd.errors import Reason, UpdateError

ROOT: Final = Path("/opt/hotspotd")
RELEASE: Final = "release.json"
KEPT: Final = 2
"""The version that runs and the one before it: a card of 16 GB has room for no more."""
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,59}")

Step = Callable[[str], None]
"""Takes the name of a step that was just done; tests pull the plug there."""


def no_step(_: str) -> None:
    """Nobody listens."""


class Versions:
    """The versions below ``root``. All methods block."""

    def __init__(self, root: Path = ROOT, step: Step = no_step) -> None:
        self.root = root
        self.step = step
        """Told the name of each step that was just done."""

    def folder(self, version: str) -> Path:
        """Where ``version`` lies or will lie. Raises UpdateError (BAD_VALUE) for a name that cannot be a folder's."""
        if not _NAME.fullmatch(version):
            raise UpdateError(Reason.BAD_VALUE, f"{version!r} is no version", "Letters, digits, '.', '+', '_', '-'.")
        return self.root / "versions" / version

    def complete(self) -> list[str]:
        """The versions that may run, by name."""
        return sorted(path.parent.name for path in (self.root / "versions").glob(f"*/{RELEASE}"))

    @property
    def current(self) -> str | None:
        """The version that runs; None before the first."""
        try:
            return (self.root / "current").readlink().name
        except FileNotFoundError:
            return None

    @property
    def trial(self) -> str | None:
        """The version to go back to, while the current one has not been found to work."""
        try:
            return (self.root / "trial").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else changes versions meanwhile. Raises UpdateError (BUSY) where somebody does."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UpdateError(
                    Reason.BUSY,
                    "the software is being changed already",
                    "Wait until that is done: hotspotctl update status, systemctl status hotspotd-update.",
                ) from error
            yield

    def begin(self, version: str) -> Path:
        """An empty folder for ``version``; whatever an interrupted attempt left there is removed.

        Raises UpdateError (CONFLICT) for the version that runs: a running program is not taken apart.
        """
        folder = self.folder(version)
        if version in (self.current, self.trial):
            raise UpdateError(Reason.CONFLICT, f"version {version} is in use", "Give what you changed another version.")
        (folder / RELEASE).unlink(missing_ok=True)  # From here on it is incomplete, also where the removal is cut off.
        fsync_folder(folder)
        self.step("begun")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o755)
        return folder

    def finish(self, version: str, release: dict[str, object]) -> None:
        """Everything of ``version`` is there: on the disk first, then said to be."""
        os.sync()
        self.step("synced")
        write_durably(self.folder(version) / RELEASE, json.dumps(release, indent=1).encode())
        self.step("finished")

    def switch(self, version: str) -> None:
        """Let ``version`` run from now on, on trial where another one ran. Raises UpdateError (NOT_FOUND)."""
        if version not in self.complete():
            raise UpdateError(Reason.NOT_FOUND, f"there is no complete version {version}", "hotspotctl update status")
        before = self.current
        if before == version:
            return
        # One that was never found to work is nothing to go back to.
        back = self.trial or before
        if back is not None and back != version:
            write_durably(self.root / "trial", back.encode())
        self.step("on trial")
        self._point(version)
        self.step("switched")

    def confirm(self) -> None:
        """The current version works."""
        (self.root / "trial").unlink(missing_ok=True)
        fsync_folder(self.root)
        self.step("confirmed")

    def before(self) -> str:
        """The version to go back to. Raises UpdateError (NOT_FOUND) without one."""
        others = [version for version in self._by_age() if version != self.current]
        if self.trial in others:
            return self.trial
        if not others:
            raise UpdateError(Reason.NOT_FOUND, "there is no version to go back to", "Install one: scripts/install.")
        return others[0]

    def prune(self) -> list[str]:
        """Remove incomplete versions and all complete ones but the newest KEPT; the removed ones."""
        used = [self.current, self.trial]
        keep = [version for version in self._by_age() if version not in used][: max(0, KEPT - len({*used} - {None}))]
        removed = []
        for folder in sorted((self.root / "versions").glob("*")):
            if folder.name in used or folder.name in keep:
                continue
            (folder / RELEASE).unlink(missing_ok=True)
            self.step("unnamed")
            shutil.rmtree(folder)
            removed.append(folder.name)
        return removed

    def _by_age(self) -> list[str]:
        """Complete versions, the one that was finished last first."""
        finished = {version: (self.folder(version) / RELEASE).stat().st_mtime_ns for version in self.complete()}
        return sorted(finished, key=lambda version: finished[version], reverse=True)

    def _point(self, version: str) -> None:
        link = self.root / ".current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("versions", version))
        self.step("linked")
        link.replace(self.root / "current")
        fsync_folder(self.root)


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put ``data`` in the place of whatever ``path`` was: all of it or none, whenever the power goes."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    temporary.replace(path)
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable; nothing where it is not there."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
