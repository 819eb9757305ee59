"""A link's URL by mail: which mail host, which addresses, which keys.

    smtp://HOST[:587]?to=GATEWAY&from=DEVICE&mailbox=pop3s://HOST[:995]&login=FILE     STARTTLS
    smtps://HOST[:465]?...                                                             TLS from the start

``login`` holds user and password. Also, where they are not as the authority names them, ``receiver`` (certificate to
encrypt to; ``gateway-mail.pem``), ``mail_certificate`` and ``mail_key`` (our own; ``DEVICE-mail.pem`` and ``.key``),
``host_anchors`` (of the mail host; those of the gateway); and ``poll``, the seconds between two looks into the
mailbox (60). Files are named relative to the folder of the device's certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509

from hotspotd.errors import ConfigError, Reason
from hotspotd.relay.mail.host import MailHost, host_context, mailbox_at, read_login, submission_at
from hotspotd.relay.mail.keys import read_identity, read_receiver
from hotspotd.relay.mail.smime import Envelope, Identity
from hotspotd.relay.seal import Trust

_POLL_S = 60
_LONGEST_POLL_S = 86_400
_MUST = frozenset(("to", "from", "mailbox", "login"))
_MAY = frozenset(("receiver", "mail_certificate", "mail_key", "host_anchors", "poll"))


@dataclass(frozen=True, slots=True)
class Post:
    """By which host we write to whom, with which keys, and how often (seconds) we look for answers."""

    host: MailHost
    envelope: Envelope
    identity: Identity
    receiver: x509.Certificate
    poll_s: float = _POLL_S


def read_url(url: str, trust_anchors: Path, certificate: Path, key: Path, timeout_s: float, now: datetime) -> Post:
    """What ``url`` says, with the files that it names. Blocks. Raises ConfigError."""
    said = _parameters(url)
    folder, device = certificate.parent, certificate.stem
    anchors = folder / said["host_anchors"] if "host_anchors" in said else trust_anchors
    return Post(
        MailHost(
            submission=submission_at(url),
            mailbox=mailbox_at(said["mailbox"]),
            context=host_context(anchors, certificate, key),
            login=read_login(folder / said["login"]),
            timeout_s=timeout_s,
        ),
        Envelope(said["from"], said["to"]),
        read_identity(
            certificate,
            key,
            folder / said.get("mail_certificate", f"{device}-mail.pem"),
            folder / said.get("mail_key", f"{device}-mail.key"),
        ),
        read_receiver(folder / said.get("receiver", "gateway-mail.pem"), Trust.load(trust_anchors, "mail"), now),
        float(said.get("poll", _POLL_S)),
    )


def _parameters(url: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    said = dict(pairs)
    wrong = sorted((said.keys() - _MUST - _MAY) | (_MUST - said.keys()))
    poll = said.get("poll", str(_POLL_S))
    if len(said) < len(pairs):
        wrong.append("named twice")
    if not (poll.isascii() and poll.isdigit() and 1 <= int(poll) <= _LONGEST_POLL_S):
        wrong.append("poll")
    if wrong:
        raise ConfigError(
            Reason.BAD_VALUE, f"link by mail: unknown, missing or wrong: {wrong[0]}", "See docs/relay-mail.md."
        )
    return said
