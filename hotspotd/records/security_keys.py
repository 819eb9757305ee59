"""Security keys with which people sign in: one for each person and name of the kiosk. Every change is audited."""

from __future__ import annotations

import sqlite3

import msgspec

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit
from hotspotd.records.database import Database


class SecurityKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key. ``credential`` is attested credential data (WebAuthn Level 2, 6.5.1); ``counter`` is of the last use."""

    badge: str
    rp_id: str
    credential_id: bytes
    credential: bytes
    counter: int


class SecurityKeys:
    """Keeps the keys of this kiosk's people."""

    _db: Database
    _clock: Clock

    async def security_key(self, badge: str, rp_id: str) -> SecurityKey | None:
        """The key of ``badge`` under the name ``rp_id``; ``None`` where there is none."""
        row = await self._db.row(
            "SELECT badge, rp_id, credential_id, credential, counter FROM security_key WHERE badge = ? AND rp_id = ?",
            (badge, rp_id),
        )
        return None if row is None else SecurityKey(**dict(row))

    async def badges_with_key(self) -> frozenset[str]:
        """Who has a key, under whatever name."""
        return frozenset([row["badge"] for row in await self._db.rows("SELECT DISTINCT badge FROM security_key")])

    async def decoy_material(self, rp_id: str) -> tuple[bytes, tuple[int, ...]]:
        """What made-up keys are made of: a secret, and how many bytes the numbers of the real keys have."""
        secret = await self._db.row("SELECT secret FROM decoy_key")
        lengths = await self._db.rows(
            "SELECT DISTINCT length(credential_id) AS bytes FROM security_key WHERE rp_id = ? ORDER BY 1", (rp_id,)
        )
        if secret is None:
            raise RecordsError(
                Reason.STORAGE_FAILED, "records: the secret of made-up keys is missing", "Set the database up anew."
            )
        return bytes(secret["secret"]), tuple(row["bytes"] for row in lengths)

    async def add_key(self, key: SecurityKey, actor: str) -> None:
        """Register ``key`` in the place of the one before. Raises RecordsError (NOT_FOUND) for an unknown badge."""
        now = self._clock.now()

        def add(writer: sqlite3.Connection) -> None:
            try:
                writer.execute(
                    "INSERT OR REPLACE INTO security_key (badge, rp_id, credential_id, credential, counter, made_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (key.badge, key.rp_id, key.credential_id, key.credential, key.counter, now.iso()),
                )
            except sqlite3.IntegrityError as error:
                raise RecordsError(
                    Reason.NOT_FOUND, f"records: nobody has badge {key.badge}", "See who has: hotspotctl people list."
                ) from error
            audit.append(writer, now, "key.registered", subject=_subject(key.badge), actor=actor, detail=key.rp_id)

        await self._db.write(add)

    async def remove_keys(self, badge: str, actor: str) -> None:
        """Forget every key of ``badge``. Raises RecordsError (NOT_FOUND) where there is none."""
        now = self._clock.now()

        def remove(writer: sqlite3.Connection) -> None:
            if writer.execute("DELETE FROM security_key WHERE badge = ?", (badge,)).rowcount == 0:
                raise RecordsError(
                    Reason.NOT_FOUND,
                    f"records: badge {badge} has no security key",
                    "See who has: hotspotctl people list.",
                )
            audit.append(writer, now, "key.removed", subject=_subject(badge), actor=actor)

        await self._db.write(remove)

    async def key_used(self, key: SecurityKey, counter: int) -> bool:
        """Keep that ``key`` signed as its use number ``counter``, before anybody is let in by it.

        False, and audited, where the counter does not go on: the key may have been copied (WebAuthn Level 2, 7.2). Keys
        that do not count say 0 for ever.
        """
        now = self._clock.now()

        def use(writer: sqlite3.Connection) -> bool:
            moved = writer.execute(
                "UPDATE security_key SET counter = ?1 WHERE badge = ?2 AND rp_id = ?3 AND credential_id = ?4"
                " AND (counter < ?1 OR (counter = 0 AND ?1 = 0))",
                (counter, key.badge, key.rp_id, key.credential_id),
            ).rowcount
            if not moved:
                audit.append(writer, now, "key.went_back", subject=_subject(key.badge), actor="daemon")
            return bool(moved)

        return await self._db.write(use)


def _subject(badge: str) -> str:
    return f"badge {badge}"
