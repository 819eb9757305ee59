"""The gateway's file: strict, and documented in full."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from hotspotd.errors import ConfigError, Reason
from hotspotd.gateway.config import (
    EnrolmentSection,
    GatewayConfig,
    MailDeviceSection,
    MailSection,
    NatsSection,
    RepositorySection,
    load,
)

DOCUMENTED = Path(__file__).resolve().parents[2] / "config" / "gateway.toml"


def test_the_documented_file_holds_every_key_and_its_default() -> None:
    text = DOCUMENTED.read_text(encoding="utf-8")
    for optional in (
        "folder =",
        "finger_calibration =",
        "face_fpir =",
        "face_calibration =",
        "keys =",
        "[publication]",
        "[software]",
        "[intake]",
        "[desk]",
        "[enrolment]",
        "port = 8444",
        "database =",
        "url =",
        "[[intake.repositories]]",
        "[mail]",
        "[nats]",
        "[[mail.devices]]",
        *(
            f"{field} ="
            for section in (RepositorySection, MailSection, MailDeviceSection, NatsSection, EnrolmentSection)
            for field in section.__struct_fields__
        ),
    ):
        text = text.replace(f"# {optional}", optional)
    tree = tomllib.loads(text)
    for section in msgspec.structs.fields(GatewayConfig):
        kind = next((one for one in get_args(section.type) if one is not type(None)), section.type)
        if isinstance(section.default, str):
            kind = section.type
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            assert tree[section.name].keys() == {field.name for field in msgspec.structs.fields(kind)}
            for field in msgspec.structs.fields(kind):
                if field.default is not msgspec.NODEFAULT and field.default is not None:
                    assert tree[section.name][field.name] == field.default
        else:
            assert tree[section.name] == section.default
    (repository,) = tree["intake"]["repositories"]
    assert repository.keys() == set(RepositorySection.__struct_fields__)
    for field in msgspec.structs.fields(RepositorySection):
        if field.default is not msgspec.NODEFAULT:
            assert msgspec.convert(repository[field.name], field.type) == field.default
    (device,) = tree["mail"]["devices"]
    assert device.keys() == set(MailDeviceSection.__struct_fields__)
    assert load(DOCUMENTED).server.port == 8443


def test_two_repositories_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    repository = '[[intake.repositories]]\nname = "uto-sltd"\nowner = "UTO"\ndevices = ["NCB-1"]\n'
    whole = DOCUMENTED.read_text(encoding="utf-8").replace(
        "\n[log]", f'[intake]\ndatabase = "n"\n{repository * 2}\n[log]'
    )
    path.write_text(whole, encoding="utf-8")
    with pytest.raises(ConfigError, match="two have one name"):
        load(path)


def test_a_device_has_one_address(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    device = '[[mail.devices]]\nname = "KIOSK-01"\naddress = "a@b.example"\ncertificate = "c"\n'
    mail = (
        '[mail]\nsubmission = "smtp://m"\nmailbox = "pop3s://m"\naddress = "a@b.example"\n'
        'login = "l"\ncertificate = "c"\nkey = "k"\n'
    )
    text = DOCUMENTED.read_text(encoding="utf-8")
    path.write_text(text.replace("\n[log]", f"{mail}{device}\n[log]"), encoding="utf-8")
    section = load(path).mail
    assert section is not None
    assert (section.poll_s, [one.name for one in section.devices]) == (20.0, ["KIOSK-01"])
    path.write_text(text.replace("\n[log]", f"{mail}{device * 2}\n[log]"), encoding="utf-8")
    with pytest.raises(ConfigError, match="two have one name"):
        load(path)


@pytest.mark.parametrize(
    ("old", "new", "reason", "key"),
    [
        ("port = 8443", "prot = 8443", Reason.UNKNOWN_KEY, "server"),
        ("port = 8443", "port = 'high'", Reason.BAD_VALUE, "server.port"),
        ('country = "SVN"', "", Reason.MISSING_KEY, "bureau"),
        ('database = "gateway.db"', "", Reason.BAD_VALUE, "store: needs either"),
        (
            'database = "gateway.db"',
            'database = "a"\nurl = "postgresql://a@/b"',
            Reason.BAD_VALUE,
            "store: needs either",
        ),
        ('database = "gateway.db"', 'url = "mysql://a:b@c/d"', Reason.BAD_VALUE, "store.url"),
        ("[store]", "[store", Reason.UNREADABLE, "TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_key_and_reason(
    tmp_path: Path, old: str, new: str, reason: Reason, key: str
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(DOCUMENTED.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.reason is reason
    assert key in caught.value.what
    assert str(path) in caught.value.what


def test_a_password_in_the_file_is_in_no_message(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    whole = DOCUMENTED.read_text(encoding="utf-8")
    path.write_text(whole.replace('database = "gateway.db"', 'url = "mysql://a:SECRET@c/d"'), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "SECRET" not in str(caught.value)
    path.write_text(whole.replace('database = "gateway.db"', 'url = "postgresql://a:SECRET@c/d"'), encoding="utf-8")
    config = load(path)
    assert "SECRET" not in repr(config)
    assert config.store.place(path) == "postgresql://a:SECRET@c/d"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.toml")
    assert caught.value.reason is Reason.UNREADABLE
