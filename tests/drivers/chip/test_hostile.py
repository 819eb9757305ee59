"""What a hostile or defective chip can send never gets further than a DriverError, and no message is taken twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import ChipAuthentication, ChipKey, DriverError, DriverReason
from drivers.chip import tlv
from drivers.chip.apdu import ApduError, Command, Response
from drivers.chip.ciphers import Suite, pad, unpad
from drivers.chip.reading import read_document
from drivers.chip.secure_messaging import ChannelError, SecureMessaging
from drivers.chip.security_infos import chip_keys, pace_infos
from drivers.emulators.emrtd import personalised, with_fault
from drivers.emulators.emrtd_chip import Chip, Proof, dg14
from tests.drivers.chip_bench import KEY, PORTRAIT, passport, signer, zone

_byte = st.integers(0, 255)
_commands = st.builds(
    Command,
    st.sampled_from((0x00, 0x10, 0x80)),
    _byte,
    _byte,
    _byte,
    st.binary(max_size=600),
    st.integers(0, 65_536),
)
_suites = st.sampled_from(Suite)


@settings(deadline=None)
@given(_commands)
def test_a_command_comes_back_as_it_went(command: Command) -> None:
    read = Command.decode(command.encode())
    # The two ways to ask for all there is read the same.
    assert (read.header, read.data, read.expected) == (command.header, command.data, command.expected)


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_no_bytes_break_the_codecs(raw: bytes) -> None:
    for read in (Command.decode, Response.decode, lambda data: list(tlv.items(data)), pace_infos, chip_keys):
        try:
            read(raw)
        except (ApduError, tlv.TlvError):
            continue


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from((0x61, 0x5F1F, 0x7F61, 0x80)))
def test_a_data_object_comes_back_as_it_went(value: bytes, tag: int) -> None:
    assert list(tlv.items(tlv.encode(tag, value))) == [(tag, value)]


@settings(deadline=None)
@given(st.binary(max_size=100), st.sampled_from((8, 16)))
def test_padding_comes_off_again(data: bytes, block: int) -> None:
    padded = pad(data, block)
    assert len(padded) % block == 0
    assert unpad(padded) == data


@settings(deadline=None)
@given(_suites, _commands, st.binary(max_size=300))
def test_both_ends_of_a_channel_understand_each_other(suite: Suite, command: Command, data: bytes) -> None:
    terminal, chip = SecureMessaging.agreed(suite, b"secret"), SecureMessaging.agreed(suite, b"secret")
    plain = Command(command.cla & 0x10, command.ins, command.p1, command.p2, command.data, command.expected)
    sent = Command.decode(terminal.protect(plain).encode())
    assert chip.opened_command(sent) == plain
    assert terminal.opened(chip.answer(Response(0x9000, data), odd=bool(plain.ins & 1))) == Response(0x9000, data)


@settings(max_examples=300, deadline=None)
@given(_suites, st.binary(min_size=1, max_size=40), st.data())
def test_a_changed_answer_breaks_the_channel(suite: Suite, content: bytes, data: st.DataObject) -> None:
    terminal, chip = SecureMessaging.agreed(suite, b"secret"), SecureMessaging.agreed(suite, b"secret")
    chip.opened_command(terminal.protect(Command(0, 0xB0, 0, 0, b"", 40)))
    answer = bytearray(chip.answer(Response(0x9000, content)).data)
    place = data.draw(st.integers(0, len(answer) - 1))
    answer[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ChannelError):
        terminal.opened(Response(0x9000, bytes(answer)))


@pytest.mark.parametrize("suite", Suite)
def test_an_answer_is_not_taken_twice_nor_out_of_order(suite: Suite) -> None:
    terminal, chip = SecureMessaging.agreed(suite, b"secret"), SecureMessaging.agreed(suite, b"secret")
    command = Command(0, 0xB0, 0, 0, b"", 4)
    chip.opened_command(terminal.protect(command))
    answer = chip.answer(Response(0x9000, b"once"))
    assert terminal.opened(answer).data == b"once"
    terminal.protect(command)
    with pytest.raises(ChannelError):
        terminal.opened(answer)


@pytest.mark.parametrize("status", [0x6982, 0x6987, 0x6988, 0x9000])
def test_an_answer_outside_the_channel_breaks_it(status: int) -> None:
    terminal = SecureMessaging.agreed(Suite.AES128, b"secret")
    terminal.protect(Command(0, 0xB0, 0, 0, b"", 4))
    with pytest.raises(ChannelError):
        terminal.opened(Response(status))


def _damaged(seed: int, share: float) -> Callable[[bytes], bytes]:
    """A chip whose answers are sometimes changed, cut, or replaced by noise."""
    chip, rng = Chip(passport(1)), random.Random(seed)

    def respond(command: bytes) -> bytes:
        answer = bytearray(chip.respond(command))
        if rng.random() > share:
            return bytes(answer)
        match rng.randrange(4):
            case 0:
                answer[rng.randrange(len(answer))] ^= 1 << rng.randrange(8)
            case 1:
                del answer[rng.randrange(len(answer)) :]
            case 2:
                answer = bytearray(rng.randbytes(rng.randrange(300)))
            case _:
                answer[-2:] = rng.choice((0x6100, 0x6C10, 0x6282, 0x6982, 0x6988, 0x6A82, 0x6700)).to_bytes(2, "big")
        return bytes(answer)

    return respond


@pytest.mark.parametrize("seed", range(150))
def test_a_defective_chip_is_an_error_or_is_read_right(seed: int) -> None:
    reason = None
    try:
        read = read_document(_damaged(seed, 0.03 if seed % 2 else 0.3), KEY)
    except DriverError as error:
        reason = error.reason
    if reason is not None:
        assert reason in (DriverReason.PROTOCOL, DriverReason.PASSWORD, DriverReason.UNSUPPORTED)
        return
    # In a secure channel nothing comes through that the chip did not send.
    made = passport(1)
    identifiers = {"EF.COM": 0x011E, "DG1": 0x0101, "DG2": 0x0102}
    for name, identifier in identifiers.items():
        assert read.files.get(name) in (None, made.files[identifier])


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_document(seed: int) -> None:
    rng = random.Random(seed)
    with pytest.raises(DriverError):
        read_document(lambda _: rng.randbytes(rng.randrange(1, 80)), KEY)


def test_an_endless_file_is_refused() -> None:
    made = passport(1)
    endless = {**made.files, 0x0102: tlv.encode(0x75, bytes(1))[:1] + bytes.fromhex("847FFFFFFF") + bytes(40_000)}
    read = read_document(Chip(replace(made, files=endless)).respond, KEY)
    assert "DG2" not in read.files
    assert "1048576 are taken" in read.unread["DG2"]


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("number", [0, 2, 12, 18])
def test_a_copy_cannot_authenticate_and_the_original_can(number: int, suite: Suite) -> None:
    made = personalised(zone(1), PORTRAIT, signer(), size=(420, 540), proof=Proof.new(number, suite), pace=None)
    for fault, outcome in ((None, ChipAuthentication.DONE), ("clone", ChipAuthentication.FAILED)):
        read = read_document(Chip(with_fault(made, fault)).respond, KEY)
        assert read.chip_authentication is outcome
        assert read.files["DG2"] == made.files[0x0102]


@pytest.mark.parametrize("answer", [b"\x6a\x80", b"\x90\x00", b"\x90", b"", bytes(40)], ids=lambda one: one.hex()[:8])
def test_a_copy_that_refuses_the_proof_or_answers_with_noise_has_failed_it(answer: bytes) -> None:
    made = personalised(zone(1), PORTRAIT, signer(), size=(420, 540), proof=Proof.new(12), pace=None)
    chip, asked = Chip(made), [0]

    def respond(command: bytes) -> bytes:
        # MSE:Set AT comes once in such a reading: from there on the chip has nothing better to say.
        asked[0] += command[:2] == b"\x0c\x22"
        return answer if asked[0] else chip.respond(command)

    read = read_document(respond, KEY)
    assert read.chip_authentication is ChipAuthentication.FAILED
    assert read.files["DG2"] == made.files[0x0102]


def test_a_key_of_an_unknown_kind_is_unsupported_and_not_absent() -> None:
    known = dg14(Proof.new())
    unknown = known.replace(bytes.fromhex("04007F00070102"), bytes.fromhex("04007F00070199"))
    keys, others = chip_keys(unknown)
    assert (keys, others) == ([], True)


def test_the_secrets_of_a_key_are_not_shown() -> None:
    key = ChipKey("L898902C3674081221204159", can="123456")
    assert "L898902C3" not in repr(key)
    assert "123456" not in repr(key)
