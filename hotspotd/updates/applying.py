"""From a bundle to the version that runs, or back: built beside the present one, switched to, judged by boot-check.

Interrupted anywhere, the machine boots a complete version: before the switch the old one, after it the new one on
trial, which ``hotspotd-boot-check.service`` keeps or takes back at the next boot as it would have here.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates.building import Builder
from hotspotd.updates.following import Following
from hotspotd.updates.versions import Versions

_JUDGED_S: Final = 600.0
"""Longer than the unit may take."""


def judged_by_systemd() -> bool:
    """Have boot-check judge the version on trial; whether it was kept. Raises UpdateError (FAILED)."""
    command = ["/usr/bin/systemctl", "start", "hotspotd-boot-check.service"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_JUDGED_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError(
            Reason.FAILED, f"the new version could not be judged: {error}", "Restart the machine: it is judged then."
        ) from error
    return done.returncode == 0


def apply(bundle: Path, builder: Builder, judge: Callable[[], bool] = judged_by_systemd) -> str:
    """Run the version in ``bundle`` from now on; its name. At once where it runs already.

    Raises UpdateError: as ``Builder.build``, BUSY where versions are being changed, and FAILED where it did not become
    ready and the one before runs again.
    """
    versions = builder.versions
    with versions.alone():
        version = builder.build(bundle)
        if version != versions.current or versions.trial is not None:
            versions.switch(version)
            if not judge():
                raise UpdateError(
                    Reason.FAILED,
                    f"version {version} did not become ready; {versions.current} runs",
                    "journalctl -u hotspotd-boot-check -u hotspotd says why.",
                )
        versions.prune()
    return version


def apply_newest(
    following: Following, builder: Builder, judge: Callable[[], bool] = judged_by_systemd, only: str = ""
) -> tuple[str, bool]:
    """Run the newest published version from now on; its name, and whether that changed anything.

    Raises UpdateError: as ``Following.check``, ``Following.fetch`` and ``apply``, and CONFLICT where the newest is not
    ``only``, which is what somebody has agreed to.
    """
    offer = following.check()
    if only and offer.version != only:
        raise UpdateError(
            Reason.CONFLICT,
            f"version {offer.version} is published now, and not {only}",
            "Look for a newer version again.",
        )
    if builder.versions.current == offer.version and builder.versions.trial is None:
        return offer.version, False
    return apply(following.fetch(offer), builder, judge), True


def roll_back(versions: Versions, judge: Callable[[], bool] = judged_by_systemd) -> str:
    """Run the version before from now on; its name. Raises UpdateError: NOT_FOUND, BUSY, FAILED."""
    with versions.alone():
        version = versions.before()
        versions.switch(version)
        if not judge():
            raise UpdateError(
                Reason.FAILED,
                f"version {version} did not become ready either; {versions.current} runs",
                "systemctl status hotspotd",
            )
    return version
