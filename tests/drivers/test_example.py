"""What the driver guide says of its example."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path

import pytest

from drivers import registry
from drivers.base import DriverError, DriverReason
from drivers.emulators.line import Line
from tests.drivers.example_bench import EXAMPLE, ExampleBench

GUIDE = EXAMPLE.parents[1] / "driver-guide.md"


def test_it_is_under_150_lines_and_knows_nothing_of_the_daemon() -> None:
    text = (EXAMPLE / "box_scanner.py").read_text()
    assert len(text.splitlines()) < 150
    roots = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name or "").split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert "hotspotd" not in roots


def test_the_guides_links_and_entry_point_are_those_of_the_example() -> None:
    guide = GUIDE.read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", guide):
        assert (GUIDE.parent / link).exists(), link
    point = '[project.entry-points."hotspotd.scanners"]'
    assert point in guide
    assert point in (EXAMPLE / "pyproject.toml").read_text()


@pytest.mark.parametrize("answer", ["", "none at all", "image 0 5", "image 5", "image 5 5000", "image a b", "error x"])
async def test_a_box_that_makes_no_sense_is_told(answer: str, port: Path) -> None:
    bench = ExampleBench(port, Line())
    await bench.start()
    driver = registry.scanner("box", f"box://{port}")
    await driver.open()
    bench.own.box._answer = lambda _: answer.encode() + b"\n"  # type: ignore[attr-defined]
    with pytest.raises(DriverError) as caught:
        async with asyncio.timeout(10):
            await driver.capture()
    assert caught.value.reason is DriverReason.PROTOCOL
    await driver.close()
    await bench.stop()
