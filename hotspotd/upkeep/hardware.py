"""What the machine says of itself: temperature, throttling, storage. What it does not say is ``None``, never guessed.

Read from the kernel's files, as every user may: /sys/class/thermal (Linux ABI, sysfs-class-thermal), the Raspberry Pi
firmware's get_throttled (bits as in Raspberry Pi's documentation of vcgencmd), hwmon's rpi_volt, and an eMMC's
life_time and pre_eol_info (JEDEC JESD84-B51, 7.4). Blocking: for worker threads.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

ROOT = Path("/")
_SECTOR_BYTES = 512
_NOW = {0: "too little voltage", 1: "slowed to a lower clock", 2: "throttled", 3: "at the soft temperature limit"}
_SINCE = 16
"""Where the bits begin that say what has happened since the start."""
_PRE_EOL = {1: "normal", 2: "80 % of the reserve is used", 3: "90 % of the reserve is used"}


class Temperature(msgspec.Struct, frozen=True, kw_only=True):
    """One sensor, in degrees Celsius."""

    sensor: str
    celsius: float


class Throttling(msgspec.Struct, frozen=True, kw_only=True):
    """What slows the machine now, and what has since it started; both empty: nothing."""

    now: tuple[str, ...] = ()
    since_start: tuple[str, ...] = ()


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """The disk that the records are on: bytes; ``life_used`` is in tenths, as "10 to 20 %", where the device tells."""

    free: int
    total: int
    database: int
    device: str = ""
    written_since_start: int | None = None
    life_used: str = ""
    reserve: str = ""


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """The machine. ``throttling`` is ``None`` where it is not known."""

    model: str
    temperatures: tuple[Temperature, ...]
    throttling: Throttling | None
    storage: Storage
    up_s: float | None
    load: tuple[float, float, float]
    memory_free: int | None
    memory: int | None


def hardware(database: Path, root: Path = ROOT) -> Hardware:
    """How the machine is; ``database`` is the records' file, which need not be there yet."""
    memory = _memory(root)
    return Hardware(
        model=_text(root / "proc/device-tree/model").rstrip("\0") or _text(root / "sys/class/dmi/id/product_name"),
        temperatures=temperatures(root),
        throttling=throttling(root),
        storage=storage(database, root),
        up_s=_up(root),
        load=os.getloadavg(),
        memory_free=memory.get("MemAvailable"),
        memory=memory.get("MemTotal"),
    )


def temperatures(root: Path = ROOT) -> tuple[Temperature, ...]:
    """Every thermal zone that can be read."""
    found = []
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        thousandths = _text(zone / "temp")
        if thousandths.lstrip("-").isdigit():
            name = _text(zone / "type") or zone.name
            found.append(Temperature(sensor=name, celsius=round(int(thousandths) / 1000, 1)))
    return tuple(found)


def throttling(root: Path = ROOT) -> Throttling | None:
    """What slows the machine; ``None`` where neither firmware nor kernel tells."""
    for place in sorted((root / "sys/devices/platform").glob("soc*/*firmware*/get_throttled")):
        try:
            bits = int(_text(place), 16)
        except ValueError:
            continue
        now = tuple(words for bit, words in _NOW.items() if bits >> bit & 1)
        since = tuple(words for bit, words in _NOW.items() if bits >> (bit + _SINCE) & 1)
        return Throttling(now=now, since_start=since)
    for monitor in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if _text(monitor / "name") == "rpi_volt":
            low = (_NOW[0],) if _text(monitor / "in0_lcrit_alarm") == "1" else ()
            return Throttling(now=low)
    return None


def storage(database: Path, root: Path = ROOT) -> Storage:
    """The disk under ``database``."""
    folder = next(path for path in (database.parent, *database.parent.parents) if path.exists())
    usage, number = shutil.disk_usage(folder), folder.stat().st_dev
    parts = (database, database.with_name(f"{database.name}-wal"), database.with_name(f"{database.name}-shm"))
    size = sum(part.stat().st_size for part in parts if part.exists())
    disk = _disk(root, number)
    if disk is None:
        return Storage(free=usage.free, total=usage.total, database=size)
    counted = _text(disk / "stat").split()
    return Storage(
        free=usage.free,
        total=usage.total,
        database=size,
        device=disk.name,
        # Field 7: sectors written (Linux, admin-guide/iostats), always of 512 bytes.
        written_since_start=int(counted[6]) * _SECTOR_BYTES if len(counted) > 6 else None,
        life_used=_life(_text(disk / "device/life_time")),
        reserve=_PRE_EOL.get(_hex(_text(disk / "device/pre_eol_info")), ""),
    )


def _disk(root: Path, number: int) -> Path | None:
    """The whole disk of the file system with this device number; ``None`` for one that is on no disk of its own."""
    place = root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    if not place.exists():
        return None
    device = place.resolve()
    return device.parent if (device / "partition").exists() else device


def _life(text: str) -> str:
    """The worse of the two estimates of an eMMC."""
    tenths = max((_hex(part) for part in text.split()), default=0)
    if not 0 < tenths <= 11:
        return ""
    return "over 100 %" if tenths == 11 else f"{(tenths - 1) * 10} to {tenths * 10} %"


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _up(root: Path) -> float | None:
    first = _text(root / "proc/uptime").split()
    return float(first[0]) if first else None


def _memory(root: Path) -> dict[str, int]:
    """Bytes, by the names of /proc/meminfo."""
    rows = (line.split() for line in _text(root / "proc/meminfo").splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) > 1 and row[1].isdigit()}


def _text(path: Path) -> str:
    """The file's text; empty where it is not there or cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
