"""How long to wait before the next try: exponential, jittered, bounded. Policy comes from the configuration."""

from __future__ import annotations

import random

# Doubling reaches any sensible longest wait within this many steps; more would overflow.
_MAX_STEPS = 30


class Backoff:
    """Delays in seconds: ``first_s`` doubling up to ``longest_s``, each scaled by a random 0.5 to 1.

    The jitter keeps a border full of kiosks from calling in step when a link comes back.
    """

    def __init__(self, first_s: float, longest_s: float, chance: random.Random | None = None) -> None:
        self._first_s = min(first_s, longest_s)
        self._longest_s = longest_s
        self._chance = chance or random.Random()  # noqa: S311  # Spreads load, guards nothing.
        self._step = 0
        self._jumped = False

    def next(self) -> float:
        """The next delay."""
        whole = self._longest_s if self._jumped else min(self._first_s * 2**self._step, self._longest_s)
        self._step = min(self._step + 1, _MAX_STEPS)
        return whole * self._chance.uniform(0.5, 1.0)

    def jump(self) -> None:
        """From now on the longest delay: the other side does not want us."""
        self._jumped = True

    def reset(self) -> None:
        """Begin again: it worked."""
        self._step = 0
        self._jumped = False
