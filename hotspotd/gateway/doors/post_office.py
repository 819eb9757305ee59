"""What the gateway's door by mail works with: account, keys, the devices it corresponds with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from hotspotd.config import resolve
from hotspotd.gateway.config import MailSection, ServerSection
from hotspotd.relay.mail.host import MailHost, host_context, mailbox_at, read_login, submission_at
from hotspotd.relay.mail.keys import read_identity, read_receiver
from hotspotd.relay.mail.smime import Envelope, Identity
from hotspotd.relay.seal import Trust

DOOR = "smtp"
"""The name of this door in the store."""


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Where a device is written to, and the certificate to encrypt to."""

    address: str
    receiver: x509.Certificate


@dataclass(frozen=True, slots=True)
class PostOffice:
    """The gateway's account and keys, the devices by name, and how often (seconds) it looks for mail."""

    host: MailHost
    address: str
    identity: Identity
    devices: Mapping[str, Correspondent]
    poll_s: float

    @classmethod
    def of(cls, path: Path, mail: MailSection, server: ServerSection, now: datetime) -> PostOffice:
        """As the configuration, read from ``path``, has it. Blocks. Raises ConfigError."""
        certificate, key = resolve(path, server.certificate), resolve(path, server.key)
        anchors = resolve(path, server.trust_anchors)
        trust = Trust.load(anchors, "mail")
        devices = {}
        for device in mail.devices:
            # Also checks the addresses, before anything runs.
            envelope = Envelope(mail.address, device.address)
            receiver = read_receiver(resolve(path, device.certificate), trust, now)
            devices[device.name] = Correspondent(envelope.to, receiver)
        return cls(
            MailHost(
                submission=submission_at(mail.submission),
                mailbox=mailbox_at(mail.mailbox),
                context=host_context(
                    resolve(path, mail.trust_anchors) if mail.trust_anchors else anchors, certificate, key
                ),
                login=read_login(resolve(path, mail.login)),
                timeout_s=mail.timeout_s,
            ),
            mail.address,
            read_identity(certificate, key, resolve(path, mail.certificate), resolve(path, mail.key)),
            devices,
            mail.poll_s,
        )
