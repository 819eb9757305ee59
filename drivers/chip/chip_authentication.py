"""Chip authentication, version 1 (ICAO Doc 9303-11, 6.2): the chip proves that it holds the private key of its DG14.

The proof is implicit: both sides go on with keys that only the holder of the private key can have.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.base import ChipAuthentication, DriverError, DriverReason
from drivers.chip import tlv
from drivers.chip.apdu import Command
from drivers.chip.card import Card
from drivers.chip.ciphers import Suite
from drivers.chip.groups import GroupError
from drivers.chip.secure_messaging import SecureMessaging
from drivers.chip.security_infos import ChipKeyInfo, chip_keys

_WHAT = "chip authentication"
# READ BINARY of the first bytes of EF.COM, by its short identifier.
_PROBE = Command(0, 0xB0, 0x80 | 0x1E, 0, b"", 6)


def authenticate(card: Card, dg14: bytes, scalar: Callable[[], int] | None = None) -> ChipAuthentication:
    """Have the chip prove itself, and return what came of it; on FAILED the channel is of no more use.

    Raises DriverError where the chip went away or took too long.
    """
    try:
        keys, others = chip_keys(dg14)
    except tlv.TlvError:
        return ChipAuthentication.UNSUPPORTED
    if not keys:
        return ChipAuthentication.UNSUPPORTED if others else ChipAuthentication.ABSENT
    key = keys[0]
    try:
        private = (scalar or key.group.scalar)()
        secret = key.group.secret(key.group.multiply(key.public, private))
        own = key.group.multiply(key.group.generator, private)
    except GroupError:
        return ChipAuthentication.UNSUPPORTED
    try:
        _agree(card, key, own)
        card.secure = SecureMessaging.agreed(key.suite, secret)
        # Whatever its status: an answer that holds in the new channel is the proof.
        card.send(_PROBE)
    except DriverError as error:
        # A refusal and noise are what a copy has to offer: neither may look better than a wrong key.
        if error.reason is not DriverReason.PROTOCOL:
            raise
        return ChipAuthentication.FAILED
    return ChipAuthentication.DONE


def _agree(card: Card, key: ChipKeyInfo, own: bytes) -> None:
    reference = b"" if key.key_id is None else tlv.encode(0x84, _shortest(key.key_id))
    if key.suite is Suite.TDES:
        # MSE:Set KAT, which is all of it (9303-11, 6.2.4.1).
        card.demand(Command(0, 0x22, 0x41, 0xA6, tlv.encode(0x91, own) + reference), _WHAT)
        return
    card.demand(Command(0, 0x22, 0x41, 0xA4, tlv.encode(0x80, key.oid or b"") + reference), _WHAT)
    card.demand(Command(0, 0x86, 0, 0, tlv.encode(0x7C, tlv.encode(0x80, own)), 256), _WHAT)


def _shortest(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
