"""The R30x packet codec: exact bytes, round trips, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.fingerprint.r30x_frames import (
    MAX_CONTENT,
    MAX_PACKET,
    Acknowledgement,
    Command,
    Confirmation,
    Data,
    Decoder,
    Instruction,
    Packet,
    encode,
    meaning,
)

_codes = st.integers(0, 255)
_contents = st.binary(max_size=MAX_CONTENT - 1)
packets = st.one_of(
    st.builds(Command, _codes, _contents),
    st.builds(Acknowledgement, _codes, _contents),
    st.builds(Data, st.binary(min_size=1, max_size=MAX_CONTENT), st.booleans()),
)


def test_commands_are_the_bytes_of_the_manual() -> None:
    assert encode(Command(Instruction.GEN_IMG)).hex() == "ef01ffffffff010003010005"
    assert encode(Command(Instruction.UP_IMAGE)).hex() == "ef01ffffffff0100030a000e"
    assert encode(Command(Instruction.READ_SYS_PARA)).hex() == "ef01ffffffff0100030f0013"
    assert encode(Command(Instruction.VFY_PWD, bytes(4))).hex() == "ef01ffffffff01000713000000" + "00001b"


def test_an_acknowledgement_of_the_manual_is_read() -> None:
    assert Decoder().feed(bytes.fromhex("ef01ffffffff07000302000c")) == [Acknowledgement(Confirmation.NO_FINGER)]


@given(st.lists(packets, max_size=6), st.data())
def test_packets_survive_any_cutting_of_the_bytes(sent: list[Packet], data: st.DataObject) -> None:
    stream = b"".join(encode(packet) for packet in sent)
    decoder = Decoder()
    received: list[Packet] = []
    place = 0
    while place < len(stream):
        step = data.draw(st.integers(1, 300))
        received += decoder.feed(stream[place : place + step])
        place += step
    assert received == sent
    assert (decoder.damaged, decoder.skipped, decoder.pending) == (0, 0, 0)


@given(st.binary(max_size=2000), st.integers(1, 400))
def test_any_bytes_leave_a_bounded_buffer(noise: bytes, step: int) -> None:
    decoder = Decoder()
    for place in range(0, len(noise), step):
        decoder.feed(noise[place : place + step])
        assert decoder.pending < MAX_PACKET
    decoder.silence()
    assert decoder.pending == 0


@given(st.binary(max_size=600), packets)
def test_a_packet_behind_any_noise_is_found_once_the_line_is_silent(noise: bytes, packet: Packet) -> None:
    decoder = Decoder()
    received = decoder.feed(noise + encode(packet)) + decoder.silence()
    assert received[-1] == packet


@given(packets, st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_never_gives_another_packet_of_the_same_length(packet: Packet, place: int, change: int) -> None:
    wire = bytearray(encode(packet))
    # Behind header and address; a change there makes another module's packet.
    place = 6 + place % (len(wire) - 6)
    wire[place] ^= change
    decoder = Decoder()
    assert decoder.feed(bytes(wire)) + decoder.silence() == []


def test_a_whole_packet_inside_a_damaged_one_is_found() -> None:
    inner = encode(Acknowledgement(Confirmation.OK))
    outer = bytearray(encode(Data(b"abc" + inner + b"def")))
    outer[-1] ^= 1
    decoder = Decoder()
    assert decoder.feed(bytes(outer)) == [Acknowledgement(Confirmation.OK)]
    assert decoder.damaged == 1


def test_packets_of_another_module_are_passed_over() -> None:
    decoder = Decoder(address=0x01020304)
    assert decoder.feed(encode(Acknowledgement(0)) + encode(Acknowledgement(2), 0x01020304)) == [Acknowledgement(2)]
    assert decoder.skipped == 12


def test_a_content_too_long_for_a_packet_is_refused() -> None:
    with pytest.raises(ValueError, match="256"):
        encode(Data(bytes(257)))


def test_every_code_has_a_meaning() -> None:
    assert meaning(Confirmation.NO_FINGER) == "no finger on the glass"
    assert all(meaning(code) for code in range(256))
    assert "0xee" in meaning(0xEE)
