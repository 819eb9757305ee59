"""Security keys (FIDO2, WebAuthn Level 2): registering one for a person, and signing in with it.

A key that verifies its holder (by a PIN or a finger of its own) takes the place of the secret; with one that only wants
to be touched the secret is asked for as well: two factors either way. Wrong tries count as wrong secrets do. A badge
without a key is asked for one that does not exist, so that nobody learns from the question who has one.

Needs the package fido2 (hotspotd[fido]): importing this module fails without.
"""

from __future__ import annotations

import binascii
import hmac
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from msgspec import Meta

from hotspotd.access import secrets
from hotspotd.access.sessions import Session
from hotspotd.access.sign_in import SignIn
from hotspotd.errors import AccessError, Reason
from hotspotd.records import Records
from hotspotd.records.people import Person
from hotspotd.records.security_keys import SecurityKey

CHALLENGE_S: Final = 120.0
MOST_CHALLENGES: Final = 256
# COSE numbers of what keys sign with (RFC 9053): ES256, EdDSA; and RS256, for the keys of Windows.
_ALGORITHMS: Final = (-7, -8, -257)
_LONGEST_ID: Final = 1023  # CTAP 2.1, 6.5.
_USUAL_ID: Final = 64
# What fido2 raises for bytes that are not what they should be.
_MALFORMED: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error, RecursionError)

_Text = Annotated[str, Meta(max_length=12_000)]


class Signed(msgspec.Struct, frozen=True, rename="camel"):
    """The ``response`` of a key; bytes are base64url. Level 3 calls it RegistrationResponseJSON or the like."""

    client_data_json: _Text = msgspec.field(name="clientDataJSON")
    attestation_object: _Text = ""
    authenticator_data: _Text = ""
    signature: _Text = ""


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """What a browser gives for a challenge: ``PublicKeyCredential.toJSON()``."""

    raw_id: _Text
    response: Signed


class _ClientData(msgspec.Struct, frozen=True, rename="camel"):
    # Read by ourselves first: fido2 takes a number for a challenge, and makes as many bytes of it.
    type: str
    challenge: str
    origin: str
    cross_origin: bool = False


class Place(msgspec.Struct, frozen=True):
    """Where the page was loaded from: the name that keys are made for, and the whole origin."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class _Asked:
    state: Mapping[str, Any]
    badge: str
    place: Place
    session: Session | None
    """Whose key is to be registered; ``None``: somebody signs in."""
    until: float


class SecurityKeys:
    """Asks keys and judges what they answer. Challenges are in memory, each for one answer."""

    def __init__(self, records: Records, sign_in: SignIn, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._records = records
        self._sign_in = sign_in
        self._monotonic = monotonic
        self._asked: OrderedDict[str, _Asked] = OrderedDict()

    async def register_begin(self, session: Session, secret: str, place: Place) -> dict[str, Any]:
        """What to give to ``navigator.credentials.create``, as JSON.

        Raises AccessError: WRONG_SECRET, LOCKED, BUSY, NOT_ALLOWED while the secret is to be changed.
        """
        if session.must_change:
            raise AccessError(Reason.NOT_ALLOWED, "the secret is to be changed first", "Change it at /sign-in.")
        await self._sign_in.confirmed(session.badge, secret)
        user = PublicKeyCredentialUserEntity(
            id=session.badge.encode(), name=session.badge, display_name=f"badge {session.badge}"
        )
        options, state = _server(place).register_begin(
            user,
            resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        )
        self._ask(state, session.badge, place, session)
        return dict(options)

    async def register_complete(self, session: Session, answer: Answer, place: Place) -> None:
        """Keep the key that answered, in the place of the one before.

        Raises AccessError: CONFLICT where nothing was asked or too long ago, BAD_VALUE for what is no good answer.
        """
        asked = self._take(answer, place, session)
        try:
            made = _server(place).register_complete(asked.state, _as_registration(answer))
            credential = made.credential_data
            if credential is None or len(credential.credential_id) > _LONGEST_ID:
                raise ValueError("no credential, or a number too long")
            if credential.public_key.get(3) not in _ALGORITHMS:
                raise ValueError("signs in a way that was not asked for")
        except _MALFORMED as error:
            raise _no_answer(str(error)) from error
        key = SecurityKey(
            badge=session.badge,
            rp_id=place.rp_id,
            credential_id=credential.credential_id,
            credential=bytes(credential),
            counter=made.counter,
        )
        await self._records.add_key(key, session.actor)

    async def registered(self, badge: str, place: Place) -> bool:
        """Whether ``badge`` has a key for ``place``."""
        return await self._records.security_key(badge, place.rp_id) is not None

    async def remove(self, session: Session) -> None:
        """Forget the keys of whoever is signed in. Raises RecordsError (NOT_FOUND) where there is none."""
        await self._records.remove_keys(session.badge, session.actor)

    async def begin(self, badge: str, place: Place) -> dict[str, Any]:
        """What to give to ``navigator.credentials.get``, as JSON; of the same form for every badge."""
        key = await self._records.security_key(badge, place.rp_id) if secrets.BADGE.match(badge) else None
        # Made in any case, so that it takes as long.
        made_up = await self._made_up(badge, place)
        asked_for = PublicKeyCredentialDescriptor(
            type=PublicKeyCredentialType.PUBLIC_KEY, id=made_up if key is None else key.credential_id
        )
        options, state = _server(place).authenticate_begin(
            [asked_for], user_verification=UserVerificationRequirement.PREFERRED
        )
        self._ask(state, badge, place, None)
        return dict(options)

    async def complete(self, answer: Answer, secret: str, place: Place) -> tuple[str, Session]:
        """A new session and its token, for whoever was asked.

        Raises AccessError: CONFLICT where nothing was asked or too long ago, BAD_VALUE for what is no answer or where
        the secret is needed too, WRONG_SECRET, LOCKED, BUSY, NOT_ALLOWED where the key may have been copied.
        """
        asked = self._take(answer, place, None)
        try:
            signed = AuthenticatorData(websafe_decode(answer.response.authenticator_data))
        except _MALFORMED as error:
            raise _no_answer(str(error)) from error
        # Said of every badge alike, before anything is looked at; what the key claims is checked below.
        if not signed.is_user_verified() and not secret:
            raise AccessError(
                Reason.BAD_VALUE,
                "this key does not ask who you are",
                "Type your PIN or password as well, then use the key again.",
            )
        went_back = False

        async def proof(person: Person | None) -> bool:
            nonlocal went_back
            key = None if person is None else await self._records.security_key(person.badge, place.rp_id)
            is_theirs = key is not None and _is_signed(asked, key, answer)
            if not signed.is_user_verified():
                is_theirs = await self._sign_in.has_secret(secret, person) and is_theirs
            if is_theirs and key is not None:
                went_back = not await self._records.key_used(key, signed.counter)
            return is_theirs and not went_back

        try:
            person = await self._sign_in.proven(asked.badge, proof)
        except AccessError as error:
            if went_back:
                raise AccessError(
                    Reason.NOT_ALLOWED,
                    "this key may have been copied: it was used since",
                    "Sign in with your PIN or password, and tell a supervisor.",
                ) from error
            if error.reason is Reason.WRONG_SECRET:
                raise AccessError(Reason.WRONG_SECRET, "that is not the key of this badge", "Try again.") from error
            raise
        if person.must_change:
            raise AccessError(
                Reason.NOT_ALLOWED, "the secret is to be changed first", "Sign in with the PIN that you were given."
            )
        how = "with a key" if signed.is_user_verified() else "with a key and the secret"
        await self._records.signed_in(person.badge, how)
        return self._sign_in.sessions.begin(person.badge, person.roles)

    def _ask(self, state: Mapping[str, Any], badge: str, place: Place, session: Session | None) -> None:
        self._asked[state["challenge"]] = _Asked(state, badge, place, session, self._monotonic() + CHALLENGE_S)
        if len(self._asked) > MOST_CHALLENGES:
            self._asked.popitem(last=False)

    def _take(self, answer: Answer, place: Place, session: Session | None) -> _Asked:
        try:
            given = msgspec.json.decode(websafe_decode(answer.response.client_data_json), type=_ClientData)
        except (ValueError, binascii.Error) as error:
            raise _no_answer(str(error)) from error
        asked = self._asked.pop(given.challenge, None)
        if asked is None or asked.until < self._monotonic() or asked.session is not session:
            raise AccessError(Reason.CONFLICT, "that was not asked, or too long ago", "Begin again.")
        if given.cross_origin or asked.place != place:
            raise _no_answer("given to a page of another place")
        return asked

    async def _made_up(self, badge: str, place: Place) -> bytes:
        secret, lengths = await self._records.decoy_material(place.rp_id)
        material = f"{place.rp_id}\0{badge}".encode()
        seed = hmac.digest(secret, material, "sha512")
        length = lengths[seed[0] % len(lengths)] if lengths else _USUAL_ID
        blocks = (hmac.digest(secret, seed + bytes([number]), "sha512") for number in range(length // 64 + 1))
        return b"".join(blocks)[:length]


def _server(place: Place) -> Fido2Server:
    made = Fido2Server(
        PublicKeyCredentialRpEntity(name="hotspotd", id=place.rp_id),
        verify_origin=lambda origin: origin == place.origin,
    )
    made.timeout = int(CHALLENGE_S * 1000)  # type: ignore[assignment]  # Said to be None by fido2 2.2.
    made.allowed_algorithms = [each for each in made.allowed_algorithms if each.alg in _ALGORITHMS]
    return made


def _is_signed(asked: _Asked, key: SecurityKey, answer: Answer) -> bool:
    given = {
        "id": answer.raw_id,
        "rawId": answer.raw_id,
        "type": "public-key",
        "response": {
            "clientDataJSON": answer.response.client_data_json,
            "authenticatorData": answer.response.authenticator_data,
            "signature": answer.response.signature,
        },
    }
    try:
        _server(asked.place).authenticate_complete(asked.state, [AttestedCredentialData(key.credential)], given)
    except _MALFORMED:
        return False
    return True


def _as_registration(answer: Answer) -> dict[str, Any]:
    made = AttestationObject(websafe_decode(answer.response.attestation_object))
    number = b"" if made.auth_data.credential_data is None else made.auth_data.credential_data.credential_id
    if websafe_encode(number) != answer.raw_id:
        raise ValueError("another key's number")
    return {
        "id": answer.raw_id,
        "rawId": answer.raw_id,
        "type": "public-key",
        "response": {
            "clientDataJSON": answer.response.client_data_json,
            "attestationObject": answer.response.attestation_object,
        },
    }


def _no_answer(what: str) -> AccessError:
    return AccessError(Reason.BAD_VALUE, f"no answer of a security key: {what}", "Begin again.")
