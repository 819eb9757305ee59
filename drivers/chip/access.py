"""Opening a chip: Basic Access Control and PACE with generic mapping (ICAO Doc 9303-11, 4.3 and 4.4)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from drivers.base import DriverError, DriverReason
from drivers.chip import tlv
from drivers.chip.apdu import Command, Response
from drivers.chip.card import Card, refused, wrong_key
from drivers.chip.ciphers import AUTHENTICATION, ENCRYPTION, PASSWORD, Suite, pad, same
from drivers.chip.groups import Group, GroupError
from drivers.chip.secure_messaging import SecureMessaging
from drivers.chip.security_infos import PaceInfo

MRZ_PASSWORD, CAN_PASSWORD = 1, 2
"""Which password PACE is done with: the reference in its first command (9303-11, table 10)."""

# What chips answer to a wrong key: authentication failed (63xx), security status or conditions of use not satisfied
# and data incorrect, as different makes have it.
_WRONG_KEY = frozenset({0x6982, 0x6985, 0x6A80, 0x6984, 0x6988})

_DYNAMIC = 0x7C  # Dynamic authentication data.


def mrz_seed(mrz: str) -> bytes:
    """The hash of the MRZ information, of which keys are made (9303-11, 4.3.2, 9.7.2)."""
    return hashlib.sha1(mrz.encode("ascii"), usedforsecurity=False).digest()


def basic_access(card: Card, mrz: str, random: Callable[[int], bytes] = secrets.token_bytes) -> SecureMessaging:
    """Open the chip with the MRZ information. Raises DriverError: PASSWORD where it does not open it, PROTOCOL."""
    suite, seed = Suite.TDES, mrz_seed(mrz)[:16]
    encryption, authentication = suite.derive(seed, ENCRYPTION), suite.derive(seed, AUTHENTICATION)
    challenge = card.demand(Command(0, 0x84, 0, 0, b"", 8), "a challenge for basic access control")
    if len(challenge) != 8:
        raise _nonsense("a challenge of another length than 8 bytes")
    own, key = random(8), random(16)
    hidden = suite.encrypt(encryption, own + challenge + key)
    proof = hidden + suite.mac(authentication, pad(hidden, 8))
    answer = card.send(Command(0, 0x82, 0, 0, proof, 40))
    if not answer.ok:
        raise _key_refused("basic access control", answer)
    if len(answer.data) != 40:
        raise _nonsense("a proof of another length than 40 bytes")
    hidden, code = answer.data[:32], answer.data[32:]
    plain = suite.decrypt(encryption, hidden)
    if not same(code, suite.mac(authentication, pad(hidden, 8))) or plain[:16] != challenge + own:
        raise _nonsense("a proof that does not hold")
    secret = bytes(one ^ other for one, other in zip(key, plain[16:], strict=True))
    return SecureMessaging.agreed(suite, secret, int.from_bytes(challenge[4:] + own[4:], "big"))


def pace(
    card: Card,
    info: PaceInfo,
    group: Group,
    password: bytes,
    reference: int,
    *,
    ambiguous: bool = False,
    scalar: Callable[[], int] | None = None,
) -> SecureMessaging:
    """Open the chip by PACE. ``password`` is the hash of the MRZ information, or the digits of the CAN.

    ``ambiguous``: the chip offers the protocol with several groups, so the group is named. Raises DriverError:
    PASSWORD where the password does not open it, PROTOCOL.
    """
    draw = scalar or group.scalar
    template = tlv.encode(0x80, info.oid) + tlv.encode(0x83, bytes([reference]))
    if ambiguous:
        template += tlv.encode(0x84, bytes([info.parameters]))
    chosen = card.send(Command(0, 0x22, 0xC1, 0xA4, template))
    # 63Cx: the password has x tries left; chips with a CAN may warn so and go on.
    if not chosen.ok and chosen.status >> 4 != 0x63C:
        raise refused("PACE", chosen.status)
    suite = info.suite
    nonce = _step(card, b"", 0x80)
    if len(nonce) != 16:
        raise _nonsense("a nonce of another length than 16 bytes")
    drawn = suite.decrypt(suite.derive(password, PASSWORD), nonce)
    try:
        mapping = draw()
        theirs = _step(card, tlv.encode(0x81, group.multiply(group.generator, mapping)), 0x82)
        shared = group.multiply(theirs, mapping)
        generator = group.add(group.multiply(group.generator, int.from_bytes(drawn, "big")), shared)
        private = draw()
        own = group.multiply(generator, private)
        chips = _step(card, tlv.encode(0x83, own), 0x84)
        secret = group.secret(group.multiply(chips, private))
    except GroupError as error:
        raise _nonsense(str(error)) from error
    if chips == own:
        raise _nonsense("this terminal's own public key")  # 9303-11, 4.4.1, step 3d: a reflection.
    authentication = suite.derive(secret, AUTHENTICATION)
    token = tlv.encode(0x85, pace_token(suite, authentication, info, chips))
    answer = card.send(_authenticate(token, last=True))
    if not answer.ok:
        raise _key_refused("PACE", answer)
    if not same(_content(answer, 0x86), pace_token(suite, authentication, info, own)):
        raise _nonsense("an authentication token that does not hold")
    return SecureMessaging.agreed(suite, secret)


def pace_token(suite: Suite, key: bytes, info: PaceInfo, public: bytes) -> bytes:
    """The authentication token over a public key (9303-11, 4.4.3.4)."""
    element = tlv.encode(0x86 if info.elliptic else 0x84, public)
    data = tlv.encode(0x7F49, tlv.encode(0x06, info.oid) + element)
    return suite.mac(key, pad(data, suite.block) if suite is Suite.TDES else data)


def _authenticate(content: bytes, *, last: bool) -> Command:
    return Command(0x00 if last else 0x10, 0x86, 0, 0, tlv.encode(_DYNAMIC, content), 256)


def _step(card: Card, content: bytes, wanted: int) -> bytes:
    answer = card.send(_authenticate(content, last=False))
    if not answer.ok:
        raise refused("a step of PACE", answer.status)
    return _content(answer, wanted)


def _content(answer: Response, wanted: int) -> bytes:
    try:
        return tlv.value(answer.data, _DYNAMIC, wanted)
    except tlv.TlvError as error:
        raise _nonsense(str(error)) from error


def _key_refused(what: str, answer: Response) -> DriverError:
    if answer.status >> 8 == 0x63 or answer.status in _WRONG_KEY:
        return wrong_key(answer.status)
    return refused(what, answer.status)


def _nonsense(what: str) -> DriverError:
    return DriverError(DriverReason.PROTOCOL, f"the chip sends {what}", "read it again")
