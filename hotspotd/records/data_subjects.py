"""One person's data, for a lawful request: which encounters were theirs, and all that is held of one.

There is no index by name or number: every encounter that is held is opened in turn. What is asked for is what a
document says of its bearer; a record of a list, shown as a hit on somebody else, is its owner's to give.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Sequence

import msgspec

from hotspotd.clock import Clock
from hotspotd.domain.document import Document
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import audit, sealed
from hotspotd.records.alerts import Alerts
from hotspotd.records.encounters import Encounters
from hotspotd.records.model import Alert, StoredEncounter

_PAGE = 200


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whose documents are looked for: all that is given must agree; something has to be.

    Case, accents and what separates words make no difference. ``given_names`` agree when each of its words is among
    those of the document. ``birth_date`` is YYMMDD, as documents have it.
    """

    document: str = ""
    surname: str = ""
    given_names: str = ""
    birth_date: str = ""

    def __post_init__(self) -> None:
        if not (self.document or self.surname):
            raise ValueError("a document number or a surname")

    def has(self, document: Document) -> bool:
        """Whether ``document`` is this person's, as far as is asked."""
        return (
            (not self.document or _letters(self.document) == _letters(document.number))
            and (not self.surname or _words(self.surname) == _words(document.surname))
            and set(_words(self.given_names)) <= set(_words(document.given_names))
            and (not self.birth_date or self.birth_date == document.birth_date)
        )


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """All that is held of one encounter. ``pictures`` by file name; replies and transactions as they came and went."""

    stored: StoredEncounter
    alerts: tuple[Alert, ...]
    pictures: dict[str, bytes]
    messages: dict[str, bytes]


class DataSubjects(Encounters, Alerts):
    """Finds and reads for a lawful request."""

    _clock: Clock

    async def encounters_of(self, person: Subject) -> list[str]:
        """Encounters whose document is this person's, oldest first. Raises RecordsError (NO_KEY)."""
        found: list[str] = []
        after = ""
        while page := await self._db.rows(
            f"SELECT id, {sealed.encounter('document')} FROM encounter"  # noqa: S608  # Constants.
            " WHERE key_id IS NOT NULL AND id > ? ORDER BY id LIMIT ?",
            (after, _PAGE),
        ):
            after = page[-1]["id"]
            found += [
                row["id"]
                for row in page
                if row["document"] and person.has(msgspec.json.decode(row["document"], type=Document))
            ]
        return found

    async def person_read(self, encounter_ids: Sequence[str], event: str, by: str, purpose: str) -> None:
        """Say in the audit chain that ``by`` is given what is held of these; ``event`` is ``exported`` or ``searched``.

        Where none was found that is said too. Raises RecordsError.
        """
        now = self._clock.now()

        def note(writer: sqlite3.Connection) -> None:
            for subject in encounter_ids or ("nobody",):
                audit.append(writer, now, f"person.{event}", subject=subject, actor=by, note=purpose)

        await self._db.write(note)

    async def all_of(self, encounter_id: str) -> Held:
        """All that is held of an encounter. Raises RecordsError: NOT_FOUND, NO_KEY."""
        stored = await self.encounter(encounter_id)
        if stored.erased_at is not None and not stored.encounter.samples and stored.verdict is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: encounter {encounter_id} is erased")
        pictures = {
            f"{row['modality']}-{row['position']}.{row['media_type'].partition('/')[2] or 'bin'}": bytes(row["image"])
            for row in await self._db.rows(
                f"SELECT modality, position, media_type, {sealed.SAMPLE_IMAGE} FROM sample"  # noqa: S608  # Constants.
                " WHERE encounter_id = ? AND length(sample.image) > 0",
                (encounter_id,),
            )
        }
        sent = await self._db.rows(
            f"SELECT tcn, {sealed.PAYLOAD} FROM outbox WHERE encounter_id = ?"  # noqa: S608  # Constants.
            " AND length(outbox.payload) > 0",
            (encounter_id,),
        )
        came = await self._db.rows(
            f"SELECT tcn, {sealed.REPLY_RAW} FROM reply WHERE encounter_id = ?"  # noqa: S608  # Constants.
            " AND length(reply.raw) > 0",
            (encounter_id,),
        )
        messages = {f"sent-{row['tcn']}": bytes(row["payload"]) for row in sent}
        messages |= {f"reply-{row['tcn']}": bytes(row["raw"]) for row in came}
        alerts = await self.alerts(open_only=False)
        return Held(
            stored=stored,
            alerts=tuple(alert for alert in alerts if alert.encounter_id == encounter_id),
            pictures=pictures,
            messages=messages,
        )


def _words(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if c.isalnum() else " " for c in plain.casefold()).split()


def _letters(text: str) -> str:
    return "".join(_words(text))
