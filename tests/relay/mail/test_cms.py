"""CMS: what OpenSSL writes is read, what is written OpenSSL reads, and nothing else counts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from asn1crypto import cms as structures
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.mail import cms
from hotspotd.relay.seal import key_pair
from tests.gateway.bench import Certificates

CONTENT = bytes(range(256)) * 40 + b"\r\n.\r\n--\r\n\n"


@dataclass(frozen=True)
class Pair:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


@pytest.fixture(scope="module")
def device(certificates: Certificates) -> Pair:
    return Pair(*key_pair(certificates.folder / "kiosk-1.pem", certificates.folder / "kiosk-1.key"))


@pytest.fixture(scope="module")
def receiver(certificates: Certificates) -> Pair:
    return Pair(*key_pair(certificates.folder / "gateway-mail.pem", certificates.folder / "gateway-mail.key"))


@pytest.fixture(scope="module")
def openssl(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    out = tmp_path_factory.mktemp("openssl")

    def run(data: bytes, *arguments: str) -> bytes:
        (out / "in").write_bytes(data)
        subprocess.run(
            ["openssl", "cms", "-binary", "-in", str(out / "in"), "-out", str(out / "out"), *arguments],
            cwd=certificates.folder,
            check=True,
            capture_output=True,
        )
        return (out / "out").read_bytes()

    return run


def refusal(call: Callable[..., object], *arguments: object) -> Reason:
    with pytest.raises(RelayError) as caught:
        call(*arguments)
    return caught.value.reason


def test_what_is_signed_is_read_back_with_the_signer(device: Pair) -> None:
    content, signer = cms.verify(cms.sign(CONTENT, device.key, device.certificate))
    assert (content, signer) == (CONTENT, device.certificate)


@pytest.mark.parametrize("content", [b"", b"x", CONTENT], ids=["empty", "one byte", "binary"])
def test_what_is_encrypted_opens_with_the_receivers_key(receiver: Pair, content: bytes) -> None:
    enveloped = cms.envelop(content, receiver.certificate)
    assert cms.open_envelope(enveloped, receiver.key, receiver.certificate) == content
    assert len(enveloped) - len(content) < 500


def test_openssl_reads_what_is_written(device: Pair, receiver: Pair, openssl: Callable[..., bytes]) -> None:
    signed = cms.sign(CONTENT, device.key, device.certificate)
    enveloped = cms.envelop(signed, receiver.certificate)
    opened = openssl(
        enveloped, "-decrypt", "-inform", "DER", "-recip", "gateway-mail.pem", "-inkey", "gateway-mail.key"
    )
    assert opened == signed
    # Its own idea of a purpose is mail only; ours is judged by Trust.
    assert openssl(opened, "-verify", "-inform", "DER", "-CAfile", "ca.pem", "-purpose", "any") == CONTENT


@pytest.mark.parametrize("streamed", [(), ("-stream",)], ids=["DER", "BER"])
def test_what_openssl_writes_is_read(
    device: Pair, receiver: Pair, openssl: Callable[..., bytes], streamed: tuple[str, ...]
) -> None:
    signed = openssl(
        CONTENT,
        *("-sign", "-nodetach", "-md", "sha256", "-signer", "kiosk-1.pem", "-inkey", "kiosk-1.key"),
        *("-outform", "DER", *streamed),
    )
    assert cms.verify(signed) == (CONTENT, device.certificate)
    enveloped = openssl(
        signed,
        *("-encrypt", "-aes-256-gcm", "-recip", "gateway-mail.pem", "-keyopt", "ecdh_kdf_md:sha256"),
        *("-outform", "DER", *streamed),
    )
    assert cms.open_envelope(enveloped, receiver.key, receiver.certificate) == signed


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-encrypt", "-aes-256-cbc", "-recip", "gateway-mail.pem"), Reason.UNSIGNED),
        (("-encrypt", "-aes-128-gcm", "-recip", "gateway-mail.pem"), Reason.TAMPERED),
        # The key derivation that OpenSSL takes by itself is that with SHA-1.
        (("-encrypt", "-aes-256-gcm", "-recip", "gateway-mail.pem"), Reason.TAMPERED),
        (("-encrypt", "-aes-256-gcm", "-recip", "kiosk-2-mail.pem", "-keyopt", "ecdh_kdf_md:sha256"), Reason.UNTRUSTED),
        (("-sign", "-nodetach", "-signer", "kiosk-1.pem", "-inkey", "kiosk-1.key"), Reason.UNSIGNED),
        (("-data_create",), Reason.UNSIGNED),
    ],
    ids=["CBC", "AES-128", "SHA-1", "another receiver", "only signed", "only data"],
)
def test_any_other_envelope_is_refused(
    receiver: Pair, openssl: Callable[..., bytes], arguments: tuple[str, ...], reason: Reason
) -> None:
    enveloped = openssl(CONTENT, *arguments, "-outform", "DER")
    assert refusal(cms.open_envelope, enveloped, receiver.key, receiver.certificate) is reason


@pytest.mark.parametrize(
    "arguments",
    [("-noattr",), ("-nocerts",), ("-md", "sha512"), ("-keyid",), ("-signer", "kiosk-2.pem", "-inkey", "kiosk-2.key")],
    ids=["no attributes", "no certificate", "SHA-512", "by key id", "two signers"],
)
def test_any_other_signature_is_refused(openssl: Callable[..., bytes], arguments: tuple[str, ...]) -> None:
    signed = openssl(
        CONTENT,
        *("-sign", "-nodetach", "-md", "sha256", "-signer", "kiosk-1.pem", "-inkey", "kiosk-1.key"),
        *("-outform", "DER", *arguments),
    )
    assert refusal(cms.verify, signed) is Reason.TAMPERED


def test_a_detached_signature_is_refused(openssl: Callable[..., bytes]) -> None:
    signed = openssl(CONTENT, "-sign", "-signer", "kiosk-1.pem", "-inkey", "kiosk-1.key", "-outform", "DER")
    assert refusal(cms.verify, signed) is Reason.TAMPERED


def test_the_signature_of_other_content_is_tampered(device: Pair) -> None:
    one, other = (
        structures.ContentInfo.load(cms.sign(content, device.key, device.certificate))
        for content in (CONTENT, CONTENT + b"!")
    )
    one["content"]["signer_infos"] = other["content"]["signer_infos"]
    assert refusal(cms.verify, one.dump(force=True)) is Reason.TAMPERED


def test_a_signature_in_another_ones_name_is_tampered(device: Pair, certificates: Certificates) -> None:
    other = Pair(*key_pair(certificates.folder / "kiosk-2.pem", certificates.folder / "kiosk-2.key"))
    forged = structures.ContentInfo.load(cms.sign(CONTENT, other.key, other.certificate))
    ours = structures.ContentInfo.load(cms.sign(CONTENT, device.key, device.certificate))
    forged["content"]["certificates"] = ours["content"]["certificates"]
    forged["content"]["signer_infos"][0]["sid"] = ours["content"]["signer_infos"][0]["sid"]
    assert refusal(cms.verify, forged.dump(force=True)) is Reason.TAMPERED


def test_a_key_on_another_curve_does_not_count(certificates: Certificates) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kiosk-1")])
    template = x509.load_pem_x509_certificate((certificates.folder / "kiosk-1.pem").read_bytes())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(template.not_valid_before_utc)
        .not_valid_after(template.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    signed = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(CONTENT)
        .add_signer(certificate, key, hashes.SHA256())
        .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )
    assert refusal(cms.verify, signed) is Reason.UNTRUSTED
    assert refusal(cms.envelop, CONTENT, certificate) is Reason.UNTRUSTED


@settings(deadline=None)
@given(place=st.integers(0, 9_999), flip=st.integers(1, 255))
def test_no_damage_to_an_envelope_goes_unseen(receiver: Pair, place: int, flip: int) -> None:
    enveloped = bytearray(cms.envelop(b"content" * 20, receiver.certificate))
    enveloped[place % len(enveloped)] ^= flip
    with suppress(RelayError):
        # Some bytes say nothing: the version, or how a number or length is written.
        assert cms.open_envelope(bytes(enveloped), receiver.key, receiver.certificate) == b"content" * 20


# Serial numbers that are no such, which cryptography reads for the time being.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@settings(deadline=None)
@given(place=st.integers(0, 9_999), flip=st.integers(1, 255))
def test_no_damage_to_what_is_signed_goes_unseen(device: Pair, place: int, flip: int) -> None:
    signed = bytearray(cms.sign(b"content" * 20, device.key, device.certificate))
    signed[place % len(signed)] ^= flip
    with suppress(RelayError):
        content, signer = cms.verify(bytes(signed))
        assert content == b"content" * 20
        # The issuer's signature on it is judged by Trust; the key must be the device's.
        assert signer.public_key() == device.certificate.public_key()


@settings(deadline=None)
@given(junk=st.binary(max_size=400))
def test_junk_is_refused(certificates: Certificates, junk: bytes) -> None:
    key, certificate = _receiver(certificates.folder)
    assert refusal(cms.verify, junk) in {Reason.TAMPERED, Reason.UNSIGNED}
    assert refusal(cms.open_envelope, junk, key, certificate) in {Reason.TAMPERED, Reason.UNSIGNED}


def _receiver(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    return key_pair(folder / "gateway-mail.pem", folder / "gateway-mail.key")
