"""What a link's URL and a login file may say, and what is refused before anything connects."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest

from hotspotd.errors import ConfigError, Reason
from hotspotd.relay.mail.host import Endpoint, Login, mailbox_at, read_login, submission_at
from hotspotd.relay.mail.url import Post, read_url
from tests.gateway.bench import Certificates

SAID = {
    "to": "gateway@border.example",
    "from": "kiosk-1@border.example",
    "mailbox": "pop3s://mail.example",
    "login": "kiosk-1.login",
}


def read(certificates: Certificates, url: str) -> Post:
    folder = certificates.folder
    return read_url(url, certificates.anchor, folder / "kiosk-1.pem", folder / "kiosk-1.key", 5.0, datetime.now(UTC))


def refusal(certificates: Certificates, said: dict[str, str]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(certificates, f"smtp://mail.example?{urlencode(said)}")
    return caught.value


def test_endpoints_have_the_ports_of_their_schemes() -> None:
    assert submission_at("smtp://mail.example?to=x") == Endpoint("mail.example", 587, implicit_tls=False)
    assert submission_at("smtps://mail.example:2465") == Endpoint("mail.example", 2465, implicit_tls=True)
    assert mailbox_at("pop3s://[::1]") == Endpoint("::1", 995, implicit_tls=True)


@pytest.mark.parametrize(
    "url", ["http://x", "smtp://", "smtp://x:99999", "smtp://x:0", "smtp://user@x", "smtp://u:p@x", "x"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        submission_at(url)
    assert "u:p" not in str(caught.value)


def test_a_mailbox_is_never_fetched_unencrypted() -> None:
    with pytest.raises(ConfigError):
        mailbox_at("pop3://mail.example")


def test_a_url_names_all_that_is_needed(certificates: Certificates) -> None:
    post = read(certificates, f"smtps://mail.example?{urlencode({**SAID, 'poll': '300'})}")
    assert (post.envelope.sender, post.envelope.to, post.poll_s) == (SAID["from"], SAID["to"], 300.0)
    assert (post.host.login.user, post.host.mailbox.port) == ("kiosk-1", 995)
    assert post.receiver.serial_number != post.identity.receiver.serial_number


@pytest.mark.parametrize("missing", sorted(SAID))
def test_a_url_that_lacks_something_is_refused(certificates: Certificates, missing: str) -> None:
    said = {name: value for name, value in SAID.items() if name != missing}
    assert missing in str(refusal(certificates, said))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "secret"),
        ("poll", "0"),
        ("poll", "often"),
        ("from", "no address"),
        ("mailbox", "pop3://mail.example"),
        ("login", "none.login"),
        ("receiver", "none.pem"),
        ("receiver", "kiosk-2.pem"),
        ("mail_key", "kiosk-2-mail.key"),
        ("host_anchors", "none.pem"),
    ],
)
def test_a_url_that_says_something_wrong_is_refused(certificates: Certificates, name: str, value: str) -> None:
    assert "secret" not in str(refusal(certificates, {**SAID, name: value}))


def test_a_parameter_is_named_once(certificates: Certificates) -> None:
    with pytest.raises(ConfigError):
        read(certificates, f"smtp://mail.example?{urlencode(SAID)}&to=b@c.example")


def test_a_receiver_of_another_authority_is_refused(certificates: Certificates, strangers: Certificates) -> None:
    error = refusal(certificates, {**SAID, "receiver": str(strangers.folder / "gateway-mail.pem")})
    assert error.reason is Reason.UNTRUSTED


def test_a_login_is_two_lines_that_others_may_not_read(tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.write_text("user\npass word \nmore\n")
    path.chmod(0o600)
    login = read_login(path)
    assert login == Login("user", "pass word ")
    assert "pass" not in repr(login)
    path.chmod(0o604)
    with pytest.raises(ConfigError, match="everybody"):
        read_login(path)


@pytest.mark.parametrize("content", [b"", b"user", b"user\n", b"\npassword\n", b"us\x00er\npassword\n", b"\xff\nx\n"])
def test_what_is_no_login_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "login"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError):
        read_login(path)
