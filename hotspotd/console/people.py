"""The supervisors' page about who may sign in here: added, given a new PIN, unlocked, disabled and let in again.

A PIN is made by chance, shown once in the answer and kept as a hash. Nobody disables themself or the last supervisor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.access import secrets
from hotspotd.access.sign_in import SignIn
from hotspotd.console.answers import as_json, asked
from hotspotd.console.gate import actor, needs, session_of
from hotspotd.console.streams import Message, Streams
from hotspotd.domain.rights import Act, Role
from hotspotd.errors import AccessError, Reason
from hotspotd.events import Event, Events, PeopleChanged
from hotspotd.records import Records
from hotspotd.records.people import Person

_ADD: Final = "/api/people"


class AddRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who shall be able to sign in."""

    badge: Annotated[str, Meta(max_length=20)]
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=4)]


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """One person. ``locked_s``: for how long nobody may try; ``screens``: at how many they are signed in."""

    badge: str
    roles: tuple[str, ...]
    disabled: bool
    must_change: bool
    failures: int
    locked_s: float
    screens: int
    made_at: str
    changed_at: str


class PeopleState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of the page."""

    build: str
    people: tuple[PersonView, ...]


class NewPin(msgspec.Struct, frozen=True, kw_only=True):
    """A PIN made by chance, to be changed at the first sign-in. It is not given again."""

    badge: str
    pin: str


class PeoplePages:
    """Handlers of the page, and the source of its stream."""

    def __init__(self, sign_in: SignIn, events: Events, records: Records, streams: Streams, *, build: str) -> None:
        self._sign_in = sign_in
        self._events = events
        self._records = records
        self._streams = streams
        self._build = build

    def routes(self) -> list[web.RouteDef]:
        """Everything but the page itself."""
        may = Act.MANAGE_PEOPLE
        return [
            needs(may, "GET", "/people/events", self.get_events),
            needs(may, "GET", _ADD, self.get_people),
            needs(may, "POST", _ADD, self.post_person),
            needs(may, "POST", f"{_ADD}/{{badge}}/pin", self.post_pin),
            needs(may, "POST", f"{_ADD}/{{badge}}/unlock", self._changing(self._unlock)),
            needs(may, "POST", f"{_ADD}/{{badge}}/disable", self._changing(self._disable)),
            needs(may, "POST", f"{_ADD}/{{badge}}/enable", self._changing(self._enable)),
        ]

    async def state(self) -> PeopleState:
        """Everything that the page shows. Raises RecordsError."""
        people = await self._records.people()
        return PeopleState(build=self._build, people=tuple(self._view(person) for person in people))

    def _view(self, person: Person) -> PersonView:
        return PersonView(
            badge=person.badge,
            roles=person.roles,
            disabled=person.disabled,
            must_change=person.must_change,
            failures=person.failures,
            locked_s=round(self._sign_in.locked_s(person), 1),
            screens=self._sign_in.sessions.count_of(person.badge),
            made_at=person.made_at,
            changed_at=person.changed_at,
        )

    async def present(self) -> list[Message]:
        """The whole state."""
        return [("state", msgspec.json.encode(await self.state()))]

    async def changed(self, event: Event) -> list[Message]:
        """The whole state, where it has changed."""
        return await self.present() if isinstance(event, PeopleChanged) else []

    async def get_events(self, request: web.Request) -> web.StreamResponse:
        """The page's stream."""
        return await self._streams.serve(request, self, session_of(request))

    async def get_people(self, _: web.Request) -> web.StreamResponse:
        """Everybody."""
        return as_json(await self.state())

    async def post_person(self, request: web.Request) -> web.StreamResponse:
        """Add somebody; gives the PIN. 409 for a badge that is known."""
        wish = await asked(request, AddRequest)
        badge = wish.badge.strip()
        secrets.check_badge(badge)
        pin = secrets.new_pin(badge)
        roles = tuple(role for role in Role if role in wish.roles)
        kept = await self._sign_in.hashed(badge, pin)
        await self._records.add_person(Person(badge=badge, roles=roles, secret=kept, must_change=True), actor(request))
        return self._told(badge, pin, status=201)

    async def post_pin(self, request: web.Request) -> web.StreamResponse:
        """Give somebody a new PIN, which unlocks and signs them out; gives the PIN. 409 for one's own badge."""
        badge = request.match_info["badge"]
        self._not_oneself(request, badge, "Change your own where you sign in.")
        if await self._records.person(badge) is None:
            raise _nobody(badge)
        pin = secrets.new_pin(badge)
        await self._records.set_secret(badge, await self._sign_in.hashed(badge, pin), actor(request), must_change=True)
        self._sign_in.forgive(badge)
        self._sign_in.sessions.end_of(badge)
        return self._told(badge, pin)

    def _changing(
        self, change: Callable[[web.Request, str], Awaitable[None]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            await change(request, request.match_info["badge"])
            self._events.publish(PeopleChanged())
            return as_json(await self.state())

        return answer

    async def _unlock(self, request: web.Request, badge: str) -> None:
        await self._records.unlock(badge, actor(request))
        self._sign_in.forgive(badge)

    async def _disable(self, request: web.Request, badge: str) -> None:
        self._not_oneself(request, badge, "Another supervisor can do it.")
        await self._records.set_disabled(badge, actor(request), disabled=True, spare_last=True)
        self._sign_in.sessions.end_of(badge)

    async def _enable(self, request: web.Request, badge: str) -> None:
        await self._records.set_disabled(badge, actor(request), disabled=False)
        self._sign_in.forgive(badge)

    def _not_oneself(self, request: web.Request, badge: str, advice: str) -> None:
        if session_of(request).badge == badge:
            raise AccessError(Reason.CONFLICT, "that is your own badge", advice)

    def _told(self, badge: str, pin: str, *, status: int = 200) -> web.Response:
        self._events.publish(PeopleChanged())
        return as_json(NewPin(badge=badge, pin=pin), status)


def _nobody(badge: str) -> AccessError:
    return AccessError(Reason.NOT_FOUND, f"nobody has badge {badge[:20]}", "Read the list again.")
