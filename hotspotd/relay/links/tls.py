"""TLS contexts for both ends of the link: TLS 1.3 only, both sides show a certificate.

The only trust anchors are those of the configured file: no system store. These functions read files, so they
are called before the loop runs or in a thread.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from hotspotd.errors import ConfigError, Reason
from hotspotd.provisioning.secrets import password_of


def client_context(trust_anchors: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """For a device that calls a gateway; the gateway's name is checked. Raises ConfigError, ProvisioningError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _load(context, trust_anchors, certificate, key)


def server_context(trust_anchors: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """For a gateway: a device without a certificate of ours gets no answer. Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    return _load(context, trust_anchors, certificate, key)


def _load(context: ssl.SSLContext, trust_anchors: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(cafile=trust_anchors)
        context.load_cert_chain(certificate, key, password=password_of(key))
    except ssl.SSLError as error:
        raise ConfigError(
            Reason.BAD_VALUE,
            f"{trust_anchors}, {certificate} or {key}: {error.reason or 'no PEM'}",
            "Certificate and key must be PEM and belong together.",
        ) from error
    except OSError as error:
        missing = next((path for path in (trust_anchors, certificate, key) if not path.is_file()), certificate)
        raise ConfigError(
            Reason.UNREADABLE, f"{missing}: {error.strerror}", "The demo makes certificates; see docs/relay.md."
        ) from error
    return context
