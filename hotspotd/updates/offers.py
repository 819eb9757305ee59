"""What a repository offers as newest software: the target ``software.json``, one bundle for each machine and Python."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates.bundle import MOST_BYTES, Bundle

LATEST: Final = "software.json"
MOST_LATEST_BYTES: Final = 64 * 1024


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One bundle: its version, the target that holds it, its size in bytes."""

    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,59}$")]
    path: Annotated[str, Meta(pattern=r"^software/[A-Za-z0-9._-]{1,40}/[A-Za-z0-9._-]{1,80}$")]
    bytes: Annotated[int, Meta(gt=0, le=MOST_BYTES)]


def kind(architecture: str, python: str) -> str:
    """What one bundle is for, such as ``arm64-py3.11``."""
    return f"{architecture}-py{python}"


def target(bundle: Bundle) -> str:
    """The target that holds the bundle. Repositories and web servers like plain names."""
    return f"software/{kind(bundle.architecture, bundle.python)}/{bundle.version.replace('+', '_')}.tar"


def read_offers(data: bytes) -> dict[str, Offer]:
    """The content of LATEST: what is offered by kind. Raises UpdateError (DAMAGED)."""
    try:
        return msgspec.json.decode(data, type=dict[str, Offer])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpdateError(Reason.DAMAGED, f"{LATEST} cannot be read: {error}", "Publish the software again.") from error
