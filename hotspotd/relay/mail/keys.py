"""The key files of mail."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509

from hotspotd.errors import ConfigError, Reason, RelayError
from hotspotd.relay.mail.smime import Identity
from hotspotd.relay.seal import Trust, key_pair


def read_identity(certificate: Path, key: Path, mail_certificate: Path, mail_key: Path) -> Identity:
    """The two key pairs of one end, from PEM files. Blocks. Raises ConfigError."""
    return Identity(*key_pair(certificate, key), *key_pair(mail_certificate, mail_key))


def read_receiver(path: Path, anchors: Trust, now: datetime) -> x509.Certificate:
    """The certificate in ``path``, to encrypt to: issued for mail. Blocks. Raises ConfigError."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        anchors.check(certificate, now)
    except (OSError, ValueError) as error:
        raise ConfigError(Reason.UNREADABLE, f"{path}: no usable PEM", "See docs/relay-mail.md.") from error
    except RelayError as error:
        raise ConfigError(
            Reason.UNTRUSTED, f"{path}: {error.what}", "Name one that the authority issued for mail."
        ) from error
    return certificate
