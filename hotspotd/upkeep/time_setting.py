"""The machine's time zone and clock, asked and set through systemd's timedatectl.

The daemon may not set the clock itself: it asks timedated over D-Bus, which asks polkit. Where the rule
``systemd/50-hotspotd-time.rules`` is installed it says yes; otherwise the refusal is passed on with the command that an
administrator types. Blocking.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import datetime

import msgspec

from hotspotd.errors import Reason, UpkeepError
from hotspotd.upkeep.tools import run


class TimeSetting(msgspec.Struct, frozen=True, kw_only=True):
    """``synchronised``: the network has set the clock; ``None``: nobody knows. ``problem``: why little is known."""

    zone: str = ""
    network_time: bool | None = None
    synchronised: bool | None = None
    problem: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking: ``command`` is what an administrator types where it was refused."""

    done: bool
    said: str = ""
    command: str = ""


def setting() -> TimeSetting:
    """As timedated knows it."""
    done = run("timedatectl", "show")
    if not done.ok:
        return TimeSetting(problem=done.problem)
    told = dict(line.partition("=")[::2] for line in done.out.splitlines())
    return TimeSetting(
        zone=told.get("Timezone", ""),
        network_time=_yes(told.get("NTP")),
        synchronised=_yes(told.get("NTPSynchronized")),
    )


def zones() -> list[str]:
    """Names of time zones, in order."""
    return sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone and not zone.startswith("Etc/"))


def set_zone(zone: str) -> Asked:
    """Raises UpkeepError (BAD_VALUE) for a zone that there is not."""
    if zone not in zoneinfo.available_timezones():
        raise UpkeepError(Reason.BAD_VALUE, "no such time zone", "Choose one of the list.")
    return _ask("set-timezone", zone)


def set_time(text: str) -> Asked:
    """``text`` is the local date and time, ``2026-11-22 14:03``. Raises UpkeepError (BAD_VALUE)."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", text):
        raise UpkeepError(Reason.BAD_VALUE, "that is no date and time", "Write it as 2026-11-22 14:03.")
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise UpkeepError(
            Reason.BAD_VALUE, "there is no such date and time", "Write it as 2026-11-22 14:03."
        ) from error
    return _ask("set-time", text)


def set_network_time(*, on: bool) -> Asked:
    """Let the network set the clock, or not."""
    return _ask("set-ntp", "true" if on else "false")


def _ask(verb: str, value: str) -> Asked:
    done = run("timedatectl", "--no-ask-password", verb, value)
    if done.ok:
        return Asked(done=True)
    quoted = f"'{value}'" if " " in value else value
    return Asked(done=False, said=done.problem, command=f"sudo timedatectl {verb} {quoted}")


def _yes(text: str | None) -> bool | None:
    return None if text is None else text == "yes"
