"""What the machine says of itself is read from its files; what it does not say is not guessed."""

from __future__ import annotations

import os
from pathlib import Path

from hotspotd.upkeep.hardware import Throttling, hardware, storage, throttling


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_a_machine_that_says_nothing_is_not_known(tmp_path: Path) -> None:
    found = hardware(tmp_path / "data" / "records.sqlite", tmp_path)
    assert (found.temperatures, found.throttling, found.up_s, found.memory) == ((), None, None, None)
    assert found.storage.database == 0
    assert found.storage.free > 0
    assert found.storage.life_used == ""


def test_the_firmwares_bits_are_told_in_words(tmp_path: Path) -> None:
    place = "sys/devices/platform/soc/soc:firmware/get_throttled"
    for bits, told in (
        ("0", Throttling()),
        ("50005", Throttling(now=("too little voltage", "throttled"), since_start=("too little voltage", "throttled"))),
        ("80000", Throttling(since_start=("at the soft temperature limit",))),
    ):
        put(tmp_path, place, f"{bits}\n")
        assert throttling(tmp_path) == told
    put(tmp_path, place, "nonsense")
    assert throttling(tmp_path) is None
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt")
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")
    assert throttling(tmp_path) == Throttling(now=("too little voltage",))


def test_sensors_and_the_wear_of_the_disk_are_read(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "61234\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    number = tmp_path.stat().st_dev
    disk = f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    put(tmp_path, f"{disk}/stat", "1 2 3 4 5 6 1000 8")
    put(tmp_path, f"{disk}/device/life_time", "0x02 0x09\n")
    put(tmp_path, f"{disk}/device/pre_eol_info", "0x02\n")
    (tmp_path / "records.sqlite").write_bytes(b"x" * 100)
    (tmp_path / "records.sqlite-wal").write_bytes(b"x" * 10)
    found = hardware(tmp_path / "records.sqlite", tmp_path)
    assert [(one.sensor, one.celsius) for one in found.temperatures] == [("cpu-thermal", 61.2)]
    assert found.storage.database == 110
    assert found.storage.written_since_start == 512_000
    assert (found.storage.life_used, found.storage.reserve) == ("80 to 90 %", "80 % of the reserve is used")
    put(tmp_path, f"{disk}/device/life_time", "0x0b 0x01\n")
    assert storage(tmp_path / "records.sqlite", tmp_path).life_used == "over 100 %"
