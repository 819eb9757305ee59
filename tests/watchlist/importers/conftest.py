"""A staging store in a folder, and one call that imports files into it. All people here are invented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hotspotd.watchlist import staging
from hotspotd.watchlist.importers import run
from hotspotd.watchlist.importers.delivery import Delivers, Importer, Reject
from hotspotd.watchlist.staging import Import

TODAY = "2026-11-22"


class Store:
    """A staging store that tests import into and look at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take(
        self, importer: Importer, *files: Path, source: str = "test", today: str = TODAY, told: run.Told | None = None,
        **order: Any,
    ) -> Import:  # fmt: skip
        wanted = run.Order(kind="test", source=source, files=files, importer=importer, **order)
        with staging.opened(self.folder, create=True) as store:
            digest = wanted.digest(lambda _: None)
            now = run.run(wanted, store, digest, today, told or (lambda _, __: None))
            self.last_rejects = [reject for _, reject in store.rejects(now.number)]
            return now

    def people(self) -> list[staging.StagedPerson]:
        with staging.opened(self.folder) as store:
            return list(store.people())

    def numbers(self) -> list[Any]:
        with staging.opened(self.folder) as store:
            return list(store.numbers())

    def everything(self) -> tuple[Any, ...]:
        """All that a build would read, and the rejects: two stores with the same are equal."""
        return self.people(), self.numbers(), self.rejects()

    def rejects(self) -> list[Reject]:
        with staging.opened(self.folder) as store:
            (last,) = store._database.execute("SELECT max(id) FROM import").fetchone()
            return [reject for _, reject in store.rejects(last)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "staging")


@pytest.fixture
def new_store(tmp_path: Path) -> Callable[[], Store]:
    """Makes empty stores."""
    made = iter(range(1_000_000))
    return lambda: Store(tmp_path / f"staging-{next(made)}")


__all__ = ["TODAY", "Delivers", "Store"]
