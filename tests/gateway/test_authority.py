"""Certificates: who may read the keys, what is never overwritten, what a certificate is good for."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from hotspotd.errors import ConfigError, Reason
from hotspotd.gateway.authority import Authority, main
from hotspotd.relay.links.tls import client_context, server_context


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    authority.issue_server(["localhost", "127.0.0.1"])
    authority.issue_device("kiosk-1")
    keys = sorted(path.name for path in tmp_path.glob("*.key"))
    assert keys == ["ca.key", "gateway.key", "kiosk-1.key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.key")} == {0o600}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    authority.issue_device("kiosk-1")
    before = (tmp_path / "kiosk-1.key").read_bytes()
    with pytest.raises(ConfigError) as caught:
        authority.issue_device("kiosk-1")
    assert caught.value.reason is Reason.CONFLICT
    assert (tmp_path / "kiosk-1.key").read_bytes() == before
    with pytest.raises(ConfigError):
        Authority.create(tmp_path)


def test_a_device_certificate_is_for_clients_and_carries_the_name(tmp_path: Path) -> None:
    path, _ = Authority.create(tmp_path).issue_device("kiosk-1")
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert certificate.subject.rfc4514_string() == "CN=kiosk-1"


def test_a_mail_certificate_is_for_agreeing_on_keys_only(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    authority.issue_device("kiosk-1")
    path, key = authority.issue_mail("kiosk-1")
    assert (path.name, key.name) == ("kiosk-1-mail.pem", "kiosk-1-mail.key")
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_agreement, usage.digital_signature) == (True, False)
    device = x509.load_pem_x509_certificate((tmp_path / "kiosk-1.pem").read_bytes())
    assert device.public_key() != certificate.public_key()
    with pytest.raises(ConfigError):
        client_context(authority.trust_anchor, path, tmp_path / "kiosk-1.key")


@pytest.mark.parametrize("name", ["", "x" * 41, "x" * 65, "../outside", "a/b", "kiosk 1", "kiosk-1\n", "kiösk"])
def test_a_name_that_no_device_can_have_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = tmp_path / "pki"
    authority = Authority.create(folder)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError) as caught:
        authority.issue_device(name)
    assert caught.value.reason is Reason.BAD_VALUE
    assert main([str(folder), f"--device={name}"]) == 1
    assert "not the name of a device" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_makes_an_authority_and_goes_on_with_it(tmp_path: Path) -> None:
    assert main([str(tmp_path / "pki"), "--server", "localhost,127.0.0.1", "--device", "kiosk-1"]) == 0
    assert main([str(tmp_path / "pki"), "--device", "kiosk-2", "--mail", "kiosk-2", "--mail", "gateway"]) == 0
    assert (tmp_path / "pki" / "gateway-mail.key").exists()
    assert main([str(tmp_path / "pki"), "--device", "kiosk-2"]) == 1
    folder = tmp_path / "pki"
    client_context(folder / "ca.pem", folder / "kiosk-2.pem", folder / "kiosk-2.key")
    server_context(folder / "ca.pem", folder / "gateway.pem", folder / "gateway.key")


def test_unusable_files_are_refused_by_name(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    certificate, _ = authority.issue_device("kiosk-1")
    _, other_key = authority.issue_device("kiosk-2")
    with pytest.raises(ConfigError) as caught:
        client_context(authority.trust_anchor, certificate, other_key)
    assert caught.value.reason is Reason.BAD_VALUE
    with pytest.raises(ConfigError) as caught:
        client_context(authority.trust_anchor, certificate, tmp_path / "none.key")
    assert caught.value.reason is Reason.UNREADABLE
    assert "none.key" in caught.value.what
