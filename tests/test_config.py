"""The configuration: what is refused and how, and that the documented file and the code say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotspotd.config import (
    ChipSection,
    Config,
    ConsoleSection,
    DeviceSection,
    DriverSection,
    FaceQualitySection,
    HealthSection,
    LaneSection,
    LinkSection,
    LivenessSection,
    LogSection,
    MatchingSection,
    ModelsSection,
    OperationSection,
    RecordsSection,
    RelaySection,
    ScannerSection,
    SoftwareSection,
    TravellerSection,
    WatchlistSection,
    load,
    resolve,
)
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import ConfigError, Reason

DOCUMENTED = Path(__file__).resolve().parent.parent / "config" / "hotspotd.toml"

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "device": DeviceSection,
    "lanes": LaneSection,
    "lanes.document": DriverSection,
    "lanes.camera": DriverSection,
    "lanes.scanner": ScannerSection,
    "lanes.signal": DriverSection,
    "lanes.chip": DriverSection,
    "operation": OperationSection,
    "matching": MatchingSection,
    "face_quality": FaceQualitySection,
    "models": ModelsSection,
    "liveness": LivenessSection,
    "chip": ChipSection,
    "watchlist": WatchlistSection,
    "software": SoftwareSection,
    "records": RecordsSection,
    "relay": RelaySection,
    "relay.links": LinkSection,
    "console": ConsoleSection,
    "traveller": TravellerSection,
    "health": HealthSection,
    "log": LogSection,
}

SMALL = """
[device]
name = "K"
organisation = "O"
country = "UTO"
[[lanes]]
name = "one"
document = { driver = "mrz-serial", address = "serial:///dev/x" }
[operation]
name = "test"
[watchlist]
folder = "watchlist"
[records]
database = "records.sqlite"
[relay]
url = "https://localhost"
trust_anchors = "ca.pem"
certificate = "device.pem"
key = "device.key"
"""


def refusal(tmp_path: Path, text: str | bytes) -> ConfigError:
    path = tmp_path / "hotspotd.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(path) in error.value.what, "a refusal names the file"
    assert error.value.advice, "a refusal says what to do"
    return error.value


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "hotspotd.toml").write_text(SMALL)
    config = load(tmp_path / "hotspotd.toml")
    assert config.operation.positions() == (FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE)
    assert config.console.port == 8480
    assert config.lanes[0].camera is None


def test_paths_are_relative_to_the_files_folder(tmp_path: Path) -> None:
    assert resolve(tmp_path / "hotspotd.toml", "tls/ca.pem") == tmp_path / "tls" / "ca.pem"
    assert resolve(tmp_path / "hotspotd.toml", "/etc/ca.pem") == Path("/etc/ca.pem")


@pytest.mark.parametrize(
    ("old", "new", "reason", "key"),
    [
        ('name = "K"', 'name = "K"\nnmae = "K"', Reason.UNKNOWN_KEY, "device"),
        ("[operation]", "[operations]\n[operation]", Reason.UNKNOWN_KEY, "operations"),
        ('folder = "watchlist"', "", Reason.MISSING_KEY, "watchlist"),
        ('[records]\ndatabase = "records.sqlite"', "", Reason.MISSING_KEY, "records"),
        ('database = "records.sqlite"', "database = 5", Reason.BAD_VALUE, "records.database"),
        ('name = "test"', 'name = "test"\nattempts = 0', Reason.BAD_VALUE, "operation.attempts"),
        ('name = "test"', 'name = "test"\nattempts = "3"', Reason.BAD_VALUE, "operation.attempts"),
        ('name = "test"', 'name = "test"\nstep_timeout_s = nan', Reason.BAD_VALUE, "operation.step_timeout_s"),
        ('name = "test"', 'name = "two words"', Reason.BAD_VALUE, "operation.name"),
        ('name = "test"', 'name = "test"\npurpose = "FUN"', Reason.BAD_VALUE, "operation.purpose"),
        ('name = "test"', 'name = "test"\nchip = "required"', Reason.BAD_VALUE, "operation.chip"),
        ('name = "test"', 'name = "test"\nfingers = ["index"]', Reason.BAD_VALUE, "operation.fingers"),
        ('name = "test"', 'name = "test"\nfingers = ["unknown"]', Reason.BAD_VALUE, "operation.fingers"),
        (
            'name = "test"',
            'name = "test"\nfingers = ["left_index", "left_index"]',
            Reason.BAD_VALUE,
            "operation.fingers",
        ),
        ('country = "UTO"', 'country = "Utopia"', Reason.BAD_VALUE, "device.country"),
        ("https://localhost", "http://localhost", Reason.BAD_VALUE, "relay.url"),
        ('driver = "mrz-serial"', "driver = true", Reason.BAD_VALUE, "lanes[0].document.driver"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_its_name(
    tmp_path: Path, old: str, new: str, reason: Reason, key: str
) -> None:
    assert old in SMALL
    error = refusal(tmp_path, SMALL.replace(old, new, 1))
    assert error.reason is reason
    assert key in error.what


def test_the_pages_are_served_on_loopback_only(tmp_path: Path) -> None:
    error = refusal(tmp_path, SMALL + '[console]\nhost = "0.0.0.0"\n')
    assert "console.host" in error.what


def test_two_lanes_of_one_name_are_refused(tmp_path: Path) -> None:
    lane = SMALL[SMALL.index("[[lanes]]") : SMALL.index("[operation]")]
    error = refusal(tmp_path, SMALL.replace(lane, lane + lane))
    assert error.reason is Reason.BAD_VALUE
    assert "lanes" in error.what


def test_a_lane_has_what_its_operation_requires(tmp_path: Path) -> None:
    error = refusal(tmp_path, SMALL.replace("[operation]", '[operation]\nrequired = ["camera"]'))
    assert error.reason is Reason.BAD_VALUE
    assert "no camera" in error.what


LINK = """
[[relay.links]]
name = "{name}"
url = "{url}"
"""


def with_links(*links: str, more: str = "") -> str:
    named = "".join(LINK.format(name=name, url="https://localhost") + more for name in links)
    return SMALL.replace('url = "https://localhost"\n', "") + named


def test_links_stand_in_order_of_preference(tmp_path: Path) -> None:
    path = tmp_path / "hotspotd.toml"
    path.write_text(with_links("fibre", "lte", more='carries = ["live"]\n'))
    assert [(link.name, link.carries) for link in load(path).relay.in_order()] == [
        ("fibre", ("live",)),
        ("lte", ("live",)),
    ]
    path.write_text(SMALL)
    (only,) = load(path).relay.in_order()
    assert (only.name, only.url, len(only.carries)) == ("gateway", "https://localhost", 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALL + LINK.format(name="fibre", url="https://localhost"), "not both"),
        (SMALL.replace('url = "https://localhost"\n', ""), "not both"),
        (with_links("fibre", "fibre"), "one name"),
        (with_links("fibre", "lte", more='carries = ["log"]\n'), "none carries live"),
        (with_links("fibre", more='carries = ["everything"]\n'), "carries"),
        (with_links("fibre").replace("https://localhost", "ftp://localhost"), "relay.links[0].url"),
    ],
)
def test_links_that_cannot_be_meant_are_refused(tmp_path: Path, text: str, said: str) -> None:
    error = refusal(tmp_path, text)
    assert error.reason is Reason.BAD_VALUE
    assert said in error.what


def test_no_lane_is_refused(tmp_path: Path) -> None:
    lane = SMALL[SMALL.index("[[lanes]]") : SMALL.index("[operation]")]
    assert "lanes" in refusal(tmp_path, "lanes = []\n" + SMALL.replace(lane, "")).what


def test_what_is_not_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, SMALL + "what is this\n")
    assert error.reason is Reason.UNREADABLE
    assert "line" in error.what


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"name = '\xff'").reason is Reason.UNREADABLE


def test_a_file_of_absurd_size_is_not_read(tmp_path: Path) -> None:
    assert "larger" in refusal(tmp_path, b"#" * (1 << 20)).what


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_an_unreadable_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "hotspotd.toml"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(ConfigError) as error:
        load(path)
    assert error.value.reason is Reason.UNREADABLE
    assert str(path) in error.value.what


def documented() -> dict[tuple[str, str], list[str]]:
    """The comment above each key of the documented file, by section and key; sections stand under ``""``."""
    found: dict[tuple[str, str], list[str]] = {}
    section, comment = "", []
    for line in DOCUMENTED.read_text().splitlines():
        if header := re.fullmatch(r"\[{1,2}([a-z_.]+)\]{1,2}", line):
            section = header[1]
            found["", section] = comment
            comment = []
        elif key := re.match(r"(?:# )?([a-z_]+) = ", line):
            assert (section, key[1]) not in found, f"{section}.{key[1]} is documented twice"
            found[section, key[1]] = comment
            comment = []
        elif line.startswith("#"):
            comment.append(line.removeprefix("#").strip())
        else:
            comment = []
    return found


def stated_default(comment: list[str]) -> Any:
    """What the comment says: NODEFAULT for ``Required``, otherwise the value as TOML, ``none`` for None."""
    last = comment[-1] if comment else ""
    if last.startswith("Required"):
        return msgspec.NODEFAULT
    assert last.startswith("Default: "), f"says neither Required nor Default: {comment}"
    text = last.removeprefix("Default: ")
    return None if text == "none" else tomllib.loads(f"value = {text}")["value"]


def test_the_documented_file_is_a_configuration() -> None:
    assert load(DOCUMENTED).lanes[0].scanner is not None


def test_every_section_is_documented() -> None:
    names = {name for kind, name in documented() if not kind}
    assert names == set(SECTIONS)
    assert set(Config.__struct_fields__) <= names
    for field in LaneSection.__struct_fields__:
        assert field == "name" or f"lanes.{field}" in names


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_documented_with_its_true_default_and_no_other(section: str) -> None:
    fields = {
        field.name: field
        for field in msgspec.structs.fields(SECTIONS[section])
        if f"{section}.{field.name}" not in SECTIONS
    }
    comments = {key: comment for (kind, key), comment in documented().items() if kind == section}
    assert set(comments) == set(fields)
    for name, field in fields.items():
        stated = stated_default(comments[name])
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        assert stated == default, f"{section}.{name}"
        assert type(stated) is type(default), f"{section}.{name}: {stated!r} is not written as {default!r} is"
        assert len(comments[name]) > 1, f"{section}.{name} is not explained"


@pytest.mark.parametrize("device", ["document", "camera", "scanner", "signal"])
def test_whether_a_device_may_be_left_out_is_documented(device: str) -> None:
    field = next(field for field in msgspec.structs.fields(LaneSection) if field.name == device)
    assert stated_default(documented()["", f"lanes.{device}"]) == field.default
