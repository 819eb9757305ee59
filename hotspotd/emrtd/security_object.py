"""EF.SOD: which data groups were signed, by whom and when (ICAO Doc 9303-10, 4.6.2). Pure and bounded.

``SecurityObject.parse`` only reads; ``signed_well`` checks the signature by the document signer's key, and says nothing
of whether that signer may sign.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from asn1crypto import cms, core, parser, x509

from hotspotd.emrtd.signatures import TORN, digest, holds
from hotspotd.errors import ChipError, Reason

_SECURITY_OBJECT = "2.23.136.1.1.1"
_TAG = (1, 0x17)  # 77: of the class application, number 17
_MAX = 65_536


class _GroupHash(core.Sequence):  # type: ignore[misc]  # asn1crypto is not typed.
    _fields: ClassVar = [("number", core.Integer), ("hash", core.OctetString)]


class _GroupHashes(core.SequenceOf):  # type: ignore[misc]  # As above.
    _child_spec = _GroupHash


class _Version(core.Sequence):  # type: ignore[misc]  # As above.
    _fields: ClassVar = [("lds", core.PrintableString), ("unicode", core.PrintableString)]


class _LdsSecurityObject(core.Sequence):  # type: ignore[misc]  # As above.
    _fields: ClassVar = [
        ("version", core.Integer),
        ("hash_algorithm", cms.DigestAlgorithm),
        ("hashes", _GroupHashes),
        ("lds_version", _Version, {"optional": True}),
    ]


@dataclass(frozen=True, slots=True)
class SecurityObject:
    """What EF.SOD says. ``hashes`` by number of the data group; ``signed_at`` where it says when."""

    hash_name: str
    hashes: dict[int, bytes] = field(repr=False)
    signer: x509.Certificate = field(repr=False)
    signed_at: datetime | None
    _content: bytes = field(repr=False)
    _content_type: str = field(repr=False)
    _info: cms.SignerInfo = field(repr=False)

    @classmethod
    def parse(cls, sod: bytes) -> SecurityObject:
        """The security object in EF.SOD. Raises ChipError (BAD_VALUE)."""
        if len(sod) > _MAX:
            raise _bad(f"it is {len(sod)} bytes long, {_MAX} are taken")
        try:
            return cls._parsed(sod)
        except TORN as error:
            raise _bad("it is torn") from error

    @classmethod
    def _parsed(cls, sod: bytes) -> SecurityObject:
        kind, _method, number, _head, inner, _trailer = parser.parse(sod, strict=True)
        if (kind, number) != _TAG:
            raise _bad("it is no EF.SOD")
        info = cms.ContentInfo.load(inner, strict=True)
        if info["content_type"].native != "signed_data":
            raise _bad("it holds no signed data")
        signed = info["content"]
        encapsulated = signed["encap_content_info"]
        content = bytes(encapsulated["content"].contents)
        listed = _LdsSecurityObject.load(content, strict=True)
        signers = list(signed["signer_infos"])
        if len(signers) != 1:
            raise _bad(f"it has {len(signers)} signers, one is taken")
        certificate = _certificate_of(signers[0], signed["certificates"])
        return cls(
            hash_name=listed["hash_algorithm"]["algorithm"].native,
            hashes={int(one["number"].native): bytes(one["hash"].native) for one in listed["hashes"]},
            signer=certificate,
            signed_at=_signing_time(signers[0]),
            _content=content,
            _content_type=encapsulated["content_type"].dotted,
            _info=signers[0],
        )

    def signed_well(self) -> bool:
        """Whether the signature is the signer's and covers these hashes. Raises NotUnderstoodError, ChipError."""
        info = self._info
        try:
            hash_name = info["digest_algorithm"]["algorithm"].native
            attributes = info["signed_attrs"]
            if not attributes:
                return self._content_type == _SECURITY_OBJECT and self._holds(self._content, hash_name)
            said = {one["type"].native: one["values"] for one in attributes}
            if len(said) != len(attributes):
                return False
            fits = (
                "content_type" in said
                and "message_digest" in said
                and said["content_type"][0].dotted == self._content_type == _SECURITY_OBJECT
                and bytes(said["message_digest"][0].native) == digest(hash_name, self._content)
            )
            # Signed is the set itself, not the tagged form that it is stored in (RFC 5652, 5.4).
            return fits and self._holds(b"\x31" + attributes.dump()[1:], hash_name)
        except TORN as error:
            raise _bad("its signature is torn") from error

    def _holds(self, data: bytes, hash_name: str) -> bool:
        info = self._info
        return holds(
            self.signer.public_key, info["signature_algorithm"], bytes(info["signature"].native), data, hash_name
        )


def _certificate_of(info: cms.SignerInfo, certificates: cms.CertificateSet) -> x509.Certificate:
    wanted = info["sid"]
    for choice in certificates:
        certificate = choice.chosen
        if not isinstance(certificate, x509.Certificate):
            continue
        if wanted.name == "issuer_and_serial_number":
            fits = (
                certificate.serial_number == wanted.chosen["serial_number"].native
                and certificate.issuer == wanted.chosen["issuer"]
            )
        else:
            fits = certificate.key_identifier == wanted.chosen.native
        if fits:
            return certificate
    raise _bad("it is without the certificate of its signer")


def _signing_time(info: cms.SignerInfo) -> datetime | None:
    for one in info["signed_attrs"] or ():
        if one["type"].native == "signing_time":
            when = one["values"][0].native
            return when if isinstance(when, datetime) else None
    return None


def _bad(what: str) -> ChipError:
    return ChipError(Reason.BAD_VALUE, f"the chip's security object cannot be read: {what}")
