"""Rows that the gateway answered for and did not take: when each is tried again, and when one is to blame itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from hotspotd.errors import RelayError
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.parts import Patience

# As the courier's own.
logger = logging.getLogger("hotspotd.relay.courier")

# More rows than this in trouble at once is trouble of the gateway's: it is left alone for a while.
_MOST = 32
_NOTHING_DUE_S = 3600.0


@dataclass(slots=True)
class _Trouble:
    tries: int
    not_before: float
    others_then: int
    """Rows the gateway had taken when this one first failed."""
    backoff: Backoff


class Troubles:
    """The rows in trouble."""

    def __init__(self, patience: Patience, monotonic: Callable[[], float]) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._rows: dict[str, _Trouble] = {}
        self._taken = 0

    def waiting(self) -> int:
        """How many rows are in trouble."""
        return len(self._rows)

    def is_due(self, tcn: str) -> bool:
        """Whether the row may be tried now."""
        trouble = self._rows.get(tcn)
        return trouble is None or trouble.not_before <= self._monotonic()

    def next_due_s(self) -> float:
        """Seconds until one of the rows is due again; an hour where there is none."""
        if not self._rows:
            return _NOTHING_DUE_S
        return max(min(trouble.not_before for trouble in self._rows.values()) - self._monotonic(), 0.0)

    def add(self, tcn: str, error: RelayError) -> bool:
        """The row was not taken. Whether so many are in trouble that the gateway must be."""
        trouble = self._rows.get(tcn)
        if trouble is None:
            logger.warning("courier: transaction %s was not taken: %s", tcn, error)
            backoff = Backoff(self._patience.first_s, self._patience.longest_s)
            trouble = self._rows[tcn] = _Trouble(0, 0.0, self._taken, backoff)
        else:
            logger.debug("courier: transaction %s was not taken again: %s", tcn, error)
        if len(self._rows) > _MOST:
            return True
        trouble.tries += 1
        trouble.not_before = self._monotonic() + trouble.backoff.next()
        return False

    def hopeless(self, tcn: str) -> bool:
        """Whether the row failed often while others passed: only then is it to blame, and not the gateway."""
        trouble = self._rows.get(tcn)
        return trouble is not None and trouble.tries >= self._patience.row_tries and self._taken > trouble.others_then

    def over(self, tcn: str, *, taken: bool) -> None:
        """The row is out of trouble: taken, or set aside."""
        self._rows.pop(tcn, None)
        self._taken += taken
