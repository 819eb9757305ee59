"""Where a device is: ``scheme://path?option=value``.

``serial:///dev/ttyUSB0?baud=57600`` is a serial line, ``replay:///folder?fps=5`` a folder of pictures. An option
that a driver does not know, or whose value is out of range, is refused (BAD_ADDRESS), never ignored.
``str()`` of an address hides the value of ``password``: addresses are logged and shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from drivers.base import DriverError, DriverReason

_SECRET_OPTIONS = frozenset({"password"})


def _bad(what: str, advice: str) -> DriverError:
    return DriverError(DriverReason.BAD_ADDRESS, what, advice)


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """A parsed address. ``options`` holds the texts after the question mark."""

    scheme: str
    path: str
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> DeviceAddress:
        """The address in ``text``; raises DriverError (BAD_ADDRESS) when it has no scheme or repeats an option."""
        try:
            parts = urlsplit(text)
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
        except ValueError as error:
            raise _bad("device address that cannot be read", str(error)) from error
        if not parts.scheme:
            raise _bad(
                "device address without a scheme",
                "write it as serial:///dev/ttyUSB0 or replay:///folder",
            )
        if parts.netloc:
            raise _bad(
                f"device address with a host name ({parts.scheme}://{parts.netloc.rpartition('@')[2]}...)",
                "a path begins with a third slash: serial:///dev/ttyUSB0",
            )
        options = dict(pairs)
        if len(options) != len(pairs):
            raise _bad("device address that gives an option twice", "give each option once")
        return cls(parts.scheme, unquote(parts.path), options)

    def __str__(self) -> str:
        shown = "&".join(f"{key}={'***' if key in _SECRET_OPTIONS else value}" for key, value in self.options.items())
        return f"{self.scheme}://{self.path}" + (f"?{shown}" if shown else "")

    def require(self, scheme: str, known_options: frozenset[str]) -> None:
        """Refuse another scheme, a missing path, and options outside ``known_options``."""
        if self.scheme != scheme:
            raise _bad(f"address {self}", f"this driver takes {scheme}:// addresses")
        if not self.path.startswith("/"):
            raise _bad(f"address {self}", f"give an absolute path: {scheme}:///...")
        for key in self.options:
            if key not in known_options:
                known = ", ".join(sorted(known_options)) or "none"
                raise _bad(f"unknown option {key!r} in address {self}", f"known options: {known}")

    def integer(self, key: str, default: int, lowest: int, highest: int, base: int = 10) -> int:
        """Option ``key`` as a whole number in [lowest, highest]."""
        text = self.options.get(key)
        if text is None:
            return default
        try:
            value = int(text, base)
        except ValueError as error:
            raise _bad(f"option {key!r} of address {self}", "give a whole number") from error
        if not lowest <= value <= highest:
            raise _bad(f"option {key!r} of address {self}", f"give {lowest} to {highest}")
        return value

    def number(self, key: str, default: float, lowest: float, highest: float) -> float:
        """Option ``key`` as a number in [lowest, highest]."""
        text = self.options.get(key)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError as error:
            raise _bad(f"option {key!r} of address {self}", "give a number") from error
        if not lowest <= value <= highest:  # Also refuses NaN, which compares false with everything.
            raise _bad(f"option {key!r} of address {self}", f"give {lowest} to {highest}")
        return value

    def choice(self, key: str, default: str, known: tuple[str, ...]) -> str:
        """Option ``key`` as one of ``known``."""
        value = self.options.get(key, default)
        if value not in known:
            raise _bad(f"option {key!r} of address {self}", "give one of " + ", ".join(known))
        return value
