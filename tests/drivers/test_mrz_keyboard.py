"""What keyboard-wedge readers type, under each layout and broken, and what the driver makes of it."""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import itertools
import os
import string
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import registry
from drivers.base import DocumentReader, DriverError, DriverReason
from drivers.document.key_layouts import LAYOUTS, UNKNOWN
from drivers.document.keystrokes import EVENT, Typist
from tests.drivers.keyboard_stand_in import (
    ALT,
    CAPS_LOCK,
    EV_SYN,
    SHIFT,
    WedgeReader,
    event,
    key,
    tap,
    typed,
    typed_by_number,
)
from tests.drivers.test_mrz import TD1, TD2, TD3

ZONE = string.ascii_uppercase + string.digits + "<"
every_layout = pytest.mark.parametrize("layout", LAYOUTS)


@every_layout
def test_every_character_of_a_zone_is_typed(layout: str) -> None:
    assert Typist(LAYOUTS[layout]).feed(typed(ZONE + "\r", layout)) == (ZONE + "\r").encode()


@every_layout
def test_the_layouts_are_those_of_x11(layout: str) -> None:
    """Each key against libxkbcommon, which knows the layouts from elsewhere."""
    path = ctypes.util.find_library("xkbcommon")
    if path is None:
        pytest.skip("libxkbcommon is not installed")
    found = xkb_characters(ctypes.CDLL(path), layout)
    if not found:
        pytest.skip("the layouts of X11 (xkb-data) are not installed")
    for level, ours in enumerate((LAYOUTS[layout].plain, LAYOUTS[layout].shifted)):
        for code, sign in ours.items():
            if sign in ZONE or sign in ZONE.lower() or found[code, level] in ZONE + ZONE.lower():
                assert sign == found[code, level], (code, level)


def xkb_characters(library: ctypes.CDLL, layout: str) -> dict[tuple[int, int], str]:
    """Key code and level -> character, as the library has them; nothing where it has no such layout."""

    class Names(ctypes.Structure):
        _fields_ = [(name, ctypes.c_char_p) for name in ("rules", "model", "layout", "variant", "options")]

    for name in ("xkb_context_new", "xkb_keymap_new_from_names"):
        getattr(library, name).restype = ctypes.c_void_p
    library.xkb_keysym_to_utf32.restype = ctypes.c_uint32
    context = ctypes.c_void_p(library.xkb_context_new(0))
    names = Names(b"evdev", b"pc105", layout.encode(), None, None)
    keymap = ctypes.c_void_p(library.xkb_keymap_new_from_names(context, ctypes.byref(names), 0))
    if not keymap:
        return {}
    found = {}
    for code, level in itertools.product(LAYOUTS[layout].plain, (0, 1)):
        symbols = ctypes.POINTER(ctypes.c_uint32)()
        count = library.xkb_keymap_key_get_syms_by_level(keymap, code + 8, 0, level, ctypes.byref(symbols))
        found[code, level] = chr(library.xkb_keysym_to_utf32(symbols[0])) if count else UNKNOWN
    library.xkb_keymap_unref(keymap)
    library.xkb_context_unref(context)
    return found


def test_a_german_y_and_a_french_digit_lie_elsewhere() -> None:
    # KEY_Z is Y, KEY_102ND is < on a German board; digits want Shift, and KEY_Q is A, on a French one.
    assert Typist(LAYOUTS["de"]).feed(tap(44, SHIFT) + tap(86) + tap(2)) == b"Y<1"
    assert Typist(LAYOUTS["fr"]).feed(tap(16, SHIFT) + tap(86) + tap(2, SHIFT) + tap(2)) == b"A<1&"
    assert Typist(LAYOUTS["us"]).feed(tap(44) + tap(51, SHIFT) + tap(2)) == b"z<1"


def test_caps_lock_shifts_letters_and_on_a_french_board_digits() -> None:
    assert Typist(LAYOUTS["us"]).feed(tap(CAPS_LOCK) + tap(30) + tap(2) + tap(30, SHIFT) + tap(CAPS_LOCK)) == b"A1a"
    assert Typist(LAYOUTS["fr"]).feed(tap(CAPS_LOCK) + tap(16) + tap(2)) == b"A1"


def test_characters_may_be_typed_by_number_or_with_ctrl_and_on_the_keypad() -> None:
    typist = Typist(LAYOUTS["de"])
    assert typist.feed(typed_by_number("P<UTO7")) == b"P<UTO7"
    assert typist.feed(typed("\x02AB\x03", "de")) == b"\x02AB\x03"
    assert typist.feed(tap(71) + tap(82) + tap(96)) == b"70\r"


@pytest.mark.parametrize(
    "sent",
    [
        tap(2),  # & on a French board is a character; é is none.
        tap(3),
        tap(30, 100),
        tap(30, ALT),
        key(ALT, 1) + b"".join(tap(80) for _ in range(9)) + key(ALT, 0),
        key(ALT, 1) + tap(82) + key(ALT, 0),
    ],
    ids=["ampersand", "outside ASCII", "AltGr", "Alt", "a long number", "number 0"],
)
def test_what_no_zone_has_does_not_pass_for_one(sent: bytes) -> None:
    (typed_one,) = Typist(LAYOUTS["fr"]).feed(sent).decode()
    assert typed_one not in ZONE + ZONE.lower()


def test_a_held_key_and_keys_without_a_character_type_nothing_more() -> None:
    sent = key(30, 1) + event(1, 30, 2) * 5 + key(30, 0) + tap(59) + tap(103)
    assert Typist(LAYOUTS["us"]).feed(sent) == b"a"


def test_dropped_events_begin_anew() -> None:
    dropped = event(EV_SYN, 3, 0) + key(31, 1)
    typist = Typist(LAYOUTS["us"])
    # Shift was held when the events were lost: whether it still is, nobody knows.
    assert typist.feed(key(SHIFT, 1) + tap(30) + dropped + tap(32)) == b"A\x02d"


seeded = settings(derandomize=True, deadline=None)
events = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 5), st.integers(0, 130), st.integers(-1, 2)),
        st.tuples(
            st.just(1), st.sampled_from([*sorted(LAYOUTS["us"].plain), 42, 56, 29, 58, 79, 28]), st.integers(0, 2)
        ),
    ),
    max_size=60,
).map(lambda several: b"".join(event(*one) for one in several))


@seeded
@given(events, st.lists(st.integers(0, 2000), max_size=20), st.sampled_from(sorted(LAYOUTS)))
def test_any_events_cut_anywhere_give_the_same_text(sent: bytes, cuts: list[int], layout: str) -> None:
    edges = [0, *sorted(place for place in cuts if place < len(sent)), len(sent)]
    whole, pieces = Typist(LAYOUTS[layout]), Typist(LAYOUTS[layout])
    assert whole.feed(sent) == b"".join(pieces.feed(sent[a:b]) for a, b in itertools.pairwise(edges))


@seeded
@given(st.binary(max_size=600))
def test_any_bytes_are_survived(noise: bytes) -> None:
    typist = Typist(LAYOUTS["us"])
    assert typist.feed(noise).isascii()
    assert len(typist._rest) < EVENT.size


# ------------------------------------------------------------------------------------------------------ the driver


@pytest.fixture
def wedge(port: Path) -> Iterator[WedgeReader]:
    made = WedgeReader(port)
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def reader(wedge: WedgeReader) -> AsyncIterator[DocumentReader]:
    driver = registry.reader("mrz-keyboard", f"evdev://{wedge.path}")
    await driver.open()
    yield driver
    await driver.close()


@pytest.mark.parametrize("lines", [TD1, TD2, TD3], ids=["TD1", "TD2", "TD3"])
async def test_a_zone_ends_at_its_last_enter(
    wedge: WedgeReader, reader: DocumentReader, lines: tuple[str, ...]
) -> None:
    wedge.type("".join(line + "\r" for line in lines))
    assert (await reader.read()).lines == lines


async def test_a_zone_without_enter_ends_with_a_pause(wedge: WedgeReader, reader: DocumentReader) -> None:
    wedge.type("".join(TD1))
    assert (await reader.read()).lines == TD1


async def test_the_reader_names_itself_and_is_grabbed(wedge: WedgeReader) -> None:
    driver = registry.reader("mrz-keyboard", f"evdev://{wedge.path}?layout=de")
    assert (await driver.open()).model == "ACME OCR Reader"
    assert wedge.grabbed
    await driver.close()


async def test_the_wrong_layout_is_a_protocol_error_that_says_so(wedge: WedgeReader) -> None:
    driver = registry.reader("mrz-keyboard", f"evdev://{wedge.path}?layout=fr")
    await driver.open()
    wedge.type("".join(line + "\r" for line in TD3))
    with pytest.raises(DriverError) as caught:
        await driver.read()
    assert caught.value.reason is DriverReason.PROTOCOL
    assert "layout=" in caught.value.advice
    await driver.close()


async def test_a_grabbed_device_is_busy(wedge: WedgeReader, reader: DocumentReader) -> None:
    second = registry.reader("mrz-keyboard", f"evdev://{wedge.path}")
    with pytest.raises(DriverError) as caught:
        await second.open()
    assert caught.value.reason is DriverReason.BUSY
    await second.close()


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_what_is_no_input_device_is_refused(tmp_path: Path, what: str) -> None:
    place = tmp_path / what
    await asyncio.to_thread(place.mkdir if what == "folder" else place.touch)
    driver = registry.reader("mrz-keyboard", f"evdev://{place}")
    with pytest.raises(DriverError) as caught:
        await driver.open()
    assert caught.value.reason is DriverReason.BAD_ADDRESS
    await driver.close()


async def test_a_real_input_device_types_to_the_driver_alone() -> None:
    """The kernel's own events, through a device that uinput makes."""
    if not os.access("/dev/uinput", os.W_OK):
        pytest.skip("/dev/uinput cannot be written here")
    evdev = pytest.importorskip("evdev", reason="python3-evdev is not installed")
    device = await asyncio.to_thread(evdev.UInput, name="hotspotd test reader")
    driver = registry.reader("mrz-keyboard", f"evdev://{device.device.path}")
    try:
        assert (await driver.open()).model == "hotspotd test reader"
        with pytest.raises(OSError):  # noqa: PT011  # EBUSY: nobody else may have its keys.
            device.device.grab()
        sent = typed("".join(line + "\r" for line in TD3))
        for one in EVENT.iter_unpack(sent):
            await asyncio.to_thread(device.write, *one[2:])
        assert (await driver.read()).lines == TD3
    finally:
        await driver.close()
        await asyncio.to_thread(device.close)
