"""Pictures that others made: measured before they are decoded, and decoded where a crash harms nobody."""

from __future__ import annotations

import ast
import os
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.biometrics import decoding
from hotspotd.biometrics.decoder_process import DecoderProcess
from hotspotd.biometrics.face import read_picture as read_face
from hotspotd.biometrics.finger.pictures import read_picture as read_print
from hotspotd.console.pictures import _as_png
from hotspotd.errors import BiometricError, HotspotError, Reason
from hotspotd.relay import images
from hotspotd.watchlist.importers import pictures as imported
from hotspotd.watchlist.rules import RowError

SIDE = 60_000


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb() -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def jpeg_bomb() -> bytes:
    data = bytearray(cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", SIDE, SIDE)
    return bytes(data)


def jp2_bomb() -> bytes:
    data = bytearray(cv2.imencode(".jp2", np.zeros((128, 128), np.uint8))[1].tobytes())
    at = data.index(b"\xff\x4f\xff\x51") + 8
    data[at : at + 8] = struct.pack(">II", SIDE, SIDE)
    data[at + 16 : at + 24] = struct.pack(">II", SIDE, SIDE)  # One tile, so that only the size is too large.
    return bytes(data)


def wsq_bomb() -> bytes:
    # SOI, the frame header of the WSQ specification (IAFIS-IC-0110 v3.1: black, white, height, width, ...), EOI.
    return b"\xff\xa0\xff\xa2" + struct.pack(">HBBHHBHBHBH", 17, 0, 255, SIDE, SIDE, 1, 100, 1, 100, 0, 1) + b"\xff\xa1"


BOMBS = {"png": png_bomb, "jpeg": jpeg_bomb, "jp2": jp2_bomb, "wsq": wsq_bomb}
DOORS: dict[str, Callable[[bytes], object]] = {
    "shared": lambda data: decoding.decode(data, cv2.IMREAD_COLOR),
    "face": read_face,
    "print": read_print,
    "transaction, grey": images.decode_grey,
    "transaction, colour": images.decode_rgb,
    "officer's page": _as_png,
    "imported portrait": lambda data: imported.portrait_picture("picture", data),
    "imported print": lambda data: imported.print_picture("picture", data),
}


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that would crash over anything: what comes to it was not measured."""
    monkeypatch.setattr(decoding, "_isolated", DecoderProcess(command=("/bin/false",)))


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("bomb", BOMBS)
def test_what_claims_to_be_huge_never_comes_to_a_decoder(bomb: str, door: str) -> None:
    with pytest.raises((HotspotError, RowError)) as caught:
        DOORS[door](BOMBS[bomb]())
    assert "crashed" not in str(caught.value)
    told = str(caught.value)
    assert str(SIDE) in told or "neither" in told  # No WSQ is taken for a face.


def test_only_the_shared_door_decodes() -> None:
    package = Path(decoding.__file__).resolve().parents[1]
    calls = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"imdecode", "imread", "imdecodemulti"}
    }
    # The second decodes what it has just encoded itself, to draw a camera's picture.
    assert calls == {"biometrics/decoder_child.py", "mrz/drawing/camera.py"}


@pytest.fixture(scope="module")
def process() -> Iterator[DecoderProcess]:
    one = DecoderProcess()
    yield one
    one.close()


@pytest.mark.parametrize("mode", [cv2.IMREAD_GRAYSCALE, cv2.IMREAD_COLOR, cv2.IMREAD_UNCHANGED])
@pytest.mark.parametrize(
    ("ending", "kind"), [(".png", np.uint8), (".png", np.uint16), (".jpg", np.uint8), (".jp2", np.uint8)]
)
def test_the_process_apart_gives_the_same_pixels(process: DecoderProcess, mode: int, ending: str, kind: type) -> None:
    drawn = np.random.default_rng(3).integers(0, np.iinfo(kind).max, (141, 137, 3), dtype=kind)
    data = cv2.imencode(ending, drawn)[1].tobytes()
    here, there = cv2.imdecode(np.frombuffer(data, np.uint8), mode), process.decode(data, mode)
    assert there is not None
    assert there.dtype == here.dtype
    np.testing.assert_array_equal(there, here)


def test_what_cannot_be_decoded_ends_nothing(process: DecoderProcess) -> None:
    process.start()
    pid = process.pid
    assert process.decode(b"\xff\xd8\xff\xd9", cv2.IMREAD_COLOR) is None
    assert process.pid == pid


# Aborts over a picture as a decoder with a fault would, once.
_CRASHES_ONCE = """
import os, sys
from hotspotd.biometrics import decoder_child

sound = decoder_child.decode_here

def faulty(data, mode):
    if os.path.exists(sys.argv[1]):
        os.unlink(sys.argv[1])
        os.abort()
    return sound(data, mode)

decoder_child.decode_here = faulty
decoder_child.main()
"""


def test_a_crash_is_an_error_about_that_picture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fault = tmp_path / "fault"
    good = cv2.imencode(".png", np.full((300, 300), 7, np.uint8))[1].tobytes()
    try:
        decoding.isolate(DecoderProcess(command=(sys.executable, "-c", _CRASHES_ONCE, str(fault))))
        fault.touch()
        with pytest.raises(BiometricError, match="crashed") as caught:
            decoding.decode(good, cv2.IMREAD_GRAYSCALE)
        assert caught.value.reason is Reason.BAD_IMAGE
        assert "signal 6" in caplog.text
        assert decoding.decode(good, cv2.IMREAD_GRAYSCALE).shape == (300, 300)
    finally:
        decoding.rejoin()


def test_one_that_was_killed_between_two_pictures_is_replaced(process: DecoderProcess) -> None:
    process.start()
    pid = process.pid
    assert pid is not None
    os.kill(pid, 9)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    good = cv2.imencode(".png", np.zeros((9, 9), np.uint8))[1].tobytes()
    assert process.decode(good, cv2.IMREAD_GRAYSCALE) is not None
    assert process.pid != pid


def test_one_that_hangs_is_ended() -> None:
    hangs = DecoderProcess(limit_s=0.1, command=(sys.executable, "-c", "import sys; sys.stdin.buffer.read()"))
    with pytest.raises(BiometricError, match="took too long"):
        hangs.decode(b"anything", cv2.IMREAD_COLOR)
    assert hangs.pid is None


def test_one_that_cannot_run_is_told_when_it_is_started() -> None:
    with pytest.raises(BiometricError, match="exit status 1") as caught:
        decoding.isolate(DecoderProcess(command=("/bin/false",)))
    assert caught.value.reason is Reason.NO_RUNTIME
