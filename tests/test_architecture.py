"""The rooms' arrows point one way (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]

# What each room may import of the project, besides itself and the ground floor.
_GROUND = {"errors", "cancelling", "clock", "domain", "workers", "config", "__init__"}
_ALLOWED = {
    "domain": set(),
    "errors": set(),
    "cancelling": set(),
    "clock": set(),
    "workers": set(),
    "config": set(),
    "events": set(),
    "provisioning": set(),
    "biometrics": set(),
    "mrz": {"biometrics"},
    "emrtd": set(),
    "watchlist": {"biometrics"},
    "records": set(),
    "access": {"records"},
    "relay": {"records", "watchlist", "biometrics", "events", "provisioning"},
    "operations": {"records", "events", "health"},
    "health": {"records", "events"},
    "devices": {"biometrics", "mrz"},
    "upkeep": {"relay", "watchlist", "records", "biometrics", "devices", "health", "events", "provisioning"},
    "updates": {"watchlist"},
    "lane": {"relay", "watchlist", "records", "biometrics", "emrtd", "events"},
    "console": {"watchlist", "records", "biometrics", "events", "devices", "access", "upkeep", "health"},
    "gateway": {"relay", "watchlist", "records", "biometrics", "console", "provisioning", "updates"},
    "cli": {
        "relay",
        "watchlist",
        "records",
        "biometrics",
        "emrtd",
        "events",
        "lane",
        "console",
        "health",
        "devices",
        "access",
        "provisioning",
        "updates",
        "upkeep",
    },
    "app": {"assembly", "relay", "records", "lane", "health", "upkeep"},
    "assembly": {
        "relay",
        "watchlist",
        "records",
        "biometrics",
        "mrz",
        "emrtd",
        "events",
        "lane",
        "console",
        "health",
        "devices",
        "operations",
        "provisioning",
        "updates",
        "upkeep",
    },
}
_MAY_TOUCH_DRIVERS = {"lane", "cli", "app", "assembly", "console", "devices", "upkeep"}


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _files(folder: str) -> list[Path]:
    return sorted((_ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", _files("hotspotd"), ids=lambda p: str(p.relative_to(_ROOT)))
def test_a_room_imports_only_from_below(path: Path) -> None:
    room = path.relative_to(_ROOT / "hotspotd").parts[0].removesuffix(".py")
    if room == "__init__":
        return
    used = {name.split(".")[1] for name in _imports(path) if name.startswith("hotspotd.")}
    assert used - {room, "__version__"} <= _ALLOWED[room] | _GROUND
    if room not in _MAY_TOUCH_DRIVERS:
        assert not {name for name in _imports(path) if name.split(".")[0] == "drivers"}


@pytest.mark.parametrize("path", _files("drivers"), ids=lambda p: str(p.relative_to(_ROOT)))
def test_drivers_know_nothing_of_the_daemon(path: Path) -> None:
    assert not {name for name in _imports(path) if name.split(".")[0] == "hotspotd"}


_CODECS = _files("hotspotd/relay/inti") + [
    _ROOT / "hotspotd/relay" / f"{name}.py"
    for name in ("national/deltas", "national/records", "mail/cms", "mail/smime")
]


@pytest.mark.parametrize("path", _CODECS, ids=lambda p: p.name)
def test_the_codecs_do_no_input_or_output(path: Path) -> None:
    roots = {name.split(".")[0] for name in _imports(path)}
    assert not roots & {"asyncio", "socket", "aiohttp", "pathlib", "os", "io", "sqlite3", "aiosqlite"}
