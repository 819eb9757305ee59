"""The two streams of a broker, and where it is. The gateway makes them, and gives them their limits."""

from __future__ import annotations

from dataclasses import dataclass

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from hotspotd.relay.links.jetstream import subjects

# Of a device that fetches nothing: the oldest go, and are given again when it asks.
_MOST_FOR_A_DEVICE = 10_000
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Terms:
    """Where the broker is, what its streams may hold (MiB), and when comes again what cannot be taken just now."""

    place: tuple[str, int]
    timeout_s: float = 20.0
    incoming_mb: int = 1024
    outgoing_mb: int = 256
    again_s: float = 5.0


def incoming_stream(terms: Terms) -> StreamConfig:
    """What devices have sent. Full: it refuses, so that a device keeps what it has."""
    return StreamConfig(
        name=subjects.STREAM_IN,
        subjects=list(subjects.SUBJECTS_IN),
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_bytes=terms.incoming_mb * _MIB,
        max_age=subjects.KEPT_S,
        duplicate_window=subjects.DUPLICATE_WINDOW_S,
    )


def outgoing_stream(terms: Terms) -> StreamConfig:
    """What is for devices. Full: the oldest goes, which is given again to the device that asks."""
    return StreamConfig(
        name=subjects.STREAM_OUT,
        subjects=list(subjects.SUBJECTS_OUT),
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_bytes=terms.outgoing_mb * _MIB,
        max_msgs_per_subject=_MOST_FOR_A_DEVICE,
        max_age=subjects.KEPT_S,
        duplicate_window=subjects.DUPLICATE_WINDOW_S,
    )
