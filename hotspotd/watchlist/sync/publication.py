"""What a publication says about itself, and where its files lie among the targets of a TUF repository. No I/O."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from hotspotd.errors import Reason, WatchlistError

LATEST: Final = "latest.json"
"""The target that names the newest publication."""
MOST_STEPS: Final = 16
MOST_PARTS: Final = 1 << 18  # A terabyte.
MOST_LATEST_BYTES: Final = 64 * 1024
MOST_KEYS_BYTES: Final = 1024 * 1024
_DEVICES_A_BIN: Final = 32
_Version = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
_DIGEST = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
_HEX: Final = re.compile(r"[0-9a-f]{1,512}")


class Stream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sealed stream of files (``packing``): how many parts, and their bytes together as they are fetched."""

    name: Annotated[str, Meta(pattern=r"^(full|delta)/[A-Za-z0-9._-]{1,130}$")]
    parts: Annotated[int, Meta(ge=1, le=MOST_PARTS)]
    bytes: Annotated[int, Meta(ge=1)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A delta: what makes version ``to`` of version ``since``."""

    since: _Version
    to: _Version
    stream: Stream
    manifest_sha256: _DIGEST
    bins: Annotated[int, Meta(ge=1, le=4_096)]


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The newest list: whole, and by steps from lists before it.

    ``manifest_sha256`` is that of the manifest file of the snapshot that comes out of either; ``bins`` is over how
    many files the wrapped keys are spread, so that a kiosk need not fetch those of all others.
    """

    version: _Version
    made_at: str
    manifest_sha256: _DIGEST
    full: Stream
    bins: Annotated[int, Meta(ge=1, le=4_096)]
    steps: Annotated[tuple[Step, ...], Meta(max_length=MOST_STEPS)] = ()

    def way(self, have: str | None) -> tuple[Step, ...]:
        """The steps from version ``have`` to this one, if they cost less than the whole list; else none."""
        by_start = {step.since: step for step in self.steps}
        way: list[Step] = []
        at = have
        while at is not None and at != self.version:
            step = by_start.get(at)
            if step is None or len(way) == MOST_STEPS:
                return ()
            way.append(step)
            at = step.to
        return tuple(way) if sum(step.stream.bytes for step in way) < self.full.bytes else ()


def part_path(stream: Stream, number: int) -> str:
    """The target that holds part ``number`` of ``stream``."""
    return f"{stream.name}/{number:06d}"


def bins_for(devices: int) -> int:
    """Over how many files the keys of so many devices are spread."""
    return max(1, -(-devices // _DEVICES_A_BIN))


def keys_path(version: str, device: str, bins: int) -> str:
    """The target that holds the wrapped key of publication ``version`` for ``device``, among others'."""
    return bin_path(version, int.from_bytes(hashlib.sha256(device.encode()).digest()[:4], "big") % bins)


def bin_path(version: str, number: int) -> str:
    """The target that holds bin ``number`` of the wrapped keys of ``version``."""
    return f"keys/{version}/{number:04d}.json"


def read_publication(data: bytes) -> Publication:
    """The content of LATEST. Raises WatchlistError (DAMAGED)."""
    try:
        return msgspec.json.decode(data, type=Publication)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WatchlistError(
            Reason.DAMAGED, f"the published list's description cannot be read: {error}", "Publish the list again."
        ) from error


def read_wrapped(data: bytes, device: str) -> bytes:
    """The wrapped key for ``device`` in a bin. Raises WatchlistError: NOT_FOUND without one, DAMAGED."""
    try:
        found = msgspec.json.decode(data, type=dict[str, str]).get(device)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WatchlistError(Reason.DAMAGED, f"the published keys cannot be read: {error}") from error
    if found is None:
        raise WatchlistError(
            Reason.NOT_FOUND,
            f"the published list has no key for {device}",
            "Enrol the device at the gateway, and publish again.",
        )
    if not _HEX.fullmatch(found) or len(found) % 2:
        raise WatchlistError(Reason.DAMAGED, f"the published key of {device} cannot be read")
    return bytes.fromhex(found)
