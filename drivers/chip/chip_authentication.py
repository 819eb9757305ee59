"""Chip authentication, version 1 (ICAO Doc 9303-11, 6.2): the chip proves that it holds the private key of its DG14.

The proof is implicit: both sides go on with keys that only the holder of the private key can have.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.base import ChipAuthentication, DriverError
from drivers.chip import tlv
from drivers.chip.apdu import OK, Command
from drivers.chip.card import Card, SecureChannelLostError, refused
from drivers.chip.ciphers import Suite
from drivers.chip.groups import GroupError
from drivers.chip.secure_messaging import SecureMessaging
from drivers.chip.security_infos import ChipKeyInfo, chip_keys


def authenticate(
    card: Card, dg14: bytes, probe: Callable[[], object], scalar: Callable[[], int] | None = None
) -> ChipAuthentication:
    """Have the chip prove itself; ``probe`` sends a command through the new channel and raises where it does not hold.

    Returns what came of it. Raises DriverError where the chip went away; on FAILED the channel is of no more use.
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
        probe()
    except SecureChannelLostError:
        return ChipAuthentication.FAILED
    except _RefusedError:
        return ChipAuthentication.FAILED
    return ChipAuthentication.DONE


class _RefusedError(DriverError):
    """The chip refuses what its DG14 promises."""


def _agree(card: Card, key: ChipKeyInfo, own: bytes) -> None:
    reference = b"" if key.key_id is None else tlv.encode(0x84, _shortest(key.key_id))
    if key.suite is Suite.TDES:
        # MSE:Set KAT, which is all of it (9303-11, 6.2.4.1).
        _demand(card, Command(0, 0x22, 0x41, 0xA6, tlv.encode(0x91, own) + reference))
        return
    _demand(card, Command(0, 0x22, 0x41, 0xA4, tlv.encode(0x80, key.oid or b"") + reference))
    _demand(card, Command(0, 0x86, 0, 0, tlv.encode(0x7C, tlv.encode(0x80, own)), 256))


def _demand(card: Card, command: Command) -> None:
    response = card.send(command)
    if response.status != OK:
        error = refused("chip authentication", response.status)
        raise _RefusedError(error.reason, error.what, error.advice)


def _shortest(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
