"""What a courier works with, and how patient it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hotspotd.clock import Clock
from hotspotd.events import Events
from hotspotd.records import Records
from hotspotd.relay.routes import Routes
from hotspotd.relay.seal import Sealer


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: first and longest delay of a retry, of a poll, between looks at what lies about, and at what others did.

    ``row_tries``: answered failures until one row is set aside.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    poll_s: float = 20.0
    rows_s: float = 15.0
    others_s: float = 2.0
    row_tries: int = 8


@dataclass(frozen=True, slots=True)
class Parts:
    """The records it carries from, the links it carries by, the seal it carries under."""

    records: Records
    routes: Routes
    sealer: Sealer
    events: Events
    clock: Clock
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
