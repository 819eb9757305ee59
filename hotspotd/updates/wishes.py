"""What the daemon wishes of the software, and what came of it: two small files between it and whoever may do it.

The daemon runs as a user of its own in a sandbox and cannot switch versions. It writes a wish into a folder of its
own; ``hotspotd-update.service``, which is root, takes it and writes the outcome into a folder that the daemon can only
read. A wish names one of three acts and the version that somebody saw on the page, and nothing else: no place to fetch
from, no path, no option. Everything here blocks.
"""

from __future__ import annotations

import os
import stat
import time
import uuid
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from hotspotd.domain.software import SoftwareAct
from hotspotd.errors import Reason, UpdateError
from hotspotd.updates.versions import write_durably

WISHES: Final = Path("/var/lib/hotspotd/software")
"""The daemon's: it writes here, root takes."""
OUTCOMES: Final = Path("/run/hotspotd-update")
"""Root's: the daemon reads. Gone with the next boot, at which nothing is under way."""
UNIT: Final = Path("/etc/systemd/system/hotspotd-update.path")
"""There where an installer has put in place what takes wishes."""
TAKEN_S: Final = 60.0
"""A wish that nobody has begun by then is none any more: nobody thinks of it when it would be obeyed."""
_WISH: Final = "wish.json"
_OUTCOME: Final = "outcome.json"
_MOST_BYTES: Final = 4096
_AGAIN: Final = "Ask again at the technician's page, or: sudo hotspotctl update ..."


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One act. ``version`` is the one to be run from now on; a check names none.

    It must be begun during ``boot``, which the kernel names, and ``until`` its monotonic clock says so.
    """

    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    act: SoftwareAct
    boot: str
    until: float
    version: Annotated[str, Meta(pattern=r"^([0-9A-Za-z][0-9A-Za-z.+_-]{0,59})?\Z")] = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a wish, perhaps as another version of the software has written it: all but ``state`` may lack.

    ``running``, ``before`` and ``ready`` are versions, ``pid`` the process that is at it while ``state`` is "doing".
    """

    state: Literal["doing", "done", "failed"]
    id: str = ""
    act: SoftwareAct | Literal[""] = ""
    running: str = ""
    before: str = ""
    ready: str = ""
    words: str = ""
    at: str = ""
    pid: int = 0

    @property
    def under_way(self) -> bool:
        """Whether somebody is at it; False where it was cut off."""
        if self.state != "doing" or self.pid <= 0:
            return False
        try:
            os.kill(self.pid, 0)  # Sends nothing; asks whether the process is there.
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # Somebody else's, as root's is for the daemon: it is there.
        return True


def new_wish(act: SoftwareAct, version: str = "", within_s: float = TAKEN_S) -> Wish:
    """A wish to be begun ``within_s`` from now."""
    until = time.monotonic() + within_s
    return Wish(id=uuid.uuid4().hex, act=act, version=version, boot=_boot(), until=until)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def write_wish(folder: Path, wish: Wish) -> None:
    """Wish. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    write_durably(folder / _WISH, msgspec.json.encode(wish), 0o600)


def withdraw(folder: Path) -> bool:
    """Wish no more; whether there was a wish that nobody had taken."""
    try:
        (folder / _WISH).unlink()
    except FileNotFoundError:
        return False
    return True


def waits(folder: Path) -> bool:
    """Whether a wish is there that nobody has taken."""
    return os.path.lexists(folder / _WISH)


def take_wish(folder: Path, owners: Collection[int]) -> Wish:
    """The wish in ``folder``, which is removed, so that it is obeyed once; written by one of the users ``owners``.

    Raises UpdateError: NOT_FOUND without one; NOT_ALLOWED, TOO_LARGE, BAD_VALUE for what is none and STALE for one of
    long ago, which are removed too; OSError.
    """
    try:
        # Neither the folder nor the file may be a link: whoever was put in the daemon's place chooses both.
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise _none(folder) from error
    except OSError as error:
        raise _bad(Reason.NOT_ALLOWED, f"{folder} is no folder: {error.strerror}") from error
    try:
        try:
            content = _read(handle, owners)
        finally:
            _remove(handle)
    finally:
        os.close(handle)
    try:
        wish = msgspec.json.decode(content, type=Wish)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _bad(Reason.BAD_VALUE, f"the wish cannot be read: {error}") from error
    if wish.boot != _boot() or time.monotonic() > wish.until:
        raise _bad(Reason.STALE, "the wish was not begun in time")
    return wish


def _read(folder: int, owners: Collection[int]) -> bytes:
    try:
        # Without O_NONBLOCK a named pipe would hold us up.
        handle = os.open(_WISH, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError as error:
        raise _none(_WISH) from error
    except OSError as error:
        raise _bad(Reason.NOT_ALLOWED, f"the wish cannot be opened: {error.strerror}") from error
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise _bad(Reason.NOT_ALLOWED, "the wish is no plain file")
        if about.st_uid not in owners:
            raise _bad(Reason.NOT_ALLOWED, f"the wish is of user {about.st_uid}")
        content = os.read(handle, _MOST_BYTES + 1)
    finally:
        os.close(handle)
    if len(content) > _MOST_BYTES:
        raise _bad(Reason.TOO_LARGE, f"the wish has more than {_MOST_BYTES} bytes")
    return content


def _remove(folder: int) -> None:
    with suppress(FileNotFoundError):
        try:
            os.unlink(_WISH, dir_fd=folder)
        except IsADirectoryError:
            os.rmdir(_WISH, dir_fd=folder)
        os.fsync(folder)


def _none(place: object) -> UpdateError:
    return UpdateError(Reason.NOT_FOUND, f"{place}: nothing is wished", "hotspotctl update status")


def _bad(reason: Reason, what: str) -> UpdateError:
    return UpdateError(reason, what, _AGAIN)


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Tell; everybody may read it. Raises OSError."""
    folder.mkdir(mode=0o755, exist_ok=True)
    write_durably(folder / _OUTCOME, msgspec.json.encode(outcome), 0o644)


def read_outcome(folder: Path) -> Outcome | None:
    """What came of the last wish since the machine started; None without one, or where it cannot be read."""
    try:
        return msgspec.json.decode((folder / _OUTCOME).read_bytes(), type=Outcome)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
