"""Seals: who sent a message, what it is about, when it was sent, and that nothing of it was changed. Pure.

A seal is a JSON Web Signature with detached, unencoded payload (RFC 7515 appendix F, RFC 7797), ES256, made by the
key of the sender's certificate. Its protected header holds the claims, so that they are signed with the content:

    kind    what the message is ("transaction", "decision", "receipt", "reply", ...)
    tcn     control number of the transaction that it is or answers
    lane    where it was captured; empty where that means nothing
    iat exp when it was sealed, and until when it counts; seconds since 1970
    jti     16 random bytes in hex: a seal that is seen twice is a replay

The certificate goes along (``x5c``), or only its SHA-256 (``x5t#S256``) to one who has it from the TLS connection.
What is sealed are the bytes as they travel (message.py). What the content means is checked elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Meta

from hotspotd.errors import ConfigError, Reason, RelayError
from hotspotd.provisioning.secrets import read_key

LONGEST_VALID = timedelta(days=8)
"""A seal that claims to count for longer is refused: who takes messages must remember their numbers for as long."""
_SKEW = timedelta(minutes=5)
LONGEST_SEAL = 16 * 1024
_SCALAR = 32
_MOST_KNOWN = 1024

Purpose = Literal["device", "gateway", "mail"]
_PURPOSES: dict[Purpose, x509.ObjectIdentifier] = {
    "device": ExtendedKeyUsageOID.CLIENT_AUTH,
    "gateway": ExtendedKeyUsageOID.SERVER_AUTH,
    "mail": ExtendedKeyUsageOID.EMAIL_PROTECTION,
}

_Text = Annotated[str, Meta(max_length=64)]


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a seal says. Times in seconds since 1970."""

    kind: Annotated[str, Meta(pattern=r"^[a-z]{1,20}$")]
    tcn: _Text
    lane: _Text = ""
    signed_at: int = msgspec.field(name="iat")
    expires_at: int = msgspec.field(name="exp")
    nonce: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")] = msgspec.field(name="jti")


class _Header(Claims, frozen=True, kw_only=True):
    alg: Literal["ES256"] = "ES256"
    typ: Literal["hotspotd"] = "hotspotd"
    b64: Literal[False] = False
    crit: tuple[str, ...] = ("b64",)
    x5c: tuple[str] | msgspec.UnsetType = msgspec.UNSET
    x5t: str | msgspec.UnsetType = msgspec.field(name="x5t#S256", default=msgspec.UNSET)


@dataclass(frozen=True, slots=True)
class Opened:
    """A seal that holds: its claims, and common name and thumbprint (``x5t#S256``) of the certificate that made it."""

    claims: Claims
    signer: str
    thumbprint: str


class Sealer:
    """Seals in the name of one certificate, until it takes over another one's."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._made_of = (key, certificate, certificate.public_bytes(serialization.Encoding.DER))

    @property
    def certificate(self) -> bytes:
        """The certificate, in DER."""
        return self._made_of[2]

    @property
    def not_after(self) -> datetime:
        """Until when the certificate counts."""
        return self._made_of[1].not_valid_after_utc

    def take_over(self, other: Sealer) -> None:
        """Seal as ``other`` does from now on."""
        self._made_of = other._made_of

    @classmethod
    def load(cls, certificate: Path, key: Path) -> Sealer:
        """The sealer of a certificate and its key, both PEM. Blocks. Raises ConfigError."""
        return cls(*key_pair(certificate, key))

    def seal(
        self,
        content: bytes,
        *,
        kind: str,
        tcn: str,
        now: datetime,
        valid: timedelta,
        lane: str = "",
        with_certificate: bool = False,
    ) -> str:
        """A new seal for ``content``, which counts from ``now`` for ``valid``."""
        # At once, so that key and certificate belong together whatever another thread does.
        key, _, encoded = self._made_of
        header = _Header(
            kind=kind,
            tcn=tcn,
            lane=lane,
            signed_at=int(now.timestamp()),
            expires_at=int((now + valid).timestamp()),
            nonce=secrets.token_hex(16),
            x5c=(base64.b64encode(encoded).decode(),) if with_certificate else msgspec.UNSET,
            x5t=msgspec.UNSET if with_certificate else thumbprint(encoded),
        )
        protected = _b64(msgspec.json.encode(header))
        r, s = decode_dss_signature(key.sign(f"{protected}.".encode() + content, ec.ECDSA(hashes.SHA256())))
        return f"{protected}..{_b64(r.to_bytes(_SCALAR) + s.to_bytes(_SCALAR))}"


class Trust:
    """Whose seals count: those of certificates that one of the trust anchors has issued for ``purpose``.

    With a ``name`` only those of the one that has it as its common name.
    """

    def __init__(self, anchors: list[x509.Certificate], purpose: Purpose, name: str = "") -> None:
        self._anchors = anchors
        self._name = name
        self._purpose = _PURPOSES[purpose]
        self._known: dict[str, x509.Certificate] = {}

    @classmethod
    def load(cls, trust_anchors: Path, purpose: Purpose, name: str = "") -> Trust:
        """Of the certificates in a PEM file. Blocks. Raises ConfigError."""
        try:
            return cls(x509.load_pem_x509_certificates(trust_anchors.read_bytes()), purpose, name)
        except (OSError, ValueError) as error:
            raise ConfigError(
                Reason.UNREADABLE, f"{trust_anchors}: no usable PEM", "Name the authority's file."
            ) from error

    def knows(self, seal: str) -> bool:
        """Whether the certificate that made ``seal`` is at hand: in the seal, or known. Raises RelayError."""
        header, _, _ = _parts(seal)
        return header.x5c is not msgspec.UNSET or header.x5t in self._known

    def know(self, certificate: bytes) -> None:
        """Remember a DER certificate that a TLS connection showed; whether it counts is judged with each seal."""
        name = thumbprint(certificate)
        if name not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.pop(next(iter(self._known)))
            self._known[name] = read_certificate(certificate)

    def open(self, seal: str, content: bytes, now: datetime) -> Opened:
        """What the seal on ``content`` says, if it holds.

        Raises RelayError: UNSIGNED (no seal), TAMPERED (it doesn't fit the content, or is damaged), UNTRUSTED (not
        by a certificate that counts), STALE (too old, or from the future).
        """
        if not seal:
            raise RelayError(Reason.UNSIGNED, "message: not sealed", "Only sealed messages are taken.")
        header, protected, signature = _parts(seal)
        leaf = self._leaf(header)
        key = p256(leaf)
        r, s = int.from_bytes(signature[:_SCALAR]), int.from_bytes(signature[_SCALAR:])
        try:
            key.verify(encode_dss_signature(r, s), protected + b"." + content, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise RelayError(Reason.TAMPERED, "message: the seal does not fit the content") from error
        signer = self.check(leaf, now)
        if self._name and signer != self._name:
            raise RelayError(Reason.UNTRUSTED, "message: sealed under another name than is expected")
        _check_fresh(header, now)
        return Opened(_claims(header), signer, thumbprint(leaf.public_bytes(serialization.Encoding.DER)))

    def _leaf(self, header: _Header) -> x509.Certificate:
        if header.x5c is not msgspec.UNSET:
            try:
                return read_certificate(base64.b64decode(header.x5c[0], validate=True))
            except binascii.Error as error:
                raise RelayError(Reason.TAMPERED, "message: the certificate of its seal is damaged") from error
        leaf = None if header.x5t is msgspec.UNSET else self._known.get(header.x5t)
        if leaf is None:
            raise RelayError(Reason.UNTRUSTED, "message: sealed by a certificate that is not known here")
        return leaf

    def check(self, leaf: x509.Certificate, now: datetime) -> str:
        """The common name in ``leaf``, if it counts. Raises RelayError (UNTRUSTED)."""
        # First, so that nothing is read out of what anybody may have made.
        if not any(_issued(anchor, leaf) for anchor in self._anchors):
            raise RelayError(Reason.UNTRUSTED, "message: the certificate of its seal is of a foreign authority")
        if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
            raise RelayError(Reason.UNTRUSTED, "message: the certificate of its seal is out of date")
        try:
            purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (x509.ExtensionNotFound, ValueError) as error:
            raise RelayError(Reason.UNTRUSTED, "message: the certificate of its seal is for no purpose") from error
        if self._purpose not in purposes:
            raise RelayError(Reason.UNTRUSTED, "message: the certificate of its seal is for another purpose")
        names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if len(names) != 1:
            raise RelayError(Reason.UNTRUSTED, "message: the certificate of its seal names nobody")
        return str(names[0].value)


def read_certificate(der: bytes) -> x509.Certificate:
    """A certificate that anybody may have made. Raises RelayError (TAMPERED) for what is none."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion) as error:
        raise RelayError(Reason.TAMPERED, "message: the certificate of its seal is damaged") from error
    # The bits that its signature leaves unused come before it (X.690, 8.6.2.2), signed by nobody. There are none.
    if not der.endswith(b"\x00" + certificate.signature):
        raise RelayError(Reason.TAMPERED, "message: the certificate of its seal is damaged")
    return certificate


def p256(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    """The key in ``certificate``. Raises RelayError: UNTRUSTED for one that is not on P-256, TAMPERED."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RelayError(Reason.TAMPERED, "message: the certificate of its seal is damaged") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RelayError(Reason.UNTRUSTED, "message: sealed by a key that is not on P-256")
    return key


def key_pair(certificate: Path, key: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A key on P-256 and its certificate from two PEM files, or one. Blocks. Raises ConfigError, ProvisioningError."""
    try:
        loaded = read_key(key)
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            Reason.UNREADABLE, f"{certificate} or {key}: no usable PEM", "See docs/relay.md for how to make them."
        ) from error
    if not isinstance(loaded.curve, ec.SECP256R1):
        raise ConfigError(Reason.BAD_VALUE, f"{key}: not an EC key on P-256", "Messages are signed with ES256.")
    if loaded.public_key() != leaf.public_key():
        raise ConfigError(Reason.BAD_VALUE, f"{certificate}: not of the key {key}", "Name the two that belong.")
    return loaded, leaf


def claimed(seal: str) -> Claims:
    """What a seal claims, unchecked. Raises RelayError (TAMPERED)."""
    return _claims(_parts(seal)[0])


def thumbprint(certificate: bytes) -> str:
    """``x5t#S256`` of a DER certificate (RFC 7515, 4.1.8)."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(certificate)
    return _b64(digest.finalize())


def _parts(seal: str) -> tuple[_Header, bytes, bytes]:
    parts = seal.split(".", 3)
    if len(parts) != 3 or parts[1] or len(seal) > LONGEST_SEAL or not seal.isascii():
        raise RelayError(Reason.TAMPERED, "message: its seal is damaged")
    protected, _, signature = parts
    try:
        header = msgspec.json.decode(_unb64(protected), type=_Header)
        raw = _unb64(signature)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error) as error:
        raise RelayError(Reason.TAMPERED, "message: its seal is damaged") from error
    if (
        header.crit != ("b64",)
        or len(raw) != 2 * _SCALAR
        or (header.x5c is msgspec.UNSET) == (header.x5t is msgspec.UNSET)
    ):
        raise RelayError(Reason.TAMPERED, "message: its seal is not one of these")
    return header, protected.encode("ascii"), raw


def _claims(header: _Header) -> Claims:
    return Claims(
        kind=header.kind,
        tcn=header.tcn,
        lane=header.lane,
        signed_at=header.signed_at,
        expires_at=header.expires_at,
        nonce=header.nonce,
    )


def _check_fresh(claims: Claims, now: datetime) -> None:
    seconds = now.timestamp()
    if claims.expires_at - claims.signed_at > LONGEST_VALID.total_seconds():
        raise RelayError(Reason.STALE, "message: its seal claims to count for too long")
    if claims.signed_at > seconds + _SKEW.total_seconds():
        raise RelayError(Reason.STALE, "message: sealed in the future", "Check the clocks of both sides.")
    if claims.expires_at < seconds:
        raise RelayError(Reason.STALE, "message: its seal no longer counts", "Check the clocks of both sides.")


def _issued(anchor: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(anchor)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    if not all(character.isalnum() or character in "-_" for character in text):
        raise binascii.Error("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
