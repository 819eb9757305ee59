"""A configuration as it may be shown to others: secrets, and where things are, left out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from drivers.address import DeviceAddress
from drivers.base import DriverError
from hotspotd.config import Config

SET = "(set, not shown)"
_PLACES = frozenset(
    {
        "trust_anchors", "certificate", "key", "root", "folder", "database", "authorities",
        "finger_calibration", "face_calibration",
    }
)  # fmt: skip


def redacted(config: Config) -> dict[str, Any]:
    """``config`` as plain values: paths and keys are only said to be set, addresses lose what may be a secret."""
    shown = msgspec.to_builtins(config)
    if not isinstance(shown, dict):
        raise TypeError("a configuration is a table")
    return {key: _shown(key, value) for key, value in shown.items()}


def _shown(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shown(name, one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(key, one) for one in value]
    if not isinstance(value, str) or not value:
        return value
    if key in _PLACES:
        return SET
    if key in {"url", "updates"}:
        return _url(value)
    return _address(value) if key == "address" else value


def _url(text: str) -> str:
    parts = urlsplit(text)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _address(text: str) -> str:
    try:
        return str(DeviceAddress.parse(text))
    except DriverError:
        return SET
