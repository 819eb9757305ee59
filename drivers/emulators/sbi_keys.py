"""Keys of an emulated certified scanner: a trust provider, a device provider under it, and the device's own.

Made once and kept in a folder: ``anchors.pem`` is what a driver is given as ``trust=``. They are for tests and
demonstrations: the folder holds the private keys.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ANCHORS = "anchors.pem"
_DEVICE = "device.pem"
_BITS = 2048
_YEARS = timedelta(days=10 * 365)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certification authority."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def root(cls, name: str) -> Issuer:
        """One that has signed itself."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        return cls(key, _certificate(name, key.public_key(), name, key, authority=True))

    def authority(self, name: str) -> Issuer:
        """One below this."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        return Issuer(key, self.sign(name, key.public_key(), authority=True))

    def sign(
        self, name: str, key: rsa.RSAPublicKey, *, authority: bool = False, until: datetime | None = None
    ) -> x509.Certificate:
        """A certificate for ``key``, valid for ten years or ``until`` then."""
        own = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return _certificate(name, key, str(own), self.key, authority=authority, until=until)


def _certificate(
    name: str,
    key: rsa.RSAPublicKey,
    issuer: str,
    issuer_key: rsa.RSAPrivateKey,
    *,
    authority: bool,
    until: datetime | None = None,
) -> x509.Certificate:
    end = until or datetime.now(UTC) + _YEARS
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 2 * _YEARS)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **usage),
            critical=True,
        )
        .sign(issuer_key, hashes.SHA256())
    )


@dataclass(frozen=True, slots=True)
class Signer:
    """A device's key with its certificates, its own first."""

    key: rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...]

    def token(self, payload: Mapping[str, Any] | bytes, **header: Any) -> str:
        """``payload`` signed as SBI 0.9.5 says; ``header`` replaces fields of the header."""
        x5c = [base64.b64encode(each.public_bytes(serialization.Encoding.DER)).decode() for each in self.chain]
        fields = {"alg": "RS256", "typ": "JWT", "x5c": x5c} | header
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signed = f"{base64url(json.dumps(fields).encode())}.{base64url(body)}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64url(signature)}"


@dataclass(frozen=True, slots=True)
class Keys:
    """A provider of devices and one device of its."""

    provider: Issuer
    root: x509.Certificate
    signer: Signer

    @classmethod
    def make(cls, name: str = "Emulated Trust Provider") -> Keys:
        """New ones. Takes about a second."""
        root = Issuer.root(name)
        provider = root.authority("Emulated Device Provider")
        key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        chain = (provider.sign("emulated scanner", key.public_key()), provider.certificate)
        return cls(provider, root.certificate, Signer(key, chain))

    def expired(self) -> Signer:
        """The same device with a certificate that ended yesterday."""
        until = datetime.now(UTC) - timedelta(days=1)
        certificate = self.provider.sign("emulated scanner", self.signer.key.public_key(), until=until)
        return Signer(self.signer.key, (certificate, self.provider.certificate))

    @classmethod
    def kept(cls, folder: Path) -> Keys:
        """Those in ``folder``, made there where there are none. Raises OSError, ValueError."""
        device = folder / _DEVICE
        if not device.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = cls.make()
            device.touch(mode=0o600)
            keys = (made.signer.key, made.provider.key)
            certificates = (*made.signer.chain, made.root)
            device.write_bytes(b"".join([*map(_key_pem, keys), *map(_pem, certificates)]))
            (folder / ANCHORS).write_bytes(_pem(made.root))
            return made
        text = device.read_bytes()
        certificates = tuple(x509.load_pem_x509_certificates(text))
        device_key, provider_key = (_key(part) for part in text.split(_KEY_END)[:2])
        own, provider, root = certificates
        return cls(Issuer(provider_key, provider), root, Signer(device_key, (own, provider)))


_KEY_END = b"-----END PRIVATE KEY-----\n"


def _key(part: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(part + _KEY_END, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("no RSA key")  # noqa: TRY004  # What a damaged file says.
    return key


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def base64url(data: bytes) -> str:
    """RFC 4648, clause 5, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
