"""The judge: nothing passes that the network was not sure of, or that check digits do not bear out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.domain.document import DocumentFormat, parse_mrz
from hotspotd.mrz.alphabet import ALPHABET, LAYOUTS, NUMBER_OF
from hotspotd.mrz.drawing.zones import zone
from hotspotd.mrz.fields import form
from hotspotd.mrz.reading import Float, judge
from hotspotd.mrz.watch import Watch, ZoneReader, fused

TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
LONG = ("I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", "STEVENSON<<PETER<JOHN<<<<<<<<<")


def seen(lines: tuple[str, ...], doubts: dict[tuple[int, int], dict[str, float]] | None = None) -> Float:
    """Log probabilities of lines that are seen clearly but at some places (line, place): {character: probability}."""
    out = np.full((len(lines), len(lines[0]), len(ALPHABET)), 1e-5)
    for row, line in enumerate(lines):
        for place, character in enumerate(line):
            out[row, place, NUMBER_OF[character]] = 1 - 36e-5
    for (row, place), chances in (doubts or {}).items():
        out[row, place] = 1e-5
        for character, chance in chances.items():
            out[row, place, NUMBER_OF[character]] = chance
    return np.log(out / out.sum(axis=2, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("lines", [TD3, TD1, LONG])
def test_what_is_seen_clearly_is_read(lines: tuple[str, ...]) -> None:
    reading = judge(seen(lines))
    assert reading is not None
    assert (reading.lines, reading.read, reading.exchanged) == (lines, True, 0)


@given(st.integers(0, 10_000), st.sampled_from(DocumentFormat))
@settings(max_examples=60, deadline=None)
def test_drawn_zones_are_sound_and_read_as_their_layout(seed: int, layout: DocumentFormat) -> None:
    lines = zone(np.random.default_rng(seed), layout)
    assert parse_mrz(lines).sound
    assert parse_mrz(lines).format is layout
    reading = judge(seen(lines))
    assert reading is not None
    assert (reading.layout, reading.lines, reading.read) == (layout, lines, True)


def test_a_letter_that_cannot_stand_in_a_date_is_the_digit_it_looks_like() -> None:
    reading = judge(seen(TD3, {(1, 14): {"4": 0.05, "A": 0.94}}))
    assert reading is not None
    assert (reading.lines, reading.read) == (TD3, True)


def test_a_check_digit_decides_between_look_alikes_where_letters_and_digits_may_stand() -> None:
    reading = judge(seen(TD3, {(1, 7): {"Q": 0.02, "D": 0.5, "C": 0.45}}))
    assert reading is not None
    assert (reading.lines, reading.read, reading.exchanged) == (TD3, True, 1)


@pytest.mark.parametrize("pair", ["G6", "K<", "S8", "B1", "A0", "UK"])
def test_what_check_digits_cannot_tell_apart_is_not_read_where_the_network_is_unsure(pair: str) -> None:
    number = f"AB{pair[0]}345678"
    lines = _with_number(number)
    assert parse_mrz(lines).sound
    assert parse_mrz(_swap(lines, 2, pair[1])).sound
    reading = judge(seen(lines, {(1, 2): {pair[0]: 0.7, pair[1]: 0.29}}))
    assert reading is not None
    assert not reading.read


def test_a_doubtful_character_of_a_name_is_not_read() -> None:
    reading = judge(seen(TD3, {(0, 8): {"K": 0.8, "X": 0.19}}))
    assert reading is not None
    assert (reading.lines, reading.read, reading.unsure) == (TD3, False, 1)


def test_a_wrong_character_that_is_seen_clearly_fails_its_check_digit() -> None:
    reading = judge(seen(_swap(TD3, 3, "7")))
    assert reading is not None
    assert not reading.read


def test_too_many_doubts_are_not_settled_by_arithmetic() -> None:
    doubts = {(1, place): {TD3[1][place]: 0.55, "7": 0.44} for place in (0, 1, 2, 3, 4, 5)}
    reading = judge(seen(TD3, doubts))
    assert reading is not None
    assert not reading.read


def test_a_guess_weighs_the_check_digits_but_is_not_believed() -> None:
    doubts = {(1, place): {TD3[1][place]: 0.9, "7": 0.09} for place in (28, 29, 30, 31, 32)}
    reading = judge(seen(TD3, {**doubts, (1, 1): {"B": 0.5, "8": 0.45}, (1, 7): {"D": 0.5, "C": 0.45}}))
    assert reading is not None
    assert (reading.lines, reading.read, reading.exchanged) == (TD3, False, 2)


def test_lines_of_no_layout_are_nothing() -> None:
    assert judge(seen(("A" * 30, "A" * 30))) is None


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(set(LAYOUTS.values()))))
@settings(max_examples=50, deadline=None)
def test_whatever_is_seen_only_what_checks_is_read(seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, float(rng.uniform(0.1, 30)), (*shape, len(ALPHABET)))
    logits -= logits.max(axis=2, keepdims=True)
    reading = judge((logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))).astype(np.float32))
    assert reading is not None
    if reading.read:
        assert parse_mrz(reading.lines).sound
        allowed = form(reading.layout).allowed
        for row, line in enumerate(reading.lines):
            assert all(allowed[row, place, NUMBER_OF[character]] for place, character in enumerate(line))


def test_one_picture_alone_gives_no_document_and_two_that_agree_do() -> None:
    watch = Watch(ZoneReader())
    assert watch.add(seen(TD3)).lines is None
    assert watch.add(seen(TD3)).lines == TD3


def test_pictures_that_disagree_about_a_name_give_nothing() -> None:
    watch = Watch(ZoneReader())
    other = (TD3[0].replace("ANNA", "ANMA"), TD3[1])
    assert watch.add(seen(other)).lines is None
    assert watch.add(seen(TD3)).lines is None


def test_what_a_reflection_hides_in_one_picture_is_read_in_others() -> None:
    watch = Watch(ZoneReader())
    hidden = {(0, place): {"<": 0.4, "A": 0.3} for place in range(7, 12)}
    lines = [watch.add(seen(TD3, hidden)).lines, *(watch.add(seen(TD3)).lines for _ in range(3))]
    assert lines[0] is None
    assert lines[-1] == TD3


def test_another_document_is_not_put_together_with_the_one_before() -> None:
    watch = Watch(ZoneReader())
    other = zone(np.random.default_rng(4), DocumentFormat.TD3)
    assert watch.add(seen(TD3)).lines is None
    assert watch.add(seen(other)).lines is None
    assert watch.add(seen(other)).lines == other


def test_more_pictures_make_surer_but_not_as_if_they_knew_nothing_of_each_other() -> None:
    one = seen(TD3, {(0, 8): {"K": 0.8, "X": 0.19}})
    chance = [float(np.exp(fused([one] * count)[0, 8, NUMBER_OF["K"]])) for count in (1, 2, 4)]
    assert chance[0] < chance[1] < chance[2] < 0.8**4 / (0.8**4 + 0.19**4)


def _with_number(number: str) -> tuple[str, str]:
    from hotspotd.domain.document import check_digit

    body = number + check_digit(number) + TD3[1][10:43]
    return TD3[0], body + check_digit(body[0:10] + body[13:20] + body[21:43])


def _swap(lines: tuple[str, ...], place: int, character: str) -> tuple[str, ...]:
    return lines[0], lines[1][:place] + character + lines[1][place + 1 :]
