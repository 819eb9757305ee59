"""People who may sign in at this kiosk: badge, roles and how their secret is checked. Every change is audited."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from hotspotd.clock import Clock
from hotspotd.domain.rights import Role
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.database import Database

# A kiosk's staff; a list of more would be a mistake, or somebody filling the disk.
MOST_PEOPLE = 1000
_COLUMNS = "badge, roles, secret, must_change, failures, disabled, made_at, changed_at"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person. ``secret`` is a hash (argon2id, PHC string); ``failures`` are wrong secrets in a row."""

    badge: str
    roles: tuple[Role, ...]
    secret: str
    must_change: bool = False
    failures: int = 0
    disabled: bool = False
    made_at: str = ""
    changed_at: str = ""


class People:
    """Keeps the people of this kiosk."""

    _db: Database
    _clock: Clock

    async def people(self) -> list[Person]:
        """Everybody, by badge."""
        return [_person(row) for row in await self._db.rows(f"SELECT {_COLUMNS} FROM person ORDER BY badge")]  # noqa: S608

    async def person(self, badge: str) -> Person | None:
        """The person with this badge; ``None`` where there is none."""
        row = await self._db.row(f"SELECT {_COLUMNS} FROM person WHERE badge = ?", (badge,))  # noqa: S608
        return None if row is None else _person(row)

    async def add_person(self, person: Person, actor: str) -> None:
        """Add somebody. Raises RecordsError: CONFLICT for a badge that is known, STORAGE_FULL at MOST_PEOPLE."""
        now = self._clock.now()

        def add(writer: sqlite3.Connection) -> None:
            if writer.execute("SELECT count(*) FROM person").fetchone()[0] >= MOST_PEOPLE:
                raise RecordsError(
                    Reason.STORAGE_FULL, f"records: {MOST_PEOPLE} people may sign in here", "Remove some first."
                )
            try:
                writer.execute(
                    f"INSERT INTO person ({_COLUMNS}) VALUES (?, ?, ?, ?, 0, 0, ?, ?)",  # noqa: S608  # Our own names.
                    (
                        person.badge,
                        msgspec.json.encode(person.roles).decode(),
                        person.secret,
                        int(person.must_change),
                        now.iso(),
                        now.iso(),
                    ),
                )
            except sqlite3.IntegrityError as error:
                raise RecordsError(
                    Reason.CONFLICT, f"records: badge {person.badge} is known already", "Give it a new secret instead."
                ) from error
            audit.append(
                writer, now, "person.added", subject=_subject(person.badge), actor=actor, detail=" ".join(person.roles)
            )

        await self._db.write(add)

    async def remove_person(self, badge: str, actor: str) -> None:
        """Forget somebody; what they did stays in the chain. Raises RecordsError (NOT_FOUND)."""
        await self._change(badge, "person.removed", actor, "", lambda writer: _delete(writer, badge))

    async def set_roles(self, badge: str, roles: Sequence[Role], actor: str) -> None:
        """Give somebody these roles instead of those before. Raises RecordsError (NOT_FOUND)."""
        text = msgspec.json.encode(tuple(roles)).decode()
        await self._change(badge, "person.roles", actor, " ".join(roles), lambda w: _set(w, badge, "roles", text))

    async def set_secret(self, badge: str, secret: str, actor: str, *, must_change: bool) -> None:
        """Put another hash in the place of that before, and unlock. Raises RecordsError (NOT_FOUND)."""

        def change(writer: sqlite3.Connection) -> int:
            _set(writer, badge, "failures", 0)
            _set(writer, badge, "must_change", int(must_change))
            return _set(writer, badge, "secret", secret)

        await self._change(badge, "person.secret", actor, "to be changed" if must_change else "", change)

    async def set_disabled(self, badge: str, actor: str, *, disabled: bool, spare_last: bool = False) -> None:
        """Let somebody no longer sign in, or again; letting in also unlocks.

        ``spare_last``: not the last supervisor, who alone can let others in. Raises RecordsError: NOT_FOUND, CONFLICT.
        """

        def change(writer: sqlite3.Connection) -> int:
            _set(writer, badge, "failures", 0)
            before = _supervisors(writer)
            changed = _set(writer, badge, "disabled", int(disabled))
            if spare_last and before == {badge} and not _supervisors(writer):
                raise RecordsError(
                    Reason.CONFLICT,
                    f"records: badge {badge} is the last supervisor",
                    "Let somebody else be one first: hotspotctl people add BADGE --role supervisor.",
                )
            return changed

        await self._change(badge, "person.disabled" if disabled else "person.enabled", actor, "", change)

    async def unlock(self, badge: str, actor: str) -> None:
        """Forget wrong secrets: the badge may be tried again. Raises RecordsError (NOT_FOUND)."""
        await self._change(badge, "person.unlocked", actor, "", lambda writer: _set(writer, badge, "failures", 0))

    async def sign_in_failed(self, badge: str, *, locks: bool) -> None:
        """A wrong secret was given for a badge that is known; ``locks``: nobody may try for a while."""
        event = "sign_in.locked" if locks else "sign_in.failed"

        def count(writer: sqlite3.Connection) -> int:
            return writer.execute("UPDATE person SET failures = failures + 1 WHERE badge = ?", (badge,)).rowcount

        await self._change(badge, event, "daemon", "", count)

    async def signed_in(self, badge: str, how: str) -> None:
        """Somebody signed in, ``how`` in a word."""
        await self._change(badge, "sign_in.done", f"badge {badge}", how, lambda w: _set(w, badge, "failures", 0))

    async def _change(
        self, badge: str, event: str, actor: str, detail: str, change: Callable[[sqlite3.Connection], int]
    ) -> None:
        now = self._clock.now()

        def work(writer: sqlite3.Connection) -> None:
            if change(writer) == 0:
                raise RecordsError(
                    Reason.NOT_FOUND, f"records: nobody has badge {badge}", "See who has: hotspotctl people list."
                )
            if event.startswith("person."):
                writer.execute("UPDATE person SET changed_at = ? WHERE badge = ?", (now.iso(), badge))
            audit.append(writer, now, event, subject=_subject(badge), actor=actor, detail=detail)

        await self._db.write(work)


def _subject(badge: str) -> str:
    return f"badge {badge}"


def _supervisors(writer: sqlite3.Connection) -> set[str]:
    """Badges of those who can let others in."""
    rows = writer.execute("SELECT badge, roles FROM person WHERE disabled = 0")
    return {badge for badge, roles in rows if Role.SUPERVISOR in msgspec.json.decode(roles, type=tuple[Role, ...])}


def _set(writer: sqlite3.Connection, badge: str, column: str, value: object) -> int:
    return writer.execute(f"UPDATE person SET {column} = ? WHERE badge = ?", (value, badge)).rowcount  # noqa: S608


def _delete(writer: sqlite3.Connection, badge: str) -> int:
    return writer.execute("DELETE FROM person WHERE badge = ?", (badge,)).rowcount


def _person(row: sqlite3.Row) -> Person:
    return Person(
        badge=row["badge"],
        roles=msgspec.json.decode(row["roles"], type=tuple[Role, ...]),
        secret=row["secret"],
        must_change=bool(row["must_change"]),
        failures=row["failures"],
        disabled=bool(row["disabled"]),
        made_at=row["made_at"],
        changed_at=row["changed_at"],
    )
