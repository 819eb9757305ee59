"""Signing in: a badge and its secret against the records, with a lock-out that grows.

After ``FREE_TRIES`` wrong secrets in a row nobody may try that badge for a while, each time for twice as long. A badge
that nobody has is treated in the same way and takes as long, so that nobody learns from the answer which there are.
How often a known badge has failed is in the records: a restart does not forgive.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from hotspotd.access import secrets
from hotspotd.access.sessions import Session, Sessions
from hotspotd.domain.rights import Act, may
from hotspotd.errors import AccessError, Reason
from hotspotd.records import Records
from hotspotd.records.people import Person
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

Proof = Callable[[Person | None], Awaitable[bool]]
"""Whether somebody is who the badge says; takes as long, and says no, for nobody."""

FREE_TRIES: Final = 5
_FIRST_LOCK_S: Final = 60.0
_LONGEST_LOCK_S: Final = 3600.0
_BADGES_REMEMBERED: Final = 512
_MOST_WAITING: Final = 16


def lock_s(failures: int) -> float:
    """For how many seconds nobody may try after so many wrong secrets in a row."""
    if failures < FREE_TRIES:
        return 0.0
    return min(_LONGEST_LOCK_S, _FIRST_LOCK_S * 2.0 ** min(failures - FREE_TRIES, 20))


@dataclass(slots=True)
class _Tries:
    failures: int
    until: float


class SignIn:
    """Lets people in. One at a time: hashing takes memory."""

    def __init__(
        self, records: Records, sessions: Sessions, worker: Worker, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.sessions = sessions
        self._records = records
        self._worker = worker
        self._monotonic = monotonic
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._nobodys = ""
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def with_secret(self, badge: str, secret: str, *, program: bool = False) -> tuple[str, Session]:
        """A new session and its token. Raises AccessError: WRONG_SECRET, LOCKED, BUSY; RecordsError."""
        person = await self.confirmed(badge, secret)
        await self._records.signed_in(badge, "with a program" if program else "")
        return self.sessions.begin(badge, person.roles, must_change=person.must_change, program=program)

    async def vouched(self, badge: str, secret: str, act: Act) -> str:
        """Who shows ``badge`` and ``secret`` beside whoever is signed in and may do ``act``, for the audit chain.

        Begins no session. Raises AccessError: WRONG_SECRET, LOCKED, BUSY, NOT_ALLOWED; RecordsError.
        """
        person = await self.confirmed(badge, secret)
        await self._records.signed_in(badge, f"for one act: {act}")
        if person.must_change:
            raise AccessError(Reason.NOT_ALLOWED, "that secret is to be changed first", "Sign in with it once.")
        if not may(person.roles, act):
            raise AccessError(
                Reason.NOT_ALLOWED, f"not for {' and '.join(person.roles)}s", "Ask somebody whose part it is."
            )
        return f"badge {badge}"

    async def change_secret(self, session: Session, secret: str, new: str) -> None:
        """Put ``new`` in the place of ``secret``; ends the person's other sessions.

        Raises AccessError: WRONG_SECRET, LOCKED, BUSY, BAD_VALUE for one that is easily guessed.
        """
        secrets.check_secret(session.badge, new)
        if new == secret:
            raise AccessError(Reason.BAD_VALUE, "that is the secret as it is", "Choose another one.")
        await self.confirmed(session.badge, secret)
        kept = await self._worker.run(secrets.hashed, new)
        await self._records.set_secret(session.badge, kept, session.actor, must_change=False)
        session.must_change = False
        self.sessions.end_of(session.badge, but=session)

    async def hashed(self, badge: str, secret: str) -> str:
        """``secret`` as it is kept for ``badge``. Raises AccessError: BAD_VALUE, BUSY."""
        secrets.check_secret(badge, secret)
        return await self._worker.run(secrets.hashed, secret)

    def forgive(self, badge: str) -> None:
        """Forget the lock of ``badge``: somebody has unlocked it."""
        self._tries.pop(badge, None)

    def locked_s(self, person: Person) -> float:
        """For how many seconds from now on nobody may try the badge of ``person``."""
        known = self._tries.get(person.badge)
        if known is None or person.failures == 0:
            return lock_s(person.failures)
        return max(0.0, known.until - self._monotonic())

    async def confirmed(self, badge: str, secret: str) -> Person:
        """Whoever has ``badge``, once ``secret`` is theirs. Raises AccessError: WRONG_SECRET, LOCKED, BUSY."""
        person = await self.proven(badge, partial(self.has_secret, secret))
        if secrets.outdated(person.secret):
            log.info("the secret of a badge is kept with older parameters: it is renewed when it is changed")
        return person

    async def has_secret(self, secret: str, person: Person | None) -> bool:
        """Whether ``secret`` is that of ``person``; takes as long for nobody. Counts nothing: use ``confirmed``."""
        kept = person.secret if person is not None else await self._secret_of_nobody()
        return await self._worker.run(partial(secrets.matches, kept), secret[:256]) and person is not None

    async def proven(self, badge: str, proof: Proof) -> Person:
        """Whoever has ``badge``, once ``proof`` says so; counted. Raises AccessError: WRONG_SECRET, LOCKED, BUSY."""
        if self._waiting >= _MOST_WAITING:
            raise AccessError(Reason.BUSY, "too many are signing in", "Try again in some seconds.")
        self._waiting += 1
        try:
            # In turn: whoever tries many at once finds the lock of the first.
            async with self._turn:
                return await self._proven_in_turn(badge, proof)
        finally:
            self._waiting -= 1

    async def _proven_in_turn(self, badge: str, proof: Proof) -> Person:
        person = await self._records.person(badge) if secrets.BADGE.match(badge) else None
        if person is not None and person.disabled:
            person = None
        tries = self._tries_of(badge, person)
        if (left := tries.until - self._monotonic()) > 0:
            raise AccessError(
                Reason.LOCKED,
                "too many wrong tries",
                f"Wait {_minutes(left)}, or ask a supervisor to unlock it.",
            )
        # Counted before the proof is looked at, which may be interrupted.
        tries.failures += 1
        tries.until = self._monotonic() + lock_s(tries.failures)
        if await proof(person) and person is not None:
            del self._tries[badge]
            return person
        if person is not None:
            await self._records.sign_in_failed(badge, locks=lock_s(tries.failures) > 0)
        raise AccessError(Reason.WRONG_SECRET, "badge number or secret is wrong", "Try again.")

    def _tries_of(self, badge: str, person: Person | None) -> _Tries:
        known = self._tries.get(badge)
        if known is None or (person is not None and person.failures == 0 and lock_s(known.failures)):
            # Not tried since the start, or unlocked on the command line.
            failures = person.failures if person is not None else 0
            known = self._tries[badge] = _Tries(failures, self._monotonic() + lock_s(failures))
            if len(self._tries) > _BADGES_REMEMBERED:
                self._tries.popitem(last=False)
        self._tries.move_to_end(badge)
        return known

    async def _secret_of_nobody(self) -> str:
        if not self._nobodys:
            self._nobodys = await self._worker.run(secrets.hashed, "nobody")
        return self._nobodys


def _minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minute" if minutes == 1 else f"{minutes} minutes"
