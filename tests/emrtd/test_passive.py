"""Passive authentication of made-up documents: genuine ones, and every way in which one is not."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from asn1crypto import keys, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ecdsa import SigningKey, curves
from ecdsa.util import sigencode_der
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.emulators.emrtd_lds import Algorithm, Authority, Signer, pem, sod
from hotspotd.domain.chip import ChipCheck, ChipFinding, ChipState
from hotspotd.emrtd.authorities import Authorities
from hotspotd.emrtd.passive import Proof, judge
from hotspotd.emrtd.security_object import SecurityObject
from hotspotd.emrtd.signatures import NotUnderstoodError, holds
from hotspotd.errors import ChipError
from tests.emrtd.documents import document, files

NOW = datetime.now(UTC)
_DAY = timedelta(days=1)


@cache
def authority() -> Authority:
    return Authority("UT")


def _believed(*authorities: Authority) -> Authorities:
    return Authorities.of([(f"{place}.pem", pem(one.certificate)) for place, one in enumerate(authorities)])


def _judged(
    read: dict[str, bytes], proof: Proof = "done", *, believed: Authorities | None = None, now: datetime | None = NOW
) -> ChipCheck:
    return judge(read, proof, believed or _usual(), now)


@cache
def _usual() -> Authorities:
    return _believed(authority())


@pytest.mark.parametrize("algorithm", ["ecdsa", "rsa", "pss"])
@pytest.mark.parametrize("root", ["ecdsa", "rsa"])
def test_a_genuine_document_is_authentic(algorithm: Algorithm, root: Algorithm) -> None:
    one = Authority("UT", algorithm=root)
    check = _judged(files(document(one.signer(algorithm))), believed=_believed(one))
    assert (check.state, check.findings, check.signer) == (ChipState.AUTHENTIC, (), "UT")
    assert check.copy_checked


@pytest.mark.parametrize(
    "curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.BrainpoolP256R1(), ec.BrainpoolP512R1()]
)
def test_every_curve_in_use_is_understood(curve: ec.EllipticCurve) -> None:
    one = Authority("UT", curve=curve)
    assert _judged(files(document(one.signer())), believed=_believed(one)).state is ChipState.AUTHENTIC


def test_a_chip_that_cannot_show_that_it_is_no_copy_is_authentic_with_a_note() -> None:
    made = files(document(authority().signer()))
    groups = {1: made["DG1"], 2: made["DG2"]}
    plain = {"DG1": made["DG1"], "DG2": made["DG2"], "EF.SOD": sod(groups, authority().signer())}
    check = _judged(plain, "absent")
    assert (check.state, check.findings) == (ChipState.AUTHENTIC, (ChipFinding.NO_COPY_PROTECTION,))
    assert not check.copy_checked


def test_without_an_authority_of_that_country_nothing_is_said() -> None:
    check = _judged(files(document(authority().signer())), believed=_believed(Authority("FR")))
    assert (check.state, check.findings) == (ChipState.NOT_CHECKED, (ChipFinding.NO_AUTHORITY,))
    assert not check.copy_checked


def test_a_changed_data_group_is_broken_and_named() -> None:
    check = _judged(files(document(authority().signer(), wrong_hash=True)))
    assert (check.state, check.findings, check.groups) == (ChipState.BROKEN, (ChipFinding.WRONG_HASH,), ("DG1",))
    made = files(document(authority().signer()))
    assert _judged({**made, "DG2": made["DG2"] + b"\x00"}).groups == ("DG2",)


def test_a_group_that_nobody_signed_is_broken() -> None:
    made = files(document(authority().signer()))
    unsigned = {**made, "EF.SOD": sod({1: made["DG1"], 2: made["DG2"]}, authority().signer())}
    assert _judged(unsigned).groups == ("DG14",)


@pytest.mark.parametrize("forger", ["ecdsa", "rsa"])
@pytest.mark.parametrize("real", ["ecdsa", "rsa"])
def test_a_signer_of_a_false_authority_of_the_same_name_is_broken(forger: Algorithm, real: Algorithm) -> None:
    forged = Authority("UT", algorithm=forger).signer(forger)
    check = _judged(files(document(forged)), believed=_believed(Authority("UT", algorithm=real)))
    assert (check.state, check.findings) == (ChipState.BROKEN, (ChipFinding.SIGNER_UNKNOWN,))


def test_a_signer_of_another_country_is_broken() -> None:
    other = Authority("FR")
    check = _judged(files(document(other.signer())), believed=_believed(authority(), other))
    assert (check.state, check.findings) == (ChipState.BROKEN, (ChipFinding.SIGNER_COUNTRY,))


def test_a_copy_is_broken_even_where_no_authority_is_known() -> None:
    made = files(document(authority().signer()))
    assert _judged(made, "failed").findings == (ChipFinding.COPY,)
    assert _judged(made, "failed", believed=Authorities(())).state is ChipState.BROKEN


def test_a_copy_that_hides_what_would_show_it_is_broken() -> None:
    made = files(document(authority().signer()))
    del made["DG14"]
    check = _judged(made, "absent")
    assert check.state is ChipState.BROKEN
    assert (check.findings[0], check.groups) == (ChipFinding.HIDDEN_GROUP, ("DG14",))


def test_a_revoked_signer_is_broken() -> None:
    revoked, good = authority().signer(), authority().signer()
    lists = authority().revocations(revoked.certificate).public_bytes(serialization.Encoding.DER)
    believed = Authorities.of([("csca.pem", pem(authority().certificate)), ("csca.crl", lists)])
    assert _judged(files(document(revoked)), believed=believed).findings == (ChipFinding.SIGNER_REVOKED,)
    assert _judged(files(document(good)), believed=believed).state is ChipState.AUTHENTIC


def test_a_signer_whose_time_was_up_when_it_signed_is_broken() -> None:
    late = authority().signer(valid=(100 * _DAY, 50 * _DAY))
    assert _judged(files(document(late))).findings == (ChipFinding.SIGNER_NOT_VALID,)


def test_a_signer_whose_time_is_up_now_signed_well_before() -> None:
    old = authority().signer()
    made = files(document(old))
    groups = {number: made[f"DG{number}"] for number in (1, 2, 14)}
    made["EF.SOD"] = sod(groups, old, signed_at=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1))
    assert _judged(made, now=NOW + 36_500 * _DAY).state is ChipState.AUTHENTIC
    # And a clock that nobody has set calls nothing early.
    assert _judged(made, now=None).state is ChipState.AUTHENTIC


def test_a_signer_of_the_future_is_broken() -> None:
    assert _judged(files(document(authority().signer())), now=NOW - 400 * _DAY).findings == (
        ChipFinding.SIGNER_NOT_VALID,
    )


def test_without_its_security_object_a_chip_is_broken() -> None:
    made = files(document(authority().signer()))
    del made["EF.SOD"]
    assert _judged(made).findings == (ChipFinding.NO_SIGNATURE,)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_changed_bit_of_a_security_object_is_authentic(data: st.DataObject) -> None:
    made = _genuine()
    changed = bytearray(made["EF.SOD"])
    signed = SecurityObject.parse(made["EF.SOD"])
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    check = _judged({**made, "EF.SOD": bytes(changed)})
    if check.state is ChipState.AUTHENTIC:
        # What is neither signed nor used, such as a version, may change; what was signed has not.
        again = SecurityObject.parse(bytes(changed))
        assert (again.hashes, again.signed_at) == (signed.hashes, signed.signed_at)


@cache
def _genuine() -> dict[str, bytes]:
    return files(document(authority().signer()))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_judgement(noise: bytes) -> None:
    made = _genuine()
    for name in made:
        assert _judged({**made, name: noise}).state is ChipState.BROKEN
    with pytest.raises(ChipError):
        SecurityObject.parse(noise)


def _explicit(signer: Signer, change: dict[str, Any] | None = None) -> keys.PublicKeyInfo:
    """The signer's public key with its curve written out."""
    curve = curves.BRAINPOOLP256r1
    generator = curve.generator
    written: dict[str, Any] = {
        "version": "ecdpVer1",
        "field_id": {"field_type": "prime_field", "parameters": int(curve.curve.p())},
        "curve": {
            "a": int(curve.curve.a() % curve.curve.p()).to_bytes(32, "big"),
            "b": int(curve.curve.b()).to_bytes(32, "big"),
        },
        "base": b"\x04" + int(generator.x()).to_bytes(32, "big") + int(generator.y()).to_bytes(32, "big"),
        "order": int(curve.order),
        "cofactor": 1,
    } | (change or {})
    der = signer.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    info = keys.PublicKeyInfo.load(der)
    parameters = keys.ECDomainParameters(name="specified", value=keys.SpecifiedECDomain(written))
    algorithm = keys.PublicKeyAlgorithm({"algorithm": "ec", "parameters": parameters})
    made = keys.PublicKeyInfo({"algorithm": algorithm, "public_key": info["public_key"]})
    return keys.PublicKeyInfo.load(made.dump())


def test_a_curve_that_is_written_out_is_taken_only_where_it_is_a_known_one() -> None:
    signer = authority().signer()
    assert isinstance(signer.key, ec.EllipticCurvePrivateKey)
    signature = signer.key.sign(b"text", ec.ECDSA(hashes.SHA256()))
    algorithm = x509.Certificate.load(signer.certificate.public_bytes(serialization.Encoding.DER))[
        "signature_algorithm"
    ]
    assert holds(_explicit(signer), algorithm, signature, b"text")
    assert not holds(_explicit(signer), algorithm, signature, b"another text")
    public = signer.key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    # CVE-2020-0601: a generator of the forger's own, here the key itself, makes a private key of 1.
    with pytest.raises(NotUnderstoodError):
        holds(_explicit(signer, {"base": public}), algorithm, signature, b"text")


@pytest.mark.parametrize("curve", [curves.BRAINPOOLP224r1, curves.BRAINPOOLP320r1], ids=lambda one: one.name)
def test_curves_that_openssl_does_not_have_are_checked_too(curve: Any) -> None:
    key = SigningKey.generate(curve)
    algorithm = x509.Certificate.load(authority().certificate.public_bytes(serialization.Encoding.DER))[
        "signature_algorithm"
    ]
    signature = key.sign(b"text", hashfunc=hashlib.sha256, sigencode=sigencode_der, allow_truncate=True)
    public = keys.PublicKeyInfo.load(key.verifying_key.to_der())
    assert holds(public, algorithm, signature, b"text")
    assert not holds(public, algorithm, signature, b"another text")
