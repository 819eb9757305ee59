"""Several pictures are put together only while they show one document."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.domain.document import check_digit
from hotspotd.mrz import watch
from hotspotd.mrz.watch import Watch, ZoneReader
from tests.mrz.test_reading import TD3, seen


def sibling(lines: tuple[str, str]) -> tuple[str, str]:
    """The next passport of the same family: another first name, day of birth and last digit of the number."""
    number, birth = "L898902C4", "740814"
    body = number + check_digit(number) + lines[1][10:13] + birth + check_digit(birth) + lines[1][20:43]
    return lines[0].replace("ANNA<MARIA", "EMMA<MARIA"), body + check_digit(body[0:10] + body[13:20] + body[21:43])


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watch whose pictures are zones that were found already; an empty one is a bare desk."""
    monkeypatch.setattr(watch, "characters_of", lambda found: found)

    class Reader(ZoneReader):
        def __init__(self) -> None:
            pass

        def sight(self, picture: NDArray[np.uint8]) -> object:  # type: ignore[override]
            return picture if picture.size else None

    return Watch(Reader())


DESK = np.zeros(0, np.uint8)


def test_two_pictures_that_agree_are_a_document(looking: Watch) -> None:
    assert looking.look(seen(TD3)).lines is None  # type: ignore[arg-type]
    assert looking.look(seen(TD3)).lines == TD3  # type: ignore[arg-type]


def test_what_was_taken_away_says_nothing_about_what_comes_next(looking: Watch) -> None:
    for _ in range(6):
        looking.look(seen(TD3))  # type: ignore[arg-type]
    assert not looking.look(DESK).in_view
    glance = looking.look(seen(sibling(TD3)))  # type: ignore[arg-type]
    assert glance.in_view
    assert glance.lines is None
    assert looking.look(seen(sibling(TD3))).lines == sibling(TD3)  # type: ignore[arg-type]


def test_a_brothers_passport_laid_on_top_is_another_document(looking: Watch) -> None:
    for _ in range(6):
        looking.look(seen(TD3))  # type: ignore[arg-type]
    assert looking.look(seen(sibling(TD3))).lines is None  # type: ignore[arg-type]
    assert looking.look(seen(sibling(TD3))).lines == sibling(TD3)  # type: ignore[arg-type]
