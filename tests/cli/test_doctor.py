"""``hotspotctl doctor``: what works is said to work, and what doesn't is named with its reason."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.records.data_key import make_key_file
from hotspotd.upkeep.checks import machine, place
from hotspotd.upkeep.checks.devices import devices
from hotspotd.upkeep.checks.finding import Check, Finding, State, Subject, examine
from hotspotd.upkeep.checks.gateway import certificates, gateway
from hotspotd.watchlist import Shelf, layout
from tests.cli.conftest import Site

Run = Callable[..., tuple[int, str, str]]

GATEWAY = """
mode = "training"
[server]
port = 0
certificate = "{tls}/gateway.pem"
key = "{tls}/gateway.key"
trust_anchors = "{tls}/ca.pem"
[store]
database = "gateway.sqlite"
[watchlist]
folder = "lists"
[bureau]
country = "UTO"
"""


@contextlib.contextmanager
def process(*arguments: str | Path) -> Iterator[str]:
    """A module as a process of its own, until the context ends; gives the line it says it is ready with."""
    command = [sys.executable, "-m", *(str(argument) for argument in arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline().strip()
            assert line.startswith("ready "), line
            yield line.removeprefix("ready ")
        finally:
            running.terminate()


def findings(run: Run, site: Site) -> tuple[int, dict[str, dict[str, str]]]:
    code, out, _ = run("doctor", "--config", site.path, "--json")
    told = json.loads(out)
    assert told["ok"] is (code == 0)
    # The worst of the findings of one name.
    worst = sorted(told["findings"], key=lambda one: ["works", "not_checked", "warning", "fails"].index(one["state"]))
    return code, {one["name"]: one for one in worst}


def look(site: Site, *checks: Check) -> dict[str, Finding]:
    """The findings of some checks only, the last of each name."""
    subject = Subject.read(site.path)
    return {finding.name: finding for check in checks for finding in examine(check, subject)}


def test_without_a_configuration_the_machine_is_examined(run: Run) -> None:
    code, out, _ = run("doctor", "--json")
    names = {one["name"]: one["state"] for one in json.loads(out)["findings"]}
    assert code in {0, 1}
    assert names["Python"] == names["OpenCV"] == names["TFLite runtime"] == names["SQLite"] == "works"


def test_on_a_site_where_all_is_there_nothing_fails(run: Run, site: Site, source: Path) -> None:
    cv2.imwrite(str(site.camera / "1.png"), np.full((480, 640, 3), 90, np.uint8))
    assert run("watchlist", "build", source, site.folder / "lists", "--config", site.path)[0] == 0
    site.authority.issue_server(["localhost", "127.0.0.1"])
    (site.folder / "gateway.toml").write_text(GATEWAY.format(tls=site.folder / "tls"))
    reader, scanner = site.folder / "reader", site.folder / "scanner"
    with (
        process("hotspotd.gateway", "--config", site.folder / "gateway.toml") as url,
        process("drivers.emulators.mrz_reader", "--device", reader, "--control", site.folder / "reader.control"),
        process("drivers.emulators.r30x", "--device", scanner, "--control", site.folder / "scanner.control"),
    ):
        site.configure(gateway=url)
        code, found = findings(run, site)
        table = run("doctor", "--config", site.path)
    failing = {name: one["text"] for name, one in found.items() if one["state"] == "fails" and name != "clock"}
    assert failing == {}
    for name in (
        "one document",
        "one camera",
        "one scanner",
        "link gateway",
        "watchlist",
        "durable write",
        "device key",
    ):
        assert found[name]["state"] == "works", found[name]
    assert table[0] == code
    assert "one scanner" in table[1]
    assert list((site.folder / "data").iterdir()) == [], "what was written to try the disk is gone"


def test_devices_that_are_not_there_are_named_with_what_to_do(site: Site) -> None:
    found = look(site, devices)
    for name in ("one document", "one scanner"):
        assert found[name].state is State.FAILS
        assert found[name].advice
    assert found["one signal"].state is State.NOT_CHECKED


def test_a_gateway_that_cannot_be_reached_is_a_warning(site: Site) -> None:
    assert look(site, gateway)["link gateway"].state is State.WARNING


def test_a_list_that_is_missing_or_damaged_fails(run: Run, site: Site, source: Path) -> None:
    assert look(site, place.watchlist)["watchlist"].state is State.FAILS
    lists = site.folder / "lists"
    run("watchlist", "build", source, lists, "--version", "one")
    run("watchlist", "build", source, lists, "--version", "two")
    current = Shelf(lists).current()
    assert current is not None
    (current / layout.RECORDS).write_bytes(b"")
    found = look(site, place.watchlist)["watchlist"]
    assert found.state is State.FAILS
    assert "in its place one" in found.text


@pytest.mark.parametrize(("says", "state"), [("echo 58", State.WORKS), ("exit 1", State.WARNING)])
def test_nists_quality_tool_is_tried_where_it_is_installed(
    site: Site, monkeypatch: pytest.MonkeyPatch, says: str, state: State
) -> None:
    monkeypatch.setenv("PATH", str(site.folder))
    assert look(site, machine.nfiq2)["nfiq2"].state is State.NOT_CHECKED
    tool = site.folder / "nfiq2"
    tool.write_text(f"#!/bin/sh\n{says}\n")
    tool.chmod(0o755)
    found = look(site, machine.nfiq2)["nfiq2"]
    assert found.state is state
    assert str(tool) in found.text


def test_a_demonstration_model_fails_in_production(site: Site) -> None:
    assert look(site, machine.face_model)["face model"].state is State.WARNING
    site.configure(gateway="https://localhost:1", mode="production")
    assert look(site, machine.face_model)["face model"].state is State.FAILS


@pytest.mark.parametrize(
    ("break_it", "name", "state", "words"),
    [
        (lambda tls: (tls / "KIOSK-01.key").chmod(0o644), "device key", State.FAILS, "others"),
        (lambda tls: (tls / "KIOSK-01.key").write_text("no key"), "device key", State.FAILS, "PEM"),
        (lambda tls: (tls / "KIOSK-01.pem").write_text("no certificate"), "certificates", State.FAILS, "PEM"),
        (lambda tls: (tls / "ca.pem").unlink(), "certificates", State.FAILS, "No such file"),
    ],
    ids=["key open to others", "no key", "no certificate", "no trust anchor"],
)
def test_certificates_that_cannot_be_used_are_named(
    site: Site, break_it: Callable[[Path], object], name: str, state: State, words: str
) -> None:
    break_it(site.folder / "tls")
    found = look(site, certificates)[name]
    assert found.state is state
    assert words in found.text


def test_a_key_of_another_certificate_and_a_name_of_another_device_are_told(site: Site) -> None:
    site.authority.issue_device("KIOSK-02")
    site.path.write_text(site.path.read_text().replace("tls/KIOSK-01.pem", "tls/KIOSK-02.pem"))
    found = look(site, certificates)
    assert "does not belong" in found["device key"].text
    assert found["device certificate"].state is State.FAILS
    assert "KIOSK-02" in found["device certificate"].text


def test_too_little_space_and_a_missing_folder_fail(site: Site) -> None:
    free_mb = shutil.disk_usage(site.folder).free // 1_000_000
    for least, state in ((free_mb + 100_000, State.FAILS), (free_mb * 3 // 4, State.WARNING)):
        text = re.sub("minimum_free_mb = .*", f"minimum_free_mb = {min(least, 1_000_000)}", site.path.read_text())
        site.path.write_text(text)
        assert look(site, place.free_space)["free space"].state is state
    site.path.write_text(text.replace("data/records", "missing/records"))
    assert look(site, place.durable_write)["durable write"].state is State.FAILS


def test_a_configuration_that_is_refused_fails_and_the_machine_is_examined_all_the_same(run: Run, site: Site) -> None:
    site.path.write_text("nonsense = 1\n")
    code, found = findings(run, site)
    assert code == 1
    assert "nonsense" in found["configuration"]["text"] or "device" in found["configuration"]["text"]
    assert found["OpenCV"]["state"] == "works"
    assert found["devices"]["state"] == found["gateway"]["state"] == "not_checked"


def test_the_liveness_check_is_looked_at(site: Site) -> None:
    site.configure(gateway="https://localhost:1")
    assert look(site, machine.liveness)["liveness"].state is State.WORKS
    site.configure(gateway="https://localhost:1", more='[liveness]\nmode = "off"\n')
    assert look(site, machine.liveness)["liveness"].state is State.WARNING
    site.configure(gateway="https://localhost:1", more='[liveness]\nmode = "both"\n')
    found = look(site, machine.liveness)["liveness"]
    assert found.state is State.FAILS
    assert "minifasnet-v2.toml" in found.text


def test_the_data_key_is_where_the_daemon_would_find_it_or_it_is_said(site: Site) -> None:
    def found() -> tuple[State, str]:
        finding = look(site, place.data_key)["data key"]
        return finding.state, finding.text

    assert found() == (State.WARNING, f"will be made beside the data: {site.folder}/data/records.sqlite.data-key")
    site.path.write_text(site.path.read_text().replace("[records]", '[records]\ndata_key = "data.key"'))
    assert found()[0] is State.FAILS
    make_key_file(site.folder / "data.key")
    assert found()[0] is State.WORKS
    (site.folder / "data.key").chmod(0o644)
    assert found()[0] is State.FAILS
    site.path.write_text(
        site.path.read_text().replace('data_key = "data.key"\n', "").replace('mode = "training"', 'mode = "production"')
    )
    assert found()[0] is State.WARNING


def test_a_support_bundle_is_written_once_and_for_its_owner_only(run: Run, site: Site) -> None:
    target = site.folder / "kiosk.zip"
    code, out, _ = run("support-bundle", target, "--config", site.path, "--json")
    assert code == 0
    assert json.loads(out) == {"file": str(target), "bytes": target.stat().st_size}
    assert target.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(target) as bundle:
        checks = {one["name"]: one["state"] for one in json.loads(bundle.read("checks.json"))}
        configuration = bundle.read("configuration.json").decode()
        # There is no database to say whose words are to be taken out.
        assert "left out" in bundle.read("journal.txt").decode()
    assert checks["Python"] == "works"
    assert checks["one scanner"] == "fails"
    assert str(site.folder / "tls") not in configuration
    before = target.read_bytes()
    assert run("support-bundle", target, "--config", site.path)[0] == 3
    assert target.read_bytes() == before
