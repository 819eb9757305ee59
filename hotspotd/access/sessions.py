"""Who is signed in: sessions with an end, held in memory. A restart of the daemon signs everybody out.

Promises that a session ends when nobody has done anything for ``idle_s``, at the latest after ``longest_s``, when its
person signs out, changes the secret or is disabled; that its token is known to its holder alone (only a digest is
kept); and that there are never more than ``most``.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Iterable

from hotspotd.domain.rights import Act, Role, acts_of
from hotspotd.errors import AccessError, Reason


class Session:
    """One person at one screen or program. ``ended`` is set when it is over."""

    def __init__(self, badge: str, roles: Iterable[Role], now: float, *, must_change: bool, program: bool) -> None:
        self.badge = badge
        self.roles = tuple(roles)
        self.acts = acts_of(self.roles)
        self.must_change = must_change
        """The secret was set by somebody else: nothing may be done but to change it."""
        self.program = program
        """Held by another program with a bearer token, whose every request is an act; otherwise by a page."""
        self.began = now
        self.active = now
        self.ended = asyncio.Event()

    @property
    def actor(self) -> str:
        """Whose doing it is, for the audit chain."""
        return f"badge {self.badge}"

    def may(self, act: Act) -> bool:
        """Whether ``act`` may be done in this session."""
        return act in self.acts and not self.must_change


class Sessions:
    """All sessions of this kiosk. Used from the event loop's thread."""

    def __init__(
        self, idle_s: float, longest_s: float, *, most: int = 64, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.idle_s = idle_s
        self._longest_s = longest_s
        self._most = most
        self._monotonic = monotonic
        self._sessions: dict[bytes, Session] = {}

    def begin(
        self, badge: str, roles: Iterable[Role], *, must_change: bool = False, program: bool = False
    ) -> tuple[str, Session]:
        """Begin a session; its token is given once. Raises AccessError (BUSY) where there are too many."""
        self.sweep()
        if len(self._sessions) >= self._most:
            raise AccessError(Reason.BUSY, "too many people are signed in", "Sign out somewhere else first.")
        token = secrets.token_urlsafe(32)
        session = Session(badge, roles, self._monotonic(), must_change=must_change, program=program)
        self._sessions[_digest(token)] = session
        return token, session

    def of(self, token: str) -> Session | None:
        """The session of ``token``; ``None`` where there is none, or none any more."""
        session = self._sessions.get(_digest(token))
        if session is not None and not self.alive(session):
            return None
        return session

    def alive(self, session: Session) -> bool:
        """Whether ``session`` goes on; ends it where its time is up."""
        now = self._monotonic()
        if now - session.active > self.idle_s or now - session.began > self._longest_s:
            self.end(session)
        return not session.ended.is_set()

    def left_s(self, session: Session) -> float:
        """Seconds until ``session`` ends, if nobody does anything."""
        now = self._monotonic()
        return max(0.0, min(session.active + self.idle_s, session.began + self._longest_s) - now)

    def touch(self, session: Session) -> None:
        """Its person has done something."""
        session.active = self._monotonic()

    def end(self, session: Session) -> None:
        """End ``session``. May be called twice."""
        session.ended.set()
        self._sessions = {key: each for key, each in self._sessions.items() if each is not session}

    def end_of(self, badge: str, *, but: Session | None = None) -> None:
        """End every session of ``badge`` ``but`` one."""
        for session in [each for each in self._sessions.values() if each.badge == badge and each is not but]:
            self.end(session)

    def count_of(self, badge: str) -> int:
        """How many sessions ``badge`` has."""
        return sum(session.badge == badge and self.alive(session) for session in list(self._sessions.values()))

    def sweep(self) -> None:
        """End those whose time is up."""
        for session in list(self._sessions.values()):
            self.alive(session)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
