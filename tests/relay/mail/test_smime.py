"""Messages as mails: headers that say nothing, bodies that only the receiver reads, and bounds."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.errors import ConfigError, Reason, RelayError
from hotspotd.relay.mail import cms, smime
from hotspotd.relay.mail.keys import read_identity
from hotspotd.relay.mail.smime import Envelope, Identity
from tests.gateway.bench import Certificates

AT = datetime.now(UTC)
MESSAGE = b"eyJ..sig\n" + bytes(range(256)) * 9
WAY = Envelope("kiosk-1@border.example", "gateway@border.example")
MOST = 100_000


def identity(certificates: Certificates, name: str) -> Identity:
    return read_identity(*(certificates.folder / f"{name}{end}" for end in (".pem", ".key", "-mail.pem", "-mail.key")))


@pytest.fixture(scope="module")
def device(certificates: Certificates) -> Identity:
    return identity(certificates, "kiosk-1")


@pytest.fixture(scope="module")
def gateway(certificates: Certificates) -> Identity:
    return identity(certificates, "gateway")


def composed(
    device: Identity, gateway: Identity, message: bytes = MESSAGE, tcn: str = "UTO1", cursor: str = ""
) -> bytes:
    return smime.compose(message, device, gateway.receiver, WAY, tcn=tcn, nonce="ab" * 16, at=AT, cursor=cursor)


def refusal(mail: bytes, identity: Identity, most: int = MOST) -> Reason:
    with pytest.raises(RelayError) as caught:
        smime.open_mail(mail, identity, most)
    return caught.value.reason


def test_a_message_comes_out_as_it_went_in(device: Identity, gateway: Identity) -> None:
    letter = smime.open_mail(composed(device, gateway, cursor="gw:17"), gateway, MOST)
    assert (letter.message, letter.signer, letter.cursor) == (MESSAGE, device.signer, "gw:17")


def test_headers_tell_the_number_and_nothing_else(device: Identity, gateway: Identity) -> None:
    mail = composed(device, gateway)
    headers = message_from_bytes(mail)
    assert headers.keys() == [
        *("From", "To", "Date", "Message-ID", "Subject", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"),
    ]
    assert (headers["Subject"], headers["Auto-Submitted"]) == ("UTO1", "auto-generated")
    assert headers["Message-ID"] == f"<{smime.message_id('UTO1', 'ab' * 16)}@border.example>"
    assert headers.get_content_type() == "application/pkcs7-mime"
    assert headers.get_param("smime-type") == "authEnveloped-data"
    assert all(len(line) <= 998 for line in mail.split(b"\r\n"))  # RFC 5322, 2.1.1
    assert b"\n" not in mail.replace(b"\r\n", b"")
    assert not any(line.startswith(b".") for line in mail.split(b"\r\n"))
    assert mail.isascii()


def test_a_number_that_is_none_does_not_reach_the_headers(device: Identity, gateway: Identity) -> None:
    mail = composed(device, gateway, tcn="UTO1\r\nBcc: x@y.example")
    assert message_from_bytes(mail)["Subject"] == ""
    assert b"Bcc" not in mail


def test_the_same_seal_makes_the_same_message_id() -> None:
    assert smime.message_id("A", "1") == smime.message_id("A", "1")
    assert len({smime.message_id(tcn, nonce) for tcn in "AB" for nonce in "12"}) == 4


def test_a_message_of_100_kb_costs_little_more_than_its_base64(device: Identity, gateway: Identity) -> None:
    assert len(composed(device, gateway, bytes(100_000))) < 100_000 * 1.38 + 4_000


def test_headers_may_be_changed_on_the_way(device: Identity, gateway: Identity) -> None:
    head, body = composed(device, gateway).split(b"\r\n\r\n", 1)
    changed = head.replace(b"UTO1", b"UTO2").replace(b"kiosk-1@", b"someone@")
    mail = b"Received: from a by b\r\n\tfor c; today\r\n" + changed + b"\r\nX-Spam: no\r\n\r\n" + body
    assert smime.open_mail(mail, gateway, MOST).message == MESSAGE
    assert smime.open_mail(mail.replace(b"\r\n", b"\n"), gateway, MOST).message == MESSAGE


def test_a_changed_body_is_tampered(device: Identity, gateway: Identity) -> None:
    mail = bytearray(composed(device, gateway))
    end = mail.index(b"\r\n\r\n") + 4
    for place in (end + 1_200, end + 2_000, len(mail) - 8):
        changed = bytearray(mail)
        changed[place] = ord("A") if changed[place] != ord("A") else ord("B")
        assert refusal(bytes(changed), gateway) is Reason.TAMPERED
    assert refusal(bytes(mail[:-100]), gateway) is Reason.TAMPERED
    assert refusal(bytes(mail) + b"-- \r\nThis mail was checked.\r\n", gateway) is Reason.TAMPERED


def test_only_the_receiver_can_open_it(device: Identity, gateway: Identity) -> None:
    assert refusal(composed(device, gateway), device) is Reason.UNTRUSTED


def test_a_mail_that_is_only_encrypted_is_unsigned(gateway: Identity) -> None:
    inner = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n" + MESSAGE
    assert refusal(enveloped(inner, gateway), gateway) is Reason.UNSIGNED


def test_a_mail_that_is_only_signed_is_unsigned(device: Identity, gateway: Identity) -> None:
    signed = cms.sign(b"Content-Type: application/octet-stream\r\n\r\nx", device.signing, device.signer)
    head = b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    assert refusal(head + signed, gateway) is Reason.UNSIGNED


def enveloped(entity: bytes, receiver: Identity) -> bytes:
    head = b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    return head + cms.envelop(entity, receiver.receiver)


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"Subject: cheap\r\n\r\nwatches",
        b"no headers at all",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--",
        b"Content-Type: \xff\xfe; =\r\n\r\n\r\n",
        b"\r\n\r\n",
        b"A" * 70_000,
    ],
)
def test_other_mail_is_unsigned(gateway: Identity, mail: bytes) -> None:
    assert refusal(mail, gateway) is Reason.UNSIGNED


@pytest.mark.parametrize("encoding", [b"quoted-printable", b"7bit", b""])
def test_another_encoding_is_refused(gateway: Identity, encoding: bytes) -> None:
    mail = b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\nAAAA"
    assert refusal(mail, gateway) is Reason.TAMPERED


@settings(deadline=None)
@given(head=st.binary(max_size=200), body=st.binary(max_size=200))
def test_junk_is_refused(certificates: Certificates, head: bytes, body: bytes) -> None:
    gateway = identity(certificates, "gateway")
    for mail in (
        head + b"\r\n\r\n" + body,
        b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n" + head + b"\r\n\r\n" + body,
        enveloped(head + b"\r\n\r\n" + body, gateway),
    ):
        assert refusal(mail, gateway) in {Reason.UNSIGNED, Reason.TAMPERED}
    smime.may_be_ours(head)


def test_a_large_mail_is_not_looked_into(device: Identity, gateway: Identity) -> None:
    mail = composed(device, gateway, bytes(MOST))
    assert len(mail) < smime.longest_mail(MOST)
    assert smime.open_mail(mail, gateway, MOST).message == bytes(MOST)
    assert refusal(mail, gateway, 1_000) is Reason.TOO_LARGE


def test_headers_tell_what_is_worth_fetching(device: Identity, gateway: Identity) -> None:
    assert smime.may_be_ours(composed(device, gateway).split(b"\r\n\r\n")[0])
    assert not smime.may_be_ours(b"Subject: cheap\r\nContent-Type: text/html\r\n")


def test_a_receiver_whose_certificate_is_out_of_date_is_not_written_to(device: Identity, gateway: Identity) -> None:
    with pytest.raises(RelayError) as caught:
        smime.compose(MESSAGE, device, gateway.receiver, WAY, tcn="A", nonce="", at=AT + timedelta(days=4_000))
    assert caught.value.reason is Reason.LINK_REFUSED


@pytest.mark.parametrize(
    "address", ["", "x", "a b@c.example", "a@b\r\nRCPT TO:<x@y>", "<a@b>", "a@", "@b", "ä@b.example"]
)
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError):
        Envelope(address, "gateway@border.example")
    with pytest.raises(ConfigError):
        Envelope("gateway@border.example", address)


def test_openssl_opens_the_mail(
    device: Identity, gateway: Identity, certificates: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "mail").write_bytes(composed(device, gateway))
    openssl(
        certificates,
        *("-decrypt", "-binary", "-inform", "SMIME", "-in", str(tmp_path / "mail"), "-out", str(tmp_path / "inner")),
        *("-recip", "gateway-mail.pem", "-inkey", "gateway-mail.key"),
    )
    # OpenSSL takes inner entities in base64 only, so that it is handed what is signed.
    (tmp_path / "signed").write_bytes((tmp_path / "inner").read_bytes().split(b"\r\n\r\n", 1)[1])
    openssl(
        certificates,
        *("-verify", "-binary", "-inform", "DER", "-in", str(tmp_path / "signed"), "-out", str(tmp_path / "entity")),
        *("-CAfile", "ca.pem", "-purpose", "any"),
    )
    assert (tmp_path / "entity").read_bytes().split(b"\r\n\r\n", 1)[1] == MESSAGE


def test_a_mail_of_openssl_is_opened(
    device: Identity, gateway: Identity, certificates: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "entity").write_bytes(
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n" + MESSAGE
    )
    openssl(
        certificates,
        *("-sign", "-nodetach", "-binary", "-md", "sha256", "-signer", "kiosk-1.pem", "-inkey", "kiosk-1.key"),
        *("-in", str(tmp_path / "entity"), "-out", str(tmp_path / "signed"), "-outform", "SMIME"),
    )
    openssl(
        certificates,
        *("-encrypt", "-binary", "-aes-256-gcm", "-recip", "gateway-mail.pem", "-keyopt", "ecdh_kdf_md:sha256"),
        *("-in", str(tmp_path / "signed"), "-out", str(tmp_path / "mail"), "-outform", "SMIME"),
        *("-from", "kiosk-1@border.example", "-to", "gateway@border.example", "-subject", "UTO1"),
    )
    letter = smime.open_mail((tmp_path / "mail").read_bytes(), gateway, MOST)
    assert (letter.message, letter.signer) == (MESSAGE, device.signer)


def openssl(certificates: Certificates, *arguments: str) -> None:
    subprocess.run(["openssl", "cms", *arguments], cwd=certificates.folder, check=True, capture_output=True)
