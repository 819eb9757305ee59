"""Seals: what holds, and every way in which one does not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.errors import ConfigError, Reason, RelayError
from hotspotd.gateway.authority import Authority
from hotspotd.relay.seal import LONGEST_VALID, Opened, Sealer, Trust, read_certificate
from tests.gateway.bench import Certificates

NOW = datetime.now(UTC)
CONTENT = b"what travels"
HOUR = timedelta(hours=1)


@pytest.fixture
def device(certificates: Certificates) -> Sealer:
    return Sealer.load(certificates.folder / "kiosk-1.pem", certificates.folder / "kiosk-1.key")


@pytest.fixture
def trust(certificates: Certificates) -> Trust:
    return Trust.load(certificates.anchor, "device")


def sealed(device: Sealer, valid: timedelta = HOUR, now: datetime = NOW, *, whole: bool = True) -> str:
    return device.seal(
        CONTENT, kind="transaction", tcn="UTO1", lane="lane-1", now=now, valid=valid, with_certificate=whole
    )


def refusal(trust: Trust, seal: str, content: bytes = CONTENT, now: datetime = NOW) -> Reason:
    with pytest.raises(RelayError) as caught:
        trust.open(seal, content, now)
    return caught.value.reason


def with_header(seal: str, **changes: object) -> str:
    protected, _, signature = seal.split(".")
    header = json.loads(base64.urlsafe_b64decode(protected + "=="))
    header.update(changes)
    header = {name: value for name, value in header.items() if value is not None}
    return f"{base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b'=').decode()}..{signature}"


def test_a_seal_says_who_sent_what_and_when(device: Sealer, trust: Trust) -> None:
    opened = trust.open(sealed(device), CONTENT, NOW)
    claims = opened.claims
    assert (opened.signer, claims.kind, claims.tcn, claims.lane) == ("kiosk-1", "transaction", "UTO1", "lane-1")
    assert (claims.signed_at, claims.expires_at) == (int(NOW.timestamp()), int((NOW + HOUR).timestamp()))


def test_no_two_seals_are_the_same(device: Sealer, trust: Trust) -> None:
    nonces = {trust.open(sealed(device), CONTENT, NOW).claims.nonce for _ in range(20)}
    assert len(nonces) == 20


def test_a_certificate_may_come_from_the_connection_instead(device: Sealer, trust: Trust) -> None:
    seal = sealed(device, whole=False)
    assert len(seal) < 500 < len(sealed(device))
    assert not trust.knows(seal)
    assert refusal(trust, seal) is Reason.UNTRUSTED
    trust.know(device.certificate)
    assert trust.knows(seal)
    assert isinstance(trust.open(seal, CONTENT, NOW), Opened)


def test_other_content_is_tampered(device: Sealer, trust: Trust) -> None:
    assert refusal(trust, sealed(device), CONTENT + b"!") is Reason.TAMPERED


@pytest.mark.parametrize(
    "change",
    [
        {"tcn": "UTO2"},
        {"lane": "lane-2"},
        {"kind": "reply"},
        {"exp": int((NOW + 2 * HOUR).timestamp())},
        {"iat": 1},
        {"alg": "none"},
        {"alg": "HS256"},
        {"b64": True},
        {"crit": ["b64", "exp"]},
        {"crit": []},
        {"jti": "0" * 32},
        {"jti": None},
        {"x5t#S256": "AAAA"},
        {"x5c": ["AAAA"]},
        {"x5c": ["not base64"]},
        {"x5c": []},
    ],
)
def test_a_changed_claim_is_tampered(device: Sealer, trust: Trust, change: dict[str, object]) -> None:
    assert refusal(trust, with_header(sealed(device), **change)) is Reason.TAMPERED


def test_no_seal_is_unsigned(trust: Trust) -> None:
    assert refusal(trust, "") is Reason.UNSIGNED


@given(junk=st.text(max_size=200))
def test_what_is_no_seal_is_refused(certificates: Certificates, junk: str) -> None:
    trust = Trust.load(certificates.anchor, "device")
    assert refusal(trust, junk) is (Reason.TAMPERED if junk else Reason.UNSIGNED)


# Serial numbers that are no such, which cryptography reads for the time being.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@settings(deadline=None)
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_damaged_certificate_is_refused(certificates: Certificates, place: int, flip: int) -> None:
    device = Sealer.load(certificates.folder / "kiosk-1.pem", certificates.folder / "kiosk-1.key")
    damaged = bytearray(device.certificate)
    damaged[place % len(damaged)] ^= flip
    seal = with_header(sealed(device), x5c=[base64.b64encode(damaged).decode()])
    assert refusal(Trust.load(certificates.anchor, "device"), seal) in {Reason.TAMPERED, Reason.UNTRUSTED}
    with pytest.raises(RelayError):
        # As if its key had made the seal: whether it was issued is what is left.
        Trust.load(certificates.anchor, "device").check(read_certificate(bytes(damaged)), NOW)


def test_a_certificate_has_one_form(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    # Only a last bit of 0 can be said to be unused: half of all signatures end so.
    made = (authority.certify("kiosk-1", key, HOUR) for _ in range(200))
    certificate = next(one for one in made if one.signature[-1] % 2 == 0)
    whole, signature = certificate.public_bytes(serialization.Encoding.DER), certificate.signature
    assert read_certificate(whole) == certificate
    damaged = bytearray(whole)
    damaged[-len(signature) - 1] = 1
    assert x509.load_der_x509_certificate(bytes(damaged)).signature == signature
    with pytest.raises(RelayError) as caught:
        read_certificate(bytes(damaged))
    assert caught.value.reason is Reason.TAMPERED


@given(place=st.integers(0, 10_000), flip=st.integers(1, 127))
def test_no_damage_goes_unseen(certificates: Certificates, place: int, flip: int) -> None:
    device = Sealer.load(certificates.folder / "kiosk-1.pem", certificates.folder / "kiosk-1.key")
    whole = sealed(device)
    seal = bytearray(whole.encode())
    seal[place % len(seal)] ^= flip
    trust = Trust.load(certificates.anchor, "device")
    text = seal.decode("ascii", "replace")
    # The last character of each part holds bits that mean nothing.
    if [part[:-1] for part in text.split(".")] == [part[:-1] for part in whole.split(".")]:
        return
    assert refusal(trust, text) in {Reason.TAMPERED, Reason.UNTRUSTED}


def test_a_seal_counts_for_its_time_only(device: Sealer, trust: Trust) -> None:
    assert refusal(trust, sealed(device, now=NOW - 2 * HOUR)) is Reason.STALE
    assert refusal(trust, sealed(device, now=NOW + HOUR)) is Reason.STALE
    assert refusal(trust, sealed(device, LONGEST_VALID + HOUR)) is Reason.STALE
    trust.open(sealed(device, now=NOW + timedelta(minutes=4)), CONTENT, NOW)


def test_only_certificates_of_the_authority_count(device: Sealer, strangers: Certificates) -> None:
    assert refusal(Trust.load(strangers.anchor, "device"), sealed(device)) is Reason.UNTRUSTED


def test_a_device_cannot_speak_for_the_gateway(device: Sealer, certificates: Certificates) -> None:
    assert refusal(Trust.load(certificates.anchor, "gateway"), sealed(device)) is Reason.UNTRUSTED


def test_only_the_named_ones_seals_count(device: Sealer, certificates: Certificates) -> None:
    Trust.load(certificates.anchor, "device", "kiosk-1").open(sealed(device), CONTENT, NOW)
    assert refusal(Trust.load(certificates.anchor, "device", "kiosk-2"), sealed(device)) is Reason.UNTRUSTED


def test_a_certificate_that_has_ended_does_not_count(device: Sealer, trust: Trust) -> None:
    ended = x509.load_der_x509_certificate(device.certificate).not_valid_after_utc + HOUR
    assert refusal(trust, sealed(device, now=ended), now=ended) is Reason.UNTRUSTED


def test_key_and_certificate_must_belong_together(certificates: Certificates, tmp_path: Path) -> None:
    folder = certificates.folder
    with pytest.raises(ConfigError) as caught:
        Sealer.load(folder / "kiosk-1.pem", folder / "kiosk-2.key")
    assert caught.value.reason is Reason.BAD_VALUE
    with pytest.raises(ConfigError) as caught:
        Sealer.load(folder / "kiosk-1.pem", tmp_path / "none")
    assert caught.value.reason is Reason.UNREADABLE


def test_it_is_a_json_web_signature(device: Sealer) -> None:
    """RFC 7797: signed are the header as sent, a full stop, and the content as it is; the signature is R and S."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    protected, _, signature = sealed(device).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    header = json.loads(base64.urlsafe_b64decode(protected + "=="))
    assert (header["alg"], header["b64"], header["crit"]) == ("ES256", False, ["b64"])
    key = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0])).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    key.verify(utils.encode_dss_signature(r, s), protected.encode() + b"." + CONTENT, ec.ECDSA(hashes.SHA256()))
    assert key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
