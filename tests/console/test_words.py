"""The traveller's words, and how officers' figures are put into words."""

from __future__ import annotations

import re
from importlib import resources

import msgspec
import pytest

from hotspotd.console import alert_view, trouble_words, words
from hotspotd.console.wording import WORDING
from hotspotd.domain.candidate import Candidate, Modality
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import Prompt
from hotspotd.lane import face_step, finger_judge, liveness_step
from tests.console.kiosk import config, record

WORDS = words.load()
# Read while looking into the mirror, and asked for after something was not good enough.
MIRROR = {*face_step._PROMPTS.values(), *liveness_step._PROMPTS.values(), Prompt.HOLD_STILL, Prompt.LOOK_AHEAD}
AGAIN = {*finger_judge._PROMPTS.values(), Prompt.DOCUMENT_AGAIN, Prompt.CHIP_AGAIN, Prompt.FINGERS_AGAIN}
FORBIDDEN = re.compile(r"\b(error|failed|rejected|hit|alert|database|biometric)", re.IGNORECASE)


def test_a_traveller_is_told_nothing_frightening() -> None:
    for message in WORDING:
        assert not FORBIDDEN.search(message.text), message


def test_the_first_lines_say_what_is_taken_and_how_long_it_is_kept() -> None:
    settings = config()
    lane = settings.lanes[0]
    lines = words.intro(WORDS.languages["en"], lane, settings.operation)
    assert lines["what"] == "We take your document, a picture of your face and your fingerprints (from the age of 12)."
    assert "24 hours" in lines["keep"]
    without = msgspec.structs.replace(lane, scanner=None, camera=None)
    assert words.steps(without, settings.operation) == ("document", "done")
    assert words.intro(WORDS.languages["en"], without, settings.operation)["what"] == "We take your document."


@pytest.mark.parametrize(
    ("code", "hours", "text"),
    [
        ("en", 1, "1 hour"),
        ("en", 24, "24 hours"),
        ("en", 24.5, "25 hours"),
        ("en", 72, "3 days"),
        ("fr", 1, "1 heure"),
        ("ar", 2, "ساعتين"),
        ("ar", 5, "5 ساعات"),
        ("ar", 24, "24 ساعة"),
        ("ar", 240, "10 أيام"),
        ("ar", 264, "11 يوماً"),
        ("sr", 1, "1 сата"),
        ("ru", 21, "21 час"),
        ("ru", 24, "24 часа"),
        ("ru", 120, "5 дней"),
        ("sq", 24, "24 orësh"),
        ("tr", 72, "3 gün"),
        ("tg", 24, "24 соат"),
        ("fa", 24, "۲۴ ساعت"),
    ],
)
def test_times_are_put_into_words_and_never_promise_less(code: str, hours: float, text: str) -> None:
    assert words.duration(WORDS.languages[code], hours) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (1e-4, "1 in 10 000 fingers"),
        (2.4e-5, "1 in 41 000 fingers"),
        (2.5e-8, "1 in 40 million fingers"),
        (0.04, "1 in 25 fingers"),
        (0.9, "nearly all fingers"),
        (1e-12, "fewer than 1 in 1 billion fingers"),
        (0.0, "fewer than 1 in 1 billion fingers"),
    ],
)
def test_rates_are_put_into_words(rate: float, text: str) -> None:
    assert alert_view.odds(rate, "fingers").replace("\u00a0", " ") == text


def test_a_candidate_without_a_rate_is_said_without_one() -> None:
    name = Candidate(modality=Modality.NAME, reference="r", score=0.97)
    assert alert_view.strength(name).words == "name and date of birth agree"


def test_several_fingers_are_one_figure_of_people() -> None:
    detail = "2 fingers together: right index, right middle"
    both = Candidate(modality=Modality.FINGERS, reference="r", score=3.5, fmr=5e-5, detail=detail)
    shown = alert_view.strength(both)
    assert shown.label == "Fingers together"
    assert shown.words.replace("\u00a0", " ") == f"{detail}. 1 in 20 000 people would match this well"


def test_face_and_fingers_are_one_figure_of_people() -> None:
    detail = "Face and 1 finger together: right index"
    both = Candidate(modality=Modality.PERSON, reference="r", score=2.1, fmr=5e-5, detail=detail)
    shown = alert_view.strength(both)
    assert shown.label == "Face and fingers"
    assert shown.words.replace("\u00a0", " ") == f"{detail}. 1 in 20 000 people would match this well"


def test_only_what_both_state_can_differ() -> None:
    rows = alert_view.comparisons(None, record(), 2026)
    assert rows
    assert all(row.differs is None for row in rows)


@pytest.mark.parametrize("reason", ReferReason)
def test_every_reason_has_words_and_advice(reason: ReferReason) -> None:
    assert reason in trouble_words.TROUBLES


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("theme", "needed", "texts", "grounds"),
    [
        ("traveller", 7.0, ("text", "quiet", "accent"), ("ground", "surface")),
        ("traveller", 7.0, ("on-accent",), ("accent",)),
        ("traveller", 7.0, ("ground",), ("text",)),
        (
            "guard",
            4.5,
            (
                *("text", "quiet", "good", "care", "bad", "red", "yellow", "blue", "black", "green", "orange"),
                *("purple", "silver", "un_special", "sltd", "national", "trouble"),
            ),
            ("ground", "surface", "raised"),
        ),
        ("guard", 4.5, ("on-accent",), ("accent",)),
    ],
)
def test_text_has_the_contrast_it_needs(
    theme: str, needed: float, texts: tuple[str, ...], grounds: tuple[str, ...]
) -> None:
    css = (resources.files("hotspotd.console") / "static" / "tokens.css").read_text(encoding="utf-8")
    block = re.search(rf"^\.{theme} \{{(.*?)^\}}", css, re.DOTALL | re.MULTILINE)
    assert block
    tokens = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block[1]))
    for text in texts:
        for ground in grounds:
            assert _contrast(tokens[text], tokens[ground]) >= needed, (text, ground)


@pytest.mark.parametrize("code", list(WORDS.languages))
def test_what_is_read_in_the_mirror_has_at_most_four_words(code: str) -> None:
    said = [WORDS.languages[code].tables["prompts"][prompt] for prompt in Prompt if prompt in MIRROR]
    assert len(said) == len(MIRROR)
    assert [text for text in said if len(text.split()) > 4] == []


@pytest.mark.parametrize("code", list(WORDS.languages))
def test_whoever_is_asked_again_is_told_what_was_wrong(code: str) -> None:
    hints = WORDS.languages[code].tables["hints"]
    assert all(hints[prompt] for prompt in AGAIN)
    # An officer comes with the same words whatever the reason.
    assert "officer_comes" in hints
    assert [key for key in WORDS.languages[code].tables["prompts"] if "officer" in key] == ["officer_comes"]


def test_no_age_is_named_where_everybody_gives_fingers() -> None:
    settings = config()
    everybody = msgspec.structs.replace(settings.operation, youngest_for_fingers=0)
    assert words.intro(WORDS.languages["en"], settings.lanes[0], everybody)["what"].endswith("and your fingerprints.")
