"""The configuration file as typed, validated structs.

An unknown key, a wrong type, a value out of range or an unreadable file is a refusal that names the file, the
key and the reason; nothing is ever reset to a default in silence. Every key with its unit and default stands
in config/hotspotd.toml, which a test holds equal to this file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import ConfigError, Reason

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Rate = Annotated[float, Meta(gt=0, le=0.5)]
Share = Annotated[float, Meta(gt=0, lt=1)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
NameOrNone = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,40}$")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class DeviceSection(_Section, frozen=True):
    """Who this kiosk is."""

    name: Name
    organisation: str
    country: Country
    mode: Literal["training", "production"] = "training"


class DriverSection(_Section, frozen=True):
    """One device of a lane: which driver, and where."""

    driver: str
    address: str


class ScannerSection(DriverSection, frozen=True):
    """A fingerprint scanner. ``fap`` is its fingerprint acquisition profile, where its maker names one."""

    fap: Literal[10, 20, 30, 40, 45, 50, 60] | None = None


class LaneSection(_Section, frozen=True):
    """One lane and its devices. A lane without a camera, or without a scanner, does without that step."""

    name: Name
    document: DriverSection
    camera: DriverSection | None = None
    scanner: ScannerSection | None = None
    signal: DriverSection | None = None
    chip: DriverSection | None = None


class OperationSection(_Section, frozen=True):
    """What is checked, and how patient the lane is."""

    name: Name
    purpose: Literal["AMN", "CIT", "DEC", "IMM", "IU", "OTH", "VIS"] = "IMM"
    fingers: tuple[str, ...] = ("right_index", "right_middle")
    youngest_for_fingers: Annotated[int, Meta(ge=0, le=120)] = 12
    face: bool = True
    required: tuple[Literal["camera", "scanner", "signal"], ...] = ()
    chip: Literal["off", "when_present", "required"] = "when_present"
    attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    step_timeout_s: Seconds = 60.0
    more_time: Annotated[int, Meta(ge=0, le=20)] = 10
    device_return_s: Seconds = 30.0
    gateway_wait_s: Annotated[float, Meta(ge=0, le=120)] = 8.0
    officer_after_s: Annotated[float, Meta(gt=0, le=30)] = 2.0
    result_shown_s: Seconds = 4.0
    two_persons: tuple[Literal["confirm", "dismiss"], ...] = ()
    keep_clear_hours: Annotated[float, Meta(ge=0, le=8_760)] = 24.0
    keep_hit_hours: Annotated[float, Meta(ge=0, le=8_760)] = 72.0
    keep_longest_days: Annotated[float, Meta(gt=0, le=3_660)] = 30.0
    statistics: bool = True

    def positions(self) -> tuple[FingerPosition, ...]:
        """The fingers asked for, in order."""
        return tuple(FingerPosition.from_label(label) for label in self.fingers)


class MatchingSection(_Section, frozen=True):
    """Decision thresholds. Match thresholds are false match rates of one comparison; ``face_fpir`` is of one search."""

    finger_fmr: Rate = 1e-4
    face_fmr: Rate = 1e-5
    face_fpir: Rate | None = None
    name_score: Share = 0.8
    portrait_fmr: Rate | None = None
    finger_calibration: str | None = None
    face_calibration: str | None = None
    finger_quality: Percent = 30
    face_quality: Percent = 30


class FaceQualitySection(_Section, frozen=True):
    """From which quality each component of a face picture (ISO/IEC 29794-5) is good enough; 0 asks for nothing."""

    single_face_present: Percent = 64
    head_size: Percent = 50
    inter_eye_distance: Percent = 20
    leftward_crop: Percent = 50
    rightward_crop: Percent = 50
    margin_above: Percent = 20
    margin_below: Percent = 20
    head_pose_yaw: Percent = 75
    head_pose_pitch: Percent = 70
    head_pose_roll: Percent = 80
    eyes_open: Percent = 30
    mouth_closed: Percent = 50
    sharpness: Percent = 50
    luminance_mean: Percent = 50
    luminance_variance: Percent = 20
    under_exposure_prevention: Percent = 50
    over_exposure_prevention: Percent = 10
    dynamic_range: Percent = 50
    illumination_uniformity: Percent = 55
    background_uniformity: Percent = 0
    natural_colour: Percent = 0
    compression_artifacts: Percent = 0


class ModelsSection(_Section, frozen=True):
    """Where model manifests are, and which models the lane uses."""

    folder: str | None = None
    face_embedder: Name = "face-descriptor"
    face_detector: NameOrNone = ""
    face_landmarks: NameOrNone = ""


class LivenessSection(_Section, frozen=True):
    """Whether a live face is before the camera, and no picture of one. What is asked for and not passed refers."""

    mode: Literal["off", "passive", "active", "both"] = "active"
    passive_model: Name = "minifasnet-v2"
    passive_threshold: Share = 0.5
    active_threshold: Share = 0.5
    turns: Annotated[int, Meta(ge=1, le=4)] = 2
    turn_timeout_s: Seconds = 12.0
    same_face_fmr: Rate = 0.05

    @property
    def passive(self) -> bool:
        """Whether a model looks at the face."""
        return self.mode in ("passive", "both")

    @property
    def active(self) -> bool:
        """Whether the traveller is asked to turn the head."""
        return self.mode in ("active", "both")


class ChipSection(_Section, frozen=True):
    """Reading the chips of travel documents."""

    authorities: str | None = None
    timeout_s: Seconds = 15.0


class WatchlistSection(_Section, frozen=True):
    """Where the watchlist snapshots are, the key to what they list by number, and from where newer ones come."""

    folder: str
    key: str | None = None
    updates: Annotated[str, Meta(pattern=r"^(https://\S+)?$")] = ""
    root: str = ""
    update_every_s: Seconds = 900.0


class SoftwareSection(_Section, frozen=True):
    """From where newer software comes, and who signs it."""

    updates: Annotated[str, Meta(pattern=r"^(https://\S+)?$")] = ""
    root: str = ""


class RecordsSection(_Section, frozen=True):
    """Where encounters are written down."""

    database: str
    data_key: str | None = None
    outbox_limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    outbox_mb: Annotated[int, Meta(ge=1, le=1_000_000)] = 2048
    minimum_free_mb: Annotated[int, Meta(ge=0, le=1_000_000)] = 200


RankName = Literal["live", "decision", "backlog", "statistics", "log"]


class LinkSection(_Section, frozen=True):
    """One way to the gateway. ``carries`` are the ranks of messages that may go this way; kilobits a second.

    ``trust_anchors`` are those of a broker or mail server, which must not be able to seal as the gateway.
    """

    name: Name
    url: Annotated[str, Meta(pattern=r"^(https|nats|smtps?)://\S+$")]
    carries: Annotated[tuple[RankName, ...], Meta(min_length=1)] = ("live", "decision", "backlog", "statistics", "log")
    metered: bool = False
    backlog_kbit: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    trust_anchors: str = ""


class RelaySection(_Section, frozen=True, kw_only=True):
    """The links to the national gateway, on mutual TLS: one ``url``, or several ``links`` in order of preference.

    Who this device is, is in the folder ``identity`` of its enrolment, or in three PEM files.
    """

    url: Annotated[str, Meta(pattern=r"^(https://\S+)?$")] = ""
    links: Annotated[tuple[LinkSection, ...], Meta(max_length=8)] = ()
    identity: str = ""
    trust_anchors: str = ""
    certificate: str = ""
    key: str = ""
    gateway_name: Annotated[str, Meta(max_length=64)] = ""
    request_timeout_s: Seconds = 20.0
    retry_first_s: Seconds = 1.0
    retry_longest_s: Seconds = 60.0
    face_kb: Annotated[int, Meta(ge=8, le=1000)] = 24
    """Thousands of bytes that a portrait is made to fit in before it is sent; here it is kept as it was."""
    print_kb: Annotated[int, Meta(ge=4, le=1000)] = 12
    """Thousands of bytes that are spent on a print; more where its profile's largest compression asks for more."""

    def in_order(self) -> tuple[LinkSection, ...]:
        """Every link, most preferred first."""
        return self.links or (LinkSection(name="gateway", url=self.url),)

    def files(self, config_path: Path) -> tuple[Path, Path, Path]:
        """Trust anchors, certificate and key. With an identity, certificate and key are in one file."""
        if self.identity:
            folder = resolve(config_path, self.identity)
            return folder / "ca.pem", folder / "device.pem", folder / "device.pem"
        return (
            resolve(config_path, self.trust_anchors),
            resolve(config_path, self.certificate),
            resolve(config_path, self.key),
        )

    def https_url(self) -> str:
        """The most preferred ``https://`` link's; empty where there is none."""
        return next((link.url for link in self.in_order() if link.url.startswith("https://")), "")


class ConsoleSection(_Section, frozen=True):
    """Where the pages are served, and for how long somebody stays signed in.

    ``network_host`` is where staff reach them over the network, on TLS only; empty: nowhere.
    """

    host: Literal["127.0.0.1", "::1", "localhost"] = "127.0.0.1"
    port: Port = 8480
    idle_minutes: Annotated[float, Meta(gt=0, le=60)] = 5.0
    longest_hours: Annotated[float, Meta(gt=0, le=24)] = 12.0
    network_host: Annotated[str, Meta(max_length=64)] = ""
    network_port: Port = 8443
    network_names: tuple[Annotated[str, Meta(pattern=r"^[a-z0-9.:\[\]-]{1,253}$")], ...] = ()
    certificate: str = ""
    key: str = ""


class TravellerSection(_Section, frozen=True):
    """The traveller's screen. ``audio`` "button": silent until the traveller asks for sound."""

    audio: Literal["off", "button", "on"] = "button"


class HealthSection(_Section, frozen=True):
    """When the daemon counts as hung."""

    loop_lateness_s: Seconds = 2.0
    worker_stuck_s: Seconds = 30.0


class LogSection(_Section, frozen=True):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    send: bool = False


class Config(_Section, frozen=True):
    """The whole file."""

    device: DeviceSection
    lanes: Annotated[tuple[LaneSection, ...], Meta(min_length=1, max_length=8)]
    operation: OperationSection
    watchlist: WatchlistSection
    records: RecordsSection
    relay: RelaySection
    software: SoftwareSection = SoftwareSection()
    matching: MatchingSection = MatchingSection()
    face_quality: FaceQualitySection = FaceQualitySection()
    models: ModelsSection = ModelsSection()
    liveness: LivenessSection = LivenessSection()
    chip: ChipSection = ChipSection()
    console: ConsoleSection = ConsoleSection()
    traveller: TravellerSection = TravellerSection()
    health: HealthSection = HealthSection()
    log: LogSection = LogSection()


_MAX_BYTES = 256 * 1024
T = TypeVar("T")


def load(path: Path) -> Config:
    """The configuration in ``path``. Relative paths in it are relative to the file's folder.

    Raises ConfigError naming file, key and reason.
    """
    return parse(read_text(path), path)


def parse(text: str, path: Path) -> Config:
    """The configuration in ``text``, which was read from ``path``. Raises ConfigError."""
    config = typed(text, path, Config, "config/hotspotd.toml")
    check(path, config)
    return config


def read_text(path: Path) -> str:
    """A configuration file's text. Raises ConfigError (UNREADABLE, BAD_VALUE for one that is too large)."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(Reason.BAD_VALUE, f"{path}: larger than {_MAX_BYTES} bytes", "Name the right file.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            Reason.UNREADABLE, f"{path}: {error.strerror}", "Check the path, and that hotspotd may read it."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(Reason.UNREADABLE, f"{path}: not UTF-8 at byte {error.start}", "Save it as UTF-8.") from error


def typed(text: str, path: Path, into: type[T], reference: str) -> T:
    """``text``, read from ``path``, as ``into``; ``reference`` is the file that documents every key.

    Raises ConfigError: UNREADABLE, UNKNOWN_KEY, MISSING_KEY, BAD_VALUE.
    """
    try:
        return msgspec.convert(tomllib.loads(text), into)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(Reason.UNREADABLE, f"{path}: not TOML: {error}", "Mend that line.") from error
    except msgspec.ValidationError as error:
        raise _refusal(path, str(error), reference) from error


def _refusal(path: Path, message: str, reference: str) -> ConfigError:
    problem, _, where = message.partition(" - at `")
    key = where.rstrip("`").removeprefix("$").lstrip(".") or "top level"
    what = f"{path}: {key}: {problem}"
    if "unknown field" in problem:
        return ConfigError(Reason.UNKNOWN_KEY, what, f"{reference} lists every key.")
    if "missing required field" in problem:
        return ConfigError(Reason.MISSING_KEY, what, f"{reference} lists every key.")
    return ConfigError(Reason.BAD_VALUE, what, f"{reference} says what it may be.")


def check(path: Path, config: Config) -> None:
    """Refuse a ``config``, read from ``path``, whose parts do not go together. Raises ConfigError."""
    names = [lane.name for lane in config.lanes]
    if len(set(names)) != len(names):
        raise ConfigError(Reason.BAD_VALUE, f"{path}: lanes: two lanes have one name", "Give each its own.")
    for lane in config.lanes:
        for device in config.operation.required:
            if getattr(lane, device) is None:
                raise ConfigError(
                    Reason.BAD_VALUE,
                    f"{path}: operation.required: {lane.name} has no {device}",
                    f"Configure one ([lanes.{device}]), or do not require it.",
                )
        if config.operation.chip == "required" and lane.chip is None:
            raise ConfigError(
                Reason.BAD_VALUE,
                f"{path}: operation.chip: required, but lane {lane.name} has no chip reader",
                "Name its reader in lanes.chip, or set operation.chip to when_present.",
            )
    _check_links(path, config.relay)
    _check_console(path, config.console)
    labels = [label.lower() for label in config.operation.fingers]
    if len(set(labels)) != len(labels):
        raise ConfigError(Reason.BAD_VALUE, f"{path}: operation.fingers: a finger is named twice", "Name each once.")
    for label in config.operation.fingers:
        try:
            known = FingerPosition.from_label(label) is not FingerPosition.UNKNOWN
        except KeyError:
            known = False
        if not known:
            fingers = ", ".join(p.label for p in FingerPosition if p)
            raise ConfigError(
                Reason.BAD_VALUE,
                f"{path}: operation.fingers: no finger is called {label!r}",
                f"Use {fingers}.",
            )


def _check_links(path: Path, relay: RelaySection) -> None:
    files = (relay.trust_anchors, relay.certificate, relay.key)
    if bool(relay.identity) == any(files) or (any(files) and not all(files)):
        raise ConfigError(
            Reason.MISSING_KEY,
            f"{path}: relay: needs identity, or trust_anchors, certificate and key, and not both",
            "identity is the folder that hotspotctl device enrol fills.",
        )
    if bool(relay.url) == bool(relay.links):
        raise ConfigError(
            Reason.BAD_VALUE, f"{path}: relay: needs url, or links, and not both", "config/hotspotd.toml explains them."
        )
    names = [link.name for link in relay.links]
    if len(set(names)) != len(names):
        raise ConfigError(Reason.BAD_VALUE, f"{path}: relay.links: two have one name", "Give each its own.")
    if not any("live" in link.carries for link in relay.in_order()):
        raise ConfigError(
            Reason.BAD_VALUE, f"{path}: relay.links: none carries live checks", 'Let one link carry "live" at least.'
        )


def _check_console(path: Path, console: ConsoleSection) -> None:
    if not console.network_host:
        return
    for key in ("network_names", "certificate", "key"):
        if not getattr(console, key):
            raise ConfigError(
                Reason.BAD_VALUE,
                f"{path}: console.{key}: needed where console.network_host is set",
                "config/hotspotd.toml explains it.",
            )


def resolve(config_path: Path, value: str) -> Path:
    """``value`` as a path, relative ones from the folder of the configuration file."""
    return (config_path.parent / value).resolve()
