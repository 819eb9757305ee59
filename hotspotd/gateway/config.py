"""The gateway's own TOML file: strict, as the daemon's is. config/gateway.toml documents every key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hotspotd.config import Country, LogSection, ModelsSection, Port, Rate, Seconds, read_text, typed


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class ServerSection(_Section, frozen=True, kw_only=True):
    """Where the gateway listens, and by what it is known. ``port`` 0 takes a free one."""

    host: str = "127.0.0.1"
    port: Port = 8443
    certificate: str
    key: str
    trust_anchors: str


class StoreSection(_Section, frozen=True, kw_only=True):
    """Where transactions and replies are kept."""

    database: str


class ListSection(_Section, frozen=True, kw_only=True):
    """The watchlist folder that is searched."""

    folder: str


class RatesSection(_Section, frozen=True, kw_only=True):
    """False match rates of one comparison, and score of a name, from which a candidate is listed; calibrations."""

    finger_fmr: Rate = 1e-4
    face_fmr: Rate = 1e-5
    face_fpir: Rate | None = None
    name_score: Annotated[float, Meta(gt=0, lt=1)] = 0.8
    finger_calibration: str | None = None
    face_calibration: str | None = None


class BureauSection(_Section, frozen=True, kw_only=True):
    """Who answers, and whom an officer calls."""

    identifier: Annotated[str, Meta(min_length=1, max_length=40)] = "NCB"
    name: Annotated[str, Meta(min_length=1, max_length=80)] = "National Central Bureau"
    country: Country
    telephone: Annotated[str, Meta(max_length=40)] = ""


class PublicationSection(_Section, frozen=True, kw_only=True):
    """The repository from which kiosks fetch their watchlist, and the folder of the key that keeps it fresh."""

    folder: str
    keys: str


class LimitsSection(_Section, frozen=True, kw_only=True):
    """What is refused, and how long a device may wait."""

    transaction_bytes: Annotated[int, Meta(ge=1_000, le=16_777_216)] = 8_000_000
    body_timeout_s: Seconds = 120.0
    wait_s: Annotated[float, Meta(ge=0, le=60)] = 25.0
    unprocessed: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    threads: Annotated[int, Meta(ge=1, le=16)] = 1


class GatewayConfig(_Section, frozen=True, kw_only=True):
    """The whole file."""

    bureau: BureauSection
    server: ServerSection
    store: StoreSection
    watchlist: ListSection
    matching: RatesSection = RatesSection()
    models: ModelsSection = ModelsSection()
    limits: LimitsSection = LimitsSection()
    publication: PublicationSection | None = None
    mode: Literal["training", "production"] = "training"
    log: LogSection = LogSection()


def load(path: Path) -> GatewayConfig:
    """The configuration in ``path``. Raises ConfigError naming file, key and reason."""
    return typed(read_text(path), path, GatewayConfig, "config/gateway.toml")
