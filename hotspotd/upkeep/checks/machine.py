"""What the machine itself brings: interpreter, libraries, model, browser, fonts, clock."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from hotspotd.biometrics.face.detect import FaceDetector
from hotspotd.biometrics.face.liveness import PassiveLiveness
from hotspotd.biometrics.finger import calibration, synthetic
from hotspotd.biometrics.finger.nfiq2 import Nfiq2
from hotspotd.biometrics.models import find_model
from hotspotd.biometrics.runtime import installed_runtime
from hotspotd.clock import Clock
from hotspotd.upkeep.checks.finding import Finding, State, Subject
from hotspotd.upkeep.engines import face_engine
from hotspotd.upkeep.tools import run

# synchronous=FULL with WAL, strict tables and RETURNING are all older than this.
_OLDEST_SQLITE = (3, 37)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def python(_: Subject) -> Iterator[Finding]:
    """The interpreter."""
    yield Finding("Python", State.WORKS, f"{platform.python_version()} on {platform.machine()}, {sys.executable}")


def opencv(_: Subject) -> Iterator[Finding]:
    """OpenCV and the cascades the face detector needs."""
    if not hasattr(cv2, "CascadeClassifier"):
        yield Finding(
            "OpenCV", State.FAILS, f"{cv2.__version__} has no cascades", "Install opencv-python-headless below 5."
        )
        return
    FaceDetector()
    yield Finding("OpenCV", State.WORKS, f"{cv2.__version__}, face cascade loaded")


def face_model(subject: Subject) -> Iterator[Finding]:
    """The TFLite runtime, and the face model run once."""
    runtime = installed_runtime()
    yield Finding("TFLite runtime", State.WORKS, runtime.label)
    if subject.config is not None and not subject.config.operation.face:
        yield Finding("face model", State.NOT_CHECKED, "the operation compares no faces")
        return
    engine = face_engine(subject.config, subject.path)
    if engine.grade == "operational":
        yield Finding("face model", State.WORKS, f"{engine.engine}, ran once")
    else:
        yield Finding(
            "face model",
            State.WARNING,
            f"{engine.engine} ran once, and is for demonstration only",
            "Configure an operational model (models.folder, models.face_embedder) before real use.",
        )


def liveness(subject: Subject) -> Iterator[Finding]:
    """Whether a live face is asked for, and the model for it where one is named."""
    config = subject.config
    if config is None or not config.operation.face:
        return
    if config.liveness.mode == "off":
        yield Finding(
            "liveness",
            State.WARNING,
            "switched off: a picture of a face is as good as a face",
            'Set liveness.mode to "active", "passive" or "both" (docs/liveness.md).',
        )
        return
    if config.liveness.passive:
        folders = [subject.resolve(config.models.folder)] if config.models.folder else []
        check = PassiveLiveness.open(find_model(config.liveness.passive_model, folders), config.device.mode)
        yield Finding("liveness", State.WORKS, f"{config.liveness.mode}, {check.name} ran once")
    else:
        yield Finding("liveness", State.WORKS, f"active, {config.liveness.turns} turns of the head")


def finger_calibration(subject: Subject) -> Iterator[Finding]:
    """What fingerprint scores are judged by."""
    matching = None if subject.config is None else subject.config.matching
    if matching is None or matching.finger_calibration is None:
        found = calibration.bundled()
        yield Finding("finger calibration", State.WORKS, f"the engine's own, {found.impostor_pairs} comparisons")
        return
    path = subject.resolve(matching.finger_calibration)
    found = calibration.read(path, matching.finger_fmr)
    yield Finding(
        "finger calibration",
        State.WORKS,
        f"{path}: {found.impostor_pairs} comparisons, measured down to {found.measured_down_to:g}",
    )


def nfiq2(_: Subject) -> Iterator[Finding]:
    """NIST's quality tool, tried on a drawn print. Nothing needs it."""
    tool = Nfiq2.installed()
    if tool is None:
        yield Finding("nfiq2", State.NOT_CHECKED, "not installed: prints are recorded with our own quality only")
        return
    drawn = synthetic.impression(synthetic.master(1), np.random.default_rng(1), synthetic.Condition.GOOD)
    score = tool.score(drawn, 500)
    if score is not None:
        yield Finding("nfiq2", State.WORKS, f"{tool.program}: {score} for a drawn print")
    else:
        yield Finding(
            "nfiq2",
            State.WARNING,
            f"{tool.program} gives no score: prints are recorded with our own quality only",
            "Try it by hand: nfiq2 -F -i PICTURE. It may be of another machine or lack its model.",
        )


def sqlite(_: Subject) -> Iterator[Finding]:
    """The SQLite library."""
    if sqlite3.sqlite_version_info >= _OLDEST_SQLITE:
        yield Finding("SQLite", State.WORKS, sqlite3.sqlite_version)
    else:
        yield Finding("SQLite", State.FAILS, sqlite3.sqlite_version, "3.37 or newer is needed.")


def systemd_bindings(_: Subject) -> Iterator[Finding]:
    """Python bindings of the journal: the OS's package, seen through a virtual environment with system packages."""
    if importlib.util.find_spec("systemd") is not None:
        yield Finding("journal", State.WORKS, "log records keep their fields")
    else:
        yield Finding(
            "journal",
            State.WARNING,
            "no Python bindings: log lines have a priority and no fields",
            "apt install python3-systemd; the virtual environment must see the system's packages.",
        )


def browser(_: Subject) -> Iterator[Finding]:
    """Something that can show the screens on this machine."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found:
        yield Finding("browser", State.WORKS, found)
    else:
        yield Finding(
            "browser",
            State.WARNING,
            "no Chromium: screens can be shown by another machine only",
            "apt install chromium",
        )


def arabic_fonts(_: Subject) -> Iterator[Finding]:
    """A font for Arabic, one of the travellers' languages."""
    listed = _tool("fc-list", ":lang=ar", "family")
    if listed is None:
        yield Finding("fonts", State.NOT_CHECKED, "fc-list is not there", "apt install fontconfig")
    elif listed.strip():
        yield Finding("fonts", State.WORKS, f"Arabic: {listed.splitlines()[0].split(',')[0]}")
    else:
        yield Finding("fonts", State.WARNING, "no font for Arabic", "apt install fonts-noto-core")


def clock(_: Subject) -> Iterator[Finding]:
    """Whether wall time can be believed."""
    now = Clock().now()
    if not now.trusted:
        yield Finding(
            "clock",
            State.FAILS,
            f"{now.iso()} is before this software was made",
            "Set the time, or give the machine a network with NTP.",
        )
        return
    synchronised = Path("/run/systemd/timesync/synchronized").exists() or (
        (_tool("timedatectl", "show", "--property=NTPSynchronized", "--value") or "").strip() == "yes"
    )
    if synchronised:
        yield Finding("clock", State.WORKS, f"{now.iso()}, set by the network")
    else:
        yield Finding(
            "clock", State.WARNING, f"{now.iso()}, not confirmed by the network", "Check that NTP can be reached."
        )


def _tool(name: str, *arguments: str) -> str | None:
    """What a tool of the OS prints; ``None`` where it is not there, fails or does not answer."""
    done = run(name, *arguments)
    return done.out if done.ok else None
