"""The link to the gateway: certificate files, their dates, whom they name, and whether the gateway answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from hotspotd.config import LinkSection, RelaySection
from hotspotd.errors import HotspotError, Reason, RelayError
from hotspotd.provisioning.secrets import read_key
from hotspotd.relay.seal import Trust
from hotspotd.relay.uplinks import Papers, open_link
from hotspotd.upkeep.checks.finding import Finding, State, Subject, without_config

# Time for a technician's visit to a remote site.
_RENEW_BEFORE = timedelta(days=30)
_ANSWER_LIMIT_S = 10.0


def certificates(subject: Subject) -> Iterator[Finding]:
    """Trust anchors, certificate and key."""
    if subject.config is None:
        yield without_config("certificates")
        return
    relay = subject.config.relay
    anchors, certificate_file, key_file = relay.files(subject.path or Path())
    for anchor in _load(anchors):
        yield _dates("trust anchor", anchor)
    certificate = _load(certificate_file)[0]
    yield _dates("device certificate", certificate)
    named = [str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if named != [subject.config.device.name]:
        yield Finding(
            "device certificate",
            State.FAILS,  # The gateway refuses what another device's name is on.
            f"names {', '.join(named) or 'nobody'}, device.name is {subject.config.device.name}",
            "Have a certificate made for this device.",
        )
    yield _key(key_file, certificate)


def _load(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as error:
        raise OSError(None, "holds no PEM certificate", str(path)) from error


def _dates(name: str, certificate: x509.Certificate) -> Finding:
    now = datetime.now(UTC)
    subject = certificate.subject.rfc4514_string()
    until = certificate.not_valid_after_utc
    if now < certificate.not_valid_before_utc:
        begin = certificate.not_valid_before_utc
        return Finding(name, State.FAILS, f"{subject}: valid from {begin:%Y-%m-%d %H:%M} UTC on", "Check the clock.")
    if now > until:
        return Finding(name, State.FAILS, f"{subject}: expired on {until:%Y-%m-%d}", "Have it renewed.")
    if until - now < _RENEW_BEFORE:
        return Finding(name, State.WARNING, f"{subject}: expires on {until:%Y-%m-%d}", "Have it renewed.")
    return Finding(name, State.WORKS, f"{subject}, until {until:%Y-%m-%d}")


def _key(path: Path, certificate: x509.Certificate) -> Finding:
    try:
        key = read_key(path)
    except HotspotError as error:
        return Finding("device key", State.FAILS, error.what, error.advice)
    encoding = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*encoding) != certificate.public_key().public_bytes(*encoding):
        return Finding(
            "device key", State.FAILS, f"{path} does not belong to the certificate", "Name the pair that was issued."
        )
    return Finding("device key", State.WORKS, str(path))


def gateway(subject: Subject) -> Iterator[Finding]:
    """Whether the gateway answers this device; nothing is sent, stored or acknowledged."""
    if subject.config is None:
        yield without_config("gateway")
        return
    relay = subject.config.relay
    papers = Papers.of(subject.path or Path(), subject.config.device.name, relay)
    for section in relay.in_order():
        try:
            asyncio.run(_ask(section, relay, papers))
        except RelayError as error:
            if error.reason is not Reason.LINK_DOWN:
                raise
            yield Finding(
                f"link {section.name}",
                State.WARNING,
                error.what,
                "Lanes work on and send later. Check the network and the link's url.",
            )
        else:
            yield Finding(f"link {section.name}", State.WORKS, f"{section.url} answers this device")


async def _ask(section: LinkSection, relay: RelaySection, papers: Papers) -> None:
    trust = await asyncio.to_thread(Trust.load, papers.trust_anchors, "gateway", relay.gateway_name)
    link = await open_link(section, papers, trust, min(relay.request_timeout_s, _ANSWER_LIMIT_S))
    try:
        await link.probe()
    finally:
        await link.close()
