"""The country signing authorities (CSCA) that are believed, from certificates, master lists and revocation lists.

A folder holds any of: certificates (PEM or DER), master lists as ICAO and others publish them (CMS, ICAO Doc 9303-12,
9), and revocation lists. Whoever puts a file there vouches for it: that a master list's own signature holds is
checked, which shows damage, but its signer is in the list itself. A file that is none of these is refused by name, and
so is the folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from asn1crypto import cms, core, crl, pem, x509

from hotspotd.emrtd.signatures import TORN, NotUnderstoodError, digest, holds
from hotspotd.errors import ChipError, Reason

_MASTER_LIST = "2.23.136.1.1.2"
_MAX_FILE = 16 * 1024 * 1024
_MOST = 10_000  # Certificates; the largest list in use has under a thousand.


class _Certificates(core.SetOf):  # type: ignore[misc]  # asn1crypto is not typed.
    _child_spec = x509.Certificate


class _MasterList(core.Sequence):  # type: ignore[misc]  # As above.
    _fields: ClassVar = [("version", core.Integer), ("certificates", _Certificates)]


def country_of(name: x509.Name) -> str:
    """The country in a name, in capitals, as some authorities write theirs small; empty where there is none."""
    found = name.native.get("country_name", "")
    return found.upper() if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Authorities:
    """What is believed: certificates of authorities, and serial numbers that they revoked."""

    certificates: tuple[x509.Certificate, ...] = field(repr=False)
    lists: tuple[crl.CertificateList, ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, place: Path) -> Authorities:
        """All that is in the folder or file ``place``. Raises ChipError that names the file.

        Reads files: for a worker thread.
        """
        try:
            files = sorted(one for one in place.iterdir() if one.is_file()) if place.is_dir() else [place]
            contents = [(one.name, _bounded(one)) for one in files if not one.name.startswith(".")]
        except OSError as error:
            raise ChipError(
                Reason.UNREADABLE, f"{place}: {error.strerror}", "Name the folder of the authorities' certificates."
            ) from error
        return cls.of(contents)

    @classmethod
    def of(cls, contents: Iterable[tuple[str, bytes]]) -> Authorities:
        """What these files hold, each with its name. Raises ChipError that names the file."""
        certificates: dict[bytes, x509.Certificate] = {}
        lists: list[crl.CertificateList] = []
        for name, content in contents:
            try:
                for one in _structures(content):
                    if isinstance(one, x509.Certificate):
                        certificates[one.sha256] = one
                    else:
                        lists.append(one)
            except (*TORN, NotUnderstoodError) as error:
                raise ChipError(
                    Reason.BAD_VALUE,
                    f"{name} is neither a certificate, nor a master list or a revocation list that holds: {error}",
                    "Take it out of the folder, or fetch it anew.",
                ) from error
            if len(certificates) > _MOST:
                raise ChipError(Reason.TOO_LARGE, f"more than {_MOST} authorities", "Take some files out.")
        return cls(tuple(certificates.values()), tuple(lists))

    def countries(self) -> frozenset[str]:
        """Two letters of each country that has an authority here."""
        return frozenset(country_of(one.subject) for one in self.certificates)

    def issuer_of(self, signer: x509.Certificate) -> x509.Certificate | None:
        """The authority that certified ``signer``, None where none here did.

        Raises NotUnderstoodError where one may have, by its name and key, in a way that is not understood.
        """
        doubt: NotUnderstoodError | None = None
        for one in self.certificates:
            if one.subject != signer.issuer and not _same_key(one, signer):
                continue
            try:
                if _certified(signer, one):
                    return one
            except NotUnderstoodError as error:
                doubt = error
        if doubt is not None:
            raise doubt
        return None

    def revoked(self, signer: x509.Certificate, issuer: x509.Certificate) -> bool:
        """Whether a list that ``issuer`` signed names ``signer``. Raises NotUnderstoodError."""
        for one in self.lists:
            listed = one["tbs_cert_list"]
            if listed["issuer"] != issuer.subject:
                continue
            if not holds(issuer.public_key, one["signature_algorithm"], bytes(one["signature"].native), listed.dump()):
                continue
            entries = listed["revoked_certificates"] or ()
            if any(entry["user_certificate"].native == signer.serial_number for entry in entries):
                return True
        return False


def valid_at(certificate: x509.Certificate, when: datetime) -> bool:
    """Whether ``when`` is within the certificate's validity."""
    return bool(certificate.not_valid_before <= when <= certificate.not_valid_after)


def _same_key(authority: x509.Certificate, signer: x509.Certificate) -> bool:
    wanted = signer.authority_key_identifier
    return wanted is not None and authority.key_identifier == wanted


def _certified(signer: x509.Certificate, authority: x509.Certificate) -> bool:
    return holds(
        authority.public_key,
        signer["signature_algorithm"],
        bytes(signer["signature_value"].native),
        signer["tbs_certificate"].dump(),
    )


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_MAX_FILE + 1)
    if len(data) > _MAX_FILE:
        raise ChipError(Reason.TOO_LARGE, f"{path}: larger than {_MAX_FILE} bytes", "Name the right file.")
    return data


def _structures(content: bytes) -> Iterator[x509.Certificate | crl.CertificateList]:
    if not pem.detect(content):
        yield from _from_der(content)
        return
    for _name, _headers, der in pem.unarmor(content, multiple=True):
        yield from _from_der(der)


def _from_der(der: bytes) -> Iterator[x509.Certificate | crl.CertificateList]:
    outer = core.Sequence.load(der, strict=True)
    first = outer[0]
    if isinstance(first, core.ObjectIdentifier):
        yield from _from_master_list(der)
        return
    # Certificates and revocation lists begin alike; only one of the two can be read to its end.
    try:
        certificate = x509.Certificate.load(der, strict=True)
        certificate.native  # noqa: B018  # All is parsed now: a torn one raises here, not before a traveller.
    except TORN as error:
        revocations = crl.CertificateList.load(der, strict=True)
        try:
            revocations.native  # noqa: B018  # As above.
        except TORN:
            raise error from None
        yield revocations
        return
    if not certificate.ca:
        raise ValueError("the certificate is of no authority")
    yield certificate


def _from_master_list(der: bytes) -> Iterator[x509.Certificate]:
    info = cms.ContentInfo.load(der, strict=True)
    if info["content_type"].native != "signed_data":
        raise ValueError("no signed data")
    signed = info["content"]
    encapsulated = signed["encap_content_info"]
    if encapsulated["content_type"].dotted != _MASTER_LIST:
        raise ValueError("no master list")
    content = bytes(encapsulated["content"].contents)
    signers = list(signed["signer_infos"])
    certificates = [one.chosen for one in signed["certificates"] if isinstance(one.chosen, x509.Certificate)]
    if len(signers) != 1 or not any(_list_holds(signers[0], one, content) for one in certificates):
        raise ValueError("its signature does not hold")
    for certificate in _MasterList.load(content, strict=True)["certificates"]:
        certificate.native  # noqa: B018  # As above.
        if certificate.ca:
            yield certificate


def _list_holds(info: cms.SignerInfo, certificate: x509.Certificate, content: bytes) -> bool:
    hash_name = info["digest_algorithm"]["algorithm"].native
    attributes = info["signed_attrs"]
    said = {one["type"].native: one["values"] for one in attributes}
    if bytes(said["message_digest"][0].native) != digest(hash_name, content):
        return False
    try:
        return holds(
            certificate.public_key,
            info["signature_algorithm"],
            bytes(info["signature"].native),
            b"\x31" + attributes.dump()[1:],
            hash_name,
        )
    except NotUnderstoodError:
        # One of several certificates; the signer's own is another one.
        return False
