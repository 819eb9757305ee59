"""Where the things of the device are that the configuration names."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from hotspotd.config import Config, load, resolve
from hotspotd.errors import ConfigError, Reason
from hotspotd.provisioning.identity import IdentityFolder
from hotspotd.records.data_key import beside

CONFIG: Final = Path("/etc/hotspotd/hotspotd.toml")


def add_config(command: argparse.ArgumentParser) -> None:
    """The option that names the configuration."""
    command.add_argument("--config", type=Path, default=CONFIG, metavar="FILE", help=f"by default {CONFIG}")


@dataclass(frozen=True, slots=True)
class Place:
    """A device with an identity folder."""

    device: str
    identity: IdentityFolder
    data_key: Path
    """Where the data key is, if it is in a file."""
    path: Path
    config: Config

    @classmethod
    def of(cls, path: Path) -> Self:
        """As the configuration in ``path`` has it; the folder is made if need be. Raises ConfigError, OSError."""
        config = load(path)
        if not config.relay.identity:
            raise ConfigError(
                Reason.MISSING_KEY,
                f"{path}: relay.identity is not set",
                'Set it to "/var/lib/hotspotd/identity", in the place of trust_anchors, certificate and key.',
            )
        folder = resolve(path, config.relay.identity)
        _made(folder)
        database, named = resolve(path, config.records.database), config.records.data_key
        data_key = resolve(path, named) if named else beside(database).path
        return cls(config.device.name, IdentityFolder(folder), data_key, path, config)


def _made(folder: Path) -> None:
    """See to it that the folder is there, closed to others, and whose the folder above is: the daemon writes in it."""
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True)
    if os.geteuid() == 0:
        above = folder.parent.stat()
        os.chown(folder, above.st_uid, above.st_gid)
