"""Registering a security key and signing in with one. Needs the package fido2: importing this module fails without."""

from __future__ import annotations

import ipaddress
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.access.security_keys import Answer, Place, SecurityKeys
from hotspotd.access.sign_in import SignIn
from hotspotd.clock import Clock
from hotspotd.console.answers import as_json, asked
from hotspotd.console.gate import COOKIE, Open, needs, session_of
from hotspotd.errors import AccessError, Reason
from hotspotd.records import Records

T = TypeVar("T")
_Secret = Annotated[str, Meta(max_length=256)]


class RegisterRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's own secret, again."""

    secret: _Secret


class RegisterAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the key answered."""

    answer: Answer


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants to sign in."""

    badge: Annotated[str, Meta(max_length=20)]


class KeyAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the key answered; with a key that does not verify its holder, the secret too."""

    answer: Answer
    secret: _Secret = ""


class SecurityKeyPages:
    """Handlers of security keys. Challenges and answers are as WebAuthn Level 3 writes them in JSON."""

    def __init__(self, records: Records, sign_in: SignIn, clock: Clock) -> None:
        self._keys = SecurityKeys(records, sign_in, clock.monotonic)

    def routes(self) -> list[web.RouteDef]:
        """Everything but the pages themselves."""
        return [
            needs(Open.SIGNED_IN, "GET", "/api/session/keys", self.get_keys),
            needs(Open.SIGNED_IN, "DELETE", "/api/session/keys", self.delete_keys),
            needs(Open.SIGNED_IN, "POST", "/api/session/keys/begin", self.post_register_begin),
            needs(Open.SIGNED_IN, "POST", "/api/session/keys/complete", self.post_register_complete),
            needs(Open.ANYONE, "POST", "/api/session/key/begin", self.post_begin),
            needs(Open.ANYONE, "POST", "/api/session/key/complete", self.post_complete),
        ]

    async def get_keys(self, request: web.Request) -> web.StreamResponse:
        """Whether whoever is signed in has a key for this address."""
        return as_json({"registered": await self._keys.registered(session_of(request).badge, place_of(request))})

    async def delete_keys(self, request: web.Request) -> web.StreamResponse:
        """Forget one's own keys. 404 where there is none."""
        await self._keys.remove(session_of(request))
        return web.Response(status=204)

    async def post_register_begin(self, request: web.Request) -> web.StreamResponse:
        """What to ask the key. 401 for a wrong secret, 429 while the badge is locked."""
        wish = await asked(request, RegisterRequest)
        return as_json(await self._keys.register_begin(session_of(request), wish.secret, place_of(request)))

    async def post_register_complete(self, request: web.Request) -> web.StreamResponse:
        """Register the key for one's own badge. 409 where it was not asked for, or too long ago."""
        wish = await asked(request, RegisterAnswer)
        await self._keys.register_complete(session_of(request), wish.answer, place_of(request))
        return web.Response(status=204)

    async def post_begin(self, request: web.Request) -> web.StreamResponse:
        """What to ask the key of a badge; whether there is one cannot be told from it."""
        wish = await asked(request, KeyRequest)
        return as_json(await self._keys.begin(wish.badge.strip(), place_of(request)))

    async def post_complete(self, request: web.Request) -> web.StreamResponse:
        """Sign in. 400 where the secret is needed too, 401 for a wrong key, 403 for one that may have been copied."""
        wish = await asked(request, KeyAnswer)
        token, session = await self._keys.complete(wish.answer, wish.secret, place_of(request))
        acts = tuple(sorted(act for act in session.acts if session.may(act)))
        response = as_json({"badge": session.badge, "roles": session.roles, "acts": acts, "must_change": False})
        response.set_status(201)
        response.set_cookie(COOKIE, token, path="/", httponly=True, samesite="Strict", secure=request.secure)
        return response


def name_of(request: web.Request) -> str | None:
    """The name that keys are made for: that of the host asked for; ``None`` where it is a number, which has no keys."""
    name = request.url.host or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name or None
    return None


def place_of(request: web.Request) -> Place:
    """Where the page that asks was loaded from. Raises AccessError (CONFLICT) where no key works there."""
    name = name_of(request)
    if name is None:
        raise AccessError(
            Reason.CONFLICT,
            "security keys do not work at an address of numbers",
            "Open the kiosk by its name; at the kiosk itself, http://localhost.",
        )
    # The host was checked against the kiosk's names before.
    return Place(rp_id=name, origin=f"{request.scheme}://{request.host}")
