"""The daemon: configuration in, every part built and wired, one task group, two-stage shutdown.

``hotspotd --config FILE``. Exit status: 0 stopped as told, 2 the configuration cannot be used, 3 something the
configuration names cannot be opened; anything else is a defect, and systemd starts the daemon anew.

Shutdown: on the first SIGTERM or SIGINT lanes take no further traveller and the present one may finish; after
that, or after GENTLE_S, or on a second signal, everything is cancelled and closed, last opened first.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from drivers.base import DriverError
from hotspotd import __version__
from hotspotd import config as configuration
from hotspotd.assembly import Parts, Places, open_parts
from hotspotd.config import Config
from hotspotd.errors import ConfigError, HotspotError, RecordsError
from hotspotd.health import log as logs
from hotspotd.lane.recording import check_interrupted
from hotspotd.lane.waiting import first_of
from hotspotd.records import Records
from hotspotd.records.journal import RunsWith
from hotspotd.records.keeping import Keeping
from hotspotd.upkeep import profiles

# Not __name__: the daemon is also started as a module.
log = logging.getLogger("hotspotd.app")

EXIT_CONFIG = 2
EXIT_START = 3
# A traveller at the lane gets this long to finish; systemd's own limit (TimeoutStopSec) is longer.
GENTLE_S = 15.0
_RETENTION_EVERY_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon until it is told to stop."""
    parser = argparse.ArgumentParser(
        prog="hotspotd",
        description="Border kiosk daemon: captures, checks, records and relays travellers at its lanes.",
        epilog="example: hotspotd --config /etc/hotspotd/hotspotd.toml",
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration (TOML)")
    parser.add_argument("--version", action="version", version=f"hotspotd {__version__}")
    options = parser.parse_args(arguments)
    try:
        text = configuration.read_text(options.config)
        config, choice = profiles.with_choice(options.config, configuration.parse(text, options.config))
    except ConfigError as error:
        sys.stderr.write(f"hotspotd: {error}\n")
        return EXIT_CONFIG
    logs.set_up(config.log.level)
    try:
        asyncio.run(
            _run(config, Places.of(options.config, config), hashlib.sha256((text + choice).encode()).hexdigest())
        )
    except ConfigError as error:
        log.critical("%s", error)
        return EXIT_CONFIG
    except (HotspotError, DriverError, OSError) as error:
        log.critical("cannot start: %s", error)
        return EXIT_START
    return 0


async def _run(config: Config, places: Places, config_sha256: str) -> None:
    signals = _Signals()
    async with AsyncExitStack() as stack:
        parts = await open_parts(config, places, stack)
        await parts.journal.started(RunsWith(__version__, config_sha256, parts.key))
        await check_interrupted(parts.shared)
        stack.push_async_callback(parts.console.stop)
        await parts.console.start()
        async with asyncio.TaskGroup() as group:
            around = [
                group.create_task(parts.courier.run(), name="courier"),
                group.create_task(parts.watchlist.run(), name="watchlist"),
                group.create_task(parts.list_updates(), name="list-updates"),
                group.create_task(parts.watchdog.run(), name="watchdog"),
                group.create_task(parts.checkpoints.run(), name="checkpoints"),
                group.create_task(parts.journal.watch_clock(), name="journal-clock"),
                group.create_task(_retention(parts.records, keeping_of(config)), name="retention"),
                *(group.create_task(run(), name=name) for name, run in parts.reports.items()),
                *([group.create_task(parts.renewal.run(), name="renewal")] if parts.renewal else []),
            ]
            lanes = [group.create_task(lane.run(), name=f"lane-{lane.name}") for lane in parts.lanes]
            parts.notifier.ready(f"screens on port {parts.console.port}")
            log.info("ready on http://%s:%d", config.console.host, parts.console.port)

            await signals.first.wait()
            parts.notifier.stopping("the present travellers may finish")
            log.info("stopping: the present travellers may finish")
            for lane in parts.lanes:
                lane.close_gently()
            await _gently(lanes, signals.second)
            for task in (*lanes, *around):
                task.cancel()
        stack.push_async_callback(_close_the_chain, parts)
    log.info("stopped")


class _Signals:
    """SIGTERM and SIGINT: the first asks, the second insists."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._arrived)

    def _arrived(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


async def _gently(lanes: list[asyncio.Task[None]], insist: asyncio.Event) -> None:
    """Wait until every lane has ended, but no longer than GENTLE_S or until somebody insists."""

    async def all_lanes() -> None:
        await asyncio.wait(lanes)

    try:
        async with asyncio.timeout(GENTLE_S):
            await first_of(all_lanes(), insist)
    except TimeoutError:
        log.warning("a traveller was still at a lane after %.0f s", GENTLE_S)


async def _close_the_chain(parts: Parts) -> None:
    """Say that the daemon ends as it was told, and seal all that is in the chain."""
    await parts.console.stop()
    try:
        await parts.records.views_written()
        await parts.journal.stopped()
        await parts.checkpoints.make()
    except RecordsError as error:
        log.error("the audit chain could not be closed: %s", error)


def keeping_of(config: Config) -> Keeping:
    """How long encounters are kept, as the configuration has it."""
    operation = config.operation
    return Keeping(operation.keep_clear_hours, operation.keep_hit_hours, operation.keep_longest_days * 24)


async def _retention(records: Records, keeping: Keeping) -> None:
    """Erase what has been kept for long enough, for ever."""
    while True:
        try:
            if erased := await records.erase_due(keeping):
                log.info("%d encounters erased: their time was up", erased)
            if notes := await records.erase_notes():
                log.info("%d notes of the audit chain erased", notes)
            if handed_over := await records.erase_shift_notes():
                log.info("%d notes of shifts erased", handed_over)
        except RecordsError as error:
            log.warning("retention: %s", error)
        await asyncio.sleep(_RETENTION_EVERY_S)


if __name__ == "__main__":
    sys.exit(main())
