"""SecurityInfos (ICAO Doc 9303-11, 9.2): what EF.CardAccess and DG14 say about protocols and keys. Pure, bounded.

What is not known is passed over: a chip may offer more than this terminal speaks.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.chip import tlv
from drivers.chip.ciphers import Suite
from drivers.chip.groups import EllipticGroup, Group, GroupError, ModularGroup, by_curve, standardised

_SEQUENCE, _SET, _INTEGER, _BITS, _OCTETS, _OID = 0x30, 0x31, 0x02, 0x03, 0x04, 0x06
_MOST = 32  # Infos in one file; real ones have under ten.

# The arc bsi-de protocols smartcard (0.4.0.127.0.7.2.2), as the value of an object identifier.
_SMARTCARD = bytes.fromhex("04007F00070202")
_PACE = _SMARTCARD + b"\x04"
_CHIP_AUTHENTICATION = _SMARTCARD + b"\x03"
_PUBLIC_KEY = _SMARTCARD + b"\x01"
_STANDARDISED = bytes.fromhex("04007F00070102")  # 0.4.0.127.0.7.1.2, standardized domain parameters
_EC_PUBLIC_KEY = bytes.fromhex("2A8648CE3D0201")
_PRIME_FIELD = bytes.fromhex("2A8648CE3D0101")
_DH_KEYS = (bytes.fromhex("2A864886F70D010301"), bytes.fromhex("2A8648CE3E0201"))  # PKCS #3 and X9.42

_SUITES = {1: Suite.TDES, 2: Suite.AES128, 3: Suite.AES192, 4: Suite.AES256}
_DH, _ECDH = 1, 2


@dataclass(frozen=True, slots=True)
class PaceInfo:
    """PACE with generic mapping, as a chip offers it. ``parameters`` is the number of the group."""

    oid: bytes
    suite: Suite
    elliptic: bool
    parameters: int

    @property
    def name(self) -> str:
        """As 9303-11 names it, without the prefix."""
        agreement = "ECDH" if self.elliptic else "DH"
        return f"PACE-{agreement}-GM-{self.suite.label}"


@dataclass(frozen=True, slots=True)
class ChipKeyInfo:
    """A public key for chip authentication, and the protocols that go with it. ``key_id`` is None for the only one."""

    group: Group
    public: bytes
    key_id: int | None
    oid: bytes | None
    suite: Suite


def pace_infos(card_access: bytes) -> list[PaceInfo]:
    """The PACE protocols of EF.CardAccess that this terminal speaks, best first. Raises TlvError."""
    found = []
    for oid, rest in _infos(card_access):
        if oid[:-2] != _PACE or oid[-2] not in (_DH, _ECDH) or oid[-1] not in _SUITES or len(rest) < 2:
            continue
        number = _whole(rest[1])
        elliptic = oid[-2] == _ECDH
        # 9303-11, 9.5.1: 0 to 2 are modular groups, 8 to 18 curves; anything else are a chip's own parameters.
        if (8 <= number <= 18) if elliptic else (0 <= number <= 2):
            found.append(PaceInfo(oid, _SUITES[oid[-1]], elliptic, number))
    return sorted(found, key=lambda info: (info.suite is not Suite.TDES, info.elliptic), reverse=True)


def chip_keys(dg14: bytes) -> tuple[list[ChipKeyInfo], bool]:
    """The keys for chip authentication in DG14 that are understood, best first, and whether there are others.

    Raises TlvError.
    """
    infos = _infos(tlv.value(dg14, 0x6E))
    protocols = [
        (oid, _whole(rest[1]) if len(rest) > 1 else None)
        for oid, rest in infos
        if oid[:-2] == _CHIP_AUTHENTICATION and oid[-2] in (_DH, _ECDH) and oid[-1] in _SUITES
    ]
    keys: list[ChipKeyInfo] = []
    others = False
    for oid, rest in infos:
        if oid[:-1] != _PUBLIC_KEY or oid[-1] not in (_DH, _ECDH) or not rest:
            continue
        key_id = _whole(rest[1]) if len(rest) > 1 else None
        try:
            group, public = _subject_key(rest[0])
        except (GroupError, tlv.TlvError):
            others = True
            continue
        fitting = [one for one, its in protocols if one[-2] == oid[-1] and its == key_id]
        keys.extend(ChipKeyInfo(group, public, key_id, one, _SUITES[one[-1]]) for one in fitting)
        if not fitting:
            # Without an info of its own a key goes with 3DES (9303-11, 9.2.7).
            keys.append(ChipKeyInfo(group, public, key_id, None, Suite.TDES))
    return sorted(keys, key=lambda key: key.suite.key_length * (key.suite is not Suite.TDES), reverse=True), others


def _infos(data: bytes) -> list[tuple[bytes, list[tuple[int, bytes]]]]:
    """Each info as its object identifier and what follows it."""
    found = []
    for tag, content in tlv.items(tlv.value(data, _SET)):
        parts = list(tlv.items(content)) if tag == _SEQUENCE else []
        if parts and parts[0][0] == _OID and len(parts[0][1]) >= 2:
            found.append((parts[0][1], parts[1:]))
        if len(found) > _MOST:
            raise tlv.TlvError("too many security infos")
    return found


def _whole(item: tuple[int, bytes]) -> int:
    tag, content = item
    if tag != _INTEGER or not 1 <= len(content) <= 1024:
        raise tlv.TlvError("no whole number where one is expected")
    return int.from_bytes(content, "big", signed=True)


def _subject_key(item: tuple[int, bytes]) -> tuple[Group, bytes]:
    """The group and the element of a SubjectPublicKeyInfo."""
    if item[0] != _SEQUENCE:
        raise tlv.TlvError("no public key where one is expected")
    algorithm, key = _two(item[1])
    if algorithm[0] != _SEQUENCE or key[0] != _BITS:
        raise tlv.TlvError("a public key of an unknown form")
    (tag, oid), parameters = _two(algorithm[1])
    if tag != _OID:
        raise tlv.TlvError("a public key of an unknown form")
    bits = key[1][1:]
    if oid == _STANDARDISED:
        group = standardised(_whole(parameters))
        return group, bits if group.elliptic else _number(bits, group)
    if oid == _EC_PUBLIC_KEY:
        if parameters[0] == _OID:
            return by_curve(parameters[1]), bits
        return _explicit_curve(parameters), bits
    if oid in _DH_KEYS:
        numbers = [_whole(one) for one in tlv.items(parameters[1]) if one[0] == _INTEGER]
        if len(numbers) < 2:
            raise tlv.TlvError("a group without prime and generator")
        # X9.42 has the order third; PKCS #3 has at most the length of the private key.
        known = oid == _DH_KEYS[1] and len(numbers) > 2
        order = numbers[2] if known else numbers[0]
        group = ModularGroup(
            f"explicit group of {numbers[0].bit_length()} bits", numbers[0], numbers[1], order, order_known=known
        )
        return group, _number(bits, group)
    raise GroupError("a public key of an unknown kind")


def _number(bits: bytes, group: Group) -> bytes:
    """A modular public key, an INTEGER in the bit string, as an element."""
    number = _whole(next(tlv.items(bits), (0, b"")))
    if number < 0 or number.bit_length() > len(group.generator) * 8:
        raise GroupError("a public key outside its group")
    return number.to_bytes(len(group.generator), "big")


def _explicit_curve(parameters: tuple[int, bytes]) -> EllipticGroup:
    """ECParameters written out (BSI TR-03111, 3.2)."""
    parts = list(tlv.items(parameters[1])) if parameters[0] == _SEQUENCE else []
    if len(parts) < 5 or parts[1][0] != _SEQUENCE or parts[2][0] != _SEQUENCE or parts[3][0] != _OCTETS:
        raise tlv.TlvError("a curve of an unknown form")
    field, prime = _two(parts[1][1])
    if field != (_OID, _PRIME_FIELD):
        raise GroupError("a curve over a field that is not prime")
    a, b = _two(parts[2][1])
    cofactor = _whole(parts[5]) if len(parts) > 5 else 1
    return EllipticGroup.explicit(
        _whole(prime),
        int.from_bytes(a[1], "big"),
        int.from_bytes(b[1], "big"),
        parts[3][1],
        _whole(parts[4]),
        cofactor,
    )


def _two(content: bytes) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
    parts = list(tlv.items(content))
    if len(parts) < 2:
        raise tlv.TlvError("a sequence of fewer than two objects")
    return parts[0], parts[1]
