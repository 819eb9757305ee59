"""What biometric services say: the drafts' ways to write it, and what makes no sense."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import DriverError, DriverReason
from drivers.emulators.sbi_keys import base64url
from drivers.fingerprint import sbi_errors
from drivers.fingerprint.sbi_capture import (
    FIRST_HASH,
    NAMES,
    Asked,
    chained,
    check_chain,
    read_capture,
    read_data,
)
from drivers.fingerprint.sbi_messages import DigitalId, ServiceDevice, discovered, read_info

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
DIGITAL = DigitalId("230012345678", "Maker", "Slap 4", "Finger", "Slap", "Provider")
SKEW = timedelta(seconds=300)


def device(**changes: Any) -> ServiceDevice:
    told = {
        "deviceId": "1", "deviceStatus": "Ready", "deviceSubId": ["1", "2", "3"], "env": "Developer",
        "purpose": "Registration", "specVersion": ["0.9.5"], "deviceCode": "abc",
    }  # fmt: skip
    return ServiceDevice.of(told | changes, DIGITAL)


def asked() -> Asked:
    return Asked(device(), "transaction-1", NOW, 10.0, (2, 3, 4, 5), 13, 40, FIRST_HASH)


def told(**changes: Any) -> dict[str, Any]:
    return {
        "transactionId": "transaction-1", "env": "Developer", "purpose": "Registration", "deviceCode": "abc",
        "bioType": "Finger", "bioSubType": "Right IndexFinger", "timestamp": "2026-07-01T12:00:05.086Z",
        "bioValue": "RklS",
    } | changes  # fmt: skip


def test_a_slap_scanner_takes_the_slaps_of_its_modules() -> None:
    assert device().slaps == {13, 14, 15}
    assert device(deviceSubId=["2"]).slaps == {13}
    assert device(deviceSubId=1).slaps == {14}
    assert device(deviceSubId=None).slaps == {13, 14, 15}
    single = ServiceDevice.of({}, DigitalId("1", "", "", "Fingerprint", "Single", ""))
    assert single.slaps == frozenset()
    assert single.digital.takes_fingers


def test_a_capture_is_read_as_each_draft_writes_it() -> None:
    for name in ("Right IndexFinger", "RIGHT INDEXFINGER", "RF_INDEX"):
        taken = read_data(told(bioSubType=name), DIGITAL, asked(), NOW, SKEW)
        assert (taken.position, taken.record) == (2, b"FIR")
    assert read_data(told(bioSubType="LF_THUMB"), DIGITAL, asked(), NOW, SKEW).position == 6
    assert read_data(told(bioSubType="UNKNOWN"), DIGITAL, asked(), NOW, SKEW).position == 0
    assert read_data(told(timestamp="2026-07-01T17:30:05+05:30"), DIGITAL, asked(), NOW, SKEW).record == b"FIR"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"transactionId": "transaction-2"}, DriverReason.UNTRUSTED),
        ({"transactionId": None}, DriverReason.UNTRUSTED),
        ({"env": "Production"}, DriverReason.UNTRUSTED),
        ({"purpose": "Auth"}, DriverReason.UNTRUSTED),
        ({"deviceCode": "abd"}, DriverReason.UNTRUSTED),
        ({"bioType": "Iris"}, DriverReason.UNTRUSTED),
        ({"timestamp": "2026-07-01T11:54:00Z"}, DriverReason.UNTRUSTED),
        ({"timestamp": "2026-07-01T12:06:00Z"}, DriverReason.UNTRUSTED),
        ({"timestamp": "2026-07-01T12:00:05"}, DriverReason.PROTOCOL),
        ({"timestamp": "now"}, DriverReason.PROTOCOL),
        ({"bioValue": ""}, DriverReason.PROTOCOL),
        ({"bioValue": 3}, DriverReason.PROTOCOL),
        ({"bioValue": "+/+/"}, DriverReason.PROTOCOL),
    ],
)
def test_a_capture_that_is_about_something_else_is_refused(changes: dict[str, Any], reason: DriverReason) -> None:
    with pytest.raises(DriverError) as caught:
        read_data(told(**changes), DIGITAL, asked(), NOW, SKEW)
    assert caught.value.reason is reason
    assert caught.value.advice


def test_a_capture_of_another_device_is_refused() -> None:
    other = DigitalId("230099999999", "Maker", "Slap 4", "Finger", "Slap", "Provider")
    with pytest.raises(DriverError) as caught:
        read_data(told(), other, asked(), NOW, SKEW)
    assert caught.value.reason is DriverReason.UNTRUSTED


def test_the_chain_of_hashes_is_over_bytes_or_over_texts() -> None:
    """Known answers: SHA-256 of nothing is e3b0...b855; the rest is worked out here step by step."""
    assert FIRST_HASH == "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
    inner = hashlib.sha256(b"record")
    over_bytes = hashlib.sha256(bytes.fromhex(FIRST_HASH) + inner.digest()).hexdigest().upper()
    over_texts = hashlib.sha256((FIRST_HASH + inner.hexdigest().upper()).encode()).hexdigest().upper()
    assert chained(FIRST_HASH, b"record") == over_bytes
    for right in (over_bytes, over_bytes.lower(), over_texts):
        assert check_chain(FIRST_HASH, b"record", right) == right.upper()
    for wrong in ("", FIRST_HASH, over_bytes[:-1], over_bytes[:-1] + "\u00e9", inner.hexdigest()):
        with pytest.raises(DriverError):
            check_chain(FIRST_HASH, b"record", wrong)


def test_errors_are_read_as_each_draft_writes_them() -> None:
    for key, text in (("errorCode", "errorInfo"), ("errorcode", "errorinfo")):
        answer = json.dumps([{"deviceInfo": "", "error": {key: "106", text: "Device not found"}}]).encode()
        ((token, failure),) = read_info(answer)
        assert token == ""
        assert failure == sbi_errors.Failure(106, "Device not found")
    for error in ({"errorCode": "0"}, {"errorCode": 0}, {}, None):
        assert read_info(json.dumps([{"deviceInfo": "x", "error": error}]).encode()) == (("x", None),)
    (block,) = read_capture(b'{"error":{"errorCode":"110","errorInfo":"Device is not ready"}}')
    assert block.failure == sbi_errors.Failure(110, "Device is not ready")


def test_every_code_of_the_standard_has_advice() -> None:
    for code in (*range(100, 113), 202, 501, -1):
        error = sbi_errors.explained(sbi_errors.Failure(code, "text\n"))
        assert error.advice
        assert f"error {code}" in error.what
        assert "\n" not in error.what


def test_a_device_that_is_discovered_may_say_badly_which_it_is() -> None:
    bare = base64url(json.dumps({"serialNo": "1", "type": "Finger"}).encode())
    entries = [{"deviceId": "1", "digitalId": bare}, {"deviceId": "2", "digitalId": {"serialNo": "2"}}, {"error": {}}]
    first, second = discovered(json.dumps(entries).encode())
    assert (first.serial, first.takes_fingers) == ("1", True)
    assert (second.serial, second.takes_fingers) == ("", False)


def test_all_ten_fingers_have_a_name() -> None:
    assert len(set(NAMES.values())) == len(NAMES) == 10


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"{}", b'{"biometrics":[]}', b'{"biometrics":[1]}', b'{"biometrics":[{"error":null}]}',
     b'{"biometrics":{"data":"x"}}', json.dumps({"biometrics": [{"data": "x"}] * 40}).encode()],
)  # fmt: skip
def test_an_answer_without_captures_is_refused(answer: bytes) -> None:
    with pytest.raises(DriverError) as caught:
        read_capture(answer)
    assert caught.value.reason is DriverReason.PROTOCOL


def refusal(read: Callable[[], object]) -> DriverReason | None:
    """Why it was refused; ``None`` where it was read."""
    try:
        read()
    except DriverError as error:
        return error.reason
    return None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["biometrics", "data", "hash", "error", "errorCode", "deviceInfo", "digitalId", "deviceSubId"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_json_is_read_or_refused(found: Any) -> None:
    data = json.dumps(found).encode()
    for read in (read_info, read_capture, discovered):
        assert refusal(lambda read=read: read(data)) in (None, DriverReason.PROTOCOL)  # type: ignore[misc]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(list(told())), JSON, max_size=3))
def test_any_payload_is_read_or_refused(changes: dict[str, Any]) -> None:
    ServiceDevice.of(changes, DigitalId.of(changes))
    reason = refusal(lambda: read_data(told(**changes), DIGITAL, asked(), NOW, SKEW))
    assert reason in (None, DriverReason.PROTOCOL, DriverReason.UNTRUSTED)
