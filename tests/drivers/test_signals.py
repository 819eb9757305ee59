"""Lights, buzzers and barriers: what each state switches, for how long, and what stays on when something fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import gpiozero
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import registry
from drivers.address import DeviceAddress
from drivers.base import DriverError, DriverReason, LaneSignal, SignalState
from drivers.emulators.relay_board import LcusCommands, RelayBoardEmulator
from drivers.signal.lane_outputs import Output, Wiring, options
from drivers.signal.relay_board import RelayBoardSignal
from drivers.signal.relay_commands import NumatoAnswer, lcus, numato_read, numato_switch
from tests.drivers.benches import until
from tests.drivers.gpio_stand_in import Board

ALL = {Output.GREEN: 1, Output.YELLOW: 2, Output.RED: 3, Output.BUZZER: 4, Output.BARRIER: 5}
seeded = settings(derandomize=True, deadline=None)


def course(state: SignalState, wiring: Wiring) -> list[tuple[float, set[str]]]:
    return [(step.after, {str(output) for output in step.on}) for step in wiring.course(state)]


def test_each_state_switches_what_the_table_says() -> None:
    wiring = Wiring(ALL)
    assert course(SignalState.OFF, wiring) == [(0, set())]
    assert course(SignalState.READY, wiring) == [(0, {"green"})]
    assert course(SignalState.BUSY, wiring) == [(0, {"yellow"})]
    assert course(SignalState.STOP, wiring) == [(0, {"red"})]
    assert course(SignalState.GO, wiring) == [
        (0, {"green", "buzzer", "barrier"}),
        (0.4, {"green", "barrier"}),
        (5.0, {"green"}),
    ]


def test_without_yellow_busy_is_red_and_what_is_not_wired_is_left_out() -> None:
    wiring = Wiring({Output.GREEN: 1, Output.RED: 2})
    assert course(SignalState.BUSY, wiring) == [(0, {"red"})]
    assert course(SignalState.GO, wiring) == [(0, {"green"})]


def test_the_buzzer_sounds_at_stop_only_where_it_is_asked_for() -> None:
    assert course(SignalState.STOP, Wiring(ALL, buzz="both")) == [(0, {"red", "buzzer"}), (0.4, {"red"})]
    assert course(SignalState.GO, Wiring(ALL, buzz="stop")) == [(0, {"green", "barrier"}), (5, {"green"})]


wirings = st.builds(
    Wiring,
    st.dictionaries(st.sampled_from(list(Output)), st.integers(1, 9), min_size=1),
    open_s=st.floats(0.1, 60),
    sound_s=st.floats(0.05, 10),
    buzz=st.sampled_from(["go", "stop", "both"]),
)


@seeded
@given(wirings, st.sampled_from(list(SignalState)))
def test_a_barrier_is_open_at_go_only_and_not_for_ever(wiring: Wiring, state: SignalState) -> None:
    steps = wiring.course(state)
    assert steps[0].after == 0
    assert [step.after for step in steps] == sorted({step.after for step in steps})
    for step in steps:
        assert step.on <= set(wiring.numbers)
        assert Output.BARRIER not in step.on or (state is SignalState.GO and step.after < wiring.open_s)
        assert len(step.on & {Output.GREEN, Output.YELLOW, Output.RED}) <= 1
    assert not steps[-1].on & {Output.BARRIER, Output.BUZZER}


@pytest.mark.parametrize(
    ("driver", "address", "told"),
    [
        ("gpio", "gpio:///", "names no output"),
        ("gpio", "gpio:///?green=1", "2 to 27"),
        ("gpio", "gpio:///?green=17&red=17", "two outputs"),
        ("gpio", "gpio:///?blue=17", "'blue'"),
        ("gpio", "gpio:///?green=17&active=up", "'active'"),
        ("gpio", "gpio:///?green=17&barrier=5&open=0", "'open'"),
        ("gpio", "serial:///dev/ttyUSB0?green=17", "gpio:// addresses"),
        ("relay-board", "serial:///dev/ttyUSB0?green=0", "1 to 16"),
        ("relay-board", "serial:///dev/ttyUSB0?board=other&green=1", "'board'"),
        ("relay-board", "serial:///dev/ttyUSB0?green=1&buzz=always", "'buzz'"),
    ],
)
def test_a_wrong_address_is_refused_with_what_is_wrong(driver: str, address: str, told: str) -> None:
    with pytest.raises(DriverError) as caught:
        registry.signal(driver, address)
    assert caught.value.reason is DriverReason.BAD_ADDRESS
    assert told in str(caught.value)
    assert caught.value.advice


# ------------------------------------------------------------------------------------------------------- commands


def test_the_commands_are_those_of_the_sellers_descriptions() -> None:
    assert lcus(1, True).hex() == "a00101a2"
    assert lcus(1, False).hex() == "a00100a1"
    assert numato_switch(3, True) == b"relay on 3\r"
    assert numato_switch(10, False) == b"relay off A\r"


@seeded
@given(
    st.lists(st.tuples(st.integers(1, 16), st.booleans()), max_size=8),
    st.binary(max_size=8).filter(lambda noise: 0xA0 not in noise),
    st.integers(1, 9),
)
def test_a_board_finds_its_commands_behind_noise_in_any_pieces(
    commands: list[tuple[int, bool]], noise: bytes, size: int
) -> None:
    wire = noise + noise.join(lcus(*one) for one in commands)
    board = LcusCommands()
    found = [one for place in range(0, len(wire), size) for one in board.feed(wire[place : place + size])]
    assert found == commands


@seeded
@given(st.binary(max_size=40), st.sampled_from(["on", "off"]), st.integers(0, 31), st.integers(1, 9))
def test_an_answer_is_found_behind_noise_in_any_pieces(noise: bytes, state: str, relay: int, size: int) -> None:
    command = numato_read(relay)
    wire = noise + command.strip() + b"\n\r" + state.encode() + b"\n\r>"
    answer = NumatoAnswer(command)
    found = [answer.feed(wire[place : place + size]) for place in range(0, len(wire), size)]
    assert found[-1] == state
    assert NumatoAnswer(command).feed(noise + b">") is None


# ---------------------------------------------------------------------------------------------------------- boards

BARRIER, GREEN, RED, BUZZER = 1, 2, 3, 4
WIRED = f"barrier={BARRIER}&green={GREEN}&red={RED}&buzzer={BUZZER}"


@pytest.fixture(params=["lcus", "numato"])
async def board(request: pytest.FixtureRequest, port: Path) -> AsyncIterator[RelayBoardEmulator]:
    async with RelayBoardEmulator(port, board=request.param) as made:
        yield made


def driver_of(board: RelayBoardEmulator, port: Path, more: str = "open=60") -> LaneSignal:
    return registry.signal("relay-board", f"serial://{port}?board={board._board}&{WIRED}&{more}")


async def test_what_was_left_on_is_off_after_open_and_all_is_off_after_close(
    board: RelayBoardEmulator, port: Path
) -> None:
    board.on = frozenset({BARRIER, RED})
    signal = driver_of(board, port)
    await signal.open()
    await until(lambda: board.on == frozenset())
    await signal.show(SignalState.GO)
    await until(lambda: BARRIER in board.on)
    await signal.close()
    await until(lambda: board.on == frozenset())


async def test_a_barrier_closes_after_its_time_and_the_light_stays(board: RelayBoardEmulator, port: Path) -> None:
    signal = driver_of(board, port, "open=0.2&sound=0.05")
    await signal.open()
    await signal.show(SignalState.GO)
    await until(lambda: board.on == frozenset({GREEN}))
    assert any({BARRIER, BUZZER} <= on for on in board.history)
    await signal.close()


async def test_a_barrier_closes_where_the_call_that_opens_it_is_cancelled(
    board: RelayBoardEmulator, port: Path
) -> None:
    signal = driver_of(board, port, "open=0.2")
    await signal.open()
    for turns in range(4):
        showing = asyncio.create_task(signal.show(SignalState.GO))
        for _ in range(turns):
            await asyncio.sleep(0)
        showing.cancel()
        await asyncio.wait({showing})
    await until(lambda: board.on == frozenset({GREEN}))
    assert any(BARRIER in on for on in board.history)
    await signal.close()


async def test_the_next_state_closes_the_barrier_before_its_light_comes(board: RelayBoardEmulator, port: Path) -> None:
    signal = driver_of(board, port)
    await signal.open()
    await signal.show(SignalState.GO)
    await until(lambda: {BARRIER, GREEN} <= board.on)
    await signal.show(SignalState.STOP)
    await until(lambda: board.on == frozenset({RED}))
    assert not any({BARRIER, RED} <= on or {GREEN, RED} <= on for on in board.history)
    await signal.close()


async def test_states_shown_at_once_end_in_the_last(board: RelayBoardEmulator, port: Path) -> None:
    signal = driver_of(board, port)
    await signal.open()
    states = [SignalState.GO, SignalState.BUSY, SignalState.GO, SignalState.STOP, SignalState.READY]
    await asyncio.gather(*(signal.show(state) for state in states))
    await until(lambda: board.on == frozenset({GREEN}))
    await signal.close()


async def test_a_signal_closed_in_the_middle_of_a_call_leaves_nothing_running(
    board: RelayBoardEmulator, port: Path
) -> None:
    signal = driver_of(board, port)
    await signal.open()
    await signal.show(SignalState.GO)
    showing = asyncio.create_task(signal.show(SignalState.READY))
    await asyncio.sleep(0)  # The call has begun, the task that it made has not.
    await signal.close()
    with pytest.raises(DriverError) as caught:
        await showing
    assert caught.value.reason is DriverReason.LOST
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("signal ")]
    await until(lambda: board.on == frozenset())


async def test_a_board_lost_while_its_barrier_is_open_is_told_by_the_next_state(
    board: RelayBoardEmulator, port: Path
) -> None:
    signal = driver_of(board, port, "open=0.1")
    await signal.open()
    await signal.show(SignalState.GO)
    await board.unplug()
    await until(lambda: signal._failure is not None)
    for _ in range(2):
        with pytest.raises(DriverError) as caught:
            await signal.show(SignalState.READY)
        assert caught.value.reason is DriverReason.LOST
    await signal.close()
    await board.plug()
    await signal.open()
    await signal.show(SignalState.READY)
    await until(lambda: board.on == frozenset({GREEN}))
    await signal.close()


async def test_a_relay_that_the_board_does_not_have_is_told(port: Path) -> None:
    async with RelayBoardEmulator(port, board="numato", relays=2):
        signal = registry.signal("relay-board", f"serial://{port}?board=numato&green=1&red=5")
        await signal.open()
        with pytest.raises(DriverError) as caught:
            await signal.show(SignalState.STOP)
        assert caught.value.reason is DriverReason.TIMEOUT
        assert "relay 5" in caught.value.what
        await signal.close()


async def test_a_board_of_another_make_does_not_answer(port: Path) -> None:
    async with RelayBoardEmulator(port, board="lcus"):
        signal = registry.signal("relay-board", f"serial://{port}?board=numato&green=1")
        with pytest.raises(DriverError) as caught:
            await signal.open()
        assert caught.value.reason is DriverReason.TIMEOUT
        assert "board=" in caught.value.advice


async def test_an_error_that_nobody_foresaw_is_a_lost_signal_not_a_quiet_one(
    board: RelayBoardEmulator, port: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal = driver_of(board, port)
    await signal.open()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(RelayBoardSignal, "_switch", fail)
        for _ in range(2):
            with pytest.raises(DriverError) as caught:
                await signal.show(SignalState.GO)
            assert caught.value.reason is DriverReason.LOST
    await signal.close()


# ------------------------------------------------------------------------------------------------------------ pins


@pytest.fixture
def pins() -> Iterator[Board]:
    made = Board()
    made.start()
    yield made
    made.stop()


async def test_pins_that_are_active_low_are_high_from_open_to_close(pins: Board) -> None:
    signal = registry.signal("gpio", "gpio:///?green=17&red=27&active=low")
    await signal.open()
    assert pins.high() == {17, 27}
    await signal.show(SignalState.STOP)
    assert pins.high() == {17}
    await signal.close()
    assert pins.history[-1] == {17, 27}


async def test_a_barrier_at_a_pin_closes_after_its_time(pins: Board) -> None:
    signal = registry.signal("gpio", "gpio:///?green=17&barrier=5&open=0.1")
    await signal.open()
    await signal.show(SignalState.GO)
    await until(lambda: pins.high() == {17})
    assert {5, 17} in pins.history
    await signal.close()


async def test_a_pin_belongs_to_one_lane(pins: Board) -> None:
    first, second = (registry.signal("gpio", f"gpio:///?green=17&red={red}") for red in (22, 23))
    await first.open()
    with pytest.raises(DriverError) as caught:
        await second.open()
    assert caught.value.reason is DriverReason.BUSY
    assert "GPIO17" in caught.value.what
    await first.close()
    await second.open()
    await second.close()


async def test_a_computer_without_pins_is_told_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise gpiozero.BadPinFactory("no pins here")

    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setattr(gpiozero.Device, "_default_pin_factory", none)
    signal = registry.signal("gpio", "gpio:///?green=17")
    with pytest.raises(DriverError) as caught:
        await signal.open()
    assert caught.value.reason is DriverReason.ABSENT
    assert "lgpio" in caught.value.advice
    await signal.close()


def test_the_options_of_both_drivers_are_those_of_the_outputs() -> None:
    assert options("active") == {*Output, "open", "sound", "buzz", "active"}
    assert Wiring.of(DeviceAddress.parse("gpio:///?barrier=5"), 2, 27).numbers == {Output.BARRIER: 5}
