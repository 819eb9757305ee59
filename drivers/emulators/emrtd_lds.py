"""What is written into a made-up travel document's chip: data groups and their signature (ICAO Doc 9303-10, -12).

An ``Authority`` plays a country signing authority, with a key and a certificate of its own, made when it is made. None
of it is worth anything outside of tests and demonstrations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from drivers.chip import tlv

Algorithm = Literal["ecdsa", "rsa", "pss"]
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_SECURITY_OBJECT = "2.23.136.1.1.1"  # id-icao-mrtd-security-ldsSecurityObject
_DAY = timedelta(days=1)
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


def _new_key(algorithm: Algorithm, curve: ec.EllipticCurve) -> PrivateKey:
    if algorithm == "ecdsa":
        return ec.generate_private_key(curve)
    return rsa.generate_private_key(65_537, 2048)


def _sign(key: PrivateKey, algorithm: Algorithm, data: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
    return key.sign(data, _PSS if algorithm == "pss" else padding.PKCS1v15(), hashes.SHA256())


def _signature_algorithm(algorithm: Algorithm) -> algos.SignedDigestAlgorithm:
    if algorithm == "ecdsa":
        return algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"})
    if algorithm == "rsa":
        return algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa"})
    digest = {"algorithm": "sha256"}
    parameters = {
        "hash_algorithm": digest,
        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": digest},
        "salt_length": 32,
    }
    return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})


@dataclass(frozen=True)
class Signer:
    """A document signer: its key and its certificate."""

    key: PrivateKey = field(repr=False)
    algorithm: Algorithm
    certificate: x509.Certificate


class Authority:
    """A country signing authority (CSCA). ``country`` is two letters, as in certificates."""

    def __init__(
        self,
        country: str = "UT",
        *,
        algorithm: Algorithm = "ecdsa",
        curve: ec.EllipticCurve | None = None,
        now: datetime | None = None,
    ) -> None:
        self.country = country
        self._algorithm = algorithm
        self._curve = curve or ec.BrainpoolP256R1()
        self.key = _new_key(algorithm, self._curve)
        self._now = now or datetime.now(UTC).replace(microsecond=0)
        self._name = _name(country, f"CSCA {country}")
        self.certificate = self._certify(self._name, self.key, authority=True, valid=(_DAY, 3650 * _DAY))

    def signer(
        self,
        algorithm: Algorithm = "ecdsa",
        *,
        curve: ec.EllipticCurve | None = None,
        country: str | None = None,
        valid: tuple[timedelta, timedelta] = (_DAY, 3650 * _DAY),
    ) -> Signer:
        """A new document signer, valid from so long ago for so long."""
        key = _new_key(algorithm, curve or self._curve)
        name = _name(country or self.country, "Document signer 1")
        return Signer(key, algorithm, self._certify(name, key, authority=False, valid=valid))

    def revocations(self, *revoked: x509.Certificate) -> x509.CertificateRevocationList:
        """A revocation list with these certificates."""
        builder = x509.CertificateRevocationListBuilder(issuer_name=self._name)
        builder = builder.last_update(self._now - _DAY).next_update(self._now + 90 * _DAY)
        for one in revoked:
            entry = x509.RevokedCertificateBuilder(one.serial_number, self._now - _DAY)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256())

    def _certify(
        self, name: x509.Name, key: PrivateKey, *, authority: bool, valid: tuple[timedelta, timedelta]
    ) -> x509.Certificate:
        begins = self._now - valid[0]
        own = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + valid[1])
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if authority:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return builder.sign(self.key, hashes.SHA256())


def _name(country: str, common: str) -> x509.Name:
    parts = ((NameOID.COUNTRY_NAME, country), (NameOID.ORGANIZATION_NAME, "Specimen"), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def pem(*certificates: x509.Certificate) -> bytes:
    """Certificates as PEM."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def dg1(mrz: Sequence[str]) -> bytes:
    """The machine readable zone."""
    return tlv.encode(0x61, tlv.encode(0x5F1F, "".join(mrz).encode("ascii")))


def dg2(portrait: bytes, width: int, height: int) -> bytes:
    """A JPEG or JPEG 2000 portrait as a face record of ISO/IEC 19794-5:2005 in its CBEFF template (9303-10, 4.7.2)."""
    kind = 0 if portrait[:2] == b"\xff\xd8" else 1
    picture = bytes((1, kind)) + width.to_bytes(2, "big") + height.to_bytes(2, "big") + bytes((1, 2, 0, 0, 0, 0))
    face = bytes(14) + picture + portrait  # After the length: no points, nothing said about the person.
    record = b"FAC\x00010\x00" + (14 + 4 + 2 + len(face)).to_bytes(4, "big") + (1).to_bytes(2, "big")
    record += (4 + 2 + len(face)).to_bytes(4, "big") + (0).to_bytes(2, "big") + face
    head = tlv.encode(0x81, b"\x02") + tlv.encode(0x87, b"\x01\x01") + tlv.encode(0x88, b"\x00\x08")
    template = tlv.encode(0x7F60, tlv.encode(0xA1, head) + tlv.encode(0x5F2E, record))
    return tlv.encode(0x75, tlv.encode(0x7F61, tlv.encode(0x02, b"\x01") + template))


def com(numbers: Sequence[int]) -> bytes:
    """The list of data groups."""
    tags = {1: 0x61, 2: 0x75, 14: 0x6E}
    listed = tlv.encode(0x5C, bytes(tags[number] for number in numbers))
    return tlv.encode(0x60, tlv.encode(0x5F01, b"0107") + tlv.encode(0x5F36, b"040000") + listed)


def sod(groups: Mapping[int, bytes], signer: Signer, *, signed_at: datetime | None = None) -> bytes:
    """The document security object over these data groups (9303-10, 4.6.2)."""
    digest = {"algorithm": "sha256"}
    when = signed_at or datetime.now(UTC).replace(microsecond=0)
    listed = b"".join(
        tlv.encode(0x30, tlv.encode(0x02, bytes([number])) + tlv.encode(0x04, hashlib.sha256(content).digest()))
        for number, content in sorted(groups.items())
    )
    algorithm = algos.DigestAlgorithm(digest).dump()
    content = tlv.encode(0x30, tlv.encode(0x02, b"\x00") + algorithm + tlv.encode(0x30, listed))
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": [_SECURITY_OBJECT]}),
            cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]}),
            cms.CMSAttribute({"type": "signing_time", "values": [cms.Time(name="utc_time", value=core.UTCTime(when))]}),
        ]
    )
    certificate = asn1_x509.Certificate.load(signer.certificate.public_bytes(serialization.Encoding.DER))
    signed = {
        "version": "v3",
        "digest_algorithms": [digest],
        "encap_content_info": {
            "content_type": _SECURITY_OBJECT,
            "content": core.ParsableOctetString(content),
        },
        "certificates": [certificate],
        "signer_infos": [
            {
                "version": "v1",
                "sid": {
                    "issuer_and_serial_number": {
                        "issuer": certificate.issuer,
                        "serial_number": certificate.serial_number,
                    }
                },
                "digest_algorithm": digest,
                "signed_attrs": attributes,
                "signature_algorithm": _signature_algorithm(signer.algorithm),
                "signature": _sign(signer.key, signer.algorithm, attributes.dump()),
            }
        ],
    }
    info = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
    return tlv.encode(0x77, info.dump())
