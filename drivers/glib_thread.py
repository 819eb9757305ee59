"""One thread that runs GLib's default main context, for libraries that come through GObject introspection.

The thread lives while somebody holds it, so that a process without such a device has none. GLib's own rule is one
thread for one main context, and libfprint waits on the default one inside its calls: so all devices share this
thread, and a library that hangs holds up all of them. ``gi`` comes from the OS, not from a package index, and is
imported only here and only when asked for.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from drivers.base import DriverError, DriverReason

_log = logging.getLogger(__name__)
_END_S = 2.0


def introspected(name: str, version: str, packages: str) -> Any:
    """The module ``gi.repository.NAME``. Raises DriverError (MISSING_LIBRARY) naming the Debian ``packages``."""
    try:
        gi = importlib.import_module("gi")
        gi.require_version(name, version)
        return importlib.import_module(f"gi.repository.{name}")
    # ValueError is how gi says that there is no such typelib.
    except (ImportError, ValueError) as error:
        raise DriverError(
            DriverReason.MISSING_LIBRARY,
            f"the library {name} {version} cannot be loaded ({error})",
            f"sudo apt-get install --no-install-recommends {packages}; it needs the OS's own Python",
        ) from error


class GlibThread:
    """A hold on the thread, taken with ``take`` and given back with ``release``.

    Both belong to the event loop's thread; ``post`` may be called from any.
    """

    def __init__(self) -> None:
        self._held = False

    def take(self) -> None:
        """Have the thread run. Raises RuntimeError when it is held already by this object."""
        if self._held:
            raise RuntimeError("the GLib thread is held already")
        self._held = True
        _Runner.holders += 1
        if _Runner.current is None:
            _Runner.current = _Runner()

    @staticmethod
    def post(function: Callable[[], None]) -> None:
        """Have ``function`` called in the thread, after what was posted before."""
        glib = _glib()

        def once() -> bool:
            function()
            return False  # GLib.SOURCE_REMOVE

        glib.idle_add(once, priority=glib.PRIORITY_DEFAULT)

    async def release(self) -> None:
        """Let go; the last holder waits until the thread has ended, at most 2 s. May be called twice."""
        if not self._held:
            return
        self._held = False
        _Runner.holders -= 1
        runner = _Runner.current
        if _Runner.holders or runner is None:
            return
        _Runner.current = None
        runner.stop()
        end = time.monotonic() + _END_S
        while runner.alive():
            if time.monotonic() > end:
                _log.warning("the GLib thread does not end; it is left behind")
                return
            await asyncio.sleep(0.002)  # Joining would block the loop.


class _Runner:
    """The thread itself."""

    current: _Runner | None = None
    holders = 0

    def __init__(self) -> None:
        self._stopped = False
        self._context = _glib().MainContext.default()
        self._thread = threading.Thread(target=self._run, name="glib loop", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            self._context.iteration(True)

    def stop(self) -> None:
        # A wake-up before the iteration begins is not lost: GLib keeps it.
        self._stopped = True
        self._context.wakeup()

    def alive(self) -> bool:
        return self._thread.is_alive()


def _glib() -> Any:
    return introspected("GLib", "2.0", "python3-gi")
