"""Where a device is: ``scheme://path?option=value``.

``serial:///dev/ttyUSB0?baud=57600`` is a serial line, ``replay:///folder?fps=5`` a folder of pictures. An option
that a driver does not know, or whose value is out of range, is refused (BAD_ADDRESS), never ignored.
A network device has a host, and everything before ``#`` is its own: ``http://10.0.0.5/video.cgi?size=vga#limit=5``;
options follow the ``#``, which RFC 3986 clause 3.5 keeps for whoever uses an address.
``str()`` of an address hides the value of ``password`` and a network device's user and query, where passwords are
often put: addresses are logged and shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from drivers.base import DriverError, DriverReason

_SECRET_OPTIONS = frozenset({"password"})
_NETWORK = frozenset({"http", "https", "rtsp"})


def _bad(what: str, advice: str) -> DriverError:
    return DriverError(DriverReason.BAD_ADDRESS, what, advice)


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """A parsed address. ``options`` holds the texts after the question mark (after ``#`` for a network device).

    ``url`` is a network device's whole address without the options, empty for every other device.
    """

    scheme: str
    path: str
    options: Mapping[str, str] = field(default_factory=dict)
    url: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> DeviceAddress:
        """The address in ``text``; raises DriverError (BAD_ADDRESS) when it has no scheme or repeats an option."""
        try:
            parts = urlsplit(text)
            network = parts.scheme in _NETWORK
            asked = parts.fragment if network else parts.query
            pairs = parse_qsl(asked, keep_blank_values=True, strict_parsing=True) if asked else []
            if network:
                _ = parts.port  # Raises where it is no number of a port.
        except ValueError as error:
            raise _bad("device address that cannot be read", str(error)) from error
        if not parts.scheme:
            raise _bad(
                "device address without a scheme",
                "write it as serial:///dev/ttyUSB0 or replay:///folder",
            )
        if network and not parts.hostname:
            raise _bad(f"{parts.scheme} address without a host", f"write it as {parts.scheme}://10.0.0.5/path")
        if parts.netloc and not network:
            raise _bad(
                f"device address with a host name ({parts.scheme}://{parts.netloc.rpartition('@')[2]}...)",
                "a path begins with a third slash: serial:///dev/ttyUSB0",
            )
        options = dict(pairs)
        if len(options) != len(pairs):
            raise _bad("device address that gives an option twice", "give each option once")
        url = parts._replace(fragment="").geturl() if network else ""
        return cls(parts.scheme, unquote(parts.path), options, url)

    def __str__(self) -> str:
        shown = "&".join(f"{key}={'***' if key in _SECRET_OPTIONS else value}" for key, value in self.options.items())
        if self.url:
            parts = urlsplit(self.url)
            hidden = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="..." if parts.query else "")
            return hidden.geturl() + (f"#{shown}" if shown else "")
        return f"{self.scheme}://{self.path}" + (f"?{shown}" if shown else "")

    def require(self, schemes: str | tuple[str, ...], known_options: frozenset[str]) -> None:
        """Refuse another scheme, a missing path, and options outside ``known_options``."""
        known_schemes = (schemes,) if isinstance(schemes, str) else schemes
        if self.scheme not in known_schemes:
            raise _bad(
                f"address {self}", f"this driver takes {' or '.join(f'{name}://' for name in known_schemes)} addresses"
            )
        if not self.url and not self.path.startswith("/"):
            raise _bad(f"address {self}", f"give an absolute path: {self.scheme}:///...")
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
