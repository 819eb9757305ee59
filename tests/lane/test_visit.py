"""What a visit knows of its traveller."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hotspotd.clock import Stamp
from hotspotd.domain.document import parse_mrz
from hotspotd.lane.visit import Visit
from tests.lane.harness import mrz

_NOW = Stamp(datetime(2026, 11, 22, tzinfo=UTC), trusted=True)


@pytest.mark.parametrize(
    ("born", "age"), [("141122", 12), ("141123", 11), ("610101", 65), ("74<<<<", None), ("261231", None)]
)
def test_the_age_is_in_full_years_where_it_is_surely_known(born: str, age: int | None) -> None:
    visit = Visit(_NOW, document=parse_mrz(mrz(birth_date=born)))
    assert visit.age() == age


def test_nobody_is_a_child_by_a_clock_that_is_not_set() -> None:
    visit = Visit(Stamp(datetime(1970, 1, 1, tzinfo=UTC), trusted=False), document=parse_mrz(mrz(birth_date="650101")))
    assert visit.age() is None
