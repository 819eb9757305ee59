"""The mail host as kiosk and gateway know it: where it takes mail and where it keeps it, and how one logs in.

Both ways are TLS from the first mail command on, and the host's certificate must be of one of the trust anchors named
for it: no system store, and no way to have it unencrypted. Fetching is over TLS from the first byte (RFC 8314);
STARTTLS is for submission only, where mail hosts may offer nothing else.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from hotspotd.errors import ConfigError, Reason

_SUBMISSION_PORTS = {"smtp": 587, "smtps": 465}
_POP3S_PORT = 995
_MOST_LOGIN = 1024

SLOWEST_BYTES_PER_S = 4_000
"""Half of the 64 kbit/s line that the appliance is made for: how long a transfer may take at most."""


@dataclass(frozen=True, slots=True)
class Login:
    """User and password; not shown when printed."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Login(...)"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host name, a port, and whether TLS begins with the connection."""

    host: str
    port: int
    implicit_tls: bool


@dataclass(frozen=True, slots=True)
class MailHost:
    """One account at one mail host. ``timeout_s`` is how long it may be silent."""

    submission: Endpoint
    mailbox: Endpoint
    context: ssl.SSLContext
    login: Login
    timeout_s: float


def submission_at(url: str) -> Endpoint:
    """Of ``smtp://HOST[:PORT]`` or ``smtps://HOST[:PORT]``; what follows is not looked at. Raises ConfigError."""
    parts = _split(url, frozenset(_SUBMISSION_PORTS))
    return Endpoint(str(parts.hostname), parts.port or _SUBMISSION_PORTS[parts.scheme], parts.scheme == "smtps")


def mailbox_at(url: str) -> Endpoint:
    """Of ``pop3s://HOST[:PORT]``. Raises ConfigError."""
    parts = _split(url, frozenset(("pop3s",)))
    return Endpoint(str(parts.hostname), parts.port or _POP3S_PORT, implicit_tls=True)


def _split(url: str, schemes: frozenset[str]) -> SplitResult:
    parts = urlsplit(url)
    try:
        usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        # The URL is not shown: it may hold a password in spite of what follows.
        raise ConfigError(Reason.BAD_VALUE, f"not a URL of {' or '.join(sorted(schemes))}", "As in smtp://HOST:587.")
    if parts.username or parts.password:
        raise ConfigError(
            Reason.BAD_VALUE, f"{parts.scheme}://{parts.hostname}: names a user", "User and password go into a file."
        )
    return parts


def read_login(path: Path) -> Login:
    """User and password, a line each. Blocks. Raises ConfigError; also where anybody on this machine could read it."""
    try:
        mode = path.stat().st_mode
        with path.open("rb") as stream:
            user, password = stream.read(_MOST_LOGIN).decode("ascii").split("\n", 2)[:2]
    except OSError as error:
        raise ConfigError(Reason.UNREADABLE, f"{path}: {error.strerror}", "See docs/relay-mail.md.") from error
    except ValueError as error:
        raise ConfigError(Reason.BAD_VALUE, f"{path}: not a login", "Two lines: user, password.") from error
    if mode & 0o007:
        raise ConfigError(Reason.BAD_VALUE, f"{path}: readable by everybody", "Give it mode 0600.")
    login = Login(user.strip(), password.rstrip("\r"))
    if not (login.user and login.password and (login.user + login.password).isprintable()):
        raise ConfigError(Reason.BAD_VALUE, f"{path}: not a login", "Two lines: user, password.")
    return login


def host_context(trust_anchors: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS to a mail host, which shows our certificate where it is asked for. Blocks. Raises ConfigError.

    1.2 is taken here: what is carried is sealed and encrypted in itself, and mail hosts are other people's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=trust_anchors)
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            Reason.UNREADABLE, f"{trust_anchors}, {certificate} or {key}: no usable PEM", "See docs/relay-mail.md."
        ) from error
    return context
