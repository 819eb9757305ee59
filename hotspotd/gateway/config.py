"""The gateway's own TOML file: strict, as the daemon's is. config/gateway.toml documents every key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hotspotd.config import Country, ModelsSection, Name, Port, Rate, Seconds, read_text, resolve, typed
from hotspotd.errors import ConfigError, Reason
from hotspotd.relay.inquiry import Responder
from hotspotd.relay.inti.transaction import Organisation
from hotspotd.watchlist.numbers import Kind


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
    """Where transactions and replies are kept: a file, or a PostgreSQL database. One of the two."""

    uploads: str = "uploads"
    database: str | None = None
    url: Annotated[str, Meta(pattern="^postgres(ql)?://")] | None = None

    def place(self, config: Path) -> str | Path:
        """What to open; a file's path is relative to that of ``config``."""
        return self.url or resolve(config, self.database or "")

    def __repr__(self) -> str:
        """Without the URL: there may be a password in it."""
        return f"StoreSection(database={self.database!r}, url={'...' if self.url else None})"


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
    """A repository from which kiosks fetch watchlist or software, and the folder of the key that keeps it fresh."""

    folder: str
    keys: str


class RepositorySection(_Section, frozen=True, kw_only=True):
    """One national repository: whose it is, which devices submit it, and what it may hold. No issuers: of any."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
    owner: Country
    devices: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=16)]
    kinds: Annotated[tuple[Kind, ...], Meta(min_length=1)] = tuple(Kind)
    issuers: tuple[Annotated[str, Meta(pattern=r"^[A-Z]{1,3}$")], ...] = ()
    keep_years: Annotated[int, Meta(ge=1, le=100)] = 10
    most_records: Annotated[int, Meta(ge=1, le=200_000_000)] = 20_000_000


class IntakeSection(_Section, frozen=True, kw_only=True):
    """What national repositories submit, and where it is kept."""

    database: str
    repositories: Annotated[tuple[RepositorySection, ...], Meta(min_length=1, max_length=250)]

    def rules(self) -> dict[str, RepositorySection]:
        """The repositories by name."""
        return {repository.name: repository for repository in self.repositories}


class MailDeviceSection(_Section, frozen=True, kw_only=True):
    """One device that may write by mail: where it is written to, and the certificate to encrypt to."""

    name: Name
    address: Annotated[str, Meta(max_length=320)]
    certificate: str


class MailSection(_Section, frozen=True, kw_only=True):
    """The gateway's account at a mail host, and the devices it corresponds with. ``login``: a file of two lines."""

    submission: Annotated[str, Meta(pattern=r"^smtps?://\S+$")]
    mailbox: Annotated[str, Meta(pattern=r"^pop3s://\S+$")]
    address: Annotated[str, Meta(max_length=320)]
    login: str
    certificate: str
    key: str
    trust_anchors: str | None = None
    poll_s: Annotated[float, Meta(ge=1, le=3_600)] = 20.0
    timeout_s: Seconds = 30.0
    devices: Annotated[tuple[MailDeviceSection, ...], Meta(min_length=1, max_length=10_000)]


class NatsSection(_Section, frozen=True, kw_only=True):
    """A NATS broker through which devices reach the gateway as well; what its streams may hold, in MiB."""

    url: Annotated[str, Meta(pattern=r"^nats://\S+$")]
    certificate: str
    key: str
    trust_anchors: str
    incoming_mb: Annotated[int, Meta(ge=1, le=1_000_000)] = 1024
    outgoing_mb: Annotated[int, Meta(ge=1, le=1_000_000)] = 256


class EnrolmentSection(_Section, frozen=True, kw_only=True):
    """Where devices get their certificates (EST). ``authority`` is the folder of ca.pem and ca.key."""

    authority: str
    port: Port = 8445
    url: Annotated[str, Meta(pattern=r"^(https://\S+)?$")] = ""
    valid_days: Annotated[float, Meta(gt=0, le=825)] = 90.0
    crl_hours: Annotated[float, Meta(gt=0, le=8_760)] = 24.0


class LimitsSection(_Section, frozen=True, kw_only=True):
    """What is refused, and how long a device may wait."""

    transaction_bytes: Annotated[int, Meta(ge=1_000, le=16_777_216)] = 8_000_000
    upload_mb: Annotated[int, Meta(ge=1, le=1_000_000)] = 2048
    body_timeout_s: Seconds = 120.0
    wait_s: Annotated[float, Meta(ge=0, le=60)] = 25.0
    unprocessed: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    threads: Annotated[int, Meta(ge=1, le=16)] = 1
    report_days: Annotated[int, Meta(ge=1, le=3_650)] = 90
    hit_days: Annotated[int, Meta(ge=1, le=365)] = 30
    find_days: Annotated[int, Meta(ge=1, le=3_650)] = 730


class DeskSection(_Section, frozen=True, kw_only=True):
    """The hit desk's page, on this machine's loopback address only. ``port`` 0 takes a free one."""

    port: Port = 8444


class LogSection(_Section, frozen=True, kw_only=True):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"


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
    software: PublicationSection | None = None
    intake: IntakeSection | None = None
    desk: DeskSection | None = None
    enrolment: EnrolmentSection | None = None
    mail: MailSection | None = None
    nats: NatsSection | None = None
    mode: Literal["training", "production"] = "training"
    log: LogSection = LogSection()


def responder_of(config: GatewayConfig) -> Responder:
    """Who answers, as replies name them."""
    bureau = config.bureau
    organisation = Organisation(identifier=bureau.identifier, name=bureau.name, country=bureau.country)
    return Responder(organisation, bureau.telephone)


def load(path: Path) -> GatewayConfig:
    """The configuration in ``path``. Raises ConfigError naming file, key and reason."""
    config = typed(read_text(path), path, GatewayConfig, "config/gateway.toml")
    if (config.store.database is None) == (config.store.url is None):
        raise ConfigError(
            Reason.BAD_VALUE, f"{path}: store: needs either database or url", "A file's path, or postgresql://..."
        )
    if config.intake and len(config.intake.rules()) < len(config.intake.repositories):
        raise ConfigError(
            Reason.BAD_VALUE, f"{path}: intake.repositories: two have one name", "Give each repository its own."
        )
    if config.mail and len({device.name for device in config.mail.devices}) < len(config.mail.devices):
        raise ConfigError(Reason.BAD_VALUE, f"{path}: mail.devices: two have one name", "Name each device once.")
    return config
