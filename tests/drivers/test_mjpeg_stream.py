"""Motion JPEG over HTTP as bytes: cut anywhere, as cameras deviate, and hostile."""

from __future__ import annotations

import random

import numpy as np
import pytest

from drivers.base import DriverError, DriverReason
from drivers.camera.jpeg import decode_jpeg, jpeg_size
from drivers.camera.mjpeg_stream import LARGEST_HEAD, LARGEST_PART, Chunks, Parts, read_answer
from tests.drivers.mjpeg_server import HEAD, jpeg, part
from tests.drivers.pictures import striped

PICTURES = [b"\xff\xd8first\xff\xd9", b"", b"\xff\xd8\r\nthird\n\n\xff\xd9"]


def cut(data: bytes, seed: int) -> list[bytes]:
    """``data`` in pieces of 1 to 9 bytes."""
    rng = random.Random(seed)
    pieces = []
    while data:
        size = rng.randint(1, 9)
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def taken(parts: Parts, pieces: list[bytes]) -> list[bytes]:
    return [body for piece in pieces for body in parts.feed(piece)]


def refused(data: bytes) -> DriverError:
    with pytest.raises(DriverError) as caught:
        Parts(b"frame").feed(data)
    assert caught.value.reason is DriverReason.PROTOCOL
    return caught.value


@pytest.mark.parametrize("seed", range(10))
def test_parts_come_whole_however_they_are_cut(seed: int) -> None:
    stream = b"preamble\r\n" + b"".join(part(picture) for picture in PICTURES)
    assert taken(Parts(b"frame"), cut(stream, seed)) == PICTURES


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_parts_without_a_length_end_at_the_next_boundary(seed: int, end: bytes) -> None:
    pictures = [b"\xff\xd8one\xff\xd9", b"\xff\xd8two\xff\xd9"]
    stream = b"".join(b"--frame" + end + b"Content-Type: image/jpeg" + end + end + body + end for body in pictures)
    assert taken(Parts(b"frame"), [*cut(stream, seed), b"--frame"]) == pictures


def test_a_part_without_any_fields_is_taken() -> None:
    assert Parts(b"frame").feed(b"--frame\r\n\r\nbody\r\n--frame") == [b"body"]


def test_a_closing_boundary_ends_the_stream() -> None:
    parts = Parts(b"frame")
    assert parts.feed(part(b"one") + b"--frame--\r\n" + part(b"after the end")) == [b"one"]
    assert parts.ended


def test_a_wrong_length_costs_pictures_but_the_next_ones_come() -> None:
    wrong = b"--frame\r\nContent-Length: 40\r\n\r\nshort\r\n"
    assert Parts(b"frame").feed(wrong + part(b"lost") + part(b"third") + part(b"fourth"))[-1] == b"fourth"


def test_what_is_no_stream_is_refused() -> None:
    refused(b"--frame\r\nContent-Length: -1\r\n\r\n")
    refused(b"--frame\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n")
    refused(f"--frame\r\nContent-Length: {LARGEST_PART + 1}\r\n\r\n".encode())
    refused(b"--frame\r\n" + b"X: y\r\n" * LARGEST_HEAD)
    refused(b"--frame" + b"x" * (LARGEST_HEAD + 1))
    refused(b"--frame\r\n" + b"X: y\r\n" * 200 + b"\r\n")


def test_no_buffer_grows_without_limit() -> None:
    endless = Parts(b"frame")
    endless.feed(b"--frame\r\n\r\n")
    for _ in range(LARGEST_PART // 65536):
        endless.feed(bytes(65536))
    with pytest.raises(DriverError, match="more than"):
        endless.feed(bytes(65536))
    noise = Parts(b"frame")
    for _ in range(64):
        assert noise.feed(bytes(65536)) == []
    assert noise.feed(part(b"after the noise")) == [b"after the noise"]
    with pytest.raises(DriverError):
        Chunks().feed(b"0" * 300)


@pytest.mark.parametrize("seed", range(5))
def test_chunks_are_taken_out_however_they_are_cut(seed: int) -> None:
    chunks = Chunks()
    body = b"".join(chunks.feed(piece) for piece in cut(b"4\r\nWiki\r\nA;x=1\r\npedia\r\n123\r\n0\r\n\r\n", seed))
    assert body == b"Wikipedia\r\n123"
    assert chunks.ended


@pytest.mark.parametrize("length", [b"-1", b"g", b"123456789", b"0x5"])
def test_a_wrong_chunk_length_is_refused(length: bytes) -> None:
    with pytest.raises(DriverError):
        Chunks().feed(length + b"\r\n")


def test_an_answer_is_read_when_it_is_complete() -> None:
    buffer = bytearray(HEAD[:-1])
    assert read_answer(buffer) is None
    buffer += HEAD[-1:] + b"body"
    answer = read_answer(buffer)
    assert answer is not None
    assert (answer.status, answer.boundary, answer.chunked, answer.server) == (200, b"frame", False, "test camera")
    assert buffer == b"body"


@pytest.mark.parametrize("boundary", [b"frame", b'"frame"', b"--frame", b'"--frame"'])
def test_a_boundary_is_taken_with_and_without_its_dashes(boundary: bytes) -> None:
    answer = read_answer(bytearray(HEAD.replace(b"frame", boundary)))
    assert answer is not None
    assert answer.boundary == b"frame"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.0 two OK\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n",
        b"x" * (LARGEST_HEAD + 1),
    ],
)
def test_another_answer_is_refused(answer: bytes) -> None:
    with pytest.raises(DriverError) as caught:
        read_answer(bytearray(answer))
    assert caught.value.reason is DriverReason.PROTOCOL


def test_noise_never_raises_anything_but_a_driver_error() -> None:
    rng = np.random.default_rng(5)
    stream = HEAD + b"".join(part(jpeg(striped(number, (48, 64)))) for number in range(3))
    reasons = set()
    for _ in range(300):
        spoilt = bytearray(stream)
        for at in rng.integers(0, len(spoilt), 20):
            spoilt[at] = int(rng.integers(256))
        try:
            answer = read_answer(spoilt)
            if answer is not None and answer.status == 200:
                for body in Parts(answer.boundary).feed(bytes(spoilt)):
                    decode_jpeg(body)
        except DriverError as error:
            reasons.add(error.reason)
    assert reasons == {DriverReason.PROTOCOL}


def test_the_size_of_a_picture_is_known_before_it_is_decoded() -> None:
    data = jpeg(striped(1, (48, 64)))
    assert jpeg_size(data) == (64, 48)
    assert jpeg_size(b"\x89PNG") is None
    assert jpeg_size(data[:20]) is None
    at = data.index(b"\xff\xc0")
    huge = data[: at + 5] + b"\xff\xff\xff\xff" + data[at + 9 :]
    assert jpeg_size(huge) == (65535, 65535)
    assert decode_jpeg(huge) is None


def test_a_torn_picture_is_none() -> None:
    data = jpeg(striped(1, (96, 128)))
    whole = decode_jpeg(data)
    assert whole is not None
    assert whole.shape == (96, 128, 3)
    assert decode_jpeg(data[: len(data) // 2]) is None
    assert decode_jpeg(b"") is None
