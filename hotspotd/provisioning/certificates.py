"""Keys, requests and certificates of devices. No I/O.

A request is PKCS #10 (RFC 2986), signed by the key it is for; what comes back is a degenerate CMS, certificates and
nothing else (RFC 5652 section 5, "certs-only" in RFC 7030). Keys are EC on P-256.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hotspotd.errors import ProvisioningError, Reason

MOST_REQUEST: Final = 8 * 1024
MOST_ANSWER: Final = 64 * 1024
# 128 bits: nobody makes a second certificate that begins like this one.
_FEWEST_DIGITS: Final = 32
_DEVICE: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
# Who reaches the gateway first with a clock that is behind must not be turned away by it.
_RENEW_AT: Final = 2 / 3


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is what it says: for which device, and for which key."""

    device: str
    key: ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Issued:
    """A device's certificate, and the authorities that are to be trusted with it."""

    certificate: x509.Certificate
    anchors: tuple[x509.Certificate, ...]


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key for a device."""
    return ec.generate_private_key(ec.SECP256R1())


def make_request(key: ec.EllipticCurvePrivateKey, device: str) -> bytes:
    """A request for a certificate that names ``device``; DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    return (
        x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    )


def read_request(der: bytes) -> Request:
    """What a request asks for. Anybody may have made it. Raises ProvisioningError (BAD_VALUE, TAMPERED)."""
    if len(der) > MOST_REQUEST:
        raise _no_request("too long")
    try:
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_request("no PKCS #10") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _no_request("its key is not on P-256")
    if len(names) != 1 or not _DEVICE.fullmatch(str(names[0].value)):
        raise _no_request("it names no device")
    try:
        sound = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_request("its signature cannot be checked") from error
    if not sound:
        raise ProvisioningError(Reason.TAMPERED, "request: not signed by the key that it is for", "Make it again.")
    return Request(str(names[0].value), key)


def certs_only(certificates: Sequence[x509.Certificate]) -> bytes:
    """``certificates`` as a certs-only CMS message; DER."""
    return pkcs7.serialize_certificates(list(certificates), Encoding.DER)


def read_certs_only(der: bytes) -> list[x509.Certificate]:
    """The certificates in a certs-only message. Raises ProvisioningError (BAD_VALUE)."""
    try:
        return list(pkcs7.load_der_pkcs7_certificates(der)) if len(der) <= MOST_ANSWER else []
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ProvisioningError(
            Reason.BAD_VALUE, "gateway: what came back holds no certificates", "Is this the gateway's enrolment port?"
        ) from error


def accept(
    answer: Sequence[x509.Certificate],
    *,
    key: ec.EllipticCurvePublicKey,
    device: str,
    anchors: Sequence[x509.Certificate],
    now: datetime,
) -> Issued:
    """The device's certificate in ``answer``: by one of ``anchors``, for this key, this name, for clients, in date.

    Raises ProvisioningError (UNTRUSTED, EXPIRED).
    """
    wanted = public_bytes(key)
    leaf = next((one for one in answer if _public_bytes_of(one) == wanted), None)
    if leaf is None:
        raise _not_ours("no certificate for this device's key came back")
    if not any(issued(anchor, leaf) for anchor in anchors):
        raise _not_ours("the certificate is of an authority that is not trusted")
    if device_named(leaf) != device:
        raise _not_ours("the certificate names another device")
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise _not_ours("the certificate is for no purpose") from error
    if ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise _not_ours("the certificate is not a device's")
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise ProvisioningError(
            Reason.EXPIRED, "the certificate is not in date by this device's clock", "Set the clock: timedatectl."
        )
    return Issued(leaf, tuple(anchors))


def renewal_due(certificate: x509.Certificate) -> datetime:
    """When to ask for the next one: after two thirds of its time."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin + (end - begin) * _RENEW_AT


def issued(anchor: x509.Certificate, leaf: x509.Certificate) -> bool:
    """Whether ``anchor`` has issued ``leaf``."""
    try:
        leaf.verify_directly_issued_by(anchor)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def device_named(certificate: x509.Certificate) -> str:
    """The one common name in ``certificate``; empty where there is none, or several."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate as people compare it: eight groups of eight hexadecimal digits."""
    digits = certificate.fingerprint(hashes.SHA256()).hex()
    return "-".join(digits[start : start + 8] for start in range(0, 64, 8))


def has_fingerprint(certificate: x509.Certificate, typed: str) -> bool:
    """Whether ``typed`` is this certificate's fingerprint, or its first 32 digits at least.

    Raises ProvisioningError (BAD_VALUE) for what is too short, or none.
    """
    digits = re.sub(r"[\s:-]", "", typed).lower()
    if not re.fullmatch(rf"[0-9a-f]{{{_FEWEST_DIGITS},64}}", digits):
        raise ProvisioningError(
            Reason.BAD_VALUE,
            "this is no fingerprint",
            f"Type at least the first {_FEWEST_DIGITS} of the digits that the gateway printed.",
        )
    return hmac.compare_digest(certificate.fingerprint(hashes.SHA256()).hex()[: len(digits)], digits)


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as SubjectPublicKeyInfo, DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public_bytes_of(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return b""


def _no_request(why: str) -> ProvisioningError:
    return ProvisioningError(Reason.BAD_VALUE, f"request: {why}", "Make it with hotspotctl device.")


def _not_ours(why: str) -> ProvisioningError:
    return ProvisioningError(Reason.UNTRUSTED, f"gateway: {why}", "Do not go on. Call the gateway's operator.")
