"""Which of the reports of this room the configuration asks for, made and ready to run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack

from hotspotd.clock import Clock
from hotspotd.config import Config
from hotspotd.events import Events
from hotspotd.operations.log_reports import LogReports, LogRing
from hotspotd.operations.statistics import Statistics
from hotspotd.records import Records

Running = Callable[[], Coroutine[None, None, None]]


def open_reports(
    config: Config, records: Records, events: Events, clock: Clock, wake: Callable[[], None], stack: AsyncExitStack
) -> dict[str, Running]:
    """By name, what is to be run until the end. From here on warnings are kept, where they are to be sent."""
    reports: dict[str, Running] = {}
    country = config.device.country
    if config.operation.statistics:
        reports["statistics"] = Statistics(records, events, clock, country, wake).run
    if config.log.send:
        ring = LogRing()
        logging.getLogger().addHandler(ring)
        stack.callback(logging.getLogger().removeHandler, ring)
        reports["log-reports"] = LogReports(ring, records, clock, country, wake).run
    return reports
