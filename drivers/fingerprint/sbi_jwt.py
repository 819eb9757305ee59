"""Signed objects of a MOSIP biometric service: JWS compact serialisation, checked against trust anchors. Pure code.

A token is taken only when all of this holds:

1. it has three parts in base64url without padding, the header and the payload are JSON objects (RFC 7515, 3.1, 7.1);
2. ``alg`` is RS256 with an RSA key of at least 2048 bits, or EdDSA with Ed25519: what SBI 0.9.5, "Cryptography", lists,
   nothing else. The key of the certificate decides; a header that names another algorithm, ``none`` or HMAC is
   refused, as is one with ``crit``;
3. ``x5c`` holds the signer's certificate first, its issuers after it (RFC 7515, 4.1.6);
4. the certificates lead, by signatures that are good and not made with SHA-1 or MD5, to one of the anchors; each issuer
   is a certification authority that may sign certificates so far down (RFC 5280, 6.1.4);
5. all of them are valid at the time given, the anchor too;
6. the signature is that of the first certificate's key over the first two parts as they came.

Names in certificates, revocation and extended key usage are not looked at: the standard defines none.
What is wrong raises DriverError (UNTRUSTED).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from drivers.base import DriverError, DriverReason

LARGEST_TOKEN = 24 * 1024 * 1024
"""Above a whole slap at 1000 dpi, uncompressed, in base64 twice."""
MOST_CERTIFICATES = 6
LEAST_RSA_BITS = 2048
_LARGEST_HEADER = 64 * 1024
_LARGEST_ANCHORS = 1024 * 1024
_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def _untrusted(why: str, advice: str = "look which service answers, and at trust= in the address") -> DriverError:
    return DriverError(DriverReason.UNTRUSTED, f"the device's answer is not to be trusted: {why}", advice)


@dataclass(frozen=True, slots=True)
class Anchors:
    """The certificates that everything has to lead to, at least one."""

    certificates: tuple[x509.Certificate, ...]

    @classmethod
    def read(cls, pem: bytes) -> Anchors:
        """The certificates in a PEM file. Raises DriverError (BAD_ADDRESS) where it has none that can be read."""
        try:
            found = x509.load_pem_x509_certificates(pem) if len(pem) <= _LARGEST_ANCHORS else []
        except ValueError:
            found = []
        if not found:
            raise DriverError(
                DriverReason.BAD_ADDRESS,
                "no trust anchors in the file of trust=",
                "give a file of certificates in PEM form",
            )
        return cls(tuple(found))


def payload_of(token: str, anchors: Anchors | None, at: datetime) -> Mapping[str, Any]:
    """What ``token`` says, checked at the aware time ``at``; unchecked where ``anchors`` is ``None``.

    Unchecked, an unsigned object is taken as well, which is its payload alone in base64url.
    """
    if len(token) > LARGEST_TOKEN:
        raise _untrusted(f"a token of {len(token)} bytes")
    parts = token.split(".")
    if anchors is None:
        if len(parts) not in (1, 3):
            raise _untrusted("no token")
        return _object(_decoded(parts[-2] if len(parts) == 3 else parts[0], "the payload"), "the payload")
    if len(parts) != 3 or not parts[2]:
        raise _untrusted("it is not signed", "have the device registered by its provider")
    header = _object(_decoded(parts[0][: _LARGEST_HEADER + 1], "the header"), "the header")
    if len(parts[0]) > _LARGEST_HEADER:
        raise _untrusted("a header that is too long")
    if "crit" in header:
        raise _untrusted("a header with extensions that must be understood (crit)")
    certificates = _certificates(header.get("x5c"))
    _check_path(certificates, anchors.certificates, at)
    _check_signature(
        header.get("alg"), certificates[0], f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2], "the signature")
    )
    return _object(_decoded(parts[1], "the payload"), "the payload")


def decode_base64url(text: str) -> bytes:
    """The bytes of base64url with or without padding (RFC 4648, clause 5). Raises ValueError on anything else."""
    bare = text.rstrip("=")
    if not bare.isascii() or "+" in bare or "/" in bare:
        raise ValueError("no base64url")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def _decoded(part: str, what: str) -> bytes:
    try:
        return decode_base64url(part)
    except (ValueError, binascii.Error) as error:
        raise _untrusted(f"{what} is no base64url") from error


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _untrusted(f"{what} is no JSON") from error
    if not isinstance(found, dict):
        raise _untrusted(f"{what} is no JSON object")
    return found


def _certificates(x5c: object) -> list[x509.Certificate]:
    texts = [x5c] if isinstance(x5c, str) else x5c  # Early drafts show one text.
    if not isinstance(texts, list) or not 0 < len(texts) <= MOST_CERTIFICATES:
        raise _untrusted("no certificate of the signer (x5c)")
    return [_certificate(text) for text in texts]


def _certificate(text: object) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text if isinstance(text, str) else "", validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _untrusted("a certificate that cannot be read") from error


def _check_path(given: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], at: datetime) -> None:
    path = [given[0]]
    while True:
        _check_time(path[-1], at)
        anchor = next((anchor for anchor in anchors if _issued(path, anchor)), None)
        if anchor is not None:
            _check_time(anchor, at)
            return
        issuer = next((other for other in given[1:] if other not in path and _issued(path, other)), None)
        if issuer is None:
            raise _untrusted("its certificate does not lead to a trust anchor")
        path.append(issuer)


def _check_time(certificate: x509.Certificate, at: datetime) -> None:
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise _untrusted(
            f"a certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d} "
            f"to {certificate.not_valid_after_utc:%Y-%m-%d}, and it is {at:%Y-%m-%d}",
            "look at the clock of this computer; have the device's provider renew its certificate",
        )


def _issued(path: Sequence[x509.Certificate], issuer: x509.Certificate) -> bool:
    """Whether ``issuer`` has signed the last of ``path``, whose first is the signer's, and was allowed to."""
    try:
        extensions = {each.oid: each.value for each in issuer.extensions}
        constraints = extensions.get(x509.BasicConstraints.oid)
        usage = extensions.get(x509.KeyUsage.oid)
        allowed = isinstance(constraints, x509.BasicConstraints) and constraints.ca
        if isinstance(constraints, x509.BasicConstraints) and constraints.path_length is not None:
            allowed = allowed and len(path) - 1 <= constraints.path_length
        if isinstance(usage, x509.KeyUsage):
            allowed = allowed and usage.key_cert_sign
        digest = path[-1].signature_hash_algorithm  # None for Ed25519, which has none of its own.
        if not allowed or (digest is not None and not isinstance(digest, _DIGESTS)):
            return False
        path[-1].verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.DuplicateExtension):
        return False
    return True


def _check_signature(algorithm: object, signer: x509.Certificate, signed: bytes, signature: bytes) -> None:
    try:
        key = signer.public_key()
        if isinstance(key, RSAPublicKey) and algorithm == "RS256" and key.key_size >= LEAST_RSA_BITS:
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, Ed25519PublicKey) and algorithm == "EdDSA":
            key.verify(signature, signed)
        else:
            raise _untrusted(f"the algorithm {str(algorithm)[:20]!r} with the key of its certificate")
    except InvalidSignature as error:
        raise _untrusted("its signature is wrong") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _untrusted("the key of its certificate cannot be used") from error
