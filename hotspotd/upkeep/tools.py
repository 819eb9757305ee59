"""Tools of the operating system, run with fixed names and a limit; a refusal is an answer, not an exception."""

from __future__ import annotations

import shutil
import subprocess
from typing import NamedTuple

_LIMIT_S = 10.0
_LONGEST_SAID = 300


class Done(NamedTuple):
    """What a tool said. ``problem`` is why it did not do it, empty where it did."""

    out: str
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether it did its work."""
        return not self.problem


def run(name: str, *arguments: str, limit_s: float = _LIMIT_S) -> Done:
    """Run a tool without a shell and wait for it. Blocks."""
    path = shutil.which(name)
    if path is None:
        return Done("", f"{name} is not on this machine")
    try:
        done = subprocess.run(  # noqa: S603  # No shell; callers give fixed names and checked arguments.
            [path, *arguments], capture_output=True, text=True, timeout=limit_s, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return Done("", f"{name} did not answer within {limit_s:.0f} s")
    except OSError as error:
        return Done("", f"{name}: {error.strerror}")
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        return Done(done.stdout, (said[-1] if said else f"{name} ended with {done.returncode}")[:_LONGEST_SAID])
    return Done(done.stdout)
