"""``hotspotctl devices`` on emulators, each a process of its own, and on folders of pictures."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivers import finding
from drivers.finding import serial_ports, usb_cameras
from hotspotd.biometrics.face import synthetic as faces
from hotspotd.biometrics.finger import synthetic as fingers
from tests.cli.conftest import Site
from tests.cli.test_doctor import process

Run = Callable[..., tuple[int, str, str]]

SOUND = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]


@contextlib.contextmanager
def emulator(kind: str, port: Path) -> Iterator[Callable[..., Any]]:
    """An emulator as a process; gives what a person would do to it."""
    # Not beside the port: the path of a Unix socket has at most 107 bytes.
    control = Path(tempfile.gettempdir()) / f"{os.getpid()}-{port.name}.control"

    def do(what: str, **more: object) -> Any:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(control))
            line.sendall(json.dumps({"do": what, **more}).encode() + b"\n")
            answer = json.loads(line.makefile().readline())
        assert answer["ok"], answer
        return answer

    with process(f"drivers.emulators.{kind}", "--device", port, "--control", control):
        yield do


@contextlib.contextmanager
def again_and_again(act: Callable[[], object]) -> Iterator[None]:
    """``act`` now and again until the context ends: a person who shows a document until it is read."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            act()
            ended.wait(0.3)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_the_list_says_how_each_device_is(run: Run, site: Site) -> None:
    cv2.imwrite(str(site.camera / "1.png"), np.full((480, 640, 3), 90, np.uint8))
    with emulator("r30x", site.folder / "scanner"):
        code, out, _ = run("devices", "list", "--config", site.path, "--json")
        table = run("devices", "list", "--config", site.path)
    told = json.loads(out)
    states = {one["name"]: one["state"] for one in told["devices"]}
    assert states == {"one/document": "absent", "one/camera": "ready", "one/scanner": "ready"}
    assert (code, told["ok"]) == (1, False)
    absent = next(one for one in told["devices"] if one["state"] == "absent")
    assert absent["advice"]
    assert str(site.folder / "reader") in absent["address"]
    assert table[0] == 1
    assert "ABSENT" in table[1]


def test_what_another_program_has_is_in_use_and_no_failure(run: Run, site: Site) -> None:
    cv2.imwrite(str(site.camera / "1.png"), np.full((480, 640, 3), 90, np.uint8))
    with (
        emulator("r30x", site.folder / "scanner"),
        emulator("mrz_reader", site.folder / "reader"),
        _held(site.folder / "scanner"),
    ):
        code, out, _ = run("devices", "list", "--config", site.path, "--json")
        tried = run("devices", "test", "one/scanner", "--config", site.path)
    seen = next(one for one in json.loads(out)["devices"] if one["name"] == "one/scanner")
    assert (code, seen["state"]) == (0, "in_use")
    assert "stop the daemon" in seen["advice"]
    assert tried[0] == 3


@contextlib.contextmanager
def _held(port: Path) -> Iterator[None]:
    """The port as a daemon holds it."""
    from drivers.serial_port import open_port

    with contextlib.closing(open_port(str(port), 57600)):
        yield


def test_a_scanner_gives_a_print_with_size_quality_and_time(run: Run, site: Site, tmp_path: Path) -> None:
    drawn = fingers.impression(fingers.master(11), np.random.default_rng(11), fingers.Condition.GOOD)
    cv2.imwrite(str(tmp_path / "finger.png"), drawn)
    with emulator("r30x", site.folder / "scanner") as do:
        do("place", image=str(tmp_path / "finger.png"))
        code, out, err = run(
            "devices", "test", "one/scanner", "--config", site.path, "--json", "--picture", tmp_path / "print.png"
        )
    told = json.loads(out)
    assert (code, told["ok"], told["width"], told["height"], told["dpi"]) == (0, True, 256, 288, 500)
    assert told["quality"] > 30
    assert 0 < told["open_s"] < told["first_s"] + told["open_s"]
    assert "put a finger on the glass" in err
    seen = cv2.imread(told["picture"], cv2.IMREAD_GRAYSCALE)
    assert seen is not None
    assert seen.shape == (288, 256)


def test_a_finger_that_never_comes_ends_the_test(run: Run, site: Site) -> None:
    with emulator("r30x", site.folder / "scanner"):
        code, out, _ = run("devices", "test", "one/scanner", "--config", site.path, "--json", "--limit", "0.2")
    told = json.loads(out)
    assert (code, told["ok"], told["reason"]) == (1, False, "timeout")
    assert told["model"], "what was learnt before is told all the same"


def test_a_camera_gives_its_size_its_rate_and_the_faces_quality(run: Run, site: Site, tmp_path: Path) -> None:
    person = faces.picture(faces.person(3), np.random.default_rng(3))
    cv2.imwrite(str(site.camera / "1.png"), cv2.cvtColor(person, cv2.COLOR_RGB2BGR))
    written = tmp_path / "frame.jpg"
    code, out, _ = run(
        "devices", "test", "one/camera", "--config", site.path, "--json", "--seconds", "1", "--picture", written
    )
    told = json.loads(out)
    height, width = person.shape[:2]
    assert (code, told["ok"], told["width"], told["height"]) == (0, True, width, height)
    assert told["frames_per_s"] > 0
    assert told["quality"] > 0
    seen = cv2.imread(str(written))
    assert seen is not None
    assert np.abs(cv2.cvtColor(seen, cv2.COLOR_BGR2RGB).astype(int) - person).mean() < 8


def test_a_device_that_no_configuration_names_is_tried_by_driver_and_address(run: Run, site: Site) -> None:
    cv2.imwrite(str(site.camera / "1.png"), np.full((48, 64, 3), 90, np.uint8))
    named = ("--driver", "replay", "--address", f"replay://{site.camera}")
    code, _, err = run("devices", "test", *named)
    assert code == 3
    assert "camera, scanner" in err
    code, out, _ = run("devices", "test", *named, "--kind", "camera", "--seconds", "0.5")
    assert code == 0
    assert "64 x 48" in out
    assert "no face" in out
    assert "works" in out


@pytest.mark.parametrize(
    ("second", "code", "remarks"),
    [(SOUND[1], 0, []), (SOUND[1][:-1] + "7", 1, ["check digit of composite does not match"])],
)
def test_a_reader_tells_the_layout_and_the_check_digits_and_nothing_personal(
    run: Run, site: Site, second: str, code: int, remarks: list[str]
) -> None:
    with (
        emulator("mrz_reader", site.folder / "reader") as do,
        again_and_again(lambda: do("present", lines=[SOUND[0], second])),
    ):
        got, out, err = run("devices", "test", "one/document", "--config", site.path, "--json")
    told = json.loads(out)
    assert (got, told["document"], told["remarks"]) == (code, "TD3", remarks)
    assert "ERIKSSON" not in out + err
    assert "L898902C3" not in out + err


def test_a_light_shows_each_of_its_states(run: Run) -> None:
    code, out, err = run("devices", "test", "--driver", "none", "--address", "none:", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    assert [word for word in ("ready", "busy", "go", "stop", "off") if f"showing {word}" not in err] == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "give NAME"),
        (("--driver", "none"), 2, "--address"),
        (("one/scaner",), 3, "one/scanner"),
        (("--driver", "nonsense", "--address", "none:"), 3, "mrz-serial"),
        (("--driver", "none", "--address", "nonsense"), 2, "without a scheme"),
        (("one/scanner", "--limit", "never"), 2, "seconds"),
        (("one/scanner", "--picture", "print.bmp"), 2, ".png"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    run: Run, site: Site, arguments: tuple[str, ...], code: int, told: str
) -> None:
    got, _, err = run("devices", "test", *arguments, "--config", site.path)
    assert got == code
    assert told in err


def test_a_configuration_that_is_not_there_is_said(run: Run, tmp_path: Path) -> None:
    code, _, err = run("devices", "list", "--config", tmp_path / "none.toml")
    assert code == 3
    assert "none.toml" in err


# What is plugged in.


def _dev(folder: Path) -> Path:
    """A /dev as udev leaves it: an adapter with both its names, another with its socket's only, and a camera."""
    dev = folder / "dev"
    for node in ("ttyUSB0", "ttyUSB1", "video0", "video1"):
        (dev / node).parent.mkdir(exist_ok=True)
        (dev / node).touch()
    links = {
        "serial/by-id/usb-ACME_Adapter-if00-port0": "ttyUSB0",
        "serial/by-path/pci-0000:00-usb-0:1:1.0-port0": "ttyUSB0",
        "serial/by-path/pci-0000:00-usb-0:2:1.0-port0": "ttyUSB1",
        "v4l/by-id/usb-ACME_Camera-video-index0": "video0",
        "v4l/by-id/usb-ACME_Camera-video-index1": "video1",
        "v4l/by-path/pci-0000:00-usb-0:3:1.0-video-index0": "video0",
    }
    for link, node in links.items():
        (dev / link).parent.mkdir(parents=True, exist_ok=True)
        (dev / link).symlink_to(dev / node)
    return dev


def test_each_port_and_camera_is_found_once_by_the_name_that_stays(tmp_path: Path) -> None:
    dev = _dev(tmp_path)
    ports = [one.address for one in serial_ports.ports(dev) if str(dev) in one.address]
    assert ports == [
        f"serial://{dev}/serial/by-id/usb-ACME_Adapter-if00-port0",
        f"serial://{dev}/serial/by-path/pci-0000:00-usb-0:2:1.0-port0",
    ]
    about = tmp_path / "sys/class/video4linux/video0"
    about.mkdir(parents=True)
    (about / "name").write_text("ACME Camera: ACME\n")
    (camera,) = usb_cameras.cameras(dev, tmp_path / "sys")
    assert camera == finding.Found("ACME Camera: ACME", f"v4l2://{dev}/v4l/by-id/usb-ACME_Camera-video-index0")


def test_asked_a_scanner_answers_and_another_port_does_not(
    run: Run, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_id = site.folder / "dev/serial/by-id"
    by_id.mkdir(parents=True)
    monkeypatch.setattr(serial_ports, "_DEV", site.folder / "dev")
    monkeypatch.setattr(serial_ports.list_ports, "comports", list)
    with emulator("r30x", by_id / "usb-scanner"), emulator("mrz_reader", by_id / "usb-reader"):
        quiet = json.loads(run("devices", "probe", "--bus", "serial", "--json")[1])["devices"]
        asked = json.loads(run("devices", "probe", "--bus", "serial", "--ask", "--json")[1])["devices"]
        table = run("devices", "probe", "--bus", "serial")
    assert {fit["sure"] for one in quiet for fit in one["fits"]} == {None}
    sure = {Path(one["address"]).name: {fit["driver"]: fit["sure"] for fit in one["fits"]} for one in asked}
    assert sure["usb-scanner"]["r30x"] is True
    assert sure["usb-reader"]["r30x"] is False
    assert sure["usb-reader"]["mrz-serial"] is None
    assert table[0] == 0
    assert "r30x (scanner)" in table[1]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied", "/dev/input"), "/dev/input: Permission denied"),
        (RuntimeError("the pipeline hangs"), "the pipeline hangs"),
        (ModuleNotFoundError("no module", name="serial"), "the Python library serial is not installed"),
    ],
)
def test_a_bus_that_cannot_be_looked_at_says_why_and_the_others_go_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def broken(_: Path) -> None:
        raise error

    monkeypatch.setattr(serial_ports, "ports", broken)
    monkeypatch.setattr(usb_cameras, "_DEV", _dev(tmp_path))
    monkeypatch.setattr(finding, "FINDERS", {"serial": finding.FINDERS["serial"], "v4l2": finding.FINDERS["v4l2"]})
    answer = json.loads(run("devices", "probe", "--json")[1])
    assert answer["not_looked_at"] == [{"bus": "serial", "problem": told, "advice": ""}]
    assert [one["bus"] for one in answer["devices"]] == ["v4l2"]


@pytest.mark.parametrize("bus", sorted(finding.FINDERS))
async def test_each_bus_of_this_machine_is_looked_at(bus: str) -> None:
    searched = await finding.search(bus)
    assert searched.found == () or not searched.problem
