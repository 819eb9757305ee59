"""The auditors' page: how far the chain is and is sealed, its entries, and whether each is as it was written.

Shows what the entries say and no note: what a person wrote is read at the command line (``hotspotctl audit show``). Who
sealed the checkpoints is judged there too, with those of the gateway; here the chain is checked against itself and
against the digests that the kiosk's own checkpoints hold. Reads from a connection of its own, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.clock import Clock
from hotspotd.console.answers import as_json
from hotspotd.console.gate import actor, needs, session_of
from hotspotd.console.streams import Message, Streams
from hotspotd.domain.rights import Act
from hotspotd.errors import HotspotError, Reason, WorkError
from hotspotd.events import AuditChanged, Event, Events
from hotspotd.records import Records, audit_file
from hotspotd.records.audit_check import Checked, check
from hotspotd.records.audit_file import Entry, Wanted
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

_PAGE: Final = 100
_NOTE: Final = "note="


class EntriesWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries: before a number, of an event (or all that begin with it and a dot), of a subject, by whom."""

    before: Annotated[int, Meta(ge=1, le=2**53)] = 2**53
    event: Annotated[str, Meta(max_length=60)] = ""
    subject: Annotated[str, Meta(max_length=200)] = ""
    actor: Annotated[str, Meta(max_length=200)] = ""


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. ``noted``: a person wrote something beside it, which is not shown here."""

    seq: int
    at: str
    clock_trusted: bool
    event: str
    subject: str
    actor: str
    detail: str
    noted: bool


class Entries(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, the newest first. ``before``: where the next older ones are asked for; 0 where there are none."""

    entries: tuple[EntryView, ...]
    before: int


class CheckView(msgspec.Struct, frozen=True, kw_only=True):
    """A check of the chain. ``finding`` is empty for a chain that is whole; ``failed`` says why none could be made."""

    running: bool = False
    by: str = ""
    at: str = ""
    done: int = 0
    of: int = 0
    sealed: int = 0
    notes_erased: int = 0
    damage: str = ""
    finding: str = ""
    failed: str = ""


class AuditState(msgspec.Struct, frozen=True, kw_only=True):
    """The chain: entries, its name (the first one's digest), the last digest, the last checkpoint and what it is of."""

    build: str
    entries: int
    chain: str
    digest: str
    checkpoint: int
    sealed: int
    check: CheckView | None


@dataclass(slots=True)
class _Under:
    """A check under way."""

    by: str
    of: int
    done: int = 0


class AuditPages:
    """Handlers of the page, and the source of its stream."""

    def __init__(self, events: Events, records: Records, streams: Streams, *, build: str, clock: Clock) -> None:
        self._events = events
        self._records = records
        self._streams = streams
        self._build = build
        self._clock = clock
        self._reading = Worker("audit-page")
        self._checking = Worker("audit-check", waiting=0)
        self._under: _Under | None = None
        self._last: CheckView | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = threading.Event()

    def routes(self) -> list[web.RouteDef]:
        """Everything but the page itself."""
        return [
            needs(Act.SEE_AUDIT, "GET", "/audit/events", self.get_events),
            needs(Act.SEE_AUDIT, "GET", "/api/audit", self.get_state),
            needs(Act.SEE_AUDIT, "GET", "/api/audit/entries", self.get_entries),
            needs(Act.SEE_AUDIT, "POST", "/api/audit/check", self.post_check),
        ]

    async def stop(self) -> None:
        """End the check that is under way, without a result."""
        self._stopping.set()
        self._reading.close()
        if self._task is not None:
            await self._task
        self._checking.close()

    async def state(self) -> AuditState:
        """Everything that the page shows but the entries. Raises RecordsError."""
        tail = await self._records.audit_tail()
        under = self._under
        running = under and CheckView(running=True, by=under.by, done=under.done, of=under.of)
        return AuditState(
            build=self._build,
            entries=tail.seq if tail else 0,
            chain=tail.chain if tail else "",
            digest=tail.digest if tail else "",
            checkpoint=tail.number if tail else 0,
            sealed=tail.sealed if tail else 0,
            check=running or self._last,
        )

    async def present(self) -> list[Message]:
        """The whole state."""
        return [("state", msgspec.json.encode(await self.state()))]

    async def changed(self, event: Event) -> list[Message]:
        """The whole state, where a check has got further."""
        return await self.present() if isinstance(event, AuditChanged) else []

    async def get_events(self, request: web.Request) -> web.StreamResponse:
        """The page's stream."""
        return await self._streams.serve(request, self, session_of(request))

    async def get_state(self, _: web.Request) -> web.StreamResponse:
        """How far the chain is, and the last check of it."""
        return as_json(await self.state())

    async def get_entries(self, request: web.Request) -> web.StreamResponse:
        """Some entries, the newest first. The reading of them is audited."""
        try:
            asked = msgspec.convert(dict(request.query), EntriesWanted, strict=False)
        except msgspec.ValidationError as error:
            raise web.HTTPBadRequest(text=f"cannot be read: {error}") from error
        wanted = Wanted(event=asked.event.strip(), subject=asked.subject.strip(), actor=asked.actor.strip())
        found, before = await self._reading.run(self._read, wanted, asked.before)
        self._records.viewed("audit.viewed", subject="audit", actor=actor(request))
        return as_json(Entries(entries=tuple(_view(entry) for entry in found), before=before))

    def _read(self, wanted: Wanted, before: int) -> tuple[list[Entry], int]:
        with audit_file.reading(self._records.path) as connection:
            return audit_file.newest(connection, wanted, before, _PAGE)

    async def post_check(self, request: web.Request) -> web.StreamResponse:
        """Begin to check every entry. 409 while a check is under way."""
        if self._under is not None:
            raise WorkError(Reason.CONFLICT, "the chain is being checked already", "Wait for its result.")
        by = actor(request)
        tail = await self._records.audit_tail()
        self._under = _Under(by, tail.seq if tail else 0)
        self._task = asyncio.create_task(self._check(by), name="audit-check")
        return as_json(await self.state())

    async def _check(self, by: str) -> None:
        loop = asyncio.get_running_loop()

        def told(done: int) -> None:
            loop.call_soon_threadsafe(self._further, done)

        self._events.publish(AuditChanged())
        at = self._clock.now().iso()
        try:
            checked = await self._checking.run(self._check_in_thread, told)
            finding = checked.finding
            await self._records.audited(
                "audit.checked",
                subject="audit",
                actor=by,
                detail=f"{checked.entries} {finding.damage if finding else 'whole'}",
            )
            self._last = CheckView(
                by=by,
                at=at,
                done=checked.entries,
                of=max(checked.entries, self._under.of if self._under else 0),
                sealed=checked.sealed,
                notes_erased=checked.notes_erased,
                damage=finding.damage if finding else "",
                finding=finding.what if finding else "",
            )
            if finding:
                log.error("the audit chain is not as it was written: %s", finding.what)
        except HotspotError as error:
            log.error("the audit chain could not be checked: %s", error)
            self._last = CheckView(by=by, at=at, failed=error.what)
        finally:
            self._under = None
            self._events.publish(AuditChanged())

    def _check_in_thread(self, told: Callable[[int], None]) -> Checked:
        def progress(done: int) -> None:
            if self._stopping.is_set():
                raise WorkError(Reason.BUSY, "the kiosk stops", "Check again when it runs.")
            told(done)

        with audit_file.reading(self._records.path) as connection:
            return check(connection, audit_file.anchors(connection), progress)

    def _further(self, done: int) -> None:
        if self._under is not None:
            self._under.done = done
            self._events.publish(AuditChanged())


def _view(entry: Entry) -> EntryView:
    detail, noted, _ = entry.detail.partition(_NOTE)
    return EntryView(
        seq=entry.seq,
        at=entry.at,
        clock_trusted=entry.clock_trusted,
        event=entry.event,
        subject=entry.subject,
        actor=entry.actor,
        detail=detail.strip(),
        noted=bool(noted),
    )
