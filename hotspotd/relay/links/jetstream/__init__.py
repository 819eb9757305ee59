"""NATS with JetStream, for both of its ends: one connection, and the names of subjects and streams."""

from __future__ import annotations

from hotspotd.errors import ConfigError, Reason


def check_library() -> None:
    """Whether nats-py is there: it is optional, and imported where a broker is configured. Raises ConfigError."""
    try:
        import nats.js  # noqa: F401, PLC0415
    except ImportError as error:
        raise ConfigError(
            Reason.MISSING_KEY,
            "nats:// needs nats-py, which is not installed",
            "Install hotspotd with its extra 'nats'.",
        ) from error
