"""The end that may change the software: takes the daemon's wish, does what it names, and tells what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from hotspotd.clock import Clock
from hotspotd.errors import HotspotError, Reason, UpdateError
from hotspotd.updates import applying, wishes
from hotspotd.updates.building import Builder
from hotspotd.updates.following import Following
from hotspotd.updates.versions import Versions
from hotspotd.updates.wishes import Outcome, Wish


@dataclass(frozen=True)
class Software:
    """The software of this machine, as far as one command goes. ``following`` opens what is published."""

    builder: Builder
    following: Callable[[], AbstractContextManager[Following]]
    judge: Callable[[], bool] = applying.judged_by_systemd

    @property
    def versions(self) -> Versions:
        """The versions that are here."""
        return self.builder.versions

    def do(self, wish: Wish) -> tuple[str, str]:
        """Do what ``wish`` names; which version is ready to be put in force then, and what to say.

        Raises HotspotError, OSError.
        """
        if wish.act == "check":
            return self._check()
        if wish.act == "apply":
            with self.following() as following:
                version, changed = applying.apply_newest(following, self.builder, self.judge, only=wish.version)
            return "", f"Version {version} is in force" + ("." if changed else " already.")
        version = self.versions.before()
        if wish.version != version:
            what = f"the version before is {version} and not {wish.version or 'any'}"
            raise UpdateError(Reason.CONFLICT, what, "Look at the page again.")
        return "", f"Version {applying.roll_back(self.versions, self.judge)} is in force again."

    def _check(self) -> tuple[str, str]:
        with self.following() as following:
            offer = following.check()
            if offer.version == self.versions.current and self.versions.trial is None:
                return "", f"Version {offer.version} is the newest that is published."
            following.fetch(offer)
        return offer.version, f"Version {offer.version} is fetched and can be put in force."


def obey(folder: Path, told: Path, owners: Collection[int], software: Software, clock: Clock) -> Outcome:
    """Take the wish in ``folder``, do it, and tell in ``told`` what is under way and what came of it, which is given.

    Raises UpdateError (NOT_FOUND) where nothing is wished, and OSError where it cannot be told.
    """
    before = wishes.read_outcome(told)
    ready = "" if before is None else before.ready
    outcome = Outcome(state="doing", ready=ready, pid=os.getpid())

    def tell(**changed: object) -> Outcome:
        versions = software.versions
        said = {"running": versions.current or "", "before": kept(versions), "at": clock.now().iso(), **changed}
        now = replace(outcome, **said)
        wishes.write_outcome(told, now)
        return now

    try:
        # Gone before it is acted on: a power cut in the middle of an act does not begin it again.
        wish = wishes.take_wish(folder, owners)
    except UpdateError as error:
        if error.reason is Reason.NOT_FOUND:
            raise
        return tell(state="failed", words=_words(error))
    except OSError as error:
        return tell(state="failed", words=f"The wish could not be removed, and is not obeyed: {error.strerror}.")
    outcome = replace(outcome, id=wish.id, act=wish.act)
    tell()
    try:
        ready, words = software.do(wish)
    except HotspotError as error:
        return tell(state="failed", words=_words(error))
    except OSError as error:
        return tell(state="failed", words=f"{error.filename or 'The system'}: {error.strerror or error}.")
    return tell(state="done", ready=ready, words=words)


def kept(versions: Versions) -> str:
    """The version to go back to; empty without one."""
    try:
        return versions.before()
    except UpdateError:
        return ""


def _words(error: HotspotError) -> str:
    """What failed as a sentence, and what to do, which may be a command."""
    return f"{error.what[0].upper()}{error.what[1:].rstrip('.')}. {error.advice}".rstrip()
