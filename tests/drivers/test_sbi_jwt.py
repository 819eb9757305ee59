"""Signed answers of a biometric service: what is taken, and the ways to forge one, which are not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import DriverError, DriverReason
from drivers.emulators.sbi_keys import Issuer, Keys, Signer, base64url
from drivers.fingerprint.sbi_jwt import Anchors, decode_base64url, payload_of
from tests.drivers.sbi_bench import keys

PAYLOAD = {"transactionId": "1", "bioValue": "AAAA"}
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def anchors() -> Anchors:
    return Anchors((keys().root,))


@pytest.fixture(scope="module")
def foreign() -> Keys:
    return Keys.make()


def refused(token: str, anchors: Anchors, at: datetime = NOW) -> str:
    with pytest.raises(DriverError) as caught:
        payload_of(token, anchors, at)
    assert caught.value.reason is DriverReason.UNTRUSTED
    assert caught.value.advice
    return caught.value.what


def test_what_the_device_has_signed_is_taken(anchors: Anchors) -> None:
    assert payload_of(keys().signer.token(PAYLOAD), anchors, NOW) == PAYLOAD


def test_an_issuer_may_be_an_anchor_itself_and_a_chain_need_not_repeat_it() -> None:
    token = Signer(keys().signer.key, keys().signer.chain[:1]).token(PAYLOAD)
    assert payload_of(token, Anchors((keys().provider.certificate,)), NOW) == PAYLOAD


def test_one_certificate_as_a_text_is_taken_as_early_drafts_show_it() -> None:
    der = keys().signer.chain[0].public_bytes(serialization.Encoding.DER)
    token = keys().signer.token(PAYLOAD, x5c=base64.b64encode(der).decode())
    assert payload_of(token, Anchors((keys().provider.certificate,)), NOW) == PAYLOAD


def test_ed25519_is_taken_with_its_own_algorithm_only() -> None:
    root = Issuer.root("root")
    key = ed25519.Ed25519PrivateKey.generate()
    certificate = certified(root, key.public_key())

    def token(algorithm: str) -> str:
        signed = signed_part({"alg": algorithm, "x5c": [der64(certificate)]})
        return f"{signed}.{base64url(key.sign(signed.encode()))}"

    anchors = Anchors((root.certificate,))
    assert payload_of(token("EdDSA"), anchors, NOW) == PAYLOAD
    assert "algorithm" in refused(token("RS256"), anchors)


def der64(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def signed_part(header: dict[str, Any], payload: dict[str, Any] | None = None) -> str:
    return f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(payload or PAYLOAD).encode())}"


def certified(
    issuer: Issuer, key: Any, digest: hashes.HashAlgorithm | None = None, *, ca: bool = False, length: int | None = None
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key)
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=length), critical=True)
        .sign(issuer.key, digest or hashes.SHA256())
    )


def with_x5c(of: Callable[[Keys], list[str]]) -> Callable[[Keys], str]:
    return lambda other: keys().signer.token(PAYLOAD, x5c=of(other))


def own() -> list[str]:
    return [der64(each) for each in keys().signer.chain]


def hmac_with_the_public_key() -> str:
    public = keys().signer.key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = signed_part({"alg": "HS256", "x5c": own()})
    return f"{signed}.{base64url(hmac.digest(pem, signed.encode(), hashlib.sha256))}"


def parts() -> list[str]:
    return keys().signer.token(PAYLOAD).split(".")


FORGERIES: dict[str, Callable[[Keys], str]] = {
    "nothing": lambda _: "",
    "no token": lambda _: "not a token",
    "the payload alone": lambda _: parts()[1],
    "without its signature": lambda _: ".".join([*parts()[:2], ""]),
    "two parts": lambda _: ".".join(parts()[:2]),
    "four parts": lambda _: ".".join([*parts(), "AAAA"]),
    "algorithm none": lambda _: signed_part({"alg": "none", "x5c": own()}) + ".",
    "algorithm none with a signature": lambda _: keys().signer.token(PAYLOAD, alg="none"),
    "algorithm None": lambda _: keys().signer.token(PAYLOAD, alg=None),
    "hmac with the public key": lambda _: hmac_with_the_public_key(),
    "another algorithm": lambda _: keys().signer.token(PAYLOAD, alg="PS256"),
    "an algorithm in lower case": lambda _: keys().signer.token(PAYLOAD, alg="rs256"),
    "extensions to be understood": lambda _: keys().signer.token(PAYLOAD, crit=["exp"], exp=1),
    "payload exchanged": lambda _: ".".join([parts()[0], base64url(b"{}"), parts()[2]]),
    "header exchanged": lambda _: ".".join(
        [base64url(json.dumps({"alg": "RS256", "x5c": own(), "kid": "1"}).encode()), *parts()[1:]]
    ),
    "signature cut": lambda _: keys().signer.token(PAYLOAD)[:-8],
    "signature of another": lambda other: ".".join([*parts()[:2], other.signer.token(PAYLOAD).split(".")[2]]),
    "another provider of the same name": lambda other: other.signer.token(PAYLOAD),
    "its own certificate under another's chain": with_x5c(
        lambda other: [der64(keys().signer.chain[0]), *map(der64, other.signer.chain[1:])]
    ),
    "another's certificate first": with_x5c(lambda other: [der64(other.signer.chain[0]), *own()]),
    "signed by another under the right chain": lambda other: other.signer.token(PAYLOAD, x5c=own()),
    "the anchor's own certificate first": with_x5c(lambda _: [der64(keys().root)]),
    "the provider's certificate as the device's": with_x5c(lambda _: own()[1:]),
    "the issuer left out": with_x5c(lambda _: own()[:1]),
    "no certificates": with_x5c(lambda _: []),
    "too many certificates": with_x5c(lambda _: own() * 8),
    "certificates that are numbers": lambda _: keys().signer.token(PAYLOAD, x5c=[1, 2]),
    "certificates that are none": with_x5c(lambda _: ["AAAA"]),
    "certificates in base64url": with_x5c(lambda _: [each.replace("+", "-").replace("/", "_") for each in own()]),
    "a key in the header": lambda other: other.signer.token(PAYLOAD, jwk={"kty": "RSA"}, x5u="http://127.0.0.1/"),
    "a header that is a list": lambda _: ".".join([base64url(b"[]"), *parts()[1:]]),
    "a header that is no JSON": lambda _: ".".join([base64url(b"{"), *parts()[1:]]),
    "a header of deep lists": lambda _: ".".join([base64url(b"[" * 40_000), *parts()[1:]]),
    "a payload that is a text": lambda _: keys().signer.token(b'"text"'),
    "base64 with padding and signs": lambda _: ".".join([parts()[0] + "+/", *parts()[1:]]),
    "a line break in it": lambda _: keys().signer.token(PAYLOAD).replace(".", ".\n", 1),
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forgery_is_refused(how: str, anchors: Anchors, foreign: Keys) -> None:
    refused(FORGERIES[how](foreign), anchors)


def test_certificates_count_from_their_first_day_to_their_last(anchors: Anchors) -> None:
    token = keys().signer.token(PAYLOAD)
    for at in (datetime(1970, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)):
        assert "valid from" in refused(token, anchors, at)
    assert "valid from" in refused(keys().expired().token(PAYLOAD), anchors)


def test_an_expired_anchor_is_none() -> None:
    root = Issuer.root("root")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    late = datetime.now(UTC) + timedelta(days=20 * 365)
    signer = Signer(key, (root.sign("device", key.public_key(), until=late + timedelta(days=1)),))
    assert "valid from" in refused(signer.token(PAYLOAD), Anchors((root.certificate,)), late)


def test_an_issuer_that_is_no_authority_has_signed_nothing() -> None:
    """A device's key must not be able to make devices."""
    thief = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    device = Issuer(keys().signer.key, keys().signer.chain[0])
    signer = Signer(thief, (device.sign("thief", thief.public_key()), *keys().signer.chain))
    assert "does not lead" in refused(signer.token(PAYLOAD), Anchors((keys().root,)))


def test_an_authority_signs_no_further_down_than_it_may() -> None:
    root = Issuer.root("root")
    middle_key, device_key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    for length, good in ((0, False), (1, True)):
        top = Issuer(middle_key, certified(root, middle_key.public_key(), ca=True, length=length))
        below_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        below = Issuer(below_key, certified(top, below_key.public_key(), ca=True))
        token = Signer(
            device_key, (certified(below, device_key.public_key()), below.certificate, top.certificate)
        ).token(PAYLOAD)
        anchors = Anchors((root.certificate,))
        if good:
            assert payload_of(token, anchors, NOW) == PAYLOAD
        else:
            assert "does not lead" in refused(token, anchors)


def test_weak_keys_and_other_curves_are_refused() -> None:
    root = Issuer.root("root")
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # On purpose.
    assert "algorithm" in refused(
        Signer(weak, (certified(root, weak.public_key()),)).token(PAYLOAD), Anchors((root.certificate,))
    )
    curve = ec.generate_private_key(ec.SECP256R1())
    signed = signed_part({"alg": "ES256", "x5c": [der64(certified(root, curve.public_key()))]})
    signature = curve.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
    assert "algorithm" in refused(f"{signed}.{base64url(signature)}", Anchors((root.certificate,)))


def test_certificates_that_issue_each_other_end_the_search() -> None:
    one, two = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    first, second = Issuer.root("x"), Issuer.root("x")
    a = certified(Issuer(two, second.certificate), one.public_key(), ca=True)
    b = certified(Issuer(one, first.certificate), two.public_key(), ca=True)
    assert "does not lead" in refused(Signer(one, (a, b)).token(PAYLOAD), Anchors((keys().root,)))


def test_without_anchors_everything_is_taken_also_what_is_not_signed() -> None:
    foreign_token = keys().signer.token(PAYLOAD, alg="none")
    assert payload_of(foreign_token, None, NOW) == PAYLOAD
    assert payload_of(base64url(json.dumps(PAYLOAD).encode()), None, NOW) == PAYLOAD
    with pytest.raises(DriverError):
        payload_of("a.b", None, NOW)


def test_a_file_without_certificates_is_no_anchor() -> None:
    for pem in (b"", b"text", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"x" * 2_000_000):
        with pytest.raises(DriverError) as caught:
            Anchors.read(pem)
        assert caught.value.reason is DriverReason.BAD_ADDRESS
    assert Anchors.read(keys().root.public_bytes(serialization.Encoding.PEM)).certificates == (keys().root,)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=300).map(base64url)), st.integers(0, 3))
def test_any_text_is_refused_and_nothing_else_happens(text: str, at: int) -> None:
    pieces = parts()
    if at < 3:
        pieces[at] = text
        text = ".".join(pieces)
    if text != keys().signer.token(PAYLOAD):
        refused(text, Anchors((keys().root,)))


@given(st.binary(max_size=200))
def test_base64url_is_read_back(data: bytes) -> None:
    assert decode_base64url(base64url(data)) == data
    assert decode_base64url(base64.urlsafe_b64encode(data).decode()) == data


def test_every_bit_of_a_signature_counts(anchors: Anchors) -> None:
    head, body, signature = parts()
    raw = bytearray(decode_base64url(signature))
    for bit in range(0, len(raw) * 8, 97):
        raw[bit // 8] ^= 1 << bit % 8
        assert "signature" in refused(f"{head}.{body}.{base64url(bytes(raw))}", anchors)
        raw[bit // 8] ^= 1 << bit % 8
    key = keys().signer.key
    old = key.sign(f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA512())
    assert "signature" in refused(f"{head}.{body}.{base64url(old)}", anchors)
