"""Checking one signature, of a security object, a certificate or a list (ICAO Doc 9303-12, 4.4). Pure.

Taken: RSA with PKCS #1 v1.5 and PSS, 1024 to 8192 bits, and ECDSA on the NIST and Brainpool curves of 160 to 521 bits,
named or written out, with SHA-1 and SHA-2. A curve that is written out counts only where all its parameters, the
generator too, are those of a named one: anything else lets a forger choose a curve that fits a known key. Not taken:
ECDSA in the plain form of BSI TR-03111, DSA, other curves; NotUnderstoodError says which.
"""

from __future__ import annotations

import hashlib
from typing import Any

import ecdsa
from asn1crypto import algos, keys
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
# The curves that OpenSSL's build in cryptography knows; the others are left to the library ecdsa.
_OPENSSL: dict[str, type[ec.EllipticCurve]] = {
    "NIST192p": ec.SECP192R1,
    "NIST224p": ec.SECP224R1,
    "NIST256p": ec.SECP256R1,
    "NIST384p": ec.SECP384R1,
    "NIST521p": ec.SECP521R1,
    "BRAINPOOLP256r1": ec.BrainpoolP256R1,
    "BRAINPOOLP384r1": ec.BrainpoolP384R1,
    "BRAINPOOLP512r1": ec.BrainpoolP512R1,
}
_CURVES = tuple(
    curve
    for curve in ecdsa.curves.curves
    if curve.name in _OPENSSL or curve.name in {f"BRAINPOOLP{bits}r1" for bits in (160, 192, 224, 320)}
)
_LEAST_RSA_BITS, _MOST_RSA_BITS = 1024, 8192
_LARGEST_EXPONENT = 1 << 33


TORN = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""What asn1crypto raises of bytes that are not the structure they should be, and only when they are looked at."""


class NotUnderstoodError(Exception):
    """An algorithm, key or form that is not taken; its text names it."""


def digest(name: str, data: bytes) -> bytes:
    """The hash of ``data``. Raises NotUnderstoodError."""
    if name not in _HASHES:
        raise NotUnderstoodError(f"hash {name}")
    return hashlib.new(name, data, usedforsecurity=False).digest()


def holds(
    key: keys.PublicKeyInfo, algorithm: algos.SignedDigestAlgorithm, signature: bytes, data: bytes, hash_name: str = ""
) -> bool:
    """Whether ``signature`` over ``data`` is by the holder of ``key``.

    ``hash_name`` counts where the algorithm names none. Raises NotUnderstoodError; ValueError for structures that are
    torn.
    """
    kind = algorithm["algorithm"].native
    if kind in ("rsassa_pkcs1v15", "ecdsa") and hash_name:
        used = hash_name
    else:
        try:
            used = algorithm.hash_algo
        except ValueError as error:
            raise NotUnderstoodError(f"signature algorithm {kind}") from error
    family = "ec" if key.algorithm == "ec" else "rsa" if key.algorithm in ("rsa", "rsassa_pss") else ""
    elliptic = kind == "ecdsa" or kind.endswith("_ecdsa")
    if family and (family == "ec") is not elliptic and (elliptic or "rsa" in kind):
        # Nobody signs so with this key. Not to be taken for something unknown: a forger would choose it.
        return False
    if family == "rsa":
        scheme = _rsa_padding(algorithm, used)
        return _rsa_holds(key, scheme, signature, data, used)
    if family == "ec":
        return _ecdsa_holds(key, signature, data, used)
    raise NotUnderstoodError(f"signature algorithm {kind} with a key of {key.algorithm}")


def _hash(name: str) -> hashes.HashAlgorithm:
    if name not in _HASHES:
        raise NotUnderstoodError(f"hash {name}")
    return _HASHES[name]()


def _rsa_padding(algorithm: algos.SignedDigestAlgorithm, used: str) -> padding.AsymmetricPadding:
    if algorithm.signature_algo == "rsassa_pkcs1v15":
        return padding.PKCS1v15()
    if algorithm.signature_algo != "rsassa_pss":
        raise NotUnderstoodError(f"signature algorithm {algorithm['algorithm'].native} with an RSA key")
    parameters = algorithm["parameters"]
    mask = parameters["mask_gen_algorithm"]
    if mask["algorithm"].native != "mgf1" or parameters["trailer_field"].native != "trailer_field_bc":
        raise NotUnderstoodError("RSA-PSS with unusual parameters")
    mask_hash = mask["parameters"]["algorithm"].native or used
    return padding.PSS(padding.MGF1(_hash(mask_hash)), int(parameters["salt_length"].native))


def _rsa_holds(
    key: keys.PublicKeyInfo, scheme: padding.AsymmetricPadding, signature: bytes, data: bytes, used: str
) -> bool:
    numbers = key["public_key"].parsed
    modulus, exponent = int(numbers["modulus"].native), int(numbers["public_exponent"].native)
    if not _LEAST_RSA_BITS <= modulus.bit_length() <= _MOST_RSA_BITS or not 3 <= exponent < _LARGEST_EXPONENT:
        raise NotUnderstoodError(f"an RSA key of {modulus.bit_length()} bits, exponent {exponent.bit_length()} bits")
    try:
        rsa.RSAPublicNumbers(exponent, modulus).public_key().verify(signature, data, scheme, _hash(used))
    except InvalidSignature:
        return False
    except UnsupportedAlgorithm as error:
        raise NotUnderstoodError("an RSA key or scheme that this machine's OpenSSL refuses") from error
    return True


def _ecdsa_holds(key: keys.PublicKeyInfo, signature: bytes, data: bytes, used: str) -> bool:
    curve = _curve(key)
    point = bytes(key["public_key"].native)
    hashed = digest(used, data)
    known = _OPENSSL.get(curve.name)
    if known is None:
        try:
            holder = ecdsa.VerifyingKey.from_string(point, curve, valid_encodings=("uncompressed", "compressed"))
            return bool(
                holder.verify_digest(signature, hashed, sigdecode=ecdsa.util.sigdecode_der, allow_truncate=True)
            )
        except (ecdsa.BadSignatureError, ecdsa.der.UnexpectedDER, ecdsa.errors.MalformedPointError):
            return False
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(known(), point)
        public.verify(signature, hashed, ec.ECDSA(Prehashed(_hash(used))))
    except InvalidSignature:
        return False
    except UnsupportedAlgorithm as error:
        raise NotUnderstoodError(f"curve {curve.name}, which this machine's OpenSSL refuses") from error
    return True


def _curve(key: keys.PublicKeyInfo) -> Any:
    """The known curve of a key."""
    parameters = key["algorithm"]["parameters"]
    chosen = parameters.chosen
    if parameters.name == "named":
        for curve in _CURVES:
            if ".".join(str(part) for part in curve.oid) == chosen.dotted:
                return curve
        raise NotUnderstoodError(f"curve {chosen.dotted}")
    if parameters.name != "specified" or chosen["field_id"]["field_type"].native != "prime_field":
        raise NotUnderstoodError("a curve that is not named, or not over a prime field")
    prime = int(chosen["field_id"]["parameters"].native)
    size = (prime.bit_length() + 7) // 8
    a, b = (int.from_bytes(chosen["curve"][which].native, "big") for which in ("a", "b"))
    base = bytes(chosen["base"].native)
    for curve in _CURVES:
        generator = curve.generator
        x = int(generator.x()).to_bytes(size, "big") if prime == curve.curve.p() else b""
        if not x or (a, b) != (curve.curve.a() % prime, curve.curve.b()) or int(chosen["order"].native) != curve.order:
            continue
        y = int(generator.y())
        if base in (b"\x04" + x + y.to_bytes(size, "big"), bytes([2 + y % 2]) + x):
            return curve
    raise NotUnderstoodError("a curve whose parameters are no known one's")
