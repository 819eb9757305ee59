"""The note that one shift hands to the next."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.console.answers import as_json, asked
from hotspotd.console.gate import actor, needs
from hotspotd.domain.rights import Act
from hotspotd.records import Records
from hotspotd.records.shift_notes import LONGEST_NOTE


class NoteRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is posted."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_NOTE)]


class ShiftNotePages:
    """Handlers of notes."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def routes(self) -> list[web.RouteDef]:
        """Reading the latest, and writing one."""
        return [
            needs(Act.WRITE_NOTES, "GET", "/api/shift-notes", self.get_notes),
            needs(Act.WRITE_NOTES, "POST", "/api/shift-notes", self.post_note),
        ]

    async def get_notes(self, request: web.Request) -> web.StreamResponse:
        """The latest notes, newest first."""
        notes = await self._records.shift_notes()
        self._records.viewed("shift_note.viewed", subject="shift_note", actor=actor(request))
        return as_json(notes)

    async def post_note(self, request: web.Request) -> web.StreamResponse:
        """Keep a note."""
        wish = await asked(request, NoteRequest)
        await self._records.write_shift_note(wish.text, actor(request))
        return web.Response(status=204)
