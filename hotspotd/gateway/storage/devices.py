"""One-time codes and the certificates of devices: what was issued to whom, and what was revoked."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from hotspotd.gateway.storage.base import Database, Session

TRIES: Final = 5
MOST_GOOD: Final = 16
"""Certificates of one device that are good at the same time: more is a device that asks without end."""

_COLUMNS: Final = "device, serial, thumbprint, public_key, body, issued_at, expires_at, how, revoked_at, revoked_why"


class How(StrEnum):
    """How a certificate came to be issued, or known."""

    CODE = "code"
    STICK = "stick"
    RENEWAL = "renewal"
    LISTED = "listed"  # issued by other means, and known here since it was shown for renewal, or revoked


class DeviceCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate. Times are ISO 8601 in UTC; ``revoked_at`` is empty while it is good."""

    device: str
    serial: str
    thumbprint: str
    public_key: str
    body: bytes
    issued_at: str
    expires_at: str
    how: str
    revoked_at: str = ""
    revoked_why: str = ""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a one-time code."""

    verifier: str
    expires_at: str
    tries: int
    used_for: str


class DeviceShelf:
    """The devices in one database. Raises GatewayError."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add_code(self, device: str, verifier: str, at: str, expires_at: str) -> None:
        """Keep a new code, in the place of any other of this device."""
        async with self._db.write() as session:
            await session.execute("DELETE FROM enrolment_code WHERE device = ? OR expires_at < ?", device, at)
            await session.execute(
                "INSERT INTO enrolment_code (device, verifier, issued_at, expires_at, tries, used_for)"
                " VALUES (?, ?, ?, ?, ?, '')",
                *(device, verifier, at, expires_at, TRIES),
            )

    async def try_code(self, device: str, at: str) -> Code | None:
        """The code of ``device`` that may still be tried; this try is counted, whatever becomes of it."""
        async with self._db.write() as session:
            rows = await session.rows(
                "UPDATE enrolment_code SET tries = tries - 1 WHERE device = ? AND tries > 0 AND expires_at > ?"
                " RETURNING verifier, expires_at, tries, used_for",
                *(device, at),
            )
        return (
            Code(verifier=rows[0][0], expires_at=rows[0][1], tries=int(rows[0][2]), used_for=rows[0][3])
            if rows
            else None
        )

    async def spend_code(self, verifier: str, made: DeviceCertificate) -> bool:
        """Keep a certificate and spend the code that it was asked for with: both or neither; whether it was unspent."""
        async with self._db.write() as session:
            spent = await session.execute(
                "UPDATE enrolment_code SET used_for = ?, tries = ? WHERE device = ? AND verifier = ? AND used_for = ''",
                *(made.public_key, TRIES, made.device, verifier),
            )
            if spent:
                await _insert(session, made)
        return bool(spent)

    async def add(self, made: DeviceCertificate, at: str) -> bool:
        """Keep a certificate; whether there was room: the device has fewer than MOST_GOOD good ones."""
        async with self._db.write() as session:
            good = await session.value(
                "SELECT count(*) FROM device_certificate WHERE device = ? AND revoked_at = '' AND expires_at > ?",
                *(made.device, at),
            )
            if int(good) >= MOST_GOOD:
                return False
            await _insert(session, made)
        return True

    async def know(self, made: DeviceCertificate) -> None:
        """Keep a certificate that was issued by other means, unless it is known."""
        async with self._db.write() as session:
            if not await session.row("SELECT 1 FROM device_certificate WHERE thumbprint = ?", made.thumbprint):
                await _insert(session, made)

    async def good_for(self, device: str, public_key: str, at: str) -> DeviceCertificate | None:
        """The good certificate that ``device`` has for this key, if it has one."""
        async with self._db.read() as session:
            row = await session.row(
                f"SELECT {_COLUMNS} FROM device_certificate WHERE device = ? AND public_key = ?"  # noqa: S608  # Constants.
                " AND revoked_at = '' AND expires_at > ? ORDER BY id DESC LIMIT 1",
                *(device, public_key, at),
            )
        return None if row is None else _certificate(row)

    async def is_revoked(self, thumbprint: str) -> bool:
        """Whether the certificate with this ``x5t#S256`` was revoked."""
        async with self._db.read() as session:
            row = await session.row(
                "SELECT 1 FROM device_certificate WHERE thumbprint = ? AND revoked_at <> ''", thumbprint
            )
        return row is not None

    async def revoke(self, device: str, why: str, at: str, serial: str = "") -> int:
        """Revoke what ``device`` has that is good, or the one with this serial number; how many. Its code goes, too."""
        one, values = (" AND serial = ?", (serial,)) if serial else ("", ())
        async with self._db.write() as session:
            if not serial:
                await session.execute("DELETE FROM enrolment_code WHERE device = ?", device)
            return await session.execute(
                "UPDATE device_certificate SET revoked_at = ?, revoked_why = ?"  # noqa: S608  # Constants.
                f" WHERE device = ? AND revoked_at = ''{one}",
                *(at, why, device, *values),
            )

    async def revoke_listed(self, made: DeviceCertificate) -> None:
        """Keep a certificate that was issued by other means as revoked."""
        async with self._db.write() as session:
            known = await session.execute(
                "UPDATE device_certificate SET revoked_at = ?, revoked_why = ?"
                " WHERE thumbprint = ? AND revoked_at = ''",
                *(made.revoked_at, made.revoked_why, made.thumbprint),
            )
            if not known and not await session.row(
                "SELECT 1 FROM device_certificate WHERE thumbprint = ?", made.thumbprint
            ):
                await _insert(session, made)

    async def all(self, device: str = "") -> list[DeviceCertificate]:
        """Every certificate that is known, of one device or of all, oldest first."""
        chosen, values = (" WHERE device = ?", (device,)) if device else ("", ())
        async with self._db.read() as session:
            rows = await session.rows(
                f"SELECT {_COLUMNS} FROM device_certificate{chosen} ORDER BY device, id",  # noqa: S608  # Constants.
                *values,
            )
        return [_certificate(row) for row in rows]

    async def revoked(self, at: str) -> list[DeviceCertificate]:
        """What was revoked and has not expired by itself: what a CRL lists."""
        async with self._db.read() as session:
            rows = await session.rows(
                f"SELECT {_COLUMNS} FROM device_certificate WHERE revoked_at <> '' AND expires_at > ? ORDER BY id",  # noqa: S608  # Constants.
                at,
            )
        return [_certificate(row) for row in rows]


async def _insert(session: Session, made: DeviceCertificate) -> None:
    await session.execute(
        f"INSERT INTO device_certificate ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # Constants.
        *(made.device, made.serial, made.thumbprint, made.public_key, made.body, made.issued_at),
        *(made.expires_at, made.how, made.revoked_at, made.revoked_why),
    )


def _certificate(row: Sequence[Any]) -> DeviceCertificate:
    return DeviceCertificate(
        device=row[0],
        serial=row[1],
        thumbprint=row[2],
        public_key=row[3],
        body=bytes(row[4]),
        issued_at=row[5],
        expires_at=row[6],
        how=row[7],
        revoked_at=row[8],
        revoked_why=row[9],
    )
