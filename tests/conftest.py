"""What every test gets: a guard against blocking calls in the event loop, and the way to shared test data."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

from tests.drivers.pcscd import own_folder

# Examples are the same in each run, and no test fails because a machine has other work.
settings.register_profile("project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")


SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's own options."""
    parser.addoption(
        "--reconnects", type=int, metavar="N", help="open and close each driver N times (default: as its bench says)"
    )
    parser.addoption(
        "--bench", action="append", default=[], metavar="MODULE:CLASS", help="another bench for the conformance suite"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add benches of other packages to those of the conformance suite; say where a card service of ours will be."""
    # libpcsclite looks for its service once in a process, and some tests look for card readers before others start it.
    own_folder()
    for place in config.getoption("--bench"):
        from tests.drivers.benches import BENCHES

        module, _, name = place.partition(":")
        BENCHES[name] = getattr(import_module(module), name)


@pytest.fixture(autouse=True)
def no_blocking_in_the_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """A blocking call (sleep, file, socket, SQLite) made by our code on the event loop's thread fails the test."""
    if request.node.get_closest_marker("blocking_allowed"):
        yield
        return
    with blockbuster_ctx(["hotspotd", "drivers"]):
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test data beside the checkout; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data beside the checkout")
    return SHARED_DATA
