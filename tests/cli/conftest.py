"""A site to run commands on: certificates, a list and a configuration in one folder; logging put back after each."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hotspotd.cli.main import main
from hotspotd.gateway.authority import Authority
from hotspotd.health import log

RECORD = {
    "reference": "XPO/1",
    "notice": "red",
    "owner": "XPO",
    "surname": "ERIKSSON",
    "birth_date": "1974-08-12",
    "documents": [{"number": "L898902C3", "issuer": "UTO"}],
}


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Each command sets logging up; it is global."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, sys.excepthook, threading.excepthook)
    talkative = {name: logging.getLogger(name).level for name in log._TALKATIVE}
    root.handlers.clear()
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    sys.excepthook, threading.excepthook = before[2], before[3]
    for name, level in talkative.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run hotspotctl: exit code, standard output, standard error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:  # argparse's own way out.
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source folder of one good row."""
    folder = tmp_path / "source"
    folder.mkdir()
    write_rows(folder, RECORD)
    return folder


def write_rows(folder: Path, *rows: dict[str, Any] | str) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "records.jsonl").write_text("\n".join(lines) + "\n")


class Site:
    """A configured lane in a folder. The devices and the gateway are not there unless a test starts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "hotspotd.toml"
        self.camera = folder / "camera"
        self.camera.mkdir()
        (folder / "data").mkdir()
        self.authority = Authority.create(folder / "tls")
        self.authority.issue_device("KIOSK-01")
        self.configure(gateway="https://localhost:1")

    def configure(self, *, gateway: str, more: str = "", mode: str = "training") -> None:
        self.path.write_text(
            f"""
[device]
name = "KIOSK-01"
organisation = "Border Police"
country = "UTO"
mode = "{mode}"
[[lanes]]
name = "one"
[lanes.document]
driver = "mrz-serial"
address = "serial://{self.folder}/reader"
[lanes.camera]
driver = "replay"
address = "replay://{self.camera}?fps=5"
[lanes.scanner]
driver = "r30x"
address = "serial://{self.folder}/scanner"
[operation]
name = "test"
[watchlist]
folder = "lists"
[records]
database = "data/records.sqlite"
minimum_free_mb = 1
[relay]
url = "{gateway}"
trust_anchors = "tls/ca.pem"
certificate = "tls/KIOSK-01.pem"
key = "tls/KIOSK-01.key"
request_timeout_s = 5.0
{more}
"""
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site without devices, gateway or list."""
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder)
