"""A kiosk's folders with its versions, and root at it, who does what the daemon wishes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hotspotd.clock import Clock
from hotspotd.updates import wishes
from hotspotd.updates.building import Builder
from hotspotd.updates.following import Following
from hotspotd.updates.obeying import Software, obey
from hotspotd.updates.wishes import Outcome
from hotspotd.updates.wishing import Places
from tests.updates.conftest import Publisher, following, quick_python
from tests.updates.steps import two


@dataclass
class Machine:
    """A kiosk's folders, and root at it: ``obeys`` does what the unit does. boot-check keeps what it ``works`` with."""

    folder: Path
    publisher: Publisher | None = None
    works: bool = True
    now: float = 0.0
    judged: list[Outcome | None] = field(default_factory=list)
    """What the daemon could read while the new version was judged."""

    def __post_init__(self) -> None:
        self.places = Places(
            self.folder / "opt", self.folder / "state/software", self.folder / "run", self.folder / "unit"
        )
        self.places.wishes.parent.mkdir(parents=True)
        self.places.unit.touch()
        self.versions = two(self.places.root)
        self.clock = Clock(monotonic=lambda: self.now)

    def publish(self, version: str) -> None:
        """Have ``version`` published."""
        self.publisher = self.publisher or Publisher(self.folder / "publisher")
        self.publisher.publish(version)

    async def runs(self) -> str | None:
        """The version that runs."""
        return await asyncio.to_thread(lambda: self.versions.current)

    def obeys(self, owners: frozenset[int] = frozenset({os.getuid()})) -> Outcome:
        python = quick_python(self.folder)
        software = Software(Builder(self.versions, python, Path("/nowhere")), self._following, self._judge)
        return obey(self.places.wishes, self.places.outcomes, owners, software, Clock())

    @contextmanager
    def _following(self) -> Iterator[Following]:
        assert self.publisher is not None
        repository = self.publisher.folder / "repository"
        yield following(repository, self.publisher.root, self.places.root / "updates")

    def _judge(self) -> bool:
        self.judged.append(wishes.read_outcome(self.places.outcomes))
        if not self.works:
            self.versions.switch(self.versions.before())
        self.versions.confirm()
        return self.works
