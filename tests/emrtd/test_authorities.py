"""The list of signing authorities: certificates, master lists, and files that are neither."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms, core, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from drivers.chip import tlv
from drivers.emulators.emrtd_lds import Authority, Signer, pem
from hotspotd.emrtd.authorities import Authorities, country_of
from hotspotd.errors import ChipError

_DER = serialization.Encoding.DER


def master_list(publisher: Signer, *authorities: Authority) -> bytes:
    """A master list with these authorities (ICAO Doc 9303-12, 9.2)."""
    listed = b"".join(one.certificate.public_bytes(_DER) for one in authorities)
    content = tlv.encode(0x30, tlv.encode(0x02, b"\x00") + tlv.encode(0x31, listed))
    kind = "2.23.136.1.1.2"
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": [kind]}),
            cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]}),
        ]
    )
    certificate = x509.Certificate.load(publisher.certificate.public_bytes(_DER))
    assert isinstance(publisher.key, ec.EllipticCurvePrivateKey)
    digest = {"algorithm": "sha256"}
    sid = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
    signed = {
        "version": "v3",
        "digest_algorithms": [digest],
        "encap_content_info": {"content_type": kind, "content": core.ParsableOctetString(content)},
        "certificates": [certificate],
        "signer_infos": [
            {
                "version": "v1",
                "sid": {"issuer_and_serial_number": sid},
                "digest_algorithm": digest,
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                "signature": publisher.key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
            }
        ],
    }
    info = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
    return bytes(info.dump())


def test_a_folder_of_all_kinds_of_files_is_read(tmp_path: Path) -> None:
    one, two, three = Authority("UT"), Authority("FR"), Authority("SI")
    (tmp_path / "ut.pem").write_bytes(pem(one.certificate))
    (tmp_path / "list.ml").write_bytes(master_list(two.signer(), two, three))
    (tmp_path / "ut.crl").write_bytes(one.revocations().public_bytes(_DER))
    (tmp_path / "again.der").write_bytes(one.certificate.public_bytes(_DER))
    found = Authorities.load(tmp_path)
    assert found.countries() == {"UT", "FR", "SI"}
    assert (len(found.certificates), len(found.lists)) == (3, 1)


def test_who_certified_a_signer_is_found_by_the_signature(tmp_path: Path) -> None:
    one, same_name = Authority("UT"), Authority("UT")
    found = Authorities.of([("a.pem", pem(same_name.certificate, one.certificate))])
    signer = x509.Certificate.load(one.signer().certificate.public_bytes(_DER))
    issuer = found.issuer_of(signer)
    assert issuer is not None
    assert issuer.dump() == one.certificate.public_bytes(_DER)
    assert Authorities.of([("a.pem", pem(same_name.certificate))]).issuer_of(signer) is None


def test_a_document_signer_is_no_authority() -> None:
    with pytest.raises(ChipError, match=r"ds\.pem"):
        Authorities.of([("ds.pem", pem(Authority("UT").signer().certificate))])


def test_a_changed_master_list_is_refused_by_name() -> None:
    one = Authority("UT")
    damaged = bytearray(master_list(one.signer(), one, Authority("FR")))
    damaged[len(damaged) // 3] ^= 1
    with pytest.raises(ChipError, match=r"icao\.ml"):
        Authorities.of([("icao.ml", bytes(damaged))])


@pytest.mark.parametrize("content", [b"", b"text", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_that_is_no_authority_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(ChipError, match=r"readme\.txt") as caught:
        Authorities.of([("readme.txt", content)])
    assert caught.value.advice


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChipError, match="nowhere"):
        Authorities.load(tmp_path / "nowhere")


def test_a_country_is_read_in_either_case() -> None:
    certificate = x509.Certificate.load(Authority("UT", now=datetime.now(UTC)).certificate.public_bytes(_DER))
    assert country_of(certificate.subject) == "UT"
    assert country_of(x509.Name.build({"country_name": "de"})) == "DE"
    assert country_of(x509.Name.build({"common_name": "nobody"})) == ""
