"""The groups of key agreement: standardised by number (ICAO Doc 9303-11, 9.5.1), or as a chip describes its own.

Elements are bytes as they are sent: an uncompressed point, or a number of the length of the prime. What comes from a
chip is checked before it is used: a point lies on its curve, a number within the group. Point arithmetic is that of the
library ecdsa, whose time depends on the scalar; scalars here are used once.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod

from ecdsa import curves, ellipticcurve

from drivers.chip import modp

# The largest of 9303-11: P-521, and a generous limit for primes of chips' own groups.
_LARGEST_FIELD_BITS = 521
_LARGEST_PRIME_BITS = 4096


class GroupError(ValueError):
    """Parameters of no usable group, or bytes that are no element of it."""


class Group(ABC):
    """A group of prime order. ``generator`` is its standard one."""

    elliptic: bool
    name: str
    order: int
    generator: bytes

    @abstractmethod
    def multiply(self, element: bytes, scalar: int) -> bytes:
        """``element``, ``scalar`` times. Raises GroupError where ``element`` is none, or the result the neutral one."""

    @abstractmethod
    def add(self, one: bytes, other: bytes) -> bytes:
        """Two elements put together. Raises GroupError."""

    @abstractmethod
    def secret(self, element: bytes) -> bytes:
        """The shared secret that an agreed element stands for (9303-11, 9.6)."""

    def scalar(self) -> int:
        """A fresh private key."""
        return secrets.randbelow(self.order - 1) + 1


class EllipticGroup(Group):
    """The points of a curve over a prime field, of prime order."""

    elliptic = True

    def __init__(self, name: str, curve: ellipticcurve.CurveFp, x: int, y: int, order: int) -> None:
        self.name = name
        self.order = order
        self._curve = curve
        self._size = (int(curve.p()).bit_length() + 7) // 8
        self.generator = b"\x04" + x.to_bytes(self._size, "big") + y.to_bytes(self._size, "big")
        self._point(self.generator)

    @classmethod
    def explicit(cls, p: int, a: int, b: int, generator: bytes, order: int, cofactor: int) -> EllipticGroup:
        """A curve that the chip describes itself, of which only its form is checked. Raises GroupError.

        What such parameters are worth hangs on the signature over them.
        """
        size = (p.bit_length() + 7) // 8
        if not 160 <= p.bit_length() <= _LARGEST_FIELD_BITS or p % 2 == 0 or cofactor != 1:
            raise GroupError("a curve that is not over a prime field of 160 to 521 bits, of prime order")
        if abs(order - p - 1).bit_length() > p.bit_length() // 2 + 2:
            raise GroupError("a curve whose order cannot be right")  # Hasse's bound.
        if len(generator) != 1 + 2 * size or generator[0] != 4 or not (0 <= a < p and 0 <= b < p):
            raise GroupError("a curve whose parameters do not fit together")
        x, y = (int.from_bytes(part, "big") for part in (generator[1 : 1 + size], generator[1 + size :]))
        curve = ellipticcurve.CurveFp(p, a, b, cofactor)
        known = {
            (group._curve.p(), group._curve.a() % p, group._curve.b(), group.generator): group.name
            for group in _elliptic().values()
        }
        return cls(known.get((p, a, b, generator), f"explicit curve of {p.bit_length()} bits"), curve, x, y, order)

    def multiply(self, element: bytes, scalar: int) -> bytes:
        """See Group."""
        return self._encoded(self._point(element) * scalar)

    def add(self, one: bytes, other: bytes) -> bytes:
        """See Group."""
        return self._encoded(self._point(one) + self._point(other))

    def secret(self, element: bytes) -> bytes:
        """The x coordinate."""
        return element[1 : 1 + self._size]

    def _point(self, element: bytes) -> ellipticcurve.PointJacobi:
        size = self._size
        if len(element) != 1 + 2 * size or element[0] != 4:
            raise GroupError(f"no uncompressed point of {self.name}")
        x, y = int.from_bytes(element[1 : 1 + size], "big"), int.from_bytes(element[1 + size :], "big")
        p = self._curve.p()
        if x >= p or y >= p or not self._curve.contains_point(x, y):
            raise GroupError(f"a point that is not on {self.name}")
        return ellipticcurve.PointJacobi(self._curve, x, y, 1, self.order)

    def _encoded(self, point: ellipticcurve.PointJacobi) -> bytes:
        if point == ellipticcurve.INFINITY:
            raise GroupError(f"the neutral element of {self.name}")
        size = self._size
        return b"\x04" + int(point.x()).to_bytes(size, "big") + int(point.y()).to_bytes(size, "big")


class ModularGroup(Group):
    """Numbers modulo a prime, in a subgroup of prime order (``order`` is a bound where it is not known)."""

    elliptic = False

    def __init__(self, name: str, prime: int, generator: int, order: int, *, order_known: bool = True) -> None:
        if not 1024 <= prime.bit_length() <= _LARGEST_PRIME_BITS or prime % 2 == 0 or not 1 < order <= prime:
            raise GroupError("a modular group that is not of a prime of 1024 to 4096 bits")
        self.name = name
        self.order = order
        self._order_known = order_known
        self._prime = prime
        self._size = (prime.bit_length() + 7) // 8
        self.generator = self._encoded(generator)

    def multiply(self, element: bytes, scalar: int) -> bytes:
        """See Group."""
        return self._encoded(pow(self._number(element), scalar, self._prime))

    def add(self, one: bytes, other: bytes) -> bytes:
        """See Group."""
        return self._encoded(self._number(one) * self._number(other) % self._prime)

    def secret(self, element: bytes) -> bytes:
        """The whole number."""
        return element

    def _number(self, element: bytes) -> int:
        number = int.from_bytes(element, "big")
        if len(element) > self._size or not 1 < number < self._prime - 1:
            raise GroupError(f"no element of {self.name}")
        if self._order_known and pow(number, self.order, self._prime) != 1:
            raise GroupError(f"a number outside the subgroup of {self.name}")
        return number

    def _encoded(self, number: int) -> bytes:
        if not 1 < number < self._prime:
            raise GroupError(f"the neutral element of {self.name}")
        return number.to_bytes(self._size, "big")


_CURVES = {
    8: curves.NIST192p,
    9: curves.BRAINPOOLP192r1,
    10: curves.NIST224p,
    11: curves.BRAINPOOLP224r1,
    12: curves.NIST256p,
    13: curves.BRAINPOOLP256r1,
    14: curves.BRAINPOOLP320r1,
    15: curves.NIST384p,
    16: curves.BRAINPOOLP384r1,
    17: curves.BRAINPOOLP512r1,
    18: curves.NIST521p,
}
NUMBERS = (0, 1, 2, *_CURVES)
"""The numbers of the standardised domain parameters that are known."""


def _elliptic() -> dict[int, EllipticGroup]:
    return {number: _named(curve) for number, curve in _CURVES.items()}


def _named(curve: curves.Curve) -> EllipticGroup:
    point = curve.generator
    return EllipticGroup(curve.name, curve.curve, int(point.x()), int(point.y()), int(curve.order))


def standardised(number: int) -> Group:
    """The group with this number in 9303-11, 9.5.1. Raises GroupError."""
    if number in _CURVES:
        return _named(_CURVES[number])
    if 0 <= number < len(modp.GROUPS):
        return ModularGroup(*modp.GROUPS[number])
    raise GroupError(f"domain parameters {number} are not known")


def by_curve(oid: bytes) -> EllipticGroup:
    """The curve that an object identifier (its DER value) names. Raises GroupError."""
    for curve in _CURVES.values():
        if curve.encoded_oid[2:] == oid:
            return _named(curve)
    raise GroupError("a curve that is not known")
