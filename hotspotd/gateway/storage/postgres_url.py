"""Where a PostgreSQL database is: ``postgresql://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?option=value...]``.

Read here and not by the driver, which would read ``~/.pgpass`` and certificates in the event loop, and which by default
sends a password over a line that it doesn't insist on encrypting. Options: ``host`` (the folder of a server's socket,
where the URL names no host), ``sslmode`` (``verify-full``, which is the default for a host, or ``disable``),
``sslrootcert``, ``sslcert``, ``sslkey`` (paths). A password that is not in the URL is taken from ``PGPASSWORD``.
No error here holds any part of the URL.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from hotspotd.errors import ConfigError, Reason

_OPTIONS: Final = frozenset(("host", "sslmode", "sslrootcert", "sslcert", "sslkey"))
_PORT: Final = 5432


@dataclass(frozen=True, slots=True)
class Address:
    """A database, and how to get there. ``host`` is a name, an address, or the folder of a socket."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    encrypted: bool
    authorities: str | None
    certificate: str | None
    key: str | None

    def context(self) -> ssl.SSLContext | None:
        """What proves the server to us, and us to it. Reads files: for a thread. Raises ConfigError (UNREADABLE)."""
        if not self.encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=self.authorities)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:  # ssl.SSLError is OSError.
            raise ConfigError(
                Reason.UNREADABLE, f"store.url: a certificate or key cannot be read ({type(error).__name__})"
            ) from None
        return context


def parse(url: str) -> Address:
    """The address in ``url``. Raises ConfigError (BAD_VALUE), which holds nothing of it."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise _bad("port, host or options") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise _bad("scheme")
    if not options.keys() <= _OPTIONS:
        raise _bad("an option that is not known")
    host = parts.hostname or options.get("host", "")
    socket = host.startswith("/")
    if not host or (parts.hostname and "host" in options) or not (socket or parts.hostname):
        raise _bad("host")
    mode = options.get("sslmode", "disable" if socket else "verify-full")
    if mode not in {"disable", "verify-full"}:
        raise _bad("sslmode is verify-full or disable")
    user, database = unquote(parts.username or ""), unquote(parts.path.removeprefix("/"))
    if not user or not database or "/" in database:
        raise _bad("user or database")
    return Address(
        host=host,
        port=port,
        user=user,
        password=unquote(parts.password or "") or os.environ.get("PGPASSWORD", ""),
        database=database,
        encrypted=mode == "verify-full",
        authorities=options.get("sslrootcert"),
        certificate=options.get("sslcert"),
        key=options.get("sslkey"),
    )


def _bad(what: str) -> ConfigError:
    return ConfigError(
        Reason.BAD_VALUE, f"store.url: not the URL of a PostgreSQL database ({what})", "postgresql://USER@HOST/DATABASE"
    )
